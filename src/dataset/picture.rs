//! The pictures of rows: that they are there, how large they are, and unpacking those that stand in tables.

use std::path::{Path, PathBuf};

use super::base64;
use super::error::DataProblem;
use crate::case::{missing_picture, picture_size, whole_picture};
use crate::geometry::PixelSize;
use crate::image::{self, Viewing};
use crate::whole_file::{self, Durability};

/// What is done about pictures.
#[derive(Debug, Clone, Copy)]
pub enum Pictures<'p> {
    /// They must be there; those in tables are written to this folder.
    UnpackedTo(&'p Path),
    /// They must be such as can be decoded to the end; nothing is written.
    Checked,
}

/// A picture that is there, or could be.
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// As it is viewed; only if somebody looked.
    pub(super) size: Option<PixelSize>,
}

/// How a row's pictures are looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look<'p> {
    pub(super) pictures: Pictures<'p>,
    pub(super) sizes: Sizes,
    pub(super) viewing: Viewing,
}

/// Whether a picture's size is wanted where its header need not be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sizes {
    Wanted,
    IfChecked,
}

/// Checks that a picture's file is there, and where rows are checked that it can be decoded.
pub(super) fn file(path: PathBuf, look: Look<'_>) -> Result<Found, DataProblem> {
    let size = match (look.pictures, look.sizes) {
        (Pictures::UnpackedTo(_), _) if !path.is_file() => Err(missing_picture(&path)),
        (Pictures::UnpackedTo(_), Sizes::IfChecked) => Ok(None),
        (Pictures::UnpackedTo(_), Sizes::Wanted) => picture_size(&path, look.viewing).map(Some),
        (Pictures::Checked, _) => whole_picture(&path, look.viewing).map(Some),
    };
    let problem = |problem: crate::case::Problem| DataProblem::Picture(problem.to_string());
    Ok(Found { size: size.map_err(problem)?, path })
}

/// A picture in base64, as the file `stem` with the ending that its content has.
pub(super) fn unpack(text: &str, stem: &str, look: Look<'_>) -> Result<Found, DataProblem> {
    let broken = |message: String| DataProblem::Picture(format!("the picture {message}"));
    let damaged = |fault: image::Fault| broken(format!("is damaged: {}", fault.reason()));
    let bytes = base64::decode(text).ok_or_else(|| broken("is no base64".to_owned()))?;
    let format =
        ::image::guess_format(&bytes).map_err(|_| broken("is of no known format".to_owned()))?;
    let ending = format.extensions_str().first().copied().unwrap_or("bin");
    let name = format!("{stem}.{ending}");
    match look.pictures {
        Pictures::Checked => {
            let size = image::decode_bytes(&bytes, look.viewing).map_err(damaged)?.size();
            Ok(Found { path: PathBuf::from(name), size: Some(size) })
        }
        Pictures::UnpackedTo(folder) => {
            let size = image::size_of_bytes(&bytes, look.viewing).map_err(damaged)?;
            write(folder, &name, &bytes)
                .map_err(|error| broken(format!("cannot be unpacked: {error}")))?;
            Ok(Found { path: folder.join(name), size: Some(size) })
        }
    }
}

/// Writes a file of a folder of ours in one step, because several processes may unpack the same picture. A
/// link in place of the folder or of the file is not followed.
fn write(folder: &Path, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    let path = folder.join(name);
    if std::fs::read(&path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    std::fs::create_dir_all(folder)?;
    if std::fs::symlink_metadata(folder)?.is_symlink() {
        let message = format!("{} is a link, which is not followed", folder.display());
        return Err(std::io::Error::other(message));
    }
    whole_file::write(&path, bytes, Durability::Kill)
}
