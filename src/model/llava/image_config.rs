/*!
How LLaVA-1.5 makes a picture the square that its tower sees: CLIP's steps, and what precedes them.

Follows haotian-liu/LLaVA `llava/mm_utils.py` (`expand2square`, `process_images`).
*/

use ::image::{Rgb, RgbImage, imageops};

use super::config::{Config, Layout, Squaring};
use crate::geometry::PixelSize;
use crate::image::room;
use crate::model::clip_image::{ClipImage, RawClipImage, check_aspect};
use crate::model::field_table::names_of;
use crate::model::picture_settings::PictureSettings;
use crate::model::square_image::size_of;
use crate::model::{ModelError, PreparedImage};
use crate::weights::CheckpointFolder;

/// The fields that are read.
pub(super) const READ: &[fn() -> &'static [&'static str]] = &[names_of::<RawClipImage>];

/// The picture settings, checked.
#[derive(Debug, Clone, Copy)]
pub struct ImageConfig {
    /// What is done first.
    pub squaring: Squaring,
    clip: ClipImage,
    /// Patches along one side.
    patches: usize,
    visual_tokens: usize,
}

impl ImageConfig {
    /// Reads and checks the picture settings, in the original layout the tower's.
    pub(super) fn load(folder: &CheckpointFolder, config: &Config) -> Result<Self, ModelError> {
        let folder = match &config.layout {
            Layout::Hub { .. } => folder,
            Layout::Original { tower, .. } => tower,
        };
        let settings = PictureSettings::find(folder)?;
        let (raw, check): (RawClipImage, _) = (settings.read()?, settings.check());
        let sizes = config.clip.sizes;
        Ok(Self {
            squaring: squaring(&raw, &config.layout),
            clip: ClipImage::check(&raw, sizes.image_side, &check)?,
            patches: sizes.grid_side(),
            visual_tokens: config.visual_tokens(),
        })
    }

    /// Makes a picture a square, resizes and normalises it: pixels are `(3, side, side)`.
    pub(super) fn prepare(&self, image: &RgbImage) -> Result<PreparedImage, ModelError> {
        let original = size_of(image)?;
        check_aspect(original)?;
        let square = match self.squaring {
            Squaring::Pad if !room::holds(padded_bytes(original)) => {
                let PixelSize { width, height } = original;
                return Err(ModelError::PaddedTooLarge { width, height });
            }
            Squaring::Pad => self.clip.centre(&padded(image, self.clip.mean())),
            Squaring::Crop => self.clip.centre(image),
        };
        Ok(PreparedImage {
            pixels: self.clip.normalise(&square)?,
            original,
            resized: self.clip.size(),
            grid: (self.patches, self.patches),
            visual_tokens: self.visual_tokens,
        })
    }
}

/// The original layout says it in `config.json`, the hub's in `preprocessor_config.json`. There,
/// silence means padding, because published numbers were made so.
fn squaring(raw: &RawClipImage, layout: &Layout) -> Squaring {
    match (layout, raw.do_pad) {
        (Layout::Original { squaring, .. }, _) => *squaring,
        (Layout::Hub { .. }, Some(false)) => Squaring::Crop,
        (Layout::Hub { .. }, Some(true) | None) => Squaring::Pad,
    }
}

/// Memory of the square that a picture is filled up to, in bytes.
fn padded_bytes(PixelSize { width, height }: PixelSize) -> u64 {
    3 * u64::from(width.max(height)).pow(2)
}

/// The picture in the middle of a square of the mean colour (`expand2square`).
fn padded(image: &RgbImage, mean: [f32; 3]) -> RgbImage {
    let (width, height) = image.dimensions();
    let side = width.max(height);
    if width == height {
        return image.clone();
    }
    let mut square = RgbImage::from_pixel(side, side, Rgb(mean.map(level)));
    let (left, top) = ((side - width) / 2, (side - height) / 2);
    imageops::replace(&mut square, image, i64::from(left), i64::from(top));
    square
}

/// Python's `int(mean * 255)`.
#[expect(clippy::cast_possible_truncation, reason = "the reference truncates")]
#[expect(clippy::cast_sign_loss, reason = "clamped to a level")]
fn level(mean: f32) -> u8 {
    (f64::from(mean) * 255.0).clamp(0.0, 255.0) as u8
}
