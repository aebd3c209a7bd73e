/*!
The Llama decoder (Touvron et al. 2023, arXiv 2302.13971) with grouped key/value heads: the language
model of LLaVA-1.5, InstructBLIP (Vicuna) and MiniGPT-v2.

Follows huggingface/transformers v4.57.3 `models/llama/modeling_llama.py`. A prompt is read one
sequence at a time; decode steps share the linear maps over all rows of the batch while each row
attends to its own slot of the cache.
*/

use candle_core::{DType, Device, Result as TensorResult, Tensor};
use candle_nn::{Activation, Linear, Module, RmsNorm};

use super::rotary::{RotaryTable, inverse_frequencies};
use super::{
    Bias, CacheError, KeyValueCache, LanguageModel, LayerCache, Segment, attend_segments, linear,
    rms_norm,
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
    /// Base of the rotary frequencies.
    pub rope_theta: f32,
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

/// Where a language model's output head comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadWeights {
    /// It is the embedding table.
    Tied,
    /// The checkpoint has a tensor for it.
    Own,
}

/// The decoder with its weights and its cache.
#[derive(Debug)]
pub struct Llama {
    config: LlamaConfig,
    embeddings: Tensor,
    layers: Vec<Layer>,
    norm: RmsNorm,
    head: Linear,
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
        let table = [config.vocabulary, config.hidden];
        let embeddings = body.under("embed_tokens").tensor("weight", &table)?;
        let head = match config.head {
            HeadWeights::Tied => embeddings.clone(),
            HeadWeights::Own => head.tensor("weight", &table)?,
        };
        let layers = (0..config.layers)
            .map(|index| Layer::load(&config, &body.under("layers").under(index)));
        Ok(Self {
            layers: layers.collect::<Result<_, _>>()?,
            norm: rms_norm(config.hidden, config.rms_eps, &body.under("norm"))?,
            head: Linear::new(head, None),
            frequencies: inverse_frequencies(config.rope_theta, config.head_dim),
            cache: KeyValueCache::without_slots(config.layers, config.kv_heads, config.head_dim),
            config,
            embeddings,
        })
    }

    /// Width of the residual stream: what embeddings given to it must have.
    pub fn hidden(&self) -> usize {
        self.config.hidden
    }

    /// Runs all layers over `hidden` `(rows, hidden)` and counts the rows into the cache.
    fn run(&mut self, mut hidden: Tensor, segments: &[Segment]) -> Result<Tensor, CacheError> {
        let rotary = self.rotary(segments)?;
        for (layer, weights) in self.layers.iter().enumerate() {
            let mut cache = LayerCache { cache: &mut self.cache, layer };
            hidden = weights.forward(&hidden, &rotary, segments, &mut cache)?;
        }
        for segment in segments {
            self.cache.advance(segment.slot, segment.count)?;
        }
        Ok(hidden)
    }

    /// Each row's position is its place in its slot.
    fn rotary(&self, segments: &[Segment]) -> Result<RotaryTable, CacheError> {
        let mut angles = Vec::new();
        let mut rows = 0;
        for segment in segments {
            let start = self.cache.length(segment.slot)?;
            for position in start..start + segment.count {
                angles.extend(self.frequencies.iter().map(|frequency| frequency * position as f32));
            }
            rows += segment.count;
        }
        Ok(RotaryTable::new(angles, rows, self.dtype(), self.device())?)
    }

    fn logits(&self, hidden: &Tensor) -> Result<Tensor, CacheError> {
        let normed = self.norm.forward(&hidden.contiguous()?)?;
        Ok(self.head.forward(&normed)?.to_dtype(DType::F32)?)
    }
}

impl LanguageModel for Llama {
    fn device(&self) -> &Device {
        self.embeddings.device()
    }

    fn dtype(&self) -> DType {
        self.embeddings.dtype()
    }

    fn vocabulary(&self) -> usize {
        self.config.vocabulary
    }

    fn max_positions(&self) -> usize {
        self.config.max_positions
    }

    fn embed(&self, ids: &[u32]) -> TensorResult<Tensor> {
        self.embeddings.index_select(&Tensor::new(ids, self.device())?, 0)
    }

    fn reserve(&mut self, slots: usize, capacity: usize) -> Result<(), CacheError> {
        let (dtype, device) = (self.dtype(), self.device().clone());
        self.cache.reserve(slots, capacity, dtype, &device)
    }

    fn prefill(&mut self, slot: usize, prompt: &Tensor) -> Result<Tensor, CacheError> {
        let count = prompt.dim(0)?;
        self.cache.clear_slot(slot)?;
        self.cache.check(slot, count)?;
        let hidden = self.run(prompt.clone(), &Segment::prompt(slot, count))?;
        self.logits(&hidden.narrow(0, count - 1, 1)?)
    }

    fn decode_step(&mut self, rows: &[(usize, u32)]) -> Result<Tensor, CacheError> {
        let (slots, ids): (Vec<usize>, Vec<u32>) = rows.iter().copied().unzip();
        for slot in slots.iter().copied() {
            self.cache.check(slot, 1)?;
        }
        let hidden = self.run(self.embed(&ids)?, &Segment::step(slots))?;
        self.logits(&hidden)
    }

    fn copy_slot(&mut self, from: usize, to: usize) -> Result<(), CacheError> {
        self.cache.copy_slot(from, to)
    }
}

#[derive(Debug)]
struct Layer {
    input_norm: RmsNorm,
    attention: Attention,
    post_norm: RmsNorm,
    gate: Linear,
    up: Linear,
    down: Linear,
    activation: Activation,
}

impl Layer {
    fn load(config: &LlamaConfig, reader: &TensorReader) -> Result<Self, WeightsError> {
        let norm = |name| rms_norm(config.hidden, config.rms_eps, &reader.under(name));
        let mlp = |name, inputs, outputs| {
            linear(inputs, outputs, config.mlp_bias, &reader.under("mlp").under(name))
        };
        Ok(Self {
            input_norm: norm("input_layernorm")?,
            attention: Attention::load(config, &reader.under("self_attn"))?,
            post_norm: norm("post_attention_layernorm")?,
            gate: mlp("gate_proj", config.hidden, config.intermediate)?,
            up: mlp("up_proj", config.hidden, config.intermediate)?,
            down: mlp("down_proj", config.intermediate, config.hidden)?,
            activation: config.activation,
        })
    }

    fn forward(
        &self,
        hidden: &Tensor,
        rotary: &RotaryTable,
        segments: &[Segment],
        cache: &mut LayerCache<'_>,
    ) -> Result<Tensor, CacheError> {
        let normed = self.input_norm.forward(hidden)?;
        let hidden = (hidden + self.attention.forward(&normed, rotary, segments, cache)?)?;
        let normed = self.post_norm.forward(&hidden)?;
        let gated = self.activation.forward(&self.gate.forward(&normed)?)?;
        let inner = (gated * self.up.forward(&normed)?)?;
        Ok((hidden + self.down.forward(&inner)?)?)
    }
}

#[derive(Debug)]
struct Attention {
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    o_proj: Linear,
    heads: usize,
    kv_heads: usize,
    head_dim: usize,
}

impl Attention {
    fn load(config: &LlamaConfig, reader: &TensorReader) -> Result<Self, WeightsError> {
        let LlamaConfig { hidden, heads, kv_heads, head_dim, .. } = *config;
        let bias = config.attention_bias;
        let project = |name, inputs, outputs| linear(inputs, outputs, bias, &reader.under(name));
        Ok(Self {
            q_proj: project("q_proj", hidden, heads * head_dim)?,
            k_proj: project("k_proj", hidden, kv_heads * head_dim)?,
            v_proj: project("v_proj", hidden, kv_heads * head_dim)?,
            o_proj: project("o_proj", heads * head_dim, hidden)?,
            heads,
            kv_heads,
            head_dim,
        })
    }

    fn forward(
        &self,
        hidden: &Tensor,
        rotary: &RotaryTable,
        segments: &[Segment],
        cache: &mut LayerCache<'_>,
    ) -> Result<Tensor, CacheError> {
        let queries = rotary.apply(&self.split(&self.q_proj.forward(hidden)?, self.heads)?)?;
        let keys = rotary.apply(&self.split(&self.k_proj.forward(hidden)?, self.kv_heads)?)?;
        let values = self.split(&self.v_proj.forward(hidden)?, self.kv_heads)?;
        let scale = (self.head_dim as f64).powf(-0.5);
        let attended = attend_segments(&queries, &keys, &values, scale, segments, cache)?;
        Ok(self.o_proj.forward(&attended)?)
    }

    /// `(tokens, heads * head_dim)` to contiguous `(heads, tokens, head_dim)`.
    fn split(&self, projected: &Tensor, heads: usize) -> TensorResult<Tensor> {
        let split = projected.reshape((projected.dim(0)?, heads, self.head_dim))?;
        split.transpose(0, 1)?.contiguous()
    }
}
