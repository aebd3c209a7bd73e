//! The frames in which models write coordinates, and the way back to pixels of the picture.

use super::{GeometryError, PictureSize, PixelBox, PixelSize};

/// What the numbers of a written box count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Frame {
    /// Shares of the picture's width and height, where `full` is the whole: 1, 100 or 1000.
    Relative {
        /// The number that stands for the whole width or height.
        full: f64,
    },
    /// Numbers of equal bins along each axis, the first of which is 0.
    Bins {
        /// How many bins an axis has.
        count: f64,
        /// The point of a bin that its number stands for.
        anchor: Anchor,
    },
    /// Shares, 0 to 1, of the smallest square that holds the picture in its middle, as LLaVA's
    /// `expand2square` pads it (haotian-liu/LLaVA `llava/mm_utils.py`). What of a box lies in the
    /// padding is cut off, for there is no picture.
    PaddedSquare,
    /// Pixels of the picture as it was resized for the model.
    Resized,
    /// Pixels of the original picture.
    Pixels,
}

/// A point of a bin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// Where it begins.
    Start,
    /// Its middle.
    Centre,
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
    /// The numbers count pixels of the resized picture, and nobody knows its size.
    #[error(
        "the numbers count pixels of the picture as it was resized for the model, and that size \
         is not known"
    )]
    ResizedSizeUnknown,
    /// They are inside the frame but no box.
    #[error(transparent)]
    NotABox(#[from] GeometryError),
}

impl Frame {
    /// The box `[x1, y1, x2, y2]`, written in this frame, in pixels of the original picture.
    ///
    /// Numbers outside the frame are an error, not clamped: a model that writes in another frame
    /// than we think must show as such, and not as a box at the picture's edge.
    pub fn to_pixels(
        self,
        written: [f64; 4],
        picture: PictureSize,
    ) -> Result<PixelBox, FrameError> {
        let [x1, y1, x2, y2] = written;
        let (width, height) = self.axes(picture)?;
        let x = |value| self.along(value, width);
        let y = |value| self.along(value, height);
        Ok(PixelBox::new(x(x1)?, y(y1)?, x(x2)?, y(y2)?)?)
    }

    fn axes(
        self,
        PictureSize { original, resized }: PictureSize,
    ) -> Result<(Axis, Axis), FrameError> {
        let framed = match self {
            Self::Relative { full } => (full, full),
            Self::Bins { count, .. } => (count, count),
            Self::PaddedSquare => (1.0, 1.0),
            Self::Resized => extents(resized.ok_or(FrameError::ResizedSizeUnknown)?),
            Self::Pixels => extents(original),
        };
        let square = original.width.max(original.height);
        let axis = |framed, extent: u32| Axis { framed, extent, square };
        Ok((axis(framed.0, original.width), axis(framed.1, original.height)))
    }

    /// One number along an axis.
    fn along(self, value: f64, Axis { framed, extent, square }: Axis) -> Result<f64, FrameError> {
        let limit = match self {
            Self::Bins { .. } => framed - 1.0,
            _ => framed,
        };
        if !(0.0..=limit).contains(&value) {
            return Err(FrameError::OutOfRange { value, limit });
        }
        let padding = f64::from((square - extent) / 2);
        let (square, extent) = (f64::from(square), f64::from(extent));
        Ok(match self {
            // In the order of the references (x / 1000 * W), so that the last bit agrees too.
            Self::Relative { .. } | Self::Resized => value / framed * extent,
            Self::Bins { anchor: Anchor::Start, .. } => value / framed * extent,
            Self::Bins { anchor: Anchor::Centre, .. } => (value + 0.5) * (extent / framed),
            Self::PaddedSquare => (value * square - padding).clamp(0.0, extent),
            Self::Pixels => value,
        })
    }
}

/// One axis of a picture in a frame.
#[derive(Debug, Clone, Copy)]
struct Axis {
    /// Its length as the frame counts it.
    framed: f64,
    /// Its length in pixels of the original picture.
    extent: u32,
    /// The length of the picture's longer axis in pixels.
    square: u32,
}

fn extents(size: PixelSize) -> (f64, f64) {
    (f64::from(size.width), f64::from(size.height))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: PixelSize = PixelSize { width: 640, height: 480 };
    const PICTURE: PictureSize = PictureSize { original: SIZE, resized: None };

    fn pixels(frame: Frame, written: [f64; 4]) -> Result<[f64; 4], FrameError> {
        frame.to_pixels(written, PICTURE).map(|bounds| bounds.edges())
    }

    #[test]
    fn relative_frames_scale_each_axis_by_its_own_extent() {
        for full in [1.0, 100.0, 1000.0] {
            let whole = pixels(Frame::Relative { full }, [0.0, 0.0, full, full]);
            assert_eq!(whole, Ok([0.0, 0.0, 640.0, 480.0]));
        }
        let half = pixels(Frame::Relative { full: 1000.0 }, [0.0, 250.0, 500.0, 750.0]);
        assert_eq!(half, Ok([0.0, 120.0, 320.0, 360.0]));
    }

    #[test]
    fn bins_stand_for_their_start_or_their_middle() {
        let bins = |anchor| Frame::Bins { count: 10.0, anchor };
        let written = [0.0, 5.0, 8.0, 9.0];
        assert_eq!(pixels(bins(Anchor::Start), written), Ok([0.0, 240.0, 512.0, 432.0]));
        assert_eq!(pixels(bins(Anchor::Centre), written), Ok([32.0, 264.0, 544.0, 456.0]));
        let beyond = pixels(bins(Anchor::Start), [0.0, 0.0, 10.0, 9.0]);
        assert_eq!(beyond, Err(FrameError::OutOfRange { value: 10.0, limit: 9.0 }));
    }

    #[test]
    fn a_padded_square_loses_its_padding() {
        // 640 x 480: 80 rows of padding above and below.
        let square = pixels(Frame::PaddedSquare, [0.25, 0.25, 0.75, 0.75]);
        assert_eq!(square, Ok([160.0, 80.0, 480.0, 400.0]));
        assert_eq!(pixels(Frame::PaddedSquare, [0.0, 0.0, 1.0, 1.0]), Ok([0.0, 0.0, 640.0, 480.0]));
        let in_padding = pixels(Frame::PaddedSquare, [0.0, 0.0, 1.0, 0.125]);
        assert_eq!(in_padding, Err(GeometryError::NoHeight { y1: 0.0, y2: 0.0 }.into()));
        // An odd rest: 101 - 50 = 51 columns, of which 25 stand left of the picture.
        let tall = PictureSize::from(PixelSize { width: 50, height: 101 });
        let bounds = Frame::PaddedSquare.to_pixels([0.5, 0.0, 1.0, 1.0], tall).unwrap();
        assert_eq!(bounds.edges(), [25.5, 0.0, 50.0, 101.0]);
    }

    #[test]
    fn resized_pixels_need_the_resized_size() {
        let resized = Some(PixelSize { width: 1280, height: 240 });
        let picture = PictureSize { original: SIZE, resized };
        let bounds = Frame::Resized.to_pixels([640.0, 60.0, 1280.0, 240.0], picture);
        assert_eq!(bounds.map(|bounds| bounds.edges()), Ok([320.0, 120.0, 640.0, 480.0]));
        let beyond = Frame::Resized.to_pixels([0.0, 0.0, 640.0, 480.0], picture);
        assert_eq!(beyond, Err(FrameError::OutOfRange { value: 480.0, limit: 240.0 }));
        let unknown = pixels(Frame::Resized, [0.0, 0.0, 1.0, 1.0]);
        assert_eq!(unknown, Err(FrameError::ResizedSizeUnknown));
    }

    #[test]
    fn pixels_stay_as_they_are() {
        let bounds = pixels(Frame::Pixels, [1.5, 2.0, 640.0, 480.0]);
        assert_eq!(bounds, Ok([1.5, 2.0, 640.0, 480.0]));
    }

    #[test]
    fn a_number_beyond_the_frame_is_told_and_not_clamped() {
        let beyond = pixels(Frame::Relative { full: 1000.0 }, [0.0, 0.0, 1000.5, 10.0]);
        assert_eq!(beyond, Err(FrameError::OutOfRange { value: 1000.5, limit: 1000.0 }));
        let negative = pixels(Frame::Pixels, [-1.0, 0.0, 5.0, 5.0]);
        assert_eq!(negative, Err(FrameError::OutOfRange { value: -1.0, limit: 640.0 }));
        let padded = pixels(Frame::PaddedSquare, [0.0, 0.0, 1.01, 1.0]);
        assert_eq!(padded, Err(FrameError::OutOfRange { value: 1.01, limit: 1.0 }));
        let inverted = pixels(Frame::Pixels, [9.0, 0.0, 5.0, 5.0]);
        assert_eq!(inverted, Err(GeometryError::NoWidth { x1: 9.0, x2: 5.0 }.into()));
    }
}
