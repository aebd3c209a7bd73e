/*!
Pictures: decoding with limits, and resampling that equals Pillow's byte for byte.

Knows nothing of text, models or cases. What a family does with the pixels (its target size,
normalisation, patches) is in [`crate::model`].
*/

mod decode;
mod head;
mod header;
mod jpeg;
mod metadata;
mod orientation;
pub mod resize;
pub(crate) mod room;
mod tiff;

pub use decode::{
    DecodedImage, Fault, ImageError, decode_bytes, decode_file, open, size, size_of_bytes,
};
pub use jpeg::JpegError;
pub use orientation::{Orientation, Viewing};
