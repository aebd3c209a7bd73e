/*!
How CLIP's image processor makes a picture the square that a CLIP tower sees: `preprocessor_config.json`
and the steps that it describes.

Follows huggingface/transformers v4.57.3 `models/clip/image_processing_clip.py`, the variant that
resizes with Pillow.
*/

use ::image::{RgbImage, imageops};
use candle_core::{Result as TensorResult, Tensor};
use serde::Deserialize;
use serde_json::Value;

use super::ModelError;
use super::fields::FieldCheck;
use super::square_image::Normalisation;
use crate::geometry::PixelSize;
use crate::image::resize;

/// Pillow's number for bicubic resampling.
const BICUBIC: u32 = 3;

/// Largest ratio of the sides; a thread of a picture would be resized to gigabytes.
const MAX_ASPECT: u32 = 200;

/// `preprocessor_config.json` as it is written. Sizes are a number or an object, as the file is old
/// or new.
#[derive(Deserialize)]
#[serde(default)]
pub(crate) struct RawClipImage {
    /// LLaVA's: whether pictures are filled up to squares.
    pub(crate) do_pad: Option<bool>,
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

impl Default for RawClipImage {
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

/// The steps, checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClipImage {
    /// The shorter side after resizing, at least `side`.
    shortest_edge: u32,
    /// The side of the square that is cut out of the middle: what the tower sees.
    side: u32,
    normalisation: Normalisation,
}

impl ClipImage {
    /// Checks the steps for a tower that sees squares of `image_side` pixels.
    pub(crate) fn check(
        raw: &RawClipImage,
        image_side: usize,
        check: &FieldCheck,
    ) -> Result<Self, ModelError> {
        check_steps(raw, check)?;
        let normalisation =
            Normalisation { rescale: raw.rescale_factor, mean: raw.image_mean, std: raw.image_std };
        normalisation.check(check)?;
        let side = edge("crop_size", &raw.crop_size, "height", check)?;
        check.that(side as usize == image_side, || {
            let expected = format!("{image_side}, the tower's image_size");
            ("crop_size", side.to_string(), expected)
        })?;
        let shortest_edge = edge("size", &raw.size, "shortest_edge", check)?;
        check.that((side..=1 << 14).contains(&shortest_edge), || {
            let expected = format!("a number from the crop_size of {side} to {}", 1 << 14);
            ("size", shortest_edge.to_string(), expected)
        })?;
        Ok(Self { shortest_edge, side, normalisation })
    }

    /// The size that the tower sees.
    pub(crate) fn size(&self) -> PixelSize {
        PixelSize { width: self.side, height: self.side }
    }

    /// The colour that becomes zero, per channel from 0 to 1.
    pub(crate) fn mean(&self) -> [f32; 3] {
        self.normalisation.mean
    }

    /// Resizes the shorter side to `shortest_edge` and cuts the middle out.
    pub(crate) fn centre(&self, image: &RgbImage) -> RgbImage {
        let size = shorter_side_to(self.shortest_edge, image);
        let resized = resize::bicubic(image, size);
        let (left, top) = ((size.width - self.side) / 2, (size.height - self.side) / 2);
        imageops::crop_imm(&resized, left, top, self.side, self.side).to_image()
    }

    /// The pixels of a square as `(3, side, side)`.
    pub(crate) fn normalise(&self, square: &RgbImage) -> TensorResult<Tensor> {
        self.normalisation.apply(square)
    }
}

/// No step of the preprocessing may be switched off, and the resampling must be bicubic.
fn check_steps(raw: &RawClipImage, check: &FieldCheck) -> Result<(), ModelError> {
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

/// Refuses a picture that is much longer than wide, or the other way round.
pub(crate) fn check_aspect(PixelSize { width, height }: PixelSize) -> Result<(), ModelError> {
    let (long, short) = (width.max(height), width.min(height));
    match u64::from(long) <= u64::from(short) * u64::from(MAX_ASPECT) {
        true => Ok(()),
        false => Err(ModelError::AspectRatio { width, height, limit: MAX_ASPECT }),
    }
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
