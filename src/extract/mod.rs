/*!
What can be read from an answer's text: boxes, choices, numbers, yes or no.

Every reading has a typed outcome ([`Extraction`], [`BoxReading`]); nothing is guessed, and the
truth is never looked at. Knows nothing of files or models: how a family writes boxes comes in as
a [`BoxNotation`].
*/

use crate::geometry::Frame;

mod boxes;
mod choice;
mod number;
mod numerals;
mod occurrence;
mod refusal;
mod text;
mod yes_no;

pub use boxes::{BoxReading, FoundBox, boxes};
pub use choice::choice;
pub use number::number;
pub use occurrence::{affirms, contains};
pub use refusal::is_refusal;
pub use text::normalize;
pub use yes_no::yes_no;

/// What came of looking for one value in an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Extraction<T> {
    /// The answer says exactly this.
    Found(T),
    /// The answer says several things, in the order in which it says them.
    Ambiguous(Vec<T>),
    /// The answer says nothing of the kind.
    Absent,
}

impl<T: PartialEq> Extraction<T> {
    /// What came of finding these: equal values are one.
    fn from_candidates(candidates: impl IntoIterator<Item = T>) -> Self {
        let mut distinct: Vec<T> = Vec::new();
        for candidate in candidates {
            if !distinct.contains(&candidate) {
                distinct.push(candidate);
            }
        }
        match distinct.pop() {
            None => Self::Absent,
            Some(only) if distinct.is_empty() => Self::Found(only),
            Some(last) => {
                distinct.push(last);
                Self::Ambiguous(distinct)
            }
        }
    }
}

/// How a family writes boxes, and with it the frame of its coordinates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoxNotation {
    /// `[{"bbox_2d": [x1, y1, x2, y2], "label": ".."}]`, integers 0..1000 relative to the picture
    /// (Qwen3-VL).
    QwenJson,
}

impl BoxNotation {
    /// What the written numbers count.
    pub fn frame(self) -> Frame {
        match self {
            Self::QwenJson => Frame::Relative { full: 1000.0 },
        }
    }

    /// An example of the notation, for messages.
    pub fn example(self) -> &'static str {
        match self {
            Self::QwenJson => r#"[{"bbox_2d": [x1, y1, x2, y2], "label": ".."}]"#,
        }
    }
}
