/*!
Boxes, their overlap, and the frames in which models write coordinates.

Knows nothing of text or models: which notation a family writes is [`crate::extract`]'s business.
*/

use serde::{Deserialize, Serialize};

/// Width and height of a picture in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PixelSize {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// A box in pixels of the original picture: `x1 < x2`, `y1 < y2`, continuous coordinates
/// (the right edge of the last pixel of a picture 100 wide is 100.0).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PixelBox {
    /// Left edge.
    pub x1: f64,
    /// Top edge.
    pub y1: f64,
    /// Right edge.
    pub x2: f64,
    /// Bottom edge.
    pub y2: f64,
}
