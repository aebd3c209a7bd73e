//! The frames in which models write coordinates, and the way back to pixels of the picture.

use super::{GeometryError, PixelBox, PixelSize};

/// What the numbers of a written box count. Frames of resized and padded pictures will stand here
/// beside these.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Frame {
    /// Shares of the picture's width and height, where `full` is the whole: 1, 100 or 1000.
    Relative {
        /// The number that stands for the whole width or height.
        full: f64,
    },
    /// Pixels of the original picture.
    Pixels,
}

/// Why four written numbers are not a box of the picture.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum FrameError {
    /// A number is beyond the frame.
    #[error("{value} is outside 0 to {limit}")]
    OutOfRange {
        /// The number as written.
        value: f64,
        /// The largest number that the frame has on this axis.
        limit: f64,
    },
    /// They are inside the frame but no box.
    #[error(transparent)]
    NotABox(#[from] GeometryError),
}

impl Frame {
    /// The box `[x1, y1, x2, y2]`, written in this frame, in pixels of a picture of `size`.
    ///
    /// Numbers outside the frame are an error, not clamped: a model that writes in another frame
    /// than we think must show as such, and not as a box at the picture's edge.
    pub fn to_pixels(self, written: [f64; 4], size: PixelSize) -> Result<PixelBox, FrameError> {
        let [x1, y1, x2, y2] = written;
        let x = |value| self.along(value, size.width);
        let y = |value| self.along(value, size.height);
        Ok(PixelBox::new(x(x1)?, y(y1)?, x(x2)?, y(y2)?)?)
    }

    /// One number along an axis that is `extent` pixels long.
    fn along(self, value: f64, extent: u32) -> Result<f64, FrameError> {
        let extent = f64::from(extent);
        let limit = match self {
            Self::Relative { full } => full,
            Self::Pixels => extent,
        };
        if !(0.0..=limit).contains(&value) {
            return Err(FrameError::OutOfRange { value, limit });
        }
        Ok(match self {
            // In the order of the reference (x / 1000 * W), so that the last bit agrees too.
            Self::Relative { full } => value / full * extent,
            Self::Pixels => value,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: PixelSize = PixelSize { width: 640, height: 480 };

    #[test]
    fn relative_frames_scale_each_axis_by_its_own_extent() {
        let whole = PixelBox::new(0.0, 0.0, 640.0, 480.0).unwrap();
        for full in [1.0, 100.0, 1000.0] {
            let frame = Frame::Relative { full };
            assert_eq!(frame.to_pixels([0.0, 0.0, full, full], SIZE), Ok(whole));
        }
        let half = Frame::Relative { full: 1000.0 }.to_pixels([0.0, 250.0, 500.0, 750.0], SIZE);
        assert_eq!(half, Ok(PixelBox::new(0.0, 120.0, 320.0, 360.0).unwrap()));
    }

    #[test]
    fn pixels_stay_as_they_are() {
        let bounds = Frame::Pixels.to_pixels([1.5, 2.0, 640.0, 480.0], SIZE);
        assert_eq!(bounds, Ok(PixelBox::new(1.5, 2.0, 640.0, 480.0).unwrap()));
    }

    #[test]
    fn a_number_beyond_the_frame_is_told_and_not_clamped() {
        let beyond = Frame::Relative { full: 1000.0 }.to_pixels([0.0, 0.0, 1000.5, 10.0], SIZE);
        assert_eq!(beyond, Err(FrameError::OutOfRange { value: 1000.5, limit: 1000.0 }));
        let negative = Frame::Pixels.to_pixels([-1.0, 0.0, 5.0, 5.0], SIZE);
        assert_eq!(negative, Err(FrameError::OutOfRange { value: -1.0, limit: 640.0 }));
        let inverted = Frame::Pixels.to_pixels([9.0, 0.0, 5.0, 5.0], SIZE);
        assert_eq!(inverted, Err(GeometryError::NoWidth { x1: 9.0, x2: 5.0 }.into()));
    }
}
