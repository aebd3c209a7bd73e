//! The pictures of rows: that they are there, and unpacking those that stand in tables.

use std::path::{Path, PathBuf};

use super::base64;
use super::error::DataProblem;
use crate::case::{missing_picture, whole_picture};
use crate::image::{self, Viewing};

/// What is done about pictures.
#[derive(Debug, Clone, Copy)]
pub enum Pictures<'p> {
    /// They must be there; those in tables are written to this folder.
    UnpackedTo(&'p Path),
    /// They must be such as can be decoded to the end; nothing is written.
    Checked,
}

/// Checks that a picture's file is there.
pub(super) fn file(path: PathBuf, pictures: Pictures<'_>) -> Result<PathBuf, DataProblem> {
    let problem = match pictures {
        Pictures::UnpackedTo(_) => (!path.is_file()).then(|| missing_picture(&path)),
        Pictures::Checked => whole_picture(&path, Viewing::Stored).err(),
    };
    match problem {
        None => Ok(path),
        Some(problem) => Err(DataProblem::Picture(problem.to_string())),
    }
}

/// A picture in base64, as the file `stem` with the ending that its content has.
pub(super) fn unpack(
    text: &str,
    stem: &str,
    pictures: Pictures<'_>,
) -> Result<PathBuf, DataProblem> {
    let broken = |reason: String| DataProblem::Picture(format!("the picture {reason}"));
    let bytes = base64::decode(text).ok_or_else(|| broken("is no base64".to_owned()))?;
    let format =
        ::image::guess_format(&bytes).map_err(|_| broken("is of no known format".to_owned()))?;
    let ending = format.extensions_str().first().copied().unwrap_or("bin");
    let name = format!("{stem}.{ending}");
    match pictures {
        Pictures::Checked => {
            let decoded = image::decode_bytes(&bytes, Viewing::Stored);
            decoded
                .map(|_| PathBuf::from(name))
                .map_err(|fault| broken(format!("is damaged: {}", fault.reason())))
        }
        Pictures::UnpackedTo(folder) => {
            let path = folder.join(name);
            write(&path, &bytes).map_err(|error| broken(format!("cannot be unpacked: {error}")))?;
            Ok(path)
        }
    }
}

/// Writes a file in one step, because several processes may unpack the same picture.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if std::fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    std::fs::create_dir_all(path.parent().unwrap_or(Path::new("")))?;
    let part = path.with_added_extension(format!("{}.part", std::process::id()));
    std::fs::write(&part, bytes)?;
    std::fs::rename(&part, path)
}
