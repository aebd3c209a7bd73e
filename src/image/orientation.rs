//! How a picture is to be turned so that it stands as people see it: EXIF's orientation.

use ::image::{RgbImage, imageops};
use serde::{Deserialize, Serialize};

use crate::geometry::PixelSize;

/// What is shown of a picture whose file says how to turn it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename = "Orientation")]
pub enum Viewing {
    /// The picture turned, as viewers and transformers' `load_image` show it.
    #[default]
    Upright,
    /// The pixels as they are stored.
    Stored,
}

/// An orientation other than the stored one: EXIF's values 2 to 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum Orientation {
    /// 2: left and right are swapped.
    MirroredAcross,
    /// 3: turned by half.
    Half,
    /// 4: top and bottom are swapped.
    MirroredDown,
    /// 5: rows and columns are swapped.
    Transposed,
    /// 6: to be turned by a quarter, clockwise.
    QuarterClockwise,
    /// 7: rows and columns are swapped along the other diagonal.
    Transversed,
    /// 8: to be turned by a quarter, against the clock.
    QuarterCounterclockwise,
}

impl TryFrom<u8> for Orientation {
    type Error = String;

    fn try_from(value: u8) -> Result<Self, String> {
        Ok(match value {
            2 => Self::MirroredAcross,
            3 => Self::Half,
            4 => Self::MirroredDown,
            5 => Self::Transposed,
            6 => Self::QuarterClockwise,
            7 => Self::Transversed,
            8 => Self::QuarterCounterclockwise,
            other => return Err(format!("orientation {other}, expected 2 to 8")),
        })
    }
}

impl From<Orientation> for u8 {
    fn from(orientation: Orientation) -> Self {
        match orientation {
            Orientation::MirroredAcross => 2,
            Orientation::Half => 3,
            Orientation::MirroredDown => 4,
            Orientation::Transposed => 5,
            Orientation::QuarterClockwise => 6,
            Orientation::Transversed => 7,
            Orientation::QuarterCounterclockwise => 8,
        }
    }
}

impl Orientation {
    fn swaps_sides(self) -> bool {
        u8::from(self) >= 5
    }

    /// A stored picture's size as people see it.
    pub fn turned_size(self, stored: PixelSize) -> PixelSize {
        match self.swaps_sides() {
            true => PixelSize { width: stored.height, height: stored.width },
            false => stored,
        }
    }

    /// The picture as people see it; equals Pillow's `ImageOps.exif_transpose`.
    pub fn turned(self, mut stored: RgbImage) -> RgbImage {
        match self {
            Self::MirroredAcross => imageops::flip_horizontal_in_place(&mut stored),
            Self::Half => imageops::rotate180_in_place(&mut stored),
            Self::MirroredDown => imageops::flip_vertical_in_place(&mut stored),
            Self::Transposed => {
                let mut turned = imageops::rotate90(&stored);
                imageops::flip_horizontal_in_place(&mut turned);
                return turned;
            }
            Self::QuarterClockwise => return imageops::rotate90(&stored),
            Self::Transversed => {
                let mut turned = imageops::rotate270(&stored);
                imageops::flip_horizontal_in_place(&mut turned);
                return turned;
            }
            Self::QuarterCounterclockwise => return imageops::rotate270(&stored),
        }
        stored
    }
}
