/*!
InstructBLIP (arXiv 2305.06500): BLIP-2 with a Q-Former that reads the prompt too, and Vicuna or
Flan-T5.

Equal to huggingface/transformers v4.57.3 `models/instructblip/` on the oracle checkpoints (see
`tools/oracle/`). The prompt is tokenised twice: for the language model, and in `qformer_tokenizer/`
for the Q-Former, which therefore runs when the prompt is read.
*/

mod network;

use std::sync::Arc;

use candle_core::{DType, Device};

use super::blip2::{
    Blip2Processor, Config, ConnectorTokens, QFormerInput, load_language, shape_of,
};
use super::joined::Joined;
use super::word_pieces;
use super::{FeatureShape, ModelError, Processor, Shape, VisionLanguageModel};
use crate::weights::CheckpointFolder;
use network::InstructBlipVision;

const FAMILY: &str = "InstructBLIP";

/// Loads both halves.
pub(super) fn load(
    folder: &CheckpointFolder,
    device: &Device,
    dtype: DType,
) -> Result<Box<dyn VisionLanguageModel>, ModelError> {
    let config = Config::load(folder, QFormerInput::QueriesAndPrompt)?;
    let processor = Arc::new(processor(folder, &config)?);
    let root = folder.weights()?.reader(device, dtype);
    let vision = InstructBlipVision::load(&config, &root)?;
    let language = load_language(&config, &root)?;
    Ok(Box::new(Joined { processor, vision, language }))
}

/// Loads the half without weights.
pub(super) fn load_processor(folder: &CheckpointFolder) -> Result<Box<dyn Processor>, ModelError> {
    let config = Config::load(folder, QFormerInput::QueriesAndPrompt)?;
    Ok(Box::new(processor(folder, &config)?))
}

/// The sizes that decide about memory: the tower's own features are kept.
pub(super) fn shape(folder: &CheckpointFolder) -> Result<Shape, ModelError> {
    let config = Config::load(folder, QFormerInput::QueriesAndPrompt)?;
    let features = FeatureShape::PerPicture(config.vision.sizes.tokens() * config.vision.hidden);
    Ok(shape_of(&config, features))
}

fn processor(folder: &CheckpointFolder, config: &Config) -> Result<Blip2Processor, ModelError> {
    let tokenizer = word_pieces::load(folder)?;
    let connector =
        config.qformer.text.map(|text| ConnectorTokens { tokenizer, max_tokens: text.max_tokens });
    Blip2Processor::load(folder, config, FAMILY, connector)
}
