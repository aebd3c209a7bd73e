/*!
Pictures: decoding with limits, and resampling that equals Pillow's byte for byte.

Knows nothing of text, models or cases. What a family does with the pixels (its target size,
normalisation, patches) is in [`crate::model`].
*/

mod decode;
mod jpeg;
pub mod resize;

pub use decode::{DecodedImage, ImageError, decode_file};
