/*!
The table of families, keyed by `model_type` of `config.json`, and loading through it.

A new family is one more line of [`FAMILIES`].
*/

use std::path::Path;

use candle_core::{DType, Device};
use serde::Deserialize;

use super::{ModelError, Processor, VisionLanguageModel, llava, qwen3_vl};
use crate::weights::CheckpointFolder;

/// Loads both halves onto a device, cast to a type.
type LoadModel =
    fn(&CheckpointFolder, &Device, DType) -> Result<Box<dyn VisionLanguageModel>, ModelError>;

/// Loads the half without weights.
type LoadProcessor = fn(&CheckpointFolder) -> Result<Box<dyn Processor>, ModelError>;

/// A loader of each half of a family.
struct Family {
    model_type: &'static str,
    load: LoadModel,
    load_processor: LoadProcessor,
}

const FAMILIES: &[Family] = &[
    Family {
        model_type: "qwen3_vl",
        load: qwen3_vl::load,
        load_processor: qwen3_vl::load_processor,
    },
    Family { model_type: "llava", load: llava::load, load_processor: llava::load_processor },
    // The original code's name of the same.
    Family { model_type: "llava_llama", load: llava::load, load_processor: llava::load_processor },
];

/// Loads the checkpoint in `folder` onto `device`. Without a `dtype`: f32 on a CPU, elsewhere the
/// type the checkpoint was saved in.
pub fn load(
    folder: &Path,
    device: &Device,
    dtype: Option<DType>,
) -> Result<Box<dyn VisionLanguageModel>, ModelError> {
    let folder = CheckpointFolder::open(folder)?;
    let family = family_of(&folder)?;
    let dtype = match dtype {
        Some(dtype) => dtype,
        None if device.is_cpu() => DType::F32,
        None => folder.weights()?.stored_dtype(),
    };
    (family.load)(&folder, device, dtype)
}

/// Loads the half of the checkpoint in `folder` that needs no weights.
pub fn load_processor(folder: &Path) -> Result<Box<dyn Processor>, ModelError> {
    let folder = CheckpointFolder::open(folder)?;
    (family_of(&folder)?.load_processor)(&folder)
}

/// The `model_type` of each family that can be loaded.
pub fn known_families() -> impl Iterator<Item = &'static str> {
    FAMILIES.iter().map(|family| family.model_type)
}

#[derive(Deserialize)]
struct FamilyName {
    #[serde(default)]
    model_type: String,
}

fn family_of(folder: &CheckpointFolder) -> Result<&'static Family, ModelError> {
    let FamilyName { model_type } = folder.required_json("config.json", "the configuration")?;
    let family = FAMILIES.iter().find(|family| family.model_type == model_type);
    family.ok_or_else(|| ModelError::UnknownFamily {
        path: folder.path().join("config.json"),
        found: model_type,
        known: known_families().collect::<Vec<_>>().join(", "),
    })
}
