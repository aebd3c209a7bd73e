//! What the checks need to know of a picture: that it is there, and how large it is.

use std::path::Path;

use super::error::Problem;
use super::suggestion::nearest;
use crate::bounded_file::{self, ReadError};
use crate::geometry::PixelSize;
use crate::image::{self, Viewing};

/// Most files of a folder among which one of a similar name is looked for.
const MOST_NEIGHBOURS: usize = 1_000;

/// The size that a picture's header gives, as it is viewed; no pixel is decoded.
pub(crate) fn size(path: &Path, viewing: Viewing) -> Result<PixelSize, Problem> {
    looked_at(path)?;
    image::size(path, viewing).map_err(|fault| unreadable(path, &fault.reason()))
}

/// The size of a picture that can be decoded wholly.
pub(crate) fn whole(path: &Path, viewing: Viewing) -> Result<PixelSize, Problem> {
    looked_at(path)?;
    let decoded = image::open(path, viewing);
    decoded.map(|decoded| decoded.size()).map_err(|error| unreadable(path, &error.fault.reason()))
}

/// Refuses what is not a file.
fn looked_at(path: &Path) -> Result<(), Problem> {
    match bounded_file::require_file(path) {
        Ok(()) => Ok(()),
        Err(ReadError::Io(_)) if !path.exists() => Err(missing(path)),
        Err(ReadError::NotAFile(kind)) => Err(unreadable(path, &format!("it is {kind}"))),
        Err(error) => Err(unreadable(path, &error.to_string())),
    }
}

fn unreadable(path: &Path, reason: &str) -> Problem {
    Problem::UnreadableImage { path: path.to_owned(), reason: reason.to_owned() }
}

pub(crate) fn missing(path: &Path) -> Problem {
    Problem::MissingImage { path: path.to_owned(), suggestion: similar_file(path) }
}

/// A file of a similar name in the same folder.
fn similar_file(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let neighbours = path.parent()?.read_dir().ok()?;
    let neighbours: Vec<String> = neighbours
        .take(MOST_NEIGHBOURS)
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    nearest(name, neighbours.iter().map(String::as_str)).map(str::to_owned)
}
