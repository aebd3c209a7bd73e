/*!
Bicubic resampling that equals Pillow's `Image.resize(size, Image.BICUBIC)` byte for byte.

Follows python-pillow/Pillow `src/libImaging/Resample.c` (8 bits per channel): a Catmull-Rom kernel
stretched when shrinking, weights in 22-bit fixed point, horizontal pass first, rounding and
clamping to 8 bits after each pass. A pass whose axis keeps its length is skipped.

This is Pillow up to 12. Pillow 13 takes the vertical pass first for some shapes (mostly those that
shrink in height only), which changes a few levels at hard edges; published results are older.
*/

use ::image::RgbImage;

use crate::geometry::PixelSize;

/// Bits after the binary point of a weight: 32 less 8 of the pixel less 2 for overshoot.
const PRECISION_BITS: u32 = 32 - 8 - 2;
/// Half-width of the kernel in source pixels when enlarging.
const SUPPORT: f64 = 2.0;
const CHANNELS: usize = 3;

/// Resizes to `size`; an axis that keeps its length is left as it is.
pub fn bicubic(image: &RgbImage, size: PixelSize) -> RgbImage {
    if image.width() == 0 || image.height() == 0 || size.width == 0 || size.height == 0 {
        return RgbImage::new(size.width, size.height);
    }
    let wide = match image.width() == size.width {
        true => image.clone(),
        false => resize_rows(image, size.width),
    };
    match wide.height() == size.height {
        true => wide,
        false => resize_columns(&wide, size.height),
    }
}

/// The source pixels that one target pixel is made of.
struct Window {
    start: usize,
    /// Fixed-point weights of the pixels from `start` on.
    weights: Vec<i32>,
}

fn windows(source: u32, target: u32) -> Vec<Window> {
    let scale = f64::from(source) / f64::from(target);
    let stretch = scale.max(1.0);
    (0..target).map(|index| window(index, source, scale, stretch)).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "Pillow truncates; bounds are clamped")]
#[expect(clippy::cast_sign_loss, reason = "negative bounds are clamped to zero first")]
fn window(index: u32, source: u32, scale: f64, stretch: f64) -> Window {
    let support = SUPPORT * stretch;
    let center = (f64::from(index) + 0.5) * scale;
    let start = (center - support + 0.5).max(0.0) as usize;
    let end = ((center + support + 0.5) as usize).min(source as usize);
    let raw: Vec<f64> = (start..end)
        .map(|position| catmull_rom((position as f64 - center + 0.5) * (1.0 / stretch)))
        .collect();
    let total: f64 = raw.iter().sum();
    let normalise = |weight: &f64| if total == 0.0 { *weight } else { weight / total };
    Window { start, weights: raw.iter().map(normalise).map(fixed_point).collect() }
}

/// The cubic convolution kernel with a = -0.5 (Keys 1981).
fn catmull_rom(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

#[expect(clippy::cast_possible_truncation, reason = "weights are of the order of one")]
fn fixed_point(weight: f64) -> i32 {
    let scaled = weight * f64::from(1_u32 << PRECISION_BITS);
    // Rounds half away from zero, as the C code does.
    if weight < 0.0 { (scaled - 0.5) as i32 } else { (scaled + 0.5) as i32 }
}

fn to_byte(sum: i32) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255).to_le_bytes()[0]
}

const ROUNDING: i32 = 1 << (PRECISION_BITS - 1);

fn resize_rows(image: &RgbImage, width: u32) -> RgbImage {
    let windows = windows(image.width(), width);
    let source_row = image.width() as usize * CHANNELS;
    let mut bytes = Vec::with_capacity(width as usize * image.height() as usize * CHANNELS);
    for row in image.as_raw().chunks_exact(source_row) {
        for window in &windows {
            let pixels = row[window.start * CHANNELS..].chunks_exact(CHANNELS);
            let mut sums = [ROUNDING; CHANNELS];
            for (pixel, weight) in pixels.zip(&window.weights) {
                for (sum, level) in sums.iter_mut().zip(pixel) {
                    *sum += i32::from(*level) * weight;
                }
            }
            bytes.extend(sums.map(to_byte));
        }
    }
    from_bytes(width, image.height(), bytes)
}

fn resize_columns(image: &RgbImage, height: u32) -> RgbImage {
    let row_length = image.width() as usize * CHANNELS;
    let mut bytes = Vec::with_capacity(row_length * height as usize);
    let mut sums = vec![ROUNDING; row_length];
    for window in windows(image.height(), height) {
        sums.fill(ROUNDING);
        let rows = image.as_raw()[window.start * row_length..].chunks_exact(row_length);
        for (row, weight) in rows.zip(&window.weights) {
            for (sum, level) in sums.iter_mut().zip(row) {
                *sum += i32::from(*level) * weight;
            }
        }
        bytes.extend(sums.iter().copied().map(to_byte));
    }
    from_bytes(image.width(), height, bytes)
}

fn from_bytes(width: u32, height: u32, bytes: Vec<u8>) -> RgbImage {
    // Both passes push exactly `width * height` pixels.
    RgbImage::from_raw(width, height, bytes).unwrap_or_else(|| RgbImage::new(width, height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_size_is_the_same_picture() {
        let image = RgbImage::from_fn(5, 3, |x, y| ::image::Rgb([x as u8, y as u8, 200]));
        assert_eq!(bicubic(&image, PixelSize { width: 5, height: 3 }), image);
    }

    #[test]
    fn a_flat_picture_stays_flat() {
        let image = RgbImage::from_pixel(7, 9, ::image::Rgb([1, 128, 255]));
        let resized = bicubic(&image, PixelSize { width: 64, height: 2 });
        assert!(resized.pixels().all(|pixel| pixel.0 == [1, 128, 255]));
    }
}
