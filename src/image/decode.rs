/*!
From an image file to 8-bit RGB, as Pillow's `Image.open(path)`, `ImageOps.exif_transpose` and `convert("RGB")`
give it (`docs/pictures.md` has the rules and their reasons).

- The format is guessed from the content; the extension does not count.
- The picture is turned as EXIF says, unless the stored one is asked for.
- Alpha is dropped, not composited.
- 16 bit: colour channels keep their high byte, plain grey is clamped at 255.
- JPEG has the levels of libjpeg-turbo. What is cut off is refused.
*/

use std::any::Any;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::image::{DynamicImage, ImageFormat, ImageReader, RgbImage};
use thiserror::Error;

use super::head::Head;
use super::header::{self, Header};
use super::orientation::{Orientation, Viewing};
use super::room::Room;
use super::{JpegError, jpeg};
use crate::geometry::PixelSize;

/// A picture in memory.
#[derive(Debug, Clone)]
pub struct DecodedImage {
    /// The pixels, rows from the top, 8-bit RGB.
    pub pixels: RgbImage,
    /// How the file says that its pixels are to be turned, whether that was done or not.
    pub orientation: Option<Orientation>,
    /// Held as long as the pixels are.
    _room: Arc<Room>,
}

impl DecodedImage {
    /// Width and height in pixels.
    pub fn size(&self) -> PixelSize {
        PixelSize { width: self.pixels.width(), height: self.pixels.height() }
    }
}

/// A file that did not become a picture.
#[derive(Debug, Error)]
#[error("{path}: {fault}", path = path.display())]
pub struct ImageError {
    /// The image file.
    pub path: PathBuf,
    /// What is wrong with it.
    #[source]
    pub fault: Fault,
}

/// Why bytes are no picture.
#[derive(Debug, Error)]
pub enum Fault {
    /// The file could not be read.
    #[error("cannot read the image file: {0}")]
    Read(#[source] std::io::Error),
    /// The content is no known format, or damaged.
    #[error("cannot decode the image: {0}")]
    Decode(#[from] ::image::ImageError),
    /// A JPEG that is damaged or of a kind that is not decoded.
    #[error("cannot decode the image: {0}")]
    Jpeg(#[from] JpegError),
    /// The decoder panicked, which happens on damaged files.
    #[error("the image decoder failed on this file, it is probably damaged: {0}")]
    Panic(String),
    /// The picture has no pixels.
    #[error("the image is {width}x{height} pixels, expected at least 1x1")]
    Empty {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// A side is longer than what is decoded.
    #[error("the image is {width}x{height} pixels, expected at most {limit} on a side; shrink it", limit = header::MAX_EDGE)]
    Edge {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// Decoding would take more memory than a file of this length may.
    #[error(
        "the image is {width}x{height} pixels and would take {needed} bytes of memory to decode, \
         more than the {allowed} that a file of {file_bytes} bytes may; shrink it"
    )]
    TooLarge {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
        /// What it would take, in bytes.
        needed: u64,
        /// What it may take, in bytes.
        allowed: u64,
        /// Length of the file.
        file_bytes: u64,
    },
}

impl Fault {
    /// The reason alone, for a message that says already that this is no picture.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Decode(error) => error.to_string(),
            Self::Jpeg(error) => error.to_string(),
            other => other.to_string(),
        }
    }
}

/// Decodes the image file at `path`, turned as people see it.
///
/// # Errors
/// The file cannot be read, is no picture, is not whole, or would take too much memory.
pub fn decode_file(path: &Path) -> Result<DecodedImage, ImageError> {
    open(path, Viewing::Upright)
}

/// Decodes the image file at `path`.
///
/// # Errors
/// As of [`decode_file`].
pub fn open(path: &Path, viewing: Viewing) -> Result<DecodedImage, ImageError> {
    let bytes = std::fs::read(path).map_err(Fault::Read);
    let decoded = bytes.and_then(|bytes| decode_bytes(&bytes, viewing));
    decoded.map_err(|fault| ImageError { path: path.to_owned(), fault })
}

/// The size of a picture as it is viewed, by its header; no pixel is decoded.
///
/// # Errors
/// The file cannot be read, has no picture's header, or would take too much memory to decode.
pub fn size(path: &Path, viewing: Viewing) -> Result<PixelSize, Fault> {
    let mut head = Head::read(path).map_err(Fault::Read)?;
    let mut read = guarded(|| Header::read(&head.bytes, head.file_bytes));
    if read.is_err() && head.bytes.len() < head.file_bytes {
        head.read_all().map_err(Fault::Read)?;
        read = guarded(|| Header::read(&head.bytes, head.file_bytes));
    }
    Ok(read?.size(viewing))
}

/// The size of a picture in memory as it is viewed, by its header.
///
/// # Errors
/// As of [`size`].
pub fn size_of_bytes(bytes: &[u8], viewing: Viewing) -> Result<PixelSize, Fault> {
    Ok(guarded(|| Header::read(bytes, bytes.len()))?.size(viewing))
}

/// Decodes a picture in memory.
///
/// # Errors
/// The bytes are no picture, not a whole one, or would take too much memory.
pub fn decode_bytes(bytes: &[u8], viewing: Viewing) -> Result<DecodedImage, Fault> {
    guarded(|| {
        let header = Header::read(bytes, bytes.len())?;
        let room = Arc::new(Room::wait_for(header.needed));
        let pixels = match header.format {
            ImageFormat::Jpeg => jpeg_pixels(bytes)?,
            format => to_rgb(other_format(bytes, format)?),
        };
        let pixels = match header.turning(viewing) {
            Some(turning) => turning.turned(pixels),
            None => pixels,
        };
        Ok(DecodedImage { pixels, orientation: header.orientation, _room: room })
    })
}

fn jpeg_pixels(bytes: &[u8]) -> Result<RgbImage, Fault> {
    let jpeg::Decoded { width, height, rgb } = jpeg::decode(bytes)?;
    // The decoder gives three levels for each pixel.
    Ok(RgbImage::from_raw(width, height, rgb).unwrap_or_default())
}

fn other_format(bytes: &[u8], format: ImageFormat) -> Result<DynamicImage, Fault> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(header::limits(bytes.len()));
    Ok(reader.decode()?)
}

/// Decoders are known to panic on hostile files.
fn guarded<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|panic| Err(Fault::Panic(panic_message(panic.as_ref()))))
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "no message".to_owned())
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
        assert!(matches!(decode_file(&path).unwrap_err().fault, Fault::Decode(_)));
    }
}
