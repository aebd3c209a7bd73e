/*!
The boxes that an answer writes: one file for each notation.

A notation's reader finds labels and numbers in a text. What the numbers count is its
[`Frame`](crate::geometry::Frame), and whether they are a box of the picture is said by that.
*/

mod cogvlm;
mod florence2;
mod json;
mod kosmos2;
mod llava;
mod minigpt_v2;
mod notation;
mod paligemma;
mod qwen_vl_chat;
mod written;

use super::thought::answer_of;
use crate::geometry::{FrameError, PictureSize, PixelBox};

pub use notation::BoxNotation;
use written::{Written, numbers};

/// A box as an answer writes it.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundBox {
    /// What the answer says it holds.
    pub label: Option<String>,
    /// The four numbers as written, in the order left, top, right, bottom. Kosmos-2 writes two
    /// grid cells instead; these are then the shares of the picture that they stand for. None if
    /// there are not four numbers.
    pub written: Option<[f64; 4]>,
    /// The same in pixels of the original picture, or why they are none.
    pub bounds: Result<PixelBox, BoxError>,
}

/// Why what is written as a box is none.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BoxError {
    /// There are not four numbers.
    #[error("four numbers are needed, but it says {0:?}")]
    Unreadable(String),
    /// The numbers are no box of the picture.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// What came of looking for boxes.
#[derive(Debug, Clone, PartialEq)]
pub enum BoxReading {
    /// The boxes in the order in which the answer writes them, the faulty and the unreadable ones
    /// among them: none is passed over for a later one.
    Found(Vec<FoundBox>),
    /// There is none in this notation.
    Absent,
}

/// The boxes in the text, with their coordinates turned to pixels of the picture.
pub fn boxes(text: &str, notation: BoxNotation, picture: PictureSize) -> BoxReading {
    let written = notation.read(answer_of(text));
    if written.is_empty() {
        return BoxReading::Absent;
    }
    let in_pixels = |Written { label, numbers }| FoundBox {
        label,
        written: numbers.as_ref().ok().copied(),
        bounds: match numbers {
            Ok(numbers) => notation.frame().to_pixels(numbers, picture).map_err(BoxError::from),
            Err(text) => Err(BoxError::Unreadable(text)),
        },
    };
    BoxReading::Found(written.into_iter().map(in_pixels).collect())
}
