/*!
Pure verdicts: an expectation and an answer's text in, points and reasons out.

Knows nothing of files or models.
*/

use serde::{Deserialize, Serialize};

/// What came of judging one answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whether the expectation holds.
    pub passed: bool,
    /// Marks out of 5.
    pub points: f64,
    /// Mean IoU over the true boxes, where boxes were expected.
    pub iou: Option<f64>,
    /// How reading the answer went.
    pub reading: Reading,
    /// Why, one sentence a line, for the person who reads the failure.
    pub reasons: Vec<String>,
}

/// How reading an answer went, apart from whether it is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// What was asked for was found.
    Parsed,
    /// More than one reading fits.
    Ambiguous,
    /// The model declined to answer.
    Refused,
    /// There is no text.
    Empty,
    /// The text ends at the token limit before it was complete.
    Truncated,
    /// Nothing of the expected kind is in the text.
    Unparsable,
    /// Something was found but outside its range (a box beyond the picture, say).
    OutOfRange,
}
