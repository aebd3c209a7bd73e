/*!
Boxes, their overlap, and the frames in which models write coordinates.

Knows nothing of text or models: which notation a family writes is [`crate::extract`]'s business.
All coordinates are continuous: the right edge of the last pixel of a picture 100 wide is 100.0,
and a width is `x2 - x1`, never one more.
*/

use std::fmt;

use serde::{Deserialize, Serialize};

mod frame;
mod pixel_box;

pub use frame::{Anchor, Frame, FrameError};
pub use pixel_box::{GeometryError, PixelBox, area, iou};

/// Width and height of a picture in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PixelSize {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl fmt::Display for PixelSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

/// A picture's size, and the one at which the model saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PictureSize {
    /// As decoded.
    pub original: PixelSize,
    /// As resized for the model; none where that is not known, as with answers from elsewhere.
    pub resized: Option<PixelSize>,
}

impl From<PixelSize> for PictureSize {
    /// A picture of which nobody knows how it was resized.
    fn from(original: PixelSize) -> Self {
        Self { original, resized: None }
    }
}
