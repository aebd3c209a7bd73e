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

use crate::geometry::{FrameError, PictureSize, PixelBox};

pub use notation::BoxNotation;

/// A box as an answer writes it.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundBox {
    /// What the answer says it holds.
    pub label: Option<String>,
    /// The four numbers as written, in the order left, top, right, bottom. Kosmos-2 writes two
    /// grid cells instead; these are then the shares of the picture that they stand for.
    pub written: [f64; 4],
    /// The same in pixels of the original picture, or why they are none.
    pub bounds: Result<PixelBox, FrameError>,
}

/// What came of looking for boxes.
#[derive(Debug, Clone, PartialEq)]
pub enum BoxReading {
    /// The boxes in the order in which the answer writes them, the faulty ones among them.
    Found(Vec<FoundBox>),
    /// There is none in this notation.
    Absent,
}

/// The boxes in the text, with their coordinates turned to pixels of the picture.
pub fn boxes(text: &str, notation: BoxNotation, picture: PictureSize) -> BoxReading {
    let written = notation.read(text);
    if written.is_empty() {
        return BoxReading::Absent;
    }
    let in_pixels = |Written { label, numbers }| FoundBox {
        label,
        written: numbers,
        bounds: notation.frame().to_pixels(numbers, picture),
    };
    BoxReading::Found(written.into_iter().map(in_pixels).collect())
}

/// A label, if there is one, and the numbers: left, top, right, bottom.
#[derive(Debug, Clone, PartialEq)]
struct Written {
    label: Option<String>,
    numbers: [f64; 4],
}

impl Written {
    /// A box with what was found of a label; blank ones are none.
    fn of(label: Option<&str>, numbers: [f64; 4]) -> Self {
        let label = label.map(str::trim).filter(|label| !label.is_empty());
        Self { label: label.map(str::to_owned), numbers }
    }

    /// A box without a label.
    fn bare(numbers: [f64; 4]) -> Self {
        Self::of(None, numbers)
    }
}

/// Texts of digits, as numbers; none if one is no number.
fn numbers<const COUNT: usize>(texts: [&str; COUNT]) -> Option<[f64; COUNT]> {
    let parsed: Result<Vec<f64>, _> = texts.iter().map(|digits| digits.parse()).collect();
    parsed.ok()?.try_into().ok()
}
