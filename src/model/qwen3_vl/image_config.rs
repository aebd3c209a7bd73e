/*!
`preprocessor_config.json` of Qwen3-VL: how pictures are resized, normalised and cut.

Field names and defaults are those of huggingface/transformers v4.57.3
`models/qwen2_vl/image_processing_qwen2_vl.py`.
*/

use serde::Deserialize;

use super::VisionConfig;
use crate::model::ModelError;
use crate::model::field_table::names_of;
use crate::model::fields::FieldCheck;
use crate::model::picture_settings::PictureSettings;
use crate::weights::CheckpointFolder;

/// Pillow's number for bicubic resampling.
const BICUBIC: u32 = 3;

/// `preprocessor_config.json`, checked.
#[derive(Debug, Clone)]
pub struct ImageConfig {
    /// Fewest pixels after resizing.
    pub min_pixels: u64,
    /// Most pixels after resizing.
    pub max_pixels: u64,
    /// Edge of a patch in pixels.
    pub patch: usize,
    /// Frames per patch; a still picture is repeated.
    pub temporal: usize,
    /// Patches per merged token along one side.
    pub merge: usize,
    /// Factor from a level 0..255 to 0..1.
    pub rescale: f64,
    /// Subtracted per channel after rescaling.
    pub mean: [f32; 3],
    /// Divides per channel after subtracting.
    pub std: [f32; 3],
}

/// The fields that are read.
pub(super) const READ: &[fn() -> &'static [&'static str]] = &[names_of::<RawImageConfig>];

#[derive(Deserialize)]
#[serde(default)]
struct RawImageConfig {
    do_resize: bool,
    do_rescale: bool,
    do_normalize: bool,
    resample: u32,
    size: Option<RawPixels>,
    min_pixels: Option<u64>,
    max_pixels: Option<u64>,
    patch_size: usize,
    temporal_patch_size: usize,
    merge_size: usize,
    rescale_factor: f64,
    image_mean: [f32; 3],
    image_std: [f32; 3],
}

/// Pixel counts, in spite of their names.
#[derive(Deserialize)]
struct RawPixels {
    shortest_edge: u64,
    longest_edge: u64,
}

impl Default for RawImageConfig {
    fn default() -> Self {
        Self {
            do_resize: true,
            do_rescale: true,
            do_normalize: true,
            resample: BICUBIC,
            size: None,
            min_pixels: None,
            max_pixels: None,
            patch_size: 16,
            temporal_patch_size: 2,
            merge_size: 2,
            rescale_factor: 1.0 / 255.0,
            image_mean: [0.5; 3],
            image_std: [0.5; 3],
        }
    }
}

impl ImageConfig {
    /// Reads and checks `preprocessor_config.json`; its patches must be those of the network.
    pub fn load(folder: &CheckpointFolder, vision: &VisionConfig) -> Result<Self, ModelError> {
        let settings = PictureSettings::find(folder)?;
        let (raw, check): (RawImageConfig, _) = (settings.read()?, settings.check());
        check_steps(&raw, &check)?;
        check_patches(&raw, vision, &check)?;
        check.that(raw.image_std.iter().all(|std| std.is_finite() && *std != 0.0), || {
            ("image_std", format!("{:?}", raw.image_std), "numbers other than 0".to_owned())
        })?;
        let (min_pixels, max_pixels) = pixel_limits(&raw, &check)?;
        Ok(Self {
            min_pixels,
            max_pixels,
            patch: raw.patch_size,
            temporal: raw.temporal_patch_size,
            merge: raw.merge_size,
            rescale: raw.rescale_factor,
            mean: raw.image_mean,
            std: raw.image_std,
        })
    }
}

/// No step of the preprocessing may be switched off, and the resampling must be bicubic.
fn check_steps(raw: &RawImageConfig, check: &FieldCheck) -> Result<(), ModelError> {
    for (field, step) in [
        ("do_resize", raw.do_resize),
        ("do_rescale", raw.do_rescale),
        ("do_normalize", raw.do_normalize),
    ] {
        check.that(step, || (field, "false".to_owned(), "true".to_owned()))?;
    }
    check.that(raw.resample == BICUBIC, || {
        ("resample", raw.resample.to_string(), format!("{BICUBIC} (bicubic)"))
    })
}

fn check_patches(
    raw: &RawImageConfig,
    vision: &VisionConfig,
    check: &FieldCheck,
) -> Result<(), ModelError> {
    let patches = [raw.temporal_patch_size, raw.patch_size, raw.merge_size];
    let network = [vision.patch_weight[2], vision.patch_weight[3], vision.merge];
    check.that(patches == network, || {
        let expected = format!("{network:?} as in config.json");
        ("temporal_patch_size, patch_size, merge_size", format!("{patches:?}"), expected)
    })
}

fn pixel_limits(raw: &RawImageConfig, check: &FieldCheck) -> Result<(u64, u64), ModelError> {
    let size = raw.size.as_ref();
    let min_pixels = raw.min_pixels.or(size.map(|size| size.shortest_edge)).unwrap_or(1 << 16);
    let max_pixels = raw.max_pixels.or(size.map(|size| size.longest_edge)).unwrap_or(1 << 24);
    check.that(min_pixels <= max_pixels && max_pixels <= 1 << 32, || {
        let found = format!("{min_pixels} and {max_pixels} pixels");
        ("size", found, format!("least and most pixels, at most {}", 1_u64 << 32))
    })?;
    Ok((min_pixels, max_pixels))
}
