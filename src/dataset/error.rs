//! What can be wrong with the files of a data set, and where.

use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::case::{CaseError, Position};

/// What is wrong with a file of a data set.
#[derive(Debug)]
pub(super) struct DataError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    place: DataPlace,
    problem: DataProblem,
}

/// Where in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DataPlace {
    /// The file as a whole.
    File,
    /// A byte of a text, shown as line and column.
    Text(u64),
    /// The row of a table that begins behind the line breaks at this byte.
    Row(u64),
    /// A byte of a file that has no lines.
    Binary(u64),
    /// A row of such a file, from 1.
    #[cfg_attr(not(feature = "parquet"), expect(dead_code, reason = "only parquet has such rows"))]
    Numbered(u64),
}

/// What is wrong. Each message says what was found and what would be right.
#[derive(Debug, thiserror::Error)]
pub(super) enum DataProblem {
    #[error("cannot be read: {0}; the paths of a data set are relative to its .dataset.ron")]
    Unreadable(String),
    #[error("not UTF-8 here")]
    NotUtf8,
    #[error("UTF-16, as its first bytes say, expected UTF-8; save it again as UTF-8")]
    Utf16,
    #[error("a Git LFS pointer, which only names the file that belongs here; run `git lfs pull`")]
    LfsPointer,
    #[error("{0}")]
    Json(String),
    #[error("{0}")]
    Table(String),
    #[error("{0}; only pickles of plain data are read, and no code of them is run")]
    Pickle(String),
    #[error("expected {expected}, found none; is this another file?")]
    NoRows { expected: &'static str },
    #[error("`{name}` is {found}, expected {expected}")]
    Field { name: String, found: String, expected: &'static str },
    #[error("{what} {id} is there twice; keep one")]
    Duplicate { what: &'static str, id: String },
    #[error("{what} {id} is not in {}; do the files belong together?", other.display())]
    Unknown { what: &'static str, id: String, other: PathBuf },
    #[error("{what} {id} has no {lacks} in {}; do the files belong together?", other.display())]
    Lacks { what: &'static str, id: String, lacks: &'static str, other: PathBuf },
    #[error("{0}")]
    Picture(String),
}

impl DataError {
    pub(super) fn new(path: &Path, place: DataPlace, problem: DataProblem) -> Self {
        Self(Box::new(Inner { path: path.to_owned(), place, problem }))
    }

    pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        Self::new(path, DataPlace::File, DataProblem::Unreadable(error.to_string()))
    }
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.path.display(), self.0.problem)
    }
}

impl std::error::Error for DataError {}

impl From<DataError> for CaseError {
    fn from(DataError(inner): DataError) -> Self {
        let Inner { path, place, problem } = *inner;
        match place {
            DataPlace::File => Self::in_data(&path, None, problem.to_string()),
            DataPlace::Binary(byte) => {
                Self::in_data(&path, None, format!("byte {byte}: {problem}"))
            }
            DataPlace::Numbered(row) => Self::in_data(&path, None, format!("row {row}: {problem}")),
            DataPlace::Text(offset) => {
                Self::in_data(&path, locate(&path, offset), problem.to_string())
            }
            DataPlace::Row(offset) => {
                let offset = first_of_row(&path, offset).unwrap_or(offset);
                Self::in_data(&path, locate(&path, offset), problem.to_string())
            }
        }
    }
}

/// The longest line that is shown.
const LONGEST_LINE: usize = 4096;

/// The first byte that is no line break.
fn first_of_row(path: &Path, offset: u64) -> Option<u64> {
    let mut reader = BufReader::new(File::open(path).ok()?);
    reader.seek(SeekFrom::Start(offset)).ok()?;
    let breaks = reader.bytes().take_while(|byte| matches!(byte, Ok(b'\r' | b'\n'))).count();
    Some(offset + breaks as u64)
}

/// Line and column of a byte, and the line if it is short enough to be shown
/// and no part of a binary file.
fn locate(path: &Path, offset: u64) -> Option<(Position, String)> {
    let mut reader = BufReader::new(File::open(path).ok()?);
    let (mut line, mut start, mut position) = (1, 0_u64, 0_u64);
    while position < offset {
        let chunk = reader.fill_buf().ok()?;
        let rest = usize::try_from(offset - position).unwrap_or(usize::MAX);
        let seen = chunk.len().min(rest);
        if seen == 0 {
            break;
        }
        for (index, _) in chunk[..seen].iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
            (line, start) = (line + 1, position + index as u64 + 1);
        }
        position += seen as u64;
        reader.consume(seen);
    }
    let (before, shown) = line_at(path, start, position).ok()?;
    let shown = if is_binary(&shown) || has_nul(path) { String::new() } else { shown };
    Some((Position { line, column: before + 1 }, shown))
}

/// Whether a file begins as no text does: with a NUL in its first 8000 bytes, as git tells binary files. A line of
/// a picture can be short and look like words.
fn has_nul(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(8000).read_to_end(&mut start));
    read.is_ok() && start.contains(&0)
}

/// Whether a line has control characters, which no text has. One byte that is no UTF-8 is still shown, since
/// it is what the message is about.
fn is_binary(line: &str) -> bool {
    line.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\r'))
}

/// The characters from the start of a line to a place in it, and the line if it is short.
fn line_at(path: &Path, start: u64, place: u64) -> std::io::Result<(usize, String)> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    let length = usize::try_from(place - start).unwrap_or(usize::MAX);
    file.take((place - start).saturating_add(LONGEST_LINE as u64)).read_to_end(&mut bytes)?;
    let before = String::from_utf8_lossy(&bytes[..length.min(bytes.len())]).chars().count();
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let is_short = line.len() <= LONGEST_LINE;
    Ok((before, if is_short { String::from_utf8_lossy(line).into_owned() } else { String::new() }))
}
