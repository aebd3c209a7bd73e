//! A journal's lines: one after the other, or one by its place.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::{JournalError, Line, RunHeader, TrialRecord};

/// Bytes that are read at a time while all lines are.
pub(super) const CHUNK: usize = 1 << 16;

/// Most bytes of a line: no more are held of a file that has longer ones. The longest that are written
/// are of a case that is run 1000 times, and headers that name all tests of a large data set.
pub(super) const MOST_LINE_BYTES: u64 = 128 << 20;

/// A journal that is open, so that what was found in it can be read again.
#[derive(Debug)]
pub(super) struct JournalFile {
    path: PathBuf,
    file: Mutex<File>,
}

/// Where a line stands in its file, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    start: u64,
    length: u32,
}

/// A line with its end, and its number from 1.
pub(super) struct NumberedLine<'l> {
    pub(super) number: usize,
    pub(super) text: &'l [u8],
    pub(super) place: Place,
}

/// Opens a file, and nothing that would keep a reader waiting or has no end.
fn open_file(path: &Path) -> io::Result<File> {
    match std::fs::metadata(path)?.is_file() {
        true => File::open(path),
        false => Err(io::Error::other("it is no file")),
    }
}

/// Reads a line with its end, and of one that is too long a byte more than may be.
pub(super) fn read_line(reader: &mut impl BufRead, text: &mut Vec<u8>) -> io::Result<usize> {
    reader.take(MOST_LINE_BYTES + 1).read_until(b'\n', text)
}

fn too_long() -> String {
    format!("is longer than {MOST_LINE_BYTES} bytes, which no record is; the file is no journal")
}

impl NumberedLine<'_> {
    /// Whether whoever wrote it got to its end.
    pub(super) fn is_whole(&self) -> bool {
        self.text.ends_with(b"\n")
    }
}

impl JournalFile {
    pub(super) fn open(path: &Path) -> Result<Self, JournalError> {
        let file = open_file(path)
            .map_err(|source| JournalError::Unreadable { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), file: Mutex::new(file) })
    }

    /// Shows `look` every line; an error of its says what is wrong with the line.
    pub(super) fn scan(
        &self,
        mut look: impl FnMut(NumberedLine<'_>) -> Result<(), String>,
    ) -> Result<(), JournalError> {
        let path = &self.path;
        let unreadable = |source| JournalError::Unreadable { path: path.clone(), source };
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.rewind().map_err(unreadable)?;
        let mut reader = BufReader::with_capacity(CHUNK, &mut *file);
        let (mut text, mut start) = (Vec::new(), 0);
        for number in 1.. {
            text.clear();
            let length = read_line(&mut reader, &mut text).map_err(unreadable)?;
            if length == 0 {
                break;
            }
            let malformed =
                |reason| JournalError::Malformed { path: path.clone(), line: number, reason };
            let short = u32::try_from(length)
                .ok()
                .filter(|short| u64::from(*short) <= MOST_LINE_BYTES)
                .ok_or_else(|| malformed(too_long()))?;
            let place = Place { start, length: short };
            look(NumberedLine { number, text: &text, place }).map_err(malformed)?;
            start += length as u64;
        }
        Ok(())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads a record once more, which was of this case.
    pub(super) fn record(&self, place: Place, case: &str) -> Result<TrialRecord, JournalError> {
        let line = self.line(place)?;
        let path = || self.path.clone();
        match serde_json::from_slice::<Line<RunHeader, TrialRecord>>(&line) {
            Ok(Line::Trial(record)) => Ok(record),
            Ok(Line::Run(_)) => Err(JournalError::Rewritten { path: path() }),
            Err(error) => Err(JournalError::Trial {
                path: path(),
                case: case.to_owned(),
                reason: error.to_string(),
            }),
        }
    }

    /// Reads a line once more.
    pub(super) fn line(&self, Place { start, length }: Place) -> Result<Vec<u8>, JournalError> {
        let read = || -> io::Result<Vec<u8>> {
            let mut line = vec![0; length as usize];
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            file.seek(SeekFrom::Start(start))?;
            file.read_exact(&mut line)?;
            Ok(line)
        };
        read().map_err(|source| JournalError::Unreadable { path: self.path.clone(), source })
    }
}
