/*!
BLIP-2 (arXiv 2301.12597): EVA-CLIP's ViT, a Q-Former that looks at its features with 32 queries, and
OPT or Flan-T5, which reads what they found before the prompt.

Equal to huggingface/transformers v4.57.3 `models/blip_2/` on the oracle checkpoints (see
`tools/oracle/`). One picture, no boxes, no chat template: the text of the only turn is the prompt.
Answers come without the white space around them. InstructBLIP shares the configuration, the
processor and the parts.
*/

mod answer;
mod config;
mod fields;
mod image_config;
mod language_tokens;
mod network;
mod processor;
mod prompt;
mod text_config;

pub use config::{Config, QFormerInput};
pub(super) use network::{Connector, load_language, load_tower};
pub use processor::Blip2Processor;
pub(super) use processor::ConnectorTokens;
pub use text_config::LanguageConfig;

use std::sync::Arc;

use candle_core::{DType, Device};

use super::joined::Joined;
use super::language_shape::eva_blocks;
use super::{
    Capabilities, FeatureShape, ModelError, Notice, Processor, Shape, Support, VisionLanguageModel,
    field_table,
};
use crate::weights::CheckpointFolder;
#[cfg(test)]
pub(super) use fields::SECTIONS;
use network::Blip2Vision;

const FAMILY: &str = "BLIP-2";

/// What BLIP-2 and InstructBLIP can do: neither saw several pictures or boxes in training.
pub(super) const CAPABILITIES: Capabilities =
    Capabilities { several_images: Support::Unsupported, boxes: None };

/// What is told of the files' fields, of InstructBLIP's too.
pub(super) fn survey(folder: &CheckpointFolder) -> Result<Vec<Notice>, ModelError> {
    field_table::survey(folder, fields::SECTIONS)
}

/// Loads both halves.
pub(super) fn load(
    folder: &CheckpointFolder,
    device: &Device,
    dtype: DType,
) -> Result<Box<dyn VisionLanguageModel>, ModelError> {
    let config = Config::load(folder, QFormerInput::Queries)?;
    let processor = Arc::new(Blip2Processor::load(folder, &config, FAMILY, None)?);
    let root = folder.weights()?.reader(device, dtype);
    let vision = Blip2Vision::load(&config, &root)?;
    let language = load_language(&config, &root)?;
    Ok(Box::new(Joined { processor, vision, language }))
}

/// Loads the half without weights.
pub(super) fn load_processor(folder: &CheckpointFolder) -> Result<Box<dyn Processor>, ModelError> {
    let config = Config::load(folder, QFormerInput::Queries)?;
    Ok(Box::new(Blip2Processor::load(folder, &config, FAMILY, None)?))
}

/// The sizes that decide about memory.
pub(super) fn shape(folder: &CheckpointFolder) -> Result<Shape, ModelError> {
    let config = Config::load(folder, QFormerInput::Queries)?;
    Ok(shape_of(&config, FeatureShape::PerVisualToken(config.language.hidden())))
}

/// Those of BLIP-2 and InstructBLIP, which keep different features.
pub(super) fn shape_of(config: &Config, features: FeatureShape) -> Shape {
    let language = config.language.shape();
    Shape {
        tower: eva_blocks(&config.vision),
        language: language.blocks,
        vocabulary: language.vocabulary,
        cached_numbers: language.cached_numbers,
        features,
    }
}
