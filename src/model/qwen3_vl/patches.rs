/*!
From a picture to rows of patches: target size, normalisation, and the order of the rows.

Follows huggingface/transformers v4.57.3 `models/qwen2_vl/image_processing_qwen2_vl.py`
(`smart_resize`, `Qwen2VLImageProcessor._preprocess`), the variant that resizes with Pillow. The
"fast" variant resizes with torchvision and differs by 1 or 2 levels in under 1 % of the values.
*/

use ::image::RgbImage;
use candle_core::{Device, Tensor};

use super::ImageConfig;
use crate::geometry::PixelSize;
use crate::image::resize;
use crate::model::{ModelError, PreparedImage};

/// Largest ratio of the sides.
const MAX_ASPECT: u32 = 200;

/// The size to resize to: sides are multiples of `factor`, the area is within the limits, and the
/// ratio of the sides is kept as well as that allows.
pub fn smart_resize(
    size: PixelSize,
    factor: u32,
    min_pixels: u64,
    max_pixels: u64,
) -> Result<PixelSize, ModelError> {
    let PixelSize { width, height } = size;
    let (long, short) = (width.max(height), width.min(height));
    if short == 0 || factor == 0 {
        return Err(ModelError::EmptyImage { width, height });
    }
    if u64::from(long) > u64::from(short) * u64::from(MAX_ASPECT) {
        return Err(ModelError::AspectRatio { width, height, limit: MAX_ASPECT });
    }
    let (wide, high, unit) = (f64::from(width), f64::from(height), f64::from(factor));
    // Python's `round` takes the even neighbour of a half.
    let round = |side: f64| (side / unit).round_ties_even() * unit;
    let area = round(high) * round(wide);
    let (least, most) = (min_pixels as f64, max_pixels as f64);
    let [new_width, new_height] = if area > most {
        let beta = (high * wide / most).sqrt();
        [wide, high].map(|side| ((side / beta / unit).floor() * unit).max(unit))
    } else if area < least {
        let beta = (least / (high * wide)).sqrt();
        [wide, high].map(|side| (side * beta / unit).ceil() * unit)
    } else {
        [wide, high].map(round)
    };
    whole(new_width, new_height).ok_or(ModelError::EmptyImage { width, height })
}

/// Converts sides that are known to be whole; none if one is 0 or beyond 32 bits.
#[expect(clippy::cast_possible_truncation, reason = "checked to be in range")]
#[expect(clippy::cast_sign_loss, reason = "checked to be positive")]
fn whole(width: f64, height: f64) -> Option<PixelSize> {
    let in_range = |side: f64| (1.0..=f64::from(u32::MAX)).contains(&side);
    (in_range(width) && in_range(height))
        .then_some(PixelSize { width: width as u32, height: height as u32 })
}

/// Resizes, normalises and cuts a picture. The rows are in merge-block order:
/// `(grid_h / merge, grid_w / merge, merge, merge)`, each `(channel, frame, row, column)`.
pub(super) fn prepare(image: &RgbImage, config: &ImageConfig) -> Result<PreparedImage, ModelError> {
    let original = PixelSize { width: image.width(), height: image.height() };
    let factor = (config.patch * config.merge) as u32;
    let resized = smart_resize(original, factor, config.min_pixels, config.max_pixels)?;
    let pixels = resize::bicubic(image, resized);
    let grid = (resized.height as usize / config.patch, resized.width as usize / config.patch);
    let rows = patch_rows(&pixels, grid, config);
    let row_length = 3 * config.temporal * config.patch * config.patch;
    Ok(PreparedImage {
        pixels: Tensor::from_vec(rows, (grid.0 * grid.1, row_length), &Device::Cpu)?,
        original,
        resized,
        grid,
        visual_tokens: grid.0 * grid.1 / (config.merge * config.merge),
    })
}

fn patch_rows(image: &RgbImage, grid: (usize, usize), config: &ImageConfig) -> Vec<f32> {
    let levels = normalised_levels(config);
    let (patch, width) = (config.patch, image.width() as usize);
    let bytes = image.as_raw();
    let mut rows = Vec::with_capacity(bytes.len() * config.temporal);
    for (row, column) in merge_block_order(grid, config.merge) {
        for (channel, levels) in levels.iter().enumerate() {
            let start = rows.len();
            for y in row * patch..(row + 1) * patch {
                let first = (y * width + column * patch) * 3;
                let line = bytes[first..first + patch * 3].iter().skip(channel).step_by(3);
                rows.extend(line.map(|level| levels[usize::from(*level)]));
            }
            // A still picture is the same frame again.
            let frame = start..rows.len();
            for _ in 1..config.temporal {
                rows.extend_from_within(frame.clone());
            }
        }
    }
    rows
}

/// What each level becomes, per channel, with the reference's roundings: rescaled in f64, cast to
/// f32, then normalised in f32.
#[expect(clippy::cast_possible_truncation, reason = "the reference casts here")]
fn normalised_levels(config: &ImageConfig) -> [[f32; 256]; 3] {
    std::array::from_fn(|channel| {
        let (mean, std) = (config.mean[channel], config.std[channel]);
        std::array::from_fn(|level| ((level as f64 * config.rescale) as f32 - mean) / std)
    })
}

/// The patches' (row, column) in the order of the tower: merge blocks row by row, and within a
/// block its patches row by row.
pub(super) fn merge_block_order(
    (rows, columns): (usize, usize),
    merge: usize,
) -> impl Iterator<Item = (usize, usize)> {
    let blocks = (0..rows / merge).flat_map(move |y| (0..columns / merge).map(move |x| (y, x)));
    blocks.flat_map(move |(block_y, block_x)| {
        (0..merge * merge)
            .map(move |index| (block_y * merge + index / merge, block_x * merge + index % merge))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of transformers 4.57.3 `smart_resize` with factor 32 and the hub's limits, given as
    /// (height, width) pairs in the reference notes.
    #[test]
    fn sizes_equal_the_reference() {
        for ((height, width), (new_height, new_width)) in [
            ((480, 640), (480, 640)),
            ((426, 640), (416, 640)),
            ((333, 500), (320, 512)),
            ((100, 100), (256, 256)),
            ((4000, 6000), (3328, 4992)),
            ((48, 800), (64, 1056)),
        ] {
            let size = smart_resize(PixelSize { width, height }, 32, 65_536, 16_777_216).unwrap();
            assert_eq!((size.height, size.width), (new_height, new_width));
        }
    }

    #[test]
    fn a_thread_of_a_picture_is_refused() {
        let size = PixelSize { width: 201, height: 1 };
        let error = smart_resize(size, 32, 65_536, 16_777_216).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the image is 201x1 pixels; one side may be at most 200 times the other"
        );
    }
}
