/*!
The table of families, keyed by `model_type` of `config.json`, and loading through it.

A new family is one more line of [`FAMILIES`].
*/

use std::path::{Path, PathBuf};

use candle_core::{DType, Device};
use serde::Deserialize;

use super::footprint::Shape;
use super::{
    Capabilities, ModelError, Notice, Processor, VisionLanguageModel, blip2, instruct_blip, llava,
    minigpt_v2, qwen3_vl,
};
use crate::weights::CheckpointFolder;

/// Loads both halves onto a device, cast to a type.
type LoadModel =
    fn(&CheckpointFolder, &Device, DType) -> Result<Box<dyn VisionLanguageModel>, ModelError>;

/// Loads the half without weights.
type LoadProcessor = fn(&CheckpointFolder) -> Result<Box<dyn Processor>, ModelError>;

/// The type that the checkpoint was saved in.
type StoredType = fn(&CheckpointFolder) -> Result<DType, ModelError>;

/// The files that hold its weights.
type WeightFiles = fn(&CheckpointFolder) -> Result<Vec<PathBuf>, ModelError>;

/// What is told of its files' fields.
type Survey = fn(&CheckpointFolder) -> Result<Vec<Notice>, ModelError>;

/// The sizes that decide about memory.
type ReadShape = fn(&CheckpointFolder) -> Result<Shape, ModelError>;

/// What a family is called and can do, and a loader of each of its halves.
pub(super) struct Family {
    model_type: &'static str,
    name: &'static str,
    capabilities: Capabilities,
    stored_dtype: StoredType,
    weight_files: WeightFiles,
    survey: Survey,
    load: LoadModel,
    load_processor: LoadProcessor,
    pub(super) shape: ReadShape,
}

const FAMILIES: &[Family] = &[
    Family {
        model_type: "blip-2",
        name: "BLIP-2",
        capabilities: blip2::CAPABILITIES,
        stored_dtype,
        weight_files,
        survey: blip2::survey,
        load: blip2::load,
        load_processor: blip2::load_processor,
        shape: blip2::shape,
    },
    Family {
        model_type: "instructblip",
        name: "InstructBLIP",
        capabilities: blip2::CAPABILITIES,
        stored_dtype,
        weight_files,
        survey: blip2::survey,
        load: instruct_blip::load,
        load_processor: instruct_blip::load_processor,
        shape: instruct_blip::shape,
    },
    Family {
        model_type: "qwen3_vl",
        name: "Qwen3-VL",
        capabilities: qwen3_vl::CAPABILITIES,
        stored_dtype,
        weight_files,
        survey: qwen3_vl::survey,
        load: qwen3_vl::load,
        load_processor: qwen3_vl::load_processor,
        shape: qwen3_vl::shape,
    },
    Family {
        model_type: "qwen3_vl_moe",
        name: "Qwen3-VL",
        capabilities: qwen3_vl::CAPABILITIES,
        stored_dtype,
        weight_files,
        survey: qwen3_vl::survey,
        load: qwen3_vl::load,
        load_processor: qwen3_vl::load_processor,
        shape: qwen3_vl::shape,
    },
    Family {
        model_type: "llava",
        name: "LLaVA-1.5",
        capabilities: llava::CAPABILITIES,
        stored_dtype,
        weight_files,
        survey: llava::survey,
        load: llava::load,
        load_processor: llava::load_processor,
        shape: llava::shape,
    },
    // The original code's name of the same.
    Family {
        model_type: "llava_llama",
        name: "LLaVA-1.5",
        capabilities: llava::CAPABILITIES,
        stored_dtype,
        weight_files,
        survey: llava::survey,
        load: llava::load,
        load_processor: llava::load_processor,
        shape: llava::shape,
    },
    Family {
        model_type: "minigpt_v2",
        name: "MiniGPT-v2",
        capabilities: minigpt_v2::CAPABILITIES,
        stored_dtype: minigpt_v2::stored_dtype,
        weight_files: minigpt_v2::weight_files,
        survey: minigpt_v2::survey,
        load: minigpt_v2::load,
        load_processor: minigpt_v2::load_processor,
        shape: minigpt_v2::shape,
    },
];

impl Family {
    /// Refuses fields with values that are not implemented.
    fn check_fields(&self, folder: &CheckpointFolder) -> Result<Vec<Notice>, ModelError> {
        let adapter = folder.optional(ADAPTER).filter(|_| self.name != "MiniGPT-v2");
        match adapter {
            Some(path) => Err(ModelError::Adapter { path }),
            None => (self.survey)(folder),
        }
    }
}

/// What peft calls the description of a low-rank change, which transformers applies by itself.
const ADAPTER: &str = "adapter_config.json";

/// What is worth telling of the configuration of the checkpoint in `folder`: fields that are left to
/// cases, and fields that are not known.
///
/// # Errors
/// A field has a value that is not implemented, or a file cannot be read.
pub fn notices(folder: &Path) -> Result<Vec<Notice>, ModelError> {
    let folder = CheckpointFolder::open(folder)?;
    family_of(&folder)?.check_fields(&folder)
}

/// Loads the checkpoint in `folder` onto `device`. Without a `dtype`: f32 on a CPU, elsewhere the
/// type the checkpoint was saved in.
pub fn load(
    folder: &Path,
    device: &Device,
    dtype: Option<DType>,
) -> Result<Box<dyn VisionLanguageModel>, ModelError> {
    let folder = CheckpointFolder::open(folder)?;
    let family = family_of(&folder)?;
    family.check_fields(&folder)?;
    let dtype = match dtype {
        Some(dtype) => dtype,
        None if device.is_cpu() => DType::F32,
        None => (family.stored_dtype)(&folder)?,
    };
    (family.load)(&folder, device, dtype)
}

/// That of weights that lie in the folder itself.
fn stored_dtype(folder: &CheckpointFolder) -> Result<DType, ModelError> {
    Ok(folder.weights()?.stored_dtype())
}

/// Those in the folder itself.
fn weight_files(folder: &CheckpointFolder) -> Result<Vec<PathBuf>, ModelError> {
    Ok(folder.weight_files()?)
}

/// The files that hold the weights of the checkpoint in `folder`, wherever they are.
///
/// # Errors
/// One of them is missing, or the family is not known.
pub fn find_weight_files(folder: &Path) -> Result<Vec<PathBuf>, ModelError> {
    let folder = CheckpointFolder::open(folder)?;
    (family_of(&folder)?.weight_files)(&folder)
}

/// Loads the half of the checkpoint in `folder` that needs no weights.
pub fn load_processor(folder: &Path) -> Result<Box<dyn Processor>, ModelError> {
    let folder = CheckpointFolder::open(folder)?;
    let family = family_of(&folder)?;
    family.check_fields(&folder)?;
    (family.load_processor)(&folder)
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

/// A family that can be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownFamily {
    /// What it is called.
    pub name: &'static str,
    /// The values of `model_type` that it is found by.
    pub model_types: Vec<&'static str>,
    /// What it can do.
    pub capabilities: Capabilities,
}

/// The families of the table, each once, by name.
pub fn families() -> Vec<KnownFamily> {
    let mut known: Vec<KnownFamily> = Vec::new();
    for Family { model_type, name, capabilities, .. } in FAMILIES {
        match known.iter_mut().find(|family| family.name == *name) {
            Some(family) => family.model_types.push(model_type),
            None => known.push(KnownFamily {
                name,
                model_types: vec![model_type],
                capabilities: *capabilities,
            }),
        }
    }
    known.sort_by_key(|family| family.name);
    known
}

/// The family of this name.
pub fn family_named(name: &str) -> Option<KnownFamily> {
    families().into_iter().find(|family| family.name == name)
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

pub(super) fn family_of(folder: &CheckpointFolder) -> Result<&'static Family, ModelError> {
    let FamilyName { model_type } = folder.required_json("config.json", "the configuration")?;
    let family = FAMILIES.iter().find(|family| family.model_type == model_type);
    family.ok_or_else(|| ModelError::UnknownFamily {
        path: folder.path().join("config.json"),
        found: model_type,
        known: known_families().collect::<Vec<_>>().join(", "),
    })
}
