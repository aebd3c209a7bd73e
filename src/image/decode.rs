/*!
From an image file to 8-bit RGB, as Pillow's `Image.open(path).convert("RGB")` gives it.

- The format is guessed from the content; the extension does not count.
- EXIF orientation is **not** applied: LLaVA, LAVIS, MiniGPT-4 and qwen-vl-utils do not either.
- Alpha is dropped, not composited (qwen-vl-utils would composite on white).
- 16 bit: colour channels keep their high byte, plain grey is clamped at 255, both as Pillow does.
- PNG, BMP and lossless WebP equal Pillow exactly; JPEG decoders differ by a few levels.
*/

use std::any::Any;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use ::image::{DynamicImage, ImageReader, Limits, RgbImage};
use thiserror::Error;

use crate::geometry::PixelSize;

/// Widest and highest picture that is decoded, in pixels.
const MAX_EDGE: u32 = 32_768;
/// Most memory that a decoder may ask for, in bytes.
const MAX_DECODER_BYTES: u64 = 1 << 30;

/// A picture in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodedImage {
    /// The pixels, rows from the top, 8-bit RGB.
    pub pixels: RgbImage,
}

impl DecodedImage {
    /// Width and height in pixels.
    pub fn size(&self) -> PixelSize {
        PixelSize { width: self.pixels.width(), height: self.pixels.height() }
    }
}

/// Why a file did not become a picture.
#[derive(Debug, Error)]
pub enum ImageError {
    /// The file could not be read.
    #[error("{path}: cannot read the image file: {source}", path = path.display())]
    Read {
        /// The image file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The content is no known format, damaged, or larger than the limits.
    #[error("{path}: cannot decode the image: {source}", path = path.display())]
    Decode {
        /// The image file.
        path: PathBuf,
        /// What the decoder said.
        #[source]
        source: ::image::ImageError,
    },
    /// The decoder panicked, which happens on damaged files.
    #[error("{path}: the image decoder failed on this file, it is probably damaged: {message}",
        path = path.display())]
    DecoderPanic {
        /// The image file.
        path: PathBuf,
        /// The panic's message.
        message: String,
    },
    /// The picture has no pixels.
    #[error("{path}: the image is {width}x{height} pixels, expected at least 1x1",
        path = path.display())]
    Empty {
        /// The image file.
        path: PathBuf,
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
}

/// Decodes the image file at `path`.
pub fn decode_file(path: &Path) -> Result<DecodedImage, ImageError> {
    let bytes =
        std::fs::read(path).map_err(|source| ImageError::Read { path: path.to_owned(), source })?;
    let decoded = catch_unwind(AssertUnwindSafe(|| decode_bytes(&bytes)))
        .map_err(|panic| decoder_panic(path, panic.as_ref()))?
        .map_err(|source| ImageError::Decode { path: path.to_owned(), source })?;
    let pixels = to_rgb(decoded);
    let (width, height) = pixels.dimensions();
    if width == 0 || height == 0 {
        return Err(ImageError::Empty { path: path.to_owned(), width, height });
    }
    Ok(DecodedImage { pixels })
}

fn decode_bytes(bytes: &[u8]) -> Result<DynamicImage, ::image::ImageError> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_EDGE);
    limits.max_image_height = Some(MAX_EDGE);
    limits.max_alloc = Some(MAX_DECODER_BYTES);
    reader.limits(limits);
    reader.decode()
}

fn decoder_panic(path: &Path, panic: &(dyn Any + Send)) -> ImageError {
    let message = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    ImageError::DecoderPanic { path: path.to_owned(), message }
}

fn to_rgb(decoded: DynamicImage) -> RgbImage {
    match decoded {
        DynamicImage::ImageRgb8(pixels) => pixels,
        DynamicImage::ImageLuma16(grey) => rgb_from(grey.dimensions(), |x, y| {
            let [level] = grey.get_pixel(x, y).0;
            [u8::try_from(level).unwrap_or(u8::MAX); 3]
        }),
        DynamicImage::ImageLumaA16(grey) => {
            rgb_from(grey.dimensions(), |x, y| [high_byte(grey.get_pixel(x, y).0[0]); 3])
        }
        DynamicImage::ImageRgb16(colour) => {
            rgb_from(colour.dimensions(), |x, y| colour.get_pixel(x, y).0.map(high_byte))
        }
        DynamicImage::ImageRgba16(colour) => rgb_from(colour.dimensions(), |x, y| {
            let [red, green, blue, _alpha] = colour.get_pixel(x, y).0;
            [red, green, blue].map(high_byte)
        }),
        other => other.to_rgb8(),
    }
}

fn rgb_from((width, height): (u32, u32), colour: impl Fn(u32, u32) -> [u8; 3]) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| ::image::Rgb(colour(x, y)))
}

fn high_byte(level: u16) -> u8 {
    level.to_be_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_is_named() {
        let error = decode_file(Path::new("no/such.png")).unwrap_err();
        assert!(error.to_string().starts_with("no/such.png: cannot read the image file"));
    }

    #[test]
    fn text_is_not_an_image() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        std::fs::write(&path, "hello").unwrap();
        assert!(matches!(decode_file(&path), Err(ImageError::Decode { .. })));
    }
}
