/*!
The decoder that Llama and its descendants share: norm, attention with rotary positions and grouped
key/value heads, norm, feed-forward part, each added to what came in; a last norm, and the head.

What differs comes in: the angles of positions, norms of queries and keys (Qwen3), constants of the
projections, and the feed-forward part. Sequences share the linear maps over all rows of the batch
while each attends to its own slot of the cache. On a CUDA GPU it runs on kernels of our own
([`Fused`]).
*/

mod attention;
mod feed_forward;
mod head;

use std::fmt::Debug;

use super::fused::{Fused, HeadCounts};
use super::rotary::RotaryTable;
use super::{
    Bias, CacheError, KeyValueCache, LayerCache, Linear, Phase, Rows, Segment, last_rows, look_up,
};
use crate::weights::{TensorReader, WeightsError};
use attention::Attention;
use candle_core::{DType, Device, Result as TensorResult, Tensor};
pub use feed_forward::GatedFeedForward;
pub use head::HeadWeights;

/// The sizes that all layers of a decoder share. All are at least 1.
#[derive(Debug, Clone, Copy)]
pub struct DecoderConfig {
    /// Size of the vocabulary.
    pub vocabulary: usize,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Layers.
    pub layers: usize,
    /// Heads of the attention; `head_dim` is even.
    pub heads: HeadCounts,
    /// Added to the mean of squares in norms.
    pub rms_eps: f64,
    /// Whether the projections of the attention add a constant.
    pub attention_bias: Bias,
    /// Whether queries and keys have norms of their own.
    pub head_norms: HeadNormKind,
    /// Where the output head comes from.
    pub head: HeadWeights,
    /// What cosines and sines of positions are multiplied by.
    pub rotary_scale: f32,
}

/// Whether queries and keys have norms of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadNormKind {
    /// None (Llama).
    None,
    /// `q_norm` and `k_norm`, each over the numbers of a head (Qwen3).
    RootMeanSquare,
}

/// A linear map of the attention that can be changed after loading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttentionMap {
    /// From the residual stream to queries.
    Query,
    /// From the residual stream to values.
    Value,
}

/// What a layer does after attention.
pub trait FeedForward: Debug + Send + Sized {
    /// What it makes of `normed`, added to `hidden`; all `(tokens, hidden)`.
    fn forward_added(&self, normed: &Tensor, hidden: &Tensor) -> TensorResult<Tensor>;

    /// What it makes of `normed`, on a GPU.
    fn forward_fused(&self, fused: &Fused, normed: Rows<'_>) -> TensorResult<Tensor>;
}

/// The decoder with its weights; the cache is the caller's.
#[derive(Debug)]
pub struct Decoder<F> {
    embeddings: Tensor,
    layers: Vec<Layer<F>>,
    norm: Norm,
    head: Linear,
    rotary_scale: f32,
    fused: Option<Fused>,
}

impl<F: FeedForward> Decoder<F> {
    /// Reads `embed_tokens`, `layers` and `norm` from `body` (`model` in a Llama's own checkpoint)
    /// and, unless it is tied, the output head's `weight` from `head` (`lm_head` there).
    /// `feed_forward` reads that part of a layer, by index and from under `mlp`.
    pub fn load(
        config: &DecoderConfig,
        body: &TensorReader,
        head: &TensorReader,
        feed_forward: impl Fn(usize, &TensorReader) -> Result<F, WeightsError>,
    ) -> Result<Self, WeightsError> {
        let table = [config.vocabulary, config.hidden];
        let embeddings = body.under("embed_tokens").tensor("weight", &table)?;
        let head = config.head.load(&embeddings, head)?;
        let layer = |index| {
            let reader = body.under("layers").under(index);
            Layer::load(config, |mlp| feed_forward(index, mlp), &reader)
        };
        let head_dim = config.heads.head_dim;
        let fused = match config.head_norms {
            // The kernel for norms takes whole warps.
            HeadNormKind::RootMeanSquare if !head_dim.is_multiple_of(32) => Ok(None),
            _ => Fused::open(body.device(), body.dtype(), config.heads),
        };
        Ok(Self {
            layers: (0..config.layers).map(layer).collect::<Result<_, _>>()?,
            norm: Norm::load(config.hidden, config.rms_eps, &body.under("norm"))?,
            head,
            fused: fused.map_err(|error| body.convert_error("embed_tokens.weight", error))?,
            rotary_scale: config.rotary_scale,
            embeddings,
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
        self.layers[layer].attention.add_to_map(map, change)
    }

    /// Where the weights are.
    pub fn device(&self) -> &Device {
        self.embeddings.device()
    }

    /// The type of the weights.
    pub fn dtype(&self) -> DType {
        self.embeddings.dtype()
    }

    /// Embeddings of ids that are in the vocabulary, `(ids, hidden)`.
    pub fn embed(&self, ids: &[u32]) -> TensorResult<Tensor> {
        look_up(&self.embeddings, ids)
    }

    /// Reads whole prompts `(tokens, hidden)`, one behind the other, into their slots.
    /// `angles` has a head's rotary angles for each token; `after_layer` gives a layer's output anew
    /// if it changes it. Returns the logits after each segment's last token, `(segments, vocabulary)`, f32.
    pub fn prefill(
        &self,
        embedded: Tensor,
        angles: Vec<f32>,
        segments: &[Segment],
        cache: &mut KeyValueCache,
        after_layer: impl Fn(usize, &Tensor) -> TensorResult<Option<Tensor>>,
    ) -> Result<Tensor, CacheError> {
        match &self.fused {
            Some(fused) if fused.takes(&embedded, segments)? => {
                let phase = (Phase::Prefill, segments);
                let normed = self.run_fused(fused, embedded, angles, phase, cache, after_layer)?;
                Ok(self.logits(&last_rows(&normed, segments)?)?)
            }
            _ => {
                let hidden = self.run(embedded, angles, segments, cache, after_layer)?;
                Ok(self.logits(&self.norm.forward(&last_rows(&hidden, segments)?)?)?)
            }
        }
    }

    /// One more token `(rows, hidden)` for each slot. Returns the logits after each,
    /// `(rows, vocabulary)`, f32.
    pub fn step(
        &self,
        embedded: Tensor,
        angles: Vec<f32>,
        slots: &[usize],
        cache: &mut KeyValueCache,
    ) -> Result<Tensor, CacheError> {
        let segments = Segment::step(slots.iter().copied());
        let unchanged = |_, _: &Tensor| Ok(None);
        if let Some(fused) = &self.fused {
            let phase = (Phase::DecodeStep, segments.as_slice());
            let normed = self.run_fused(fused, embedded, angles, phase, cache, unchanged)?;
            return Ok(self.logits(&normed)?);
        }
        let hidden = self.run(embedded, angles, &segments, cache, unchanged)?;
        Ok(self.logits(&self.norm.forward(&hidden)?)?)
    }

    fn run(
        &self,
        mut hidden: Tensor,
        angles: Vec<f32>,
        segments: &[Segment],
        cache: &mut KeyValueCache,
        after_layer: impl Fn(usize, &Tensor) -> TensorResult<Option<Tensor>>,
    ) -> Result<Tensor, CacheError> {
        let rotary = self.rotary(angles, hidden.dim(0)?)?;
        for (layer, weights) in self.layers.iter().enumerate() {
            let mut cache = LayerCache { cache: &mut *cache, layer };
            let output = weights.forward(&hidden, &rotary, segments, &mut cache)?;
            hidden = after_layer(layer, &output)?.unwrap_or(output);
        }
        for segment in segments {
            cache.advance(segment.slot, segment.count)?;
        }
        Ok(hidden)
    }

    /// As [`Self::run`] on a GPU, with the last norm.
    fn run_fused(
        &self,
        fused: &Fused,
        mut hidden: Tensor,
        angles: Vec<f32>,
        (phase, segments): (Phase, &[Segment]),
        cache: &mut KeyValueCache,
        after_layer: impl Fn(usize, &Tensor) -> TensorResult<Option<Tensor>>,
    ) -> Result<Tensor, CacheError> {
        let rotary = self.rotary(angles, hidden.dim(0)?)?;
        let new = segments.iter().map(|segment| (segment.slot, segment.count));
        let places = cache.next_places(new)?;
        let places = (segments, &places);
        let norms = self.layers.iter().map(|layer| &layer.input_norm).chain([&self.norm]);
        let mut norms = norms.skip(1);
        let mut normed = match self.layers.first() {
            Some(first) => first.input_norm.forward(&hidden)?,
            None => self.norm.forward(&hidden)?,
        };
        for (layer, weights) in self.layers.iter().enumerate() {
            let cache = LayerCache { cache: &mut *cache, layer };
            let attention = &weights.attention;
            let update = attention.forward_fused(fused, phase, &normed, &rotary, places, &cache)?;
            (hidden, normed) = add_and_norm(fused, &hidden, &update, &weights.post_norm)?;
            let update = weights.feed_forward.forward_fused(fused, phase.rows(&normed))?;
            let norm = norms.next().unwrap_or(&self.norm);
            (hidden, normed) = add_and_norm(fused, &hidden, &update, norm)?;
            if let Some(changed) = after_layer(layer, &hidden)? {
                normed = norm.forward(&changed)?;
                hidden = changed;
            }
        }
        for segment in segments {
            cache.advance(segment.slot, segment.count)?;
        }
        Ok(normed)
    }

    fn rotary(&self, angles: Vec<f32>, tokens: usize) -> TensorResult<RotaryTable> {
        RotaryTable::scaled(angles, tokens, self.rotary_scale, self.dtype(), self.device())
    }

    fn logits(&self, normed: &Tensor) -> TensorResult<Tensor> {
        // As many rows as sequences, in the prefill too.
        self.head.forward(Phase::DecodeStep.rows(normed))?.to_dtype(DType::F32)
    }
}

fn add_and_norm(
    fused: &Fused,
    hidden: &Tensor,
    update: &Tensor,
    norm: &Norm,
) -> TensorResult<(Tensor, Tensor)> {
    fused.residual_norm(hidden, update, &norm.weight, norm.eps)
}

/// A root-mean-square norm (Zhang and Sennrich 2019, arXiv 1910.07467).
#[derive(Debug)]
struct Norm {
    weight: Tensor,
    eps: f64,
}

impl Norm {
    fn load(width: usize, eps: f64, reader: &TensorReader) -> Result<Self, WeightsError> {
        Ok(Self { weight: reader.tensor("weight", &[width])?, eps })
    }

    fn forward(&self, hidden: &Tensor) -> TensorResult<Tensor> {
        #[expect(clippy::cast_possible_truncation, reason = "norms compute in f32")]
        candle_nn::ops::rms_norm(&hidden.contiguous()?, &self.weight, self.eps as f32)
    }
}

#[derive(Debug)]
struct Layer<F> {
    input_norm: Norm,
    attention: Attention,
    post_norm: Norm,
    feed_forward: F,
}

impl<F: FeedForward> Layer<F> {
    fn load(
        config: &DecoderConfig,
        feed_forward: impl FnOnce(&TensorReader) -> Result<F, WeightsError>,
        reader: &TensorReader,
    ) -> Result<Self, WeightsError> {
        let norm = |name| Norm::load(config.hidden, config.rms_eps, &reader.under(name));
        Ok(Self {
            input_norm: norm("input_layernorm")?,
            attention: Attention::load(config, &reader.under("self_attn"))?,
            post_norm: norm("post_attention_layernorm")?,
            feed_forward: feed_forward(&reader.under("mlp"))?,
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
        let attended = self.attention.forward(&normed, rotary, segments, cache)?;
        let hidden = self.attention.output.forward_added(&attended, hidden)?;
        let normed = self.post_norm.forward(&hidden)?;
        Ok(self.feed_forward.forward_added(&normed, &hidden)?)
    }
}
