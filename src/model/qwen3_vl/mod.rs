/*!
Qwen3-VL (arXiv 2511.21631): a dynamic-resolution vision tower, patch mergers, deepstack, and the
Qwen3 language model with interleaved M-RoPE.

Dense and with a mixture of experts (`qwen3_vl_moe`). Equal to huggingface/transformers v4.57.3
`models/qwen3_vl/` and `models/qwen3_vl_moe/` on the oracle checkpoints (see `tools/oracle/`). Video is not read: a picture is one frame repeated.
*/

mod config;
mod experts;
mod fields;
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

use super::{
    BlockShape, Capabilities, FeatureShape, ModelError, Notice, Processor, Shape, Support,
    VisionLanguageModel, field_table,
};
use crate::extract::BoxNotation;
use crate::weights::CheckpointFolder;
#[cfg(test)]
pub(super) use fields::SECTIONS;

/// What the family can do.
pub(super) const CAPABILITIES: Capabilities =
    Capabilities { several_images: Support::Supported, boxes: Some(BoxNotation::Qwen3Vl) };

/// What is told of the files' fields.
pub(super) fn survey(folder: &CheckpointFolder) -> Result<Vec<Notice>, ModelError> {
    field_table::survey(folder, fields::SECTIONS)
}

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

/// The sizes that decide about memory. Of a mixture, a token goes through a few experts at a time.
pub(super) fn shape(folder: &CheckpointFolder) -> Result<Shape, ModelError> {
    let Config { vision, text, .. } = Config::load(folder)?;
    let experts = text.experts.as_ref().map(|experts| experts.intermediate * experts.per_token);
    let intermediate = experts.unwrap_or(0).max(text.intermediate);
    Ok(Shape {
        tower: BlockShape {
            hidden: vision.hidden,
            inner: vision.intermediate,
            projected: 3 * vision.hidden,
            heads: vision.heads,
        },
        language: BlockShape {
            hidden: text.hidden,
            inner: 2 * intermediate,
            projected: (text.heads + 2 * text.kv_heads) * text.head_dim,
            heads: text.heads,
        },
        vocabulary: text.vocabulary,
        cached_numbers: 2 * text.layers * text.kv_heads * text.head_dim,
        features: FeatureShape::PerVisualToken(text.hidden * (1 + vision.deepstack.len())),
    })
}
