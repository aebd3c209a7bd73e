/*!
The Llama decoder (Touvron et al. 2023, arXiv 2302.13971) with grouped key/value heads: the language
model of LLaVA-1.5, InstructBLIP (Vicuna) and MiniGPT-v2.

Follows huggingface/transformers v4.57.3 `models/llama/modeling_llama.py`.
*/

use candle_core::{DType, Device, Result as TensorResult, Tensor};

use super::decoder::{
    AttentionMap, Decoder, DecoderConfig, GatedFeedForward, HeadNormKind, HeadWeights,
};
use super::fused::HeadCounts;
use super::{
    Activation, Bias, CacheError, KeyValueCache, LanguageModel, Rope, clear_for, join_prompts,
};
use crate::weights::{TensorReader, WeightsError};

/// The sizes of a Llama. All are at least 1.
#[derive(Debug, Clone, Copy)]
pub struct LlamaConfig {
    /// Size of the vocabulary.
    pub vocabulary: usize,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Width inside the feed-forward part.
    pub intermediate: usize,
    /// Layers.
    pub layers: usize,
    /// Query heads, a multiple of `kv_heads`.
    pub heads: usize,
    /// Key/value heads.
    pub kv_heads: usize,
    /// Numbers per head, even.
    pub head_dim: usize,
    /// Added to the variance in norms.
    pub rms_eps: f64,
    /// The rotary frequencies.
    pub rope: Rope,
    /// Longest sequence.
    pub max_positions: usize,
    /// Whether the projections of the attention add a constant.
    pub attention_bias: Bias,
    /// Whether the feed-forward part adds constants.
    pub mlp_bias: Bias,
    /// Where the output head comes from.
    pub head: HeadWeights,
    /// Activation of the feed-forward part.
    pub activation: Activation,
}

impl LlamaConfig {
    fn decoder(&self) -> DecoderConfig {
        let Self { heads, kv_heads, head_dim, .. } = *self;
        DecoderConfig {
            vocabulary: self.vocabulary,
            hidden: self.hidden,
            layers: self.layers,
            heads: HeadCounts { heads, kv_heads, head_dim },
            rms_eps: self.rms_eps,
            attention_bias: self.attention_bias,
            head_norms: HeadNormKind::None,
            head: self.head,
            rotary_scale: self.rope.attention_factor(),
        }
    }
}

/// The decoder with its weights and its cache.
#[derive(Debug)]
pub struct Llama {
    config: LlamaConfig,
    decoder: Decoder<GatedFeedForward>,
    frequencies: Vec<f32>,
    cache: KeyValueCache,
}

impl Llama {
    /// Reads `embed_tokens`, `layers` and `norm` from `body` (`model` in a Llama's own checkpoint)
    /// and, unless it is tied, the output head's `weight` from `head` (`lm_head` there).
    /// The cache is empty.
    pub fn load(
        config: LlamaConfig,
        body: &TensorReader,
        head: &TensorReader,
    ) -> Result<Self, WeightsError> {
        let LlamaConfig { hidden, intermediate, mlp_bias, activation, .. } = config;
        let feed_forward = |_, reader: &TensorReader| {
            GatedFeedForward::load(hidden, intermediate, mlp_bias, activation, reader)
        };
        let LlamaConfig { layers, kv_heads, head_dim, .. } = config;
        let (dtype, device) = (body.dtype(), body.device());
        Ok(Self {
            decoder: Decoder::load(&config.decoder(), body, head, feed_forward)?,
            frequencies: config.rope.frequencies(config.head_dim),
            cache: KeyValueCache::without_slots(layers, kv_heads, head_dim, dtype, device),
            config,
        })
    }

    /// Adds `change` `(outputs, inputs)`, f32, to the weight of one of a layer's maps. The sum is
    /// taken in f32.
    pub fn add_to_map(
        &mut self,
        layer: usize,
        map: AttentionMap,
        change: &Tensor,
    ) -> TensorResult<()> {
        self.decoder.add_to_map(layer, map, change)
    }

    /// The angles of tokens at these positions: each token's position is its place in its slot.
    fn angles(&self, positions: impl Iterator<Item = usize>) -> Vec<f32> {
        let of = |position| self.frequencies.iter().map(move |each| each * position as f32);
        positions.flat_map(of).collect()
    }
}

impl LanguageModel for Llama {
    fn device(&self) -> &Device {
        self.decoder.device()
    }

    fn dtype(&self) -> DType {
        self.decoder.dtype()
    }

    fn vocabulary(&self) -> usize {
        self.config.vocabulary
    }

    fn max_positions(&self) -> usize {
        self.config.max_positions
    }

    fn embed(&self, ids: &[u32]) -> TensorResult<Tensor> {
        self.decoder.embed(ids)
    }

    fn reserve(&mut self, slots: usize, capacity: usize) -> Result<(), CacheError> {
        self.cache.reserve(slots, capacity)
    }

    fn prefill(&mut self, prompts: &[(usize, Tensor)]) -> Result<Tensor, CacheError> {
        let (rows, segments) = join_prompts(prompts)?;
        clear_for(&segments, &mut self.cache)?;
        let angles = self.angles(segments.iter().flat_map(|segment| 0..segment.count));
        let unchanged = |_, _: &Tensor| Ok(None);
        self.decoder.prefill(rows, angles, &segments, &mut self.cache, unchanged)
    }

    fn decode_step(&mut self, rows: &[(usize, u32)]) -> Result<Tensor, CacheError> {
        let (slots, ids): (Vec<usize>, Vec<u32>) = rows.iter().copied().unzip();
        let mut positions = Vec::with_capacity(slots.len());
        for slot in slots.iter().copied() {
            self.cache.check(slot, 1)?;
            positions.push(self.cache.length(slot)?);
        }
        let angles = self.angles(positions.into_iter());
        self.decoder.step(self.embed(&ids)?, angles, &slots, &mut self.cache)
    }

    fn copy_slot(&mut self, from: usize, to: usize) -> Result<(), CacheError> {
        self.cache.copy_slot(from, to)
    }
}
