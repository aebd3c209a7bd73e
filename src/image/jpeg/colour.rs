/*!
From components to RGB: libjpeg's choice of a colour space (`default_decompress_parms` of `jdapimin.c`) and its
fixed-point YCbCr (`jdcolor.c`), then Pillow's way from CMYK (`cmyk2rgb` of `Convert.c`).
*/

use super::JpegError;
use super::frame::Frame;
use super::markers::Hints;
use super::planes::Plane;
use super::upsample::{self, Ratio, Scratch};

/// What the components are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Space {
    Grey,
    YCbCr,
    Rgb,
    Cmyk,
    Ycck,
}

impl Space {
    pub(super) fn of(frame: &Frame, hints: Hints) -> Self {
        let ids: Vec<u8> = frame.components.iter().map(|one| one.id).collect();
        match (ids.as_slice(), hints.adobe) {
            ([_], _) => Self::Grey,
            ([_, _, _], _) if hints.jfif => Self::YCbCr,
            ([_, _, _], Some(0)) => Self::Rgb,
            ([_, _, _], Some(_)) => Self::YCbCr,
            (b"RGB", None) => Self::Rgb,
            ([_, _, _], None) => Self::YCbCr,
            (_, None | Some(0)) => Self::Cmyk,
            _ => Self::Ycck,
        }
    }

    /// Appends a row of pixels.
    fn append(self, rows: &[&[u8]], width: usize, rgb: &mut Vec<u8>) {
        match (self, rows) {
            (Self::Grey, [grey]) => rgb.extend(grey[..width].iter().flat_map(|level| [*level; 3])),
            (Self::YCbCr, [y, cb, cr]) => {
                let start = rgb.len();
                rgb.resize(start + 3 * width, 0);
                let chroma = cb.iter().zip(*cr);
                let pixels = rgb[start..].chunks_exact_mut(3);
                for ((out, y), (cb, cr)) in pixels.zip(*y).zip(chroma) {
                    out.copy_from_slice(&from_ycbcr(*y, *cb, *cr));
                }
            }
            (Self::Rgb, [red, green, blue]) => {
                let pixels = (0..width).flat_map(|x| [red[x], green[x], blue[x]]);
                rgb.extend(pixels);
            }
            (Self::Cmyk, [c, m, y, k]) => {
                rgb.extend((0..width).flat_map(|x| from_cmyk([c[x], m[x], y[x]], k[x])));
            }
            (Self::Ycck, [y, cb, cr, k]) => {
                let inks = |x: usize| from_ycbcr(y[x], cb[x], cr[x]).map(|level| 255 - level);
                rgb.extend((0..width).flat_map(|x| from_cmyk(inks(x), k[x])));
            }
            // A space has as many rows as it has components.
            _ => {}
        }
    }
}

/// All pixels, rows from the top.
pub(super) fn rgb(frame: &Frame, space: Space, planes: &[Plane]) -> Result<Vec<u8>, JpegError> {
    let ratios = frame.components.iter().map(|one| {
        let whole = |most: usize, own: usize| most.is_multiple_of(own).then_some(most / own);
        let across = whole(frame.most_horizontal(), one.horizontal)?;
        Some(Ratio { across, down: whole(frame.most_vertical(), one.vertical)? })
    });
    let kind = "a JPEG whose components are sampled at fractions of each other";
    let unsupported = JpegError::Unsupported { offset: 0, kind };
    let ratios: Vec<Ratio> = ratios.collect::<Option<_>>().ok_or(unsupported)?;
    let (width, height) = (frame.width as usize, frame.height as usize);
    let mut rgb = Vec::with_capacity(3 * width * height);
    let mut scratch: Vec<Scratch> = planes.iter().map(|_| Scratch::default()).collect();
    for y in 0..height {
        let parts = planes.iter().zip(&ratios).zip(&mut scratch);
        let rows: Vec<&[u8]> = parts
            .map(|((plane, ratio), scratch)| upsample::row(plane, *ratio, y, scratch))
            .collect();
        space.append(&rows, width, &mut rgb);
    }
    Ok(rgb)
}

/// `round(x * 2^16)` of 1.402.
const CR_TO_RED: i32 = 91_881;
/// Of 1.772.
const CB_TO_BLUE: i32 = 116_130;
/// Of 0.71414.
const CR_TO_GREEN: i32 = 46_802;
/// Of 0.34414.
const CB_TO_GREEN: i32 = 22_554;
const HALF: i32 = 1 << 15;

#[inline(always)]
#[expect(clippy::cast_sign_loss, reason = "clamped to a byte")]
fn from_ycbcr(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    let (y, cb, cr) = (i32::from(y), i32::from(cb) - 128, i32::from(cr) - 128);
    let red = y + ((CR_TO_RED * cr + HALF) >> 16);
    let green = y + ((-CB_TO_GREEN * cb - CR_TO_GREEN * cr + HALF) >> 16);
    let blue = y + ((CB_TO_BLUE * cb + HALF) >> 16);
    [red, green, blue].map(|level| level.clamp(0, 255) as u8)
}

/// Levels of inks that are stored inverted, as Adobe's programs do; Pillow takes all CMYK for such.
fn from_cmyk(inverted: [u8; 3], inverted_key: u8) -> [u8; 3] {
    let white = u32::from(inverted_key);
    inverted.map(|level| {
        let product = u32::from(255 - level) * white + 128;
        let ink = ((product >> 8) + product) >> 8;
        u8::try_from(white.saturating_sub(ink)).unwrap_or(u8::MAX)
    })
}
