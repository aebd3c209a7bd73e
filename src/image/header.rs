//! What a picture's file says before it is decoded: format, size, orientation, and the memory that it will take.

use std::io::Cursor;

use ::image::{ColorType, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::jpeg;
use super::metadata;
use super::orientation::{Orientation, Viewing};
use super::{Fault, room};
use crate::geometry::PixelSize;

/// Widest and highest picture that is decoded, in pixels.
pub(super) const MAX_EDGE: u32 = 32_768;

/// A picture that can be decoded, as far as its header tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) format: ImageFormat,
    /// Of the pixels as they are stored.
    pub(super) stored: PixelSize,
    pub(super) orientation: Option<Orientation>,
    /// The most memory that decoding takes at once, in bytes.
    pub(super) needed: u64,
}

impl Header {
    /// Reads the header of a file so long; refuses what is too large to decode.
    pub(super) fn read(bytes: &[u8], file_bytes: usize) -> Result<Self, Fault> {
        let format = ::image::guess_format(bytes)?;
        let (stored, decoding) = match format {
            ImageFormat::Jpeg => {
                let frame = jpeg::frame(bytes)?;
                let size = PixelSize { width: frame.width, height: frame.height };
                (size, frame.decoding_bytes())
            }
            _ => other_format(bytes, file_bytes, format)?,
        };
        let PixelSize { width, height } = stored;
        if width == 0 || height == 0 {
            return Err(Fault::Empty { width, height });
        }
        if width > MAX_EDGE || height > MAX_EDGE {
            return Err(Fault::Edge { width, height });
        }
        let orientation = metadata::orientation(bytes, format);
        // The turned copy stands beside the stored pixels only.
        let turning = 6 * u64::from(width) * u64::from(height);
        let needed = if orientation.is_some() { decoding.max(turning) } else { decoding };
        let allowed = room::allowed(file_bytes);
        match needed <= allowed {
            true => Ok(Self { format, stored, orientation, needed }),
            false => {
                let file_bytes = file_bytes as u64;
                Err(Fault::TooLarge { width, height, needed, allowed, file_bytes })
            }
        }
    }

    /// How the picture is turned when it is viewed so.
    pub(super) fn turning(&self, viewing: Viewing) -> Option<Orientation> {
        self.orientation.filter(|_| viewing == Viewing::Upright)
    }

    /// The size as it is viewed.
    pub(super) fn size(&self, viewing: Viewing) -> PixelSize {
        self.turning(viewing).map_or(self.stored, |turning| turning.turned_size(self.stored))
    }
}

/// Size, and memory of the decoder, its pixels and the conversion to RGB.
fn other_format(
    bytes: &[u8],
    file_bytes: usize,
    format: ImageFormat,
) -> Result<(PixelSize, u64), Fault> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits(file_bytes));
    let decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    let stored = decoder.total_bytes();
    let converted = if decoder.color_type() == ColorType::Rgb8 { 0 } else { 3 * pixels };
    // A frame of a WebP is kept as YUV or RGBA, an animated one beside its canvas.
    let frames = if format == ImageFormat::WebP { 8 * pixels } else { 0 };
    let needed = stored.saturating_add(frames).saturating_add(converted);
    Ok((PixelSize { width, height }, needed))
}

/// What a decoder of the image crate may allocate; sides are checked here, where the message has the size.
pub(super) fn limits(file_bytes: usize) -> Limits {
    let mut limits = Limits::default();
    limits.max_alloc = Some(room::allowed(file_bytes));
    limits
}
