/*!
Pictures for towers that see one square of fixed size: resized, rescaled and normalised per channel
to `(3, height, width)`.

Equal to Pillow's resize with transformers' `rescale` and `normalize` (huggingface/transformers
v4.57.3 `image_transforms.py`), and to torchvision's `ToTensor` and `Normalize`, whose other order of
roundings gives the same f32 numbers for each of the 256 levels of CLIP's mean and deviation.
How a picture becomes a square (squashed, padded, cropped) is the family's choice.
*/

use ::image::RgbImage;
use candle_core::{Device, Result as TensorResult, Tensor};

use super::fields::FieldCheck;
use super::{ModelError, PreparedImage};
use crate::geometry::PixelSize;
use crate::image::resize;

/// How levels become numbers, per channel: `(level * rescale - mean) / std`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Normalisation {
    /// Factor from a level 0..255 to 0..1.
    pub(crate) rescale: f64,
    /// Subtracted after rescaling.
    pub(crate) mean: [f32; 3],
    /// Divides after subtracting.
    pub(crate) std: [f32; 3],
}

impl Normalisation {
    /// That of CLIP (openai/CLIP `clip/clip.py`, `_transform`), which all families with a CLIP or
    /// EVA-CLIP tower share.
    pub(crate) const CLIP: Self = Self {
        rescale: 1.0 / 255.0,
        mean: [0.481_454_66, 0.457_827_5, 0.408_210_73],
        std: [0.268_629_54, 0.261_302_6, 0.275_777_1],
    };

    /// Refuses numbers that would make pixels infinite; fields are named as in
    /// `preprocessor_config.json`.
    pub(crate) fn check(&self, check: &FieldCheck) -> Result<(), ModelError> {
        check.that(self.std.iter().all(|std| std.is_finite() && *std != 0.0), || {
            ("image_std", format!("{:?}", self.std), "numbers other than 0".to_owned())
        })?;
        check.that(self.mean.iter().all(|mean| mean.is_finite()), || {
            ("image_mean", format!("{:?}", self.mean), "numbers".to_owned())
        })?;
        check.that(self.rescale.is_finite(), || {
            ("rescale_factor", self.rescale.to_string(), "a number".to_owned())
        })
    }

    /// The picture's numbers, f32 `(3, height, width)` on the CPU.
    pub(crate) fn apply(&self, image: &RgbImage) -> TensorResult<Tensor> {
        let (width, height) = (image.width() as usize, image.height() as usize);
        let mut numbers = Vec::with_capacity(3 * width * height);
        for (channel, levels) in self.levels().iter().enumerate() {
            let plane = image.as_raw().iter().skip(channel).step_by(3);
            numbers.extend(plane.map(|level| levels[usize::from(*level)]));
        }
        Tensor::from_vec(numbers, (3, height, width), &Device::Cpu)
    }

    /// What each level becomes: rescaled in f64, cast to f32, then normalised in f32.
    #[expect(clippy::cast_possible_truncation, reason = "the reference casts here")]
    fn levels(&self) -> [[f32; 256]; 3] {
        std::array::from_fn(|channel| {
            let (mean, std) = (self.mean[channel], self.std[channel]);
            std::array::from_fn(|level| ((level as f64 * self.rescale) as f32 - mean) / std)
        })
    }
}

/// The square that a tower sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SquareGrid {
    /// Its side in pixels.
    pub(super) side: u32,
    /// The side of a patch in pixels.
    pub(super) patch: u32,
}

impl SquareGrid {
    /// Patches along one side.
    pub(super) fn patches(self) -> usize {
        (self.side / self.patch) as usize
    }
}

/// The size of a picture, which must have pixels.
pub(crate) fn size_of(image: &RgbImage) -> Result<PixelSize, ModelError> {
    match (image.width(), image.height()) {
        (width, height) if width == 0 || height == 0 => {
            Err(ModelError::EmptyImage { width, height })
        }
        (width, height) => Ok(PixelSize { width, height }),
    }
}

/// Resizes to the whole square whatever the picture's aspect, and normalises.
pub(super) fn squash(
    image: &RgbImage,
    grid: SquareGrid,
    normalisation: &Normalisation,
    visual_tokens: usize,
) -> Result<PreparedImage, ModelError> {
    let original = size_of(image)?;
    let resized = PixelSize { width: grid.side, height: grid.side };
    let pixels = normalisation.apply(&resize::bicubic(image, resized))?;
    let patches = grid.patches();
    Ok(PreparedImage { pixels, original, resized, grid: (patches, patches), visual_tokens })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `(x / 255 - mean) / std` of 0 and 255, by hand from CLIP's numbers.
    #[test]
    fn planes_stand_one_behind_the_other() {
        let image = RgbImage::from_fn(2, 1, |x, _| ::image::Rgb([0, (255 * x) as u8, 255]));
        let pixels = Normalisation::CLIP.apply(&image).unwrap();
        assert_eq!(pixels.dims(), [3, 1, 2]);
        let numbers: Vec<f32> = pixels.flatten_all().unwrap().to_vec1().unwrap();
        let expected = [-1.7923, -1.7923, -1.7521, 2.0749, 2.1459, 2.1459];
        for (number, expected) in numbers.iter().zip(expected) {
            assert!((number - expected).abs() < 1e-4, "{number} instead of {expected}");
        }
    }

    #[test]
    fn a_picture_without_pixels_is_refused() {
        let grid = SquareGrid { side: 4, patch: 2 };
        let error = squash(&RgbImage::new(0, 3), grid, &Normalisation::CLIP, 4).unwrap_err();
        assert_eq!(error.to_string(), "the image is 0x3 pixels, expected at least 1x1");
    }
}
