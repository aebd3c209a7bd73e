//! Files of text, as editors on all systems write them: a byte order mark of UTF-8 is passed over, one
//! of UTF-16 is named.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use super::error::{DataError, DataPlace, DataProblem};

/// The byte order mark of UTF-8 (U+FEFF), which Notepad, Excel and PowerShell write.
const UTF_8_MARK: &[u8] = b"\xEF\xBB\xBF";

/// What a file begins with that Git LFS puts in place of a large one until it is pulled
/// (<https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md>).
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// Whether a file only says which other one belongs here.
pub(super) fn is_lfs_pointer(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = File::open(path)
        .and_then(|file| file.take(LFS_POINTER.len() as u64).read_to_end(&mut start));
    read.is_ok() && start == LFS_POINTER
}

/// What the first bytes of a file say of its encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// UTF-8, after so many bytes of a mark.
    Utf8 {
        mark: usize,
    },
    Utf16,
}

impl Encoding {
    /// Of a file that begins so; three bytes are enough.
    pub(crate) fn of(start: &[u8]) -> Self {
        match start {
            // Some write no mark; no text of UTF-8 begins with a NUL, nor has one behind its first character.
            [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [0, ..] | [_, 0, ..] => Self::Utf16,
            _ if start.starts_with(UTF_8_MARK) => Self::Utf8 { mark: UTF_8_MARK.len() },
            _ => Self::Utf8 { mark: 0 },
        }
    }
}

/// An open file, at its first character.
pub(crate) struct TextFile {
    pub(crate) bytes: std::io::Chain<Cursor<Vec<u8>>, File>,
    /// Length of the byte order mark that was passed over.
    pub(crate) skipped: u64,
}

/// Opens a file of UTF-8.
pub(crate) fn open(path: &Path) -> Result<TextFile, DataError> {
    let unreadable = |error| DataError::unreadable(path, &error);
    if is_lfs_pointer(path) {
        return Err(DataError::new(path, DataPlace::File, DataProblem::LfsPointer));
    }
    let mut file = File::open(path).map_err(unreadable)?;
    let mut start = Vec::new();
    file.by_ref().take(3).read_to_end(&mut start).map_err(unreadable)?;
    match Encoding::of(&start) {
        Encoding::Utf16 => Err(DataError::new(path, DataPlace::File, DataProblem::Utf16)),
        Encoding::Utf8 { mark } => {
            start.drain(..mark);
            Ok(TextFile { bytes: Cursor::new(start).chain(file), skipped: mark as u64 })
        }
    }
}

/// The whole text of a small file.
pub(crate) fn read(path: &Path) -> Result<String, DataError> {
    let TextFile { mut bytes, skipped } = open(path)?;
    let mut content = Vec::new();
    bytes.read_to_end(&mut content).map_err(|error| DataError::unreadable(path, &error))?;
    String::from_utf8(content).map_err(|error| {
        let valid = error.utf8_error().valid_up_to() as u64;
        DataError::new(path, DataPlace::Text(skipped + valid), DataProblem::NotUtf8)
    })
}
