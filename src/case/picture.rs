//! What the checks need to know of a picture: that it is there, and how large it is.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use image::ImageReader;

use super::error::Problem;
use super::suggestion::nearest;
use crate::bounded_file::{self, ReadError};
use crate::geometry::PixelSize;

/// Most files of a folder among which one of a similar name is looked for.
const MOST_NEIGHBOURS: usize = 1_000;

/// The size that a picture's header gives; no pixel is decoded.
pub(crate) fn size(path: &Path) -> Result<PixelSize, Problem> {
    match bounded_file::require_file(path) {
        Ok(()) => {}
        Err(ReadError::Io(_)) if !path.exists() => return Err(missing(path)),
        Err(ReadError::NotAFile(kind)) => {
            let reason = format!("it is {kind}");
            return Err(Problem::UnreadableImage { path: path.to_owned(), reason });
        }
        Err(error) => {
            let reason = error.to_string();
            return Err(Problem::UnreadableImage { path: path.to_owned(), reason });
        }
    }
    // Decoders are known to panic on hostile files.
    let size = catch_unwind(AssertUnwindSafe(|| header_size(path)))
        .unwrap_or_else(|_| Err("its header is damaged".to_owned()));
    size.map_err(|reason| Problem::UnreadableImage { path: path.to_owned(), reason })
}

fn header_size(path: &Path) -> Result<PixelSize, String> {
    let reader = ImageReader::open(path).and_then(ImageReader::with_guessed_format);
    let reader = reader.map_err(|error| error.to_string())?;
    let (width, height) = reader.into_dimensions().map_err(|error| error.to_string())?;
    Ok(PixelSize { width, height })
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
