/*!
LLaVA-1.5 (Liu et al. 2023, arXiv 2310.03744): CLIP's tower without its last layer, two linear maps,
and Vicuna.

Two published layouts are read as they are. `llava-hf/llava-1.5-*-hf` has all in one folder, under
the names of transformers before or since 4.52. `liuhaotian/llava-v1.5-*` has the language model and
the linear maps; the tower's own checkpoint (`mm_vision_tower`, openai/clip-vit-large-patch14-336)
lies in a folder beside it. Answers equal huggingface/transformers v4.57.3 `models/llava/`, pictures
and prompts those of haotian-liu/LLaVA `llava/` (see `tools/oracle/`).

Differences between the two references are decided for what published numbers were made with:

* Pictures are padded to a square, not cropped. transformers crops with the hub's
  `preprocessor_config.json`; `"do_pad": false` in that file asks for the same here.
* The prompt has the system sentence, which the hub's chat template leaves out; `system: ""` in a
  case asks for none.
* Earlier answers end with `</s>`, as in training; the hub's template has a space there.
*/

mod config;
mod fields;
mod image_config;
mod network;
mod processor;
mod prompt;

pub use config::{Config, FeatureTokens, Layout, Squaring};
pub use image_config::ImageConfig;
pub use processor::LlavaProcessor;

use std::sync::Arc;

use candle_core::{DType, Device};

use super::joined::Joined;
use super::language_shape::LanguageShape;
use super::{
    BlockShape, Capabilities, FeatureShape, ModelError, Notice, Processor, Shape, Support,
    VisionLanguageModel, field_table,
};
use crate::extract::BoxNotation;
use crate::weights::CheckpointFolder;
#[cfg(test)]
pub(super) use fields::{HUB_SECTIONS, ORIGINAL_SECTIONS, TOWER_SECTIONS};

/// What the family can do.
pub(super) const CAPABILITIES: Capabilities =
    Capabilities { several_images: Support::Unsupported, boxes: Some(BoxNotation::Llava) };

/// What is told of the files' fields, in the original layout the tower's too.
pub(super) fn survey(folder: &CheckpointFolder) -> Result<Vec<Notice>, ModelError> {
    if !config::is_original(folder)? {
        return field_table::survey(folder, fields::HUB_SECTIONS);
    }
    let mut notices = field_table::survey(folder, fields::ORIGINAL_SECTIONS)?;
    if let Layout::Original { tower, .. } = Config::load(folder)?.layout {
        notices.extend(field_table::survey(&tower, fields::TOWER_SECTIONS)?);
    }
    Ok(notices)
}

/// Loads both halves.
pub(super) fn load(
    folder: &CheckpointFolder,
    device: &Device,
    dtype: DType,
) -> Result<Box<dyn VisionLanguageModel>, ModelError> {
    let config = Config::load(folder)?;
    let processor = Arc::new(LlavaProcessor::load(folder, &config)?);
    let (vision, language) = network::load(folder, &config, device, dtype)?;
    Ok(Box::new(Joined { processor, vision, language }))
}

/// Loads the half without weights.
pub(super) fn load_processor(folder: &CheckpointFolder) -> Result<Box<dyn Processor>, ModelError> {
    let config = Config::load(folder)?;
    Ok(Box::new(LlavaProcessor::load(folder, &config)?))
}

/// The sizes that decide about memory.
pub(super) fn shape(folder: &CheckpointFolder) -> Result<Shape, ModelError> {
    let Config { clip, text, .. } = Config::load(folder)?;
    let language = LanguageShape::of_llama(&text);
    Ok(Shape {
        tower: BlockShape {
            hidden: clip.hidden,
            inner: clip.intermediate,
            projected: 3 * clip.hidden,
            heads: clip.heads,
        },
        language: language.blocks,
        vocabulary: language.vocabulary,
        cached_numbers: language.cached_numbers,
        features: FeatureShape::PerVisualToken(text.hidden),
    })
}
