/*!
How LLaVA-1.5 makes a picture the square that its tower sees: `preprocessor_config.json`, and the
steps that it describes.

Follows haotian-liu/LLaVA `llava/mm_utils.py` (`expand2square`, `process_images`) and
huggingface/transformers v4.57.3 `models/clip/image_processing_clip.py`, the variant that resizes
with Pillow.
*/

use ::image::{Rgb, RgbImage, imageops};
use serde::Deserialize;
use serde_json::Value;

use super::config::{Config, Layout, Squaring};
use crate::geometry::PixelSize;
use crate::image::resize;
use crate::model::fields::FieldCheck;
use crate::model::square_image::{Normalisation, size_of};
use crate::model::{ModelError, PreparedImage};
use crate::weights::CheckpointFolder;

const NAME: &str = "preprocessor_config.json";

/// Pillow's number for bicubic resampling.
const BICUBIC: u32 = 3;

/// Largest ratio of the sides; a thread of a picture would be resized to gigabytes.
const MAX_ASPECT: u32 = 200;

/// `preprocessor_config.json`, checked.
#[derive(Debug, Clone, Copy)]
pub struct ImageConfig {
    /// What is done first.
    pub squaring: Squaring,
    /// The shorter side after resizing, at least `side`.
    shortest_edge: u32,
    /// The side of the square that is cut out of the middle: what the tower sees.
    side: u32,
    normalisation: Normalisation,
    /// Patches along one side.
    patches: usize,
    visual_tokens: usize,
}

/// Sizes are a number or an object, as the file is old or new.
#[derive(Deserialize)]
#[serde(default)]
struct RawImageConfig {
    do_pad: Option<bool>,
    do_resize: bool,
    do_center_crop: bool,
    do_rescale: bool,
    do_normalize: bool,
    resample: u32,
    size: Value,
    crop_size: Value,
    rescale_factor: f64,
    image_mean: [f32; 3],
    image_std: [f32; 3],
}

impl Default for RawImageConfig {
    fn default() -> Self {
        let Normalisation { rescale, mean, std } = Normalisation::CLIP;
        Self {
            do_pad: None,
            do_resize: true,
            do_center_crop: true,
            do_rescale: true,
            do_normalize: true,
            resample: BICUBIC,
            size: Value::from(224),
            crop_size: Value::from(224),
            rescale_factor: rescale,
            image_mean: mean,
            image_std: std,
        }
    }
}

impl ImageConfig {
    /// Reads and checks `preprocessor_config.json`, in the original layout the tower's.
    pub(super) fn load(folder: &CheckpointFolder, config: &Config) -> Result<Self, ModelError> {
        let folder = match &config.layout {
            Layout::Hub { .. } => folder,
            Layout::Original { tower, .. } => tower,
        };
        let raw: RawImageConfig = folder.required_json(NAME, "how pictures are resized")?;
        let check = FieldCheck::new(folder.path().join(NAME));
        check_steps(&raw, &check)?;
        let normalisation =
            Normalisation { rescale: raw.rescale_factor, mean: raw.image_mean, std: raw.image_std };
        normalisation.check(&check)?;
        let side = edge("crop_size", &raw.crop_size, "height", &check)?;
        check.that(side as usize == config.clip.sizes.image_side, || {
            let expected = format!("{}, the tower's image_size", config.clip.sizes.image_side);
            ("crop_size", side.to_string(), expected)
        })?;
        let shortest_edge = edge("size", &raw.size, "shortest_edge", &check)?;
        check.that((side..=1 << 14).contains(&shortest_edge), || {
            let expected = format!("a number from the crop_size of {side} to {}", 1 << 14);
            ("size", shortest_edge.to_string(), expected)
        })?;
        Ok(Self {
            squaring: squaring(&raw, &config.layout),
            shortest_edge,
            side,
            normalisation,
            patches: config.clip.sizes.grid_side(),
            visual_tokens: config.visual_tokens(),
        })
    }

    /// Makes a picture a square, resizes and normalises it: pixels are `(3, side, side)`.
    pub(super) fn prepare(&self, image: &RgbImage) -> Result<PreparedImage, ModelError> {
        let original = size_of(image)?;
        check_aspect(original)?;
        let square = match self.squaring {
            Squaring::Pad => self.centre(&padded(image, self.normalisation.mean)),
            Squaring::Crop => self.centre(image),
        };
        Ok(PreparedImage {
            pixels: self.normalisation.apply(&square)?,
            original,
            resized: PixelSize { width: self.side, height: self.side },
            grid: (self.patches, self.patches),
            visual_tokens: self.visual_tokens,
        })
    }

    /// Resizes the shorter side to `shortest_edge` and cuts the middle out.
    fn centre(&self, image: &RgbImage) -> RgbImage {
        let size = shorter_side_to(self.shortest_edge, image);
        let resized = resize::bicubic(image, size);
        let (left, top) = ((size.width - self.side) / 2, (size.height - self.side) / 2);
        imageops::crop_imm(&resized, left, top, self.side, self.side).to_image()
    }
}

/// The original layout says it in `config.json`, the hub's in `preprocessor_config.json`. There,
/// silence means padding, because published numbers were made so.
fn squaring(raw: &RawImageConfig, layout: &Layout) -> Squaring {
    match (layout, raw.do_pad) {
        (Layout::Original { squaring, .. }, _) => *squaring,
        (Layout::Hub { .. }, Some(false)) => Squaring::Crop,
        (Layout::Hub { .. }, Some(true) | None) => Squaring::Pad,
    }
}

/// No step of the preprocessing may be switched off, and the resampling must be bicubic.
fn check_steps(raw: &RawImageConfig, check: &FieldCheck) -> Result<(), ModelError> {
    for (field, step) in [
        ("do_resize", raw.do_resize),
        ("do_center_crop", raw.do_center_crop),
        ("do_rescale", raw.do_rescale),
        ("do_normalize", raw.do_normalize),
    ] {
        check.that(step, || (field, "false".to_owned(), "true".to_owned()))?;
    }
    check.that(raw.resample == BICUBIC, || {
        ("resample", raw.resample.to_string(), format!("{BICUBIC} (bicubic)"))
    })
}

/// A side in pixels: a number, or an object that has it as `name`.
fn edge(
    field: &'static str,
    value: &Value,
    name: &str,
    check: &FieldCheck,
) -> Result<u32, ModelError> {
    let number = value.get(name).unwrap_or(value).as_u64();
    let side = number.and_then(|number| u32::try_from(number).ok()).filter(|side| *side > 0);
    side.ok_or_else(|| {
        let expected = format!("a number of pixels, or an object with `{name}`");
        check.error(field, value.to_string(), expected)
    })
}

fn check_aspect(PixelSize { width, height }: PixelSize) -> Result<(), ModelError> {
    let (long, short) = (width.max(height), width.min(height));
    match u64::from(long) <= u64::from(short) * u64::from(MAX_ASPECT) {
        true => Ok(()),
        false => Err(ModelError::AspectRatio { width, height, limit: MAX_ASPECT }),
    }
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

/// The size with this shorter side; the longer one is truncated
/// (`get_resize_output_image_size` of transformers' `image_transforms.py`).
fn shorter_side_to(edge: u32, image: &RgbImage) -> PixelSize {
    let (width, height) = image.dimensions();
    let longer = |long: u32, short: u32| {
        u32::try_from(u64::from(edge) * u64::from(long) / u64::from(short)).unwrap_or(u32::MAX)
    };
    match width <= height {
        true => PixelSize { width: edge, height: longer(height, width) },
        false => PixelSize { width: longer(width, height), height: edge },
    }
}
