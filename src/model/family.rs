/*!
The table of families, keyed by `model_type` of `config.json`, and loading through it.

A new family is one more line of [`FAMILIES`].
*/

use std::path::Path;

use candle_core::{DType, Device};
use serde::Deserialize;

use super::{Capabilities, ModelError, Processor, VisionLanguageModel, llava, qwen3_vl};
use crate::weights::CheckpointFolder;

/// Loads both halves onto a device, cast to a type.
type LoadModel =
    fn(&CheckpointFolder, &Device, DType) -> Result<Box<dyn VisionLanguageModel>, ModelError>;

/// Loads the half without weights.
type LoadProcessor = fn(&CheckpointFolder) -> Result<Box<dyn Processor>, ModelError>;

/// What a family is called and can do, and a loader of each of its halves.
struct Family {
    model_type: &'static str,
    name: &'static str,
    capabilities: Capabilities,
    load: LoadModel,
    load_processor: LoadProcessor,
}

const FAMILIES: &[Family] = &[
    Family {
        model_type: "qwen3_vl",
        name: "Qwen3-VL",
        capabilities: qwen3_vl::CAPABILITIES,
        load: qwen3_vl::load,
        load_processor: qwen3_vl::load_processor,
    },
    Family {
        model_type: "qwen3_vl_moe",
        name: "Qwen3-VL",
        capabilities: qwen3_vl::CAPABILITIES,
        load: qwen3_vl::load,
        load_processor: qwen3_vl::load_processor,
    },
    Family {
        model_type: "llava",
        name: "LLaVA-1.5",
        capabilities: llava::CAPABILITIES,
        load: llava::load,
        load_processor: llava::load_processor,
    },
    // The original code's name of the same.
    Family {
        model_type: "llava_llama",
        name: "LLaVA-1.5",
        capabilities: llava::CAPABILITIES,
        load: llava::load,
        load_processor: llava::load_processor,
    },
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

/// What a checkpoint's configuration tells before anything is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The family's name, such as `BLIP-2`.
    pub family: &'static str,
    /// The `model_type` of the language model inside (`opt`, `t5`, ..), where the file says.
    pub language_model: Option<String>,
    /// What the family can do.
    pub capabilities: Capabilities,
}

/// What the checkpoint in `folder` is. Reads the configuration alone.
pub fn identify(folder: &Path) -> Result<Identity, ModelError> {
    let folder = CheckpointFolder::open(folder)?;
    let Family { name, capabilities, .. } = *family_of(&folder)?;
    let language_model = folder
        .required_json::<LanguageModelName>("config.json", "the configuration")
        .ok()
        .and_then(|config| config.text_config?.model_type);
    Ok(Identity { family: name, language_model, capabilities })
}

/// The name of each family that can be loaded.
pub fn known_family_names() -> impl Iterator<Item = &'static str> {
    FAMILIES.iter().map(|family| family.name)
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

#[derive(Deserialize)]
struct LanguageModelName {
    text_config: Option<TextModelType>,
}

#[derive(Deserialize)]
struct TextModelType {
    model_type: Option<String>,
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
