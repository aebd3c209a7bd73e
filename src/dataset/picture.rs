//! The pictures of rows: that they are there, how large they are, and unpacking those that stand in tables.

use std::io::{Cursor, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use ::image::{ImageDecoder, ImageReader};

use super::base64;
use super::error::DataProblem;
use crate::case::{missing_picture, picture_size};
use crate::geometry::PixelSize;

/// What is done about pictures.
#[derive(Debug, Clone, Copy)]
pub enum Pictures<'p> {
    /// They must be there; those in tables are written to this folder.
    UnpackedTo(&'p Path),
    /// Their headers must say how large they are; nothing is written.
    Checked,
}

/// A picture that is there, or could be.
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// As its header says; only if somebody looked.
    pub(super) size: Option<PixelSize>,
}

/// Whether a picture's size is wanted where its header need not be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sizes {
    Wanted,
    IfChecked,
}

/// Checks that a picture's file is there.
pub(super) fn file(
    path: PathBuf,
    pictures: Pictures<'_>,
    sizes: Sizes,
) -> Result<Found, DataProblem> {
    let problem = |problem: crate::case::Problem| DataProblem::Picture(problem.to_string());
    let size = match (pictures, sizes) {
        (Pictures::UnpackedTo(_), _) if !path.is_file() => Err(missing_picture(&path)),
        (Pictures::UnpackedTo(_), Sizes::IfChecked) => Ok(None),
        _ => picture_size(&path).map(Some),
    };
    Ok(Found { size: size.map_err(problem)?, path })
}

/// A picture in base64, as the file `stem` with the ending that its content has.
pub(super) fn unpack(text: &str, stem: &str, pictures: Pictures<'_>) -> Result<Found, DataProblem> {
    let broken = |reason: String| DataProblem::Picture(format!("the picture {reason}"));
    let bytes = base64::decode(text).ok_or_else(|| broken("is no base64".to_owned()))?;
    let format =
        ::image::guess_format(&bytes).map_err(|_| broken("is of no known format".to_owned()))?;
    let size = header_size(&bytes).ok_or_else(|| broken("has a damaged header".to_owned()))?;
    let ending = format.extensions_str().first().copied().unwrap_or("bin");
    let name = format!("{stem}.{ending}");
    let path = match pictures {
        Pictures::Checked => PathBuf::from(name),
        Pictures::UnpackedTo(folder) => {
            write(folder, &name, &bytes)
                .map_err(|error| broken(format!("cannot be unpacked: {error}")))?;
            folder.join(name)
        }
    };
    Ok(Found { path, size: Some(size) })
}

/// The size as people see it: a header may say that the picture lies on its side.
fn header_size(bytes: &[u8]) -> Option<PixelSize> {
    // Decoders are known to panic on hostile files.
    let sides = catch_unwind(AssertUnwindSafe(|| {
        let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
        let mut decoder = reader.into_decoder().ok()?;
        let (width, height) = decoder.dimensions();
        let turn = decoder.orientation().ok().map_or(1, ::image::metadata::Orientation::to_exif);
        Some(if turn >= 5 { (height, width) } else { (width, height) })
    }));
    let (width, height) = sides.ok()??;
    Some(PixelSize { width, height })
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
    // No name that could be foreseen, and nothing that is there already.
    let part = folder.join(format!(".{:016x}.part", rand::random::<u64>()));
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(&part)?;
    let written = file.write_all(bytes).and_then(|()| std::fs::rename(&part, &path));
    if written.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    written
}
