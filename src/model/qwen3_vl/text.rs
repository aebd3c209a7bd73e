/*!
The language model: the Qwen3 decoder with interleaved M-RoPE and deepstack.

Follows huggingface/transformers v4.57.3 `models/qwen3_vl/modeling_qwen3_vl.py`,
`Qwen3VLTextModel`. A prompt is read one sequence at a time; decode steps share the linear maps
over all rows of the batch while each row attends to its own slot of the cache.
*/

use candle_core::{DType, Device, Result as TensorResult, Tensor};
use candle_nn::{Activation, Linear, Module, RmsNorm};

use super::TextConfig;
use super::experts::Experts;
use super::positions::{InterleavedRope, Position};
use crate::model::ModelError;
use crate::nn::rotary::RotaryTable;
use crate::nn::{
    Bias, CacheError, KeyValueCache, LayerCache, Segment, attend_segments, gated, linear, rms_norm,
};
use crate::weights::{TensorReader, WeightsError};

/// The decoder with its weights; the cache is the caller's.
#[derive(Debug)]
pub(super) struct Decoder {
    embeddings: Tensor,
    layers: Vec<Layer>,
    norm: RmsNorm,
    head: Linear,
    rope: InterleavedRope,
}

impl Decoder {
    /// Reads `model.language_model.*` and the head from under `root`.
    pub(super) fn load(config: &TextConfig, root: &TensorReader) -> Result<Self, WeightsError> {
        let reader = root.under("model.language_model");
        let table = [config.vocabulary, config.hidden];
        let embeddings = reader.under("embed_tokens").tensor("weight", &table)?;
        let head = match config.tied_head {
            true => embeddings.clone(),
            false => root.under("lm_head").tensor("weight", &table)?,
        };
        let layers = (0..config.layers)
            .map(|index| Layer::load(config, index, &reader.under("layers").under(index)));
        Ok(Self {
            embeddings,
            layers: layers.collect::<Result<_, _>>()?,
            norm: rms_norm(config.hidden, config.rms_eps, &reader.under("norm"))?,
            head: Linear::new(head, None),
            rope: InterleavedRope::new(config),
        })
    }

    pub(super) fn device(&self) -> &Device {
        self.embeddings.device()
    }

    pub(super) fn dtype(&self) -> DType {
        self.embeddings.dtype()
    }

    /// Embeddings of ids that are in the vocabulary, `(ids, hidden)`.
    pub(super) fn embed(&self, ids: &[u32]) -> TensorResult<Tensor> {
        self.embeddings.index_select(&Tensor::new(ids, self.device())?, 0)
    }

    /// Reads a whole prompt into an empty slot. `after_layer` adds the deepstack features to the
    /// output of a layer. Returns the logits after the last token, `(1, vocabulary)`, f32.
    pub(super) fn prefill(
        &self,
        embedded: Tensor,
        positions: &[Position],
        slot: usize,
        cache: &mut KeyValueCache,
        after_layer: impl Fn(usize, Tensor) -> TensorResult<Tensor>,
    ) -> Result<Tensor, ModelError> {
        let count = embedded.dim(0)?;
        let segments = Segment::prompt(slot, count);
        let hidden = self.run(embedded, positions, &segments, cache, after_layer)?;
        self.logits(&hidden.narrow(0, count - 1, 1)?)
    }

    /// One more token per slot. Returns the logits after each, `(rows, vocabulary)`, f32.
    pub(super) fn step(
        &self,
        embedded: Tensor,
        positions: &[Position],
        slots: &[usize],
        cache: &mut KeyValueCache,
    ) -> Result<Tensor, ModelError> {
        let segments = Segment::step(slots.iter().copied());
        let hidden = self.run(embedded, positions, &segments, cache, |_, hidden| Ok(hidden))?;
        self.logits(&hidden)
    }

    fn run(
        &self,
        mut hidden: Tensor,
        positions: &[Position],
        segments: &[Segment],
        cache: &mut KeyValueCache,
        after_layer: impl Fn(usize, Tensor) -> TensorResult<Tensor>,
    ) -> Result<Tensor, ModelError> {
        let angles = self.rope.angles(positions);
        let rotary = RotaryTable::new(angles, positions.len(), self.dtype(), self.device())?;
        for (layer, weights) in self.layers.iter().enumerate() {
            let mut cache = LayerCache { cache: &mut *cache, layer };
            let output = weights.forward(&hidden, &rotary, segments, &mut cache)?;
            hidden = after_layer(layer, output)?;
        }
        for segment in segments {
            cache.advance(segment.slot, segment.count)?;
        }
        Ok(hidden)
    }

    fn logits(&self, hidden: &Tensor) -> Result<Tensor, ModelError> {
        let normed = self.norm.forward(&hidden.contiguous()?)?;
        Ok(self.head.forward(&normed)?.to_dtype(DType::F32)?)
    }
}

#[derive(Debug)]
struct Layer {
    input_norm: RmsNorm,
    attention: Attention,
    post_norm: RmsNorm,
    feed_forward: FeedForward,
}

impl Layer {
    fn load(
        config: &TextConfig,
        index: usize,
        reader: &TensorReader,
    ) -> Result<Self, WeightsError> {
        let norm = |name| rms_norm(config.hidden, config.rms_eps, &reader.under(name));
        let mlp = reader.under("mlp");
        let feed_forward = match config.experts_of(index) {
            Some(experts) => FeedForward::Mixed(Experts::load(config, experts, &mlp)?),
            None => FeedForward::Dense(Dense::load(config, &mlp)?),
        };
        Ok(Self {
            input_norm: norm("input_layernorm")?,
            attention: Attention::load(config, &reader.under("self_attn"))?,
            post_norm: norm("post_attention_layernorm")?,
            feed_forward,
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
        Ok((hidden + self.feed_forward.forward(&normed)?)?)
    }
}

/// What a layer does after attention.
#[derive(Debug)]
enum FeedForward {
    Dense(Dense),
    Mixed(Experts),
}

impl FeedForward {
    fn forward(&self, hidden: &Tensor) -> TensorResult<Tensor> {
        match self {
            Self::Dense(dense) => dense.forward(hidden),
            Self::Mixed(experts) => experts.forward(hidden),
        }
    }
}

#[derive(Debug)]
struct Dense {
    gate: Linear,
    up: Linear,
    down: Linear,
    activation: Activation,
}

impl Dense {
    fn load(config: &TextConfig, reader: &TensorReader) -> Result<Self, WeightsError> {
        let project =
            |name, inputs, outputs| linear(inputs, outputs, Bias::Without, &reader.under(name));
        Ok(Self {
            gate: project("gate_proj", config.hidden, config.intermediate)?,
            up: project("up_proj", config.hidden, config.intermediate)?,
            down: project("down_proj", config.intermediate, config.hidden)?,
            activation: config.activation,
        })
    }

    fn forward(&self, hidden: &Tensor) -> TensorResult<Tensor> {
        let gate = self.gate.forward(hidden)?;
        let inner = gated(self.activation, gate, &self.up.forward(hidden)?)?;
        self.down.forward(&inner)
    }
}

#[derive(Debug)]
struct Attention {
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    o_proj: Linear,
    q_norm: RmsNorm,
    k_norm: RmsNorm,
    heads: usize,
    kv_heads: usize,
    head_dim: usize,
}

impl Attention {
    fn load(config: &TextConfig, reader: &TensorReader) -> Result<Self, WeightsError> {
        let bias = if config.attention_bias { Bias::With } else { Bias::Without };
        let project = |name, inputs, outputs| linear(inputs, outputs, bias, &reader.under(name));
        let norm = |name| rms_norm(config.head_dim, config.rms_eps, &reader.under(name));
        let (width, kv_width) = (config.heads * config.head_dim, config.kv_heads * config.head_dim);
        Ok(Self {
            q_proj: project("q_proj", config.hidden, width)?,
            k_proj: project("k_proj", config.hidden, kv_width)?,
            v_proj: project("v_proj", config.hidden, kv_width)?,
            o_proj: project("o_proj", width, config.hidden)?,
            q_norm: norm("q_norm")?,
            k_norm: norm("k_norm")?,
            heads: config.heads,
            kv_heads: config.kv_heads,
            head_dim: config.head_dim,
        })
    }

    fn forward(
        &self,
        hidden: &Tensor,
        rotary: &RotaryTable,
        segments: &[Segment],
        cache: &mut LayerCache<'_>,
    ) -> Result<Tensor, CacheError> {
        let queries = self.split(&self.q_proj.forward(hidden)?, self.heads)?;
        let keys = self.split(&self.k_proj.forward(hidden)?, self.kv_heads)?;
        let values = self.split(&self.v_proj.forward(hidden)?, self.kv_heads)?;
        let queries = rotary.apply(&heads_first(&self.q_norm.forward(&queries)?)?)?;
        let keys = rotary.apply(&heads_first(&self.k_norm.forward(&keys)?)?)?;
        let values = heads_first(&values)?;
        let scale = (self.head_dim as f64).powf(-0.5);
        let attended = attend_segments(&queries, &keys, &values, scale, segments, cache)?;
        Ok(self.o_proj.forward(&attended)?)
    }

    /// `(tokens, heads * head_dim)` to `(tokens, heads, head_dim)`.
    fn split(&self, projected: &Tensor, heads: usize) -> TensorResult<Tensor> {
        projected.reshape((projected.dim(0)?, heads, self.head_dim))
    }
}

/// `(tokens, heads, head_dim)` to contiguous `(heads, tokens, head_dim)`.
fn heads_first(heads: &Tensor) -> TensorResult<Tensor> {
    heads.transpose(0, 1)?.contiguous()
}
