/*!
What can be wrong with official files.

Owns the messages; must not know the formats.
*/

use std::path::PathBuf;

use thiserror::Error;

use super::row::ItemId;
use crate::case::CaseError;
use crate::score::caption::ptb::TokenizeError;

/// Why files were not scored.
#[derive(Debug, Error)]
pub enum OfflineError {
    /// A file could not be read.
    #[error("{path}: cannot be read: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// An official file of a data set cannot be used.
    #[error(transparent)]
    DataSet(#[from] CaseError),
    /// A picture's size is needed and not given.
    #[error(
        "{path}: {id} has no `width` and `height`, which a notation's frame needs to become pixels",
        path = path.display()
    )]
    NoSize {
        /// The annotation file.
        path: PathBuf,
        /// The row.
        id: ItemId,
    },
    /// A file is not JSON, or not of the expected form.
    #[error("{path}:{line}:{column}: {message}", path = path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1; 0 if the whole line is meant.
        column: usize,
        /// What was expected and what was found.
        message: String,
    },
    /// A result is about something that the annotations do not have.
    #[error(
        "{path}: {what} {id} is not in {annotations}: the official script refuses results for \
         anything else; were they made for another split?",
        path = path.display(), annotations = annotations.display()
    )]
    Unknown {
        /// The result file.
        path: PathBuf,
        /// The annotation file.
        annotations: PathBuf,
        /// `image_id` or `question_id`.
        what: &'static str,
        /// The id.
        id: ItemId,
    },
    /// Two results are about the same thing.
    #[error("{path}: {what} {id} occurs twice: keep one result for each", path = path.display())]
    Duplicate {
        /// The file.
        path: PathBuf,
        /// `image_id` or `question_id`.
        what: &'static str,
        /// The id.
        id: ItemId,
    },
    /// Something annotated has no result.
    #[error(
        "{path}: {count} of {total} have no result, the first is {what} {id}: the official script \
         needs a result for each",
        path = path.display()
    )]
    Missing {
        /// The result file.
        path: PathBuf,
        /// `image_id` or `question_id`.
        what: &'static str,
        /// The first missing id.
        id: ItemId,
        /// How many are missing.
        count: usize,
        /// How many there should be.
        total: usize,
    },
    /// It is not certain which result belongs to which row.
    #[error("{path}: {message}", path = path.display())]
    Pairing {
        /// The file whose rows are not as they would have to be.
        path: PathBuf,
        /// What was found, and what to do.
        message: String,
    },
    /// Rows are paired by position, and there are not as many on both sides.
    #[error(
        "{path}: {found} rows, but {annotations} has {expected}: rows without ids are paired in order",
        path = path.display(), annotations = annotations.display()
    )]
    Length {
        /// The result file.
        path: PathBuf,
        /// The annotation file.
        annotations: PathBuf,
        /// Rows in the result file.
        found: usize,
        /// Rows in the annotation file.
        expected: usize,
    },
    /// An annotated item has nothing to compare with.
    #[error("{path}: {what} {id} has no {lacks}, so nothing can be compared with it", path = path.display())]
    Incomplete {
        /// The annotation file.
        path: PathBuf,
        /// `image_id` or `question_id`.
        what: &'static str,
        /// The id.
        id: ItemId,
        /// What is missing.
        lacks: &'static str,
    },
    /// A file holds nothing.
    #[error("{path}: holds no {what}: there is nothing to score", path = path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// A caption cannot be tokenized as the reference does.
    #[error(
        "{path}: image_id {id}: {source} (`--reproduce-line-breaks` on the command line)",
        path = path.display()
    )]
    Tokenize {
        /// The file.
        path: PathBuf,
        /// The image.
        id: ItemId,
        /// Why.
        source: TokenizeError,
    },
}
