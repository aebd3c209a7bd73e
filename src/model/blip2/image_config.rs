/*!
`preprocessor_config.json` of BLIP-2 and InstructBLIP: pictures are squashed to a square and
normalised.

Field names and defaults are those of huggingface/transformers v4.57.3
`models/blip/image_processing_blip.py`, the variant that resizes with Pillow; it does what LAVIS
calls `blip_image_eval`.
*/

use serde::Deserialize;

use crate::model::ModelError;
use crate::model::field_table::names_of;
use crate::model::fields::FieldCheck;
use crate::model::picture_settings::PictureSettings;
use crate::model::square_image::{Normalisation, SquareGrid};
use crate::nn::eva_vit::EvaVitConfig;
use crate::weights::CheckpointFolder;

/// Pillow's number for bicubic resampling.
const BICUBIC: u32 = 3;

/// `preprocessor_config.json`, checked.
#[derive(Debug, Clone, Copy)]
pub(super) struct ImageConfig {
    pub(super) grid: SquareGrid,
    pub(super) normalisation: Normalisation,
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
    size: RawSize,
    rescale_factor: f64,
    image_mean: [f32; 3],
    image_std: [f32; 3],
}

/// Old files give one number for both sides.
#[derive(Deserialize, Clone, Copy)]
#[serde(untagged)]
enum RawSize {
    Side(u32),
    Sides { height: u32, width: u32 },
}

impl Default for RawImageConfig {
    fn default() -> Self {
        let Normalisation { rescale, mean, std } = Normalisation::CLIP;
        Self {
            do_resize: true,
            do_rescale: true,
            do_normalize: true,
            resample: BICUBIC,
            size: RawSize::Side(384),
            rescale_factor: rescale,
            image_mean: mean,
            image_std: std,
        }
    }
}

impl ImageConfig {
    /// Reads and checks `preprocessor_config.json`; its square must be the tower's.
    pub(super) fn load(
        folder: &CheckpointFolder,
        vision: &EvaVitConfig,
    ) -> Result<Self, ModelError> {
        let settings = PictureSettings::find(folder)?;
        let (raw, check): (RawImageConfig, _) = (settings.read()?, settings.check());
        check_steps(&raw, &check)?;
        let (height, width) = match raw.size {
            RawSize::Side(side) => (side, side),
            RawSize::Sides { height, width } => (height, width),
        };
        let side = vision.sizes.image_side;
        check.that([height, width].iter().all(|found| *found as usize == side), || {
            let expected = format!("{side}x{side}, vision_config.image_size of config.json");
            ("size", format!("{height}x{width}"), expected)
        })?;
        let normalisation =
            Normalisation { rescale: raw.rescale_factor, mean: raw.image_mean, std: raw.image_std };
        normalisation.check(&check)?;
        // Both are at most 4096.
        let patch = u32::try_from(vision.sizes.patch_side).unwrap_or(height);
        Ok(Self { grid: SquareGrid { side: height, patch }, normalisation })
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
