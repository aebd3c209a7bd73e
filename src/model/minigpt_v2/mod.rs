/*!
MiniGPT-v2 (arXiv 2310.09478): EVA-CLIP's ViT at 448 pixels, four neighbouring patches of a row joined
to a token, one linear map, and Llama-2-chat with low-rank changes of its attention (LoRA).

It is published in three parts, which are read as they are. A folder with this `config.json` says
where they lie (paths from the folder, or absolute); names are those of Vision-CAIR/MiniGPT-4
`eval_configs/minigptv2_benchmark_evaluation.yaml`:

```json
{
  "model_type": "minigpt_v2",
  "llama_model": "Llama-2-7b-chat-hf",
  "vit_model": "eva_vit_g.pth",
  "ckpt": "minigptv2_checkpoint.pth"
}
```

Answers equal the reference's code (`minigpt4/models/minigpt_v2.py`, commit d94738a) on the oracle
checkpoint, in f32; see `tools/oracle/`. The prompt is that of the reference's evaluation, which
begins with two BOS tokens; `"prompt_bos": 1` asks for one, as in training.
*/

mod config;
mod fields;
mod lora;
mod network;
mod processor;
mod prompt;

pub use config::{Config, PromptBos};
pub use processor::MiniGptV2Processor;

use std::path::PathBuf;
use std::sync::Arc;

use candle_core::{DType, Device};

use super::joined::Joined;
use super::language_shape::{LanguageShape, eva_blocks};
use super::{
    Capabilities, FeatureShape, ModelError, Notice, Processor, Shape, Support, VisionLanguageModel,
    field_table,
};
use crate::extract::BoxNotation;
use crate::weights::CheckpointFolder;
#[cfg(test)]
pub(super) use fields::{LLAMA_SECTIONS, SECTIONS};

/// What the family can do. It takes several pictures in one prompt, but was trained with one.
pub(super) const CAPABILITIES: Capabilities =
    Capabilities { several_images: Support::Unsupported, boxes: Some(BoxNotation::MiniGptV2) };

/// What is told of the files' fields, those of the Llama too.
pub(super) fn survey(folder: &CheckpointFolder) -> Result<Vec<Notice>, ModelError> {
    let mut notices = field_table::survey(folder, fields::SECTIONS)?;
    notices.extend(field_table::survey(&Config::load(folder)?.llama, fields::LLAMA_SECTIONS)?);
    Ok(notices)
}

/// Loads both halves.
pub(super) fn load(
    folder: &CheckpointFolder,
    device: &Device,
    dtype: DType,
) -> Result<Box<dyn VisionLanguageModel>, ModelError> {
    let config = Config::load(folder)?;
    let processor = Arc::new(MiniGptV2Processor::load(&config)?);
    let (vision, language) = network::load(&config, device, dtype)?;
    Ok(Box::new(Joined { processor, vision, language }))
}

/// Loads the half without weights.
pub(super) fn load_processor(folder: &CheckpointFolder) -> Result<Box<dyn Processor>, ModelError> {
    Ok(Box::new(MiniGptV2Processor::load(&Config::load(folder)?)?))
}

/// The type that the largest part, the language model, was saved in.
pub(super) fn stored_dtype(folder: &CheckpointFolder) -> Result<DType, ModelError> {
    Ok(Config::load(folder)?.llama.weights()?.stored_dtype())
}

/// The files of all three parts.
pub(super) fn weight_files(folder: &CheckpointFolder) -> Result<Vec<PathBuf>, ModelError> {
    let Config { llama, vit_file, trained_file, .. } = Config::load(folder)?;
    let mut files = llama.weight_files()?;
    files.extend([vit_file, trained_file]);
    Ok(files)
}

/// The sizes that decide about memory.
pub(super) fn shape(folder: &CheckpointFolder) -> Result<Shape, ModelError> {
    let Config { vit, text, .. } = Config::load(folder)?;
    let language = LanguageShape::of_llama(&text);
    Ok(Shape {
        tower: eva_blocks(&vit),
        language: language.blocks,
        vocabulary: language.vocabulary,
        cached_numbers: language.cached_numbers,
        features: FeatureShape::PerVisualToken(text.hidden),
    })
}
