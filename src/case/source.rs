//! A RON file as text: reading it within limits, and places in it.

use std::path::{Path, PathBuf};

use super::error::{CaseError, Position, Problem};
use super::outline::Outline;
use super::place::Place;
use crate::bounded_file::{self, ReadError};

/// No case file is longer; what is longer is some other file by mistake.
const LARGEST_BYTES: u64 = 1024 * 1024;

/// The text of a RON file with its outline.
#[derive(Debug)]
pub(crate) struct Source {
    path: PathBuf,
    text: String,
    outline: Outline,
}

impl Source {
    /// Reads a file. It must be UTF-8, not empty and of a sensible size; a byte order mark is
    /// dropped.
    pub(crate) fn read(path: &Path) -> Result<Self, CaseError> {
        let bytes = read_limited(path).map_err(|problem| CaseError::of_file(path, problem))?;
        let text = String::from_utf8(bytes).map_err(|error| not_utf8(path, &error))?;
        let text = text.strip_prefix('\u{FEFF}').map_or_else(|| text.clone(), str::to_owned);
        let source = Self::new(path, text);
        if source.text.trim().is_empty() {
            return Err(source.root().error(Problem::EmptyFile));
        }
        Ok(source)
    }

    pub(super) fn new(path: &Path, text: String) -> Self {
        let outline = Outline::of(&text);
        Self { path: path.to_owned(), text, outline }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn outline(&self) -> &Outline {
        &self.outline
    }

    /// The place of the outermost value.
    pub(crate) fn root(&self) -> Place<'_> {
        Place::root(self)
    }

    /// An error at a byte of the text.
    pub(super) fn error_at(&self, offset: usize, problem: Problem) -> CaseError {
        CaseError::at(&self.path, &self.text, offset, problem)
    }

    /// The byte at a position that counts characters, such as those of [`ron`]; the nearest one if
    /// the position is not in the text.
    pub(super) fn offset_of(&self, position: Position) -> usize {
        let start = self
            .text
            .split_inclusive('\n')
            .take(position.line.saturating_sub(1))
            .map(str::len)
            .sum::<usize>();
        let line = &self.text[start..];
        line.char_indices()
            .nth(position.column.saturating_sub(1))
            .map_or(self.text.len(), |(offset, _)| start + offset)
    }
}

fn read_limited(path: &Path) -> Result<Vec<u8>, Problem> {
    bounded_file::read(path, LARGEST_BYTES).map_err(|error| match error {
        ReadError::TooLarge { limit } => Problem::TooLarge { limit },
        error => Problem::Unreadable(error.to_string()),
    })
}

fn not_utf8(path: &Path, error: &std::string::FromUtf8Error) -> CaseError {
    let valid = error.utf8_error().valid_up_to();
    let text = String::from_utf8_lossy(error.as_bytes());
    CaseError::at(path, &text, valid, Problem::NotUtf8)
}
