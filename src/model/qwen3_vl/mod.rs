/*!
Qwen3-VL (arXiv 2511.21631): a dynamic-resolution vision tower, patch mergers, deepstack, and the
Qwen3 language model with interleaved M-RoPE.

Dense and with a mixture of experts (`qwen3_vl_moe`). Equal to huggingface/transformers v4.57.3
`models/qwen3_vl/` and `models/qwen3_vl_moe/` on the oracle checkpoints (see `tools/oracle/`). Video is not read: a picture is one frame repeated.
*/

mod config;
mod experts;
mod image_config;
mod network;
mod patches;
mod positions;
mod processor;
mod text;
mod vision;

pub use config::{Config, ExpertsConfig, TextConfig, VisionConfig};
pub use image_config::ImageConfig;
pub use network::Qwen3Vl;
pub use patches::smart_resize;
pub use processor::Qwen3VlProcessor;

use candle_core::{DType, Device};

use super::{Capabilities, ModelError, Processor, Support, VisionLanguageModel};
use crate::extract::BoxNotation;
use crate::weights::CheckpointFolder;

/// What the family can do.
pub(super) const CAPABILITIES: Capabilities =
    Capabilities { several_images: Support::Supported, boxes: Some(BoxNotation::Qwen3Vl) };

/// Loads both halves.
pub(super) fn load(
    folder: &CheckpointFolder,
    device: &Device,
    dtype: DType,
) -> Result<Box<dyn VisionLanguageModel>, ModelError> {
    Ok(Box::new(Qwen3Vl::load(folder, device, dtype)?))
}

/// Loads the half without weights.
pub(super) fn load_processor(folder: &CheckpointFolder) -> Result<Box<dyn Processor>, ModelError> {
    let config = Config::load(folder)?;
    Ok(Box::new(Qwen3VlProcessor::load(folder, &config)?))
}
