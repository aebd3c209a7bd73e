/*!
The language model: the Qwen3 decoder with interleaved M-RoPE and deepstack.

Follows huggingface/transformers v4.57.3 `models/qwen3_vl/modeling_qwen3_vl.py`,
`Qwen3VLTextModel`.
*/

use candle_core::{Result as TensorResult, Tensor};

use super::TextConfig;
use super::experts::Experts;
use crate::nn::fused::{Fused, HeadCounts};
use crate::nn::{Bias, Decoder, DecoderConfig, FeedForward, GatedFeedForward, HeadNormKind, Rows};
use crate::weights::{TensorReader, WeightsError};

/// Reads `model.language_model.*` and the head from under `root`.
pub(super) fn load(
    config: &TextConfig,
    root: &TensorReader,
) -> Result<Decoder<Qwen3FeedForward>, WeightsError> {
    let body = root.under("model.language_model");
    let feed_forward = |layer, reader: &TensorReader| Qwen3FeedForward::load(config, layer, reader);
    Decoder::load(&decoder_config(config), &body, &root.under("lm_head"), feed_forward)
}

fn decoder_config(config: &TextConfig) -> DecoderConfig {
    let TextConfig { heads, kv_heads, head_dim, .. } = *config;
    DecoderConfig {
        vocabulary: config.vocabulary,
        hidden: config.hidden,
        layers: config.layers,
        heads: HeadCounts { heads, kv_heads, head_dim },
        rms_eps: config.rms_eps,
        attention_bias: config.attention_bias,
        head_norms: HeadNormKind::RootMeanSquare,
        head: config.head,
        rotary_scale: config.rope.attention_factor(),
    }
}

/// What a layer does after attention.
#[derive(Debug)]
pub(super) enum Qwen3FeedForward {
    Dense(GatedFeedForward),
    Mixed(Experts),
}

impl Qwen3FeedForward {
    fn load(
        config: &TextConfig,
        layer: usize,
        reader: &TensorReader,
    ) -> Result<Self, WeightsError> {
        let TextConfig { hidden, intermediate, activation, .. } = *config;
        Ok(match config.experts_of(layer) {
            Some(experts) => Self::Mixed(Experts::load(config, experts, reader)?),
            None => Self::Dense(GatedFeedForward::load(
                hidden,
                intermediate,
                Bias::Without,
                activation,
                reader,
            )?),
        })
    }
}

impl FeedForward for Qwen3FeedForward {
    fn forward_added(&self, normed: &Tensor, hidden: &Tensor) -> TensorResult<Tensor> {
        match self {
            Self::Dense(dense) => dense.forward_added(normed, hidden),
            Self::Mixed(experts) => experts.forward(normed)? + hidden,
        }
    }

    fn forward_fused(&self, fused: &Fused, normed: Rows<'_>) -> TensorResult<Tensor> {
        match self {
            Self::Dense(dense) => dense.forward_fused(fused, normed),
            Self::Mixed(experts) => experts.forward(normed.tensor()),
        }
    }
}
