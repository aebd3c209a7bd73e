/*!
OPT (arXiv 2205.01068): a pre-norm decoder with learned positions and constants in every linear map.

Follows huggingface/transformers v4.57.3 `models/opt/modeling_opt.py` for the models that normalise
before each part (all but the one of 350 M parameters).
*/

use candle_core::{DType, Device, Result as TensorResult, Tensor};
use candle_nn::{LayerNorm, Module};

use super::fused::{Fused, HeadChange, HeadCounts, Scores};
use super::{
    Activation, Bias, CacheError, HeadWeights, KeyValueCache, LanguageModel, LayerCache, Linear,
    Phase, Segment, add, attend_segments, clear_for, join_prompts, last_rows, layer_norm, linear,
    look_up, split_heads, stacked_linear,
};
use crate::weights::{TensorReader, WeightsError};

/// The first rows of the position table stand for nothing (`OPTLearnedPositionalEmbedding`).
const POSITION_OFFSET: usize = 2;
/// Added to the variance in norms; torch's default, not in the configuration.
const NORM_EPS: f64 = 1e-5;

/// The sizes of the network. All are at least 1; `hidden` is a multiple of `heads`.
#[derive(Debug, Clone, Copy)]
pub struct OptConfig {
    /// Size of the vocabulary.
    pub vocabulary: usize,
    /// Width of the residual stream and of the embeddings.
    pub hidden: usize,
    /// Width inside the feed-forward part.
    pub intermediate: usize,
    /// Layers.
    pub layers: usize,
    /// Attention heads.
    pub heads: usize,
    /// Longest sequence.
    pub max_positions: usize,
    /// Activation of the feed-forward part.
    pub activation: Activation,
    /// Whether linear maps add a constant.
    pub bias: Bias,
    /// Where the output head comes from.
    pub head: HeadWeights,
}

/// The decoder with its weights and cache.
#[derive(Debug)]
pub struct Opt {
    config: OptConfig,
    embeddings: Tensor,
    positions: Tensor,
    layers: Vec<Layer>,
    norm: LayerNorm,
    head: Linear,
    cache: KeyValueCache,
    fused: Option<Fused>,
}

impl Opt {
    /// Reads `model.decoder.*` and, unless it is tied, `lm_head` from under `root`; the cache is
    /// empty.
    pub fn load(config: OptConfig, root: &TensorReader) -> Result<Self, WeightsError> {
        let reader = root.under("model.decoder");
        let OptConfig { vocabulary, hidden, layers, heads, max_positions, .. } = config;
        let table = [vocabulary, hidden];
        let embeddings = reader.under("embed_tokens").tensor("weight", &table)?;
        let head = config.head.load(&embeddings, &root.under("lm_head"))?;
        let (dtype, device, head_dim) = (reader.dtype(), reader.device(), hidden / heads);
        let fused = {
            let counts = HeadCounts { heads, kv_heads: heads, head_dim };
            Fused::open(device, dtype, counts)
        };
        let cache = KeyValueCache::without_slots(layers, heads, head_dim, dtype, device);
        let positions = [max_positions + POSITION_OFFSET, hidden];
        let layer = |index| Layer::load(&config, &reader.under("layers").under(index));
        Ok(Self {
            embeddings,
            positions: reader.under("embed_positions").tensor("weight", &positions)?,
            layers: (0..layers).map(layer).collect::<Result<_, _>>()?,
            norm: layer_norm(hidden, NORM_EPS, &reader.under("final_layer_norm"))?,
            head,
            cache,
            fused: fused.map_err(|error| reader.convert_error("embed_tokens.weight", error))?,
            config,
        })
    }

    /// Runs all layers over `embedded` `(rows, hidden)` and counts the rows into the cache.
    fn run(
        &mut self,
        embedded: &Tensor,
        phase: Phase,
        segments: &[Segment],
    ) -> Result<Tensor, CacheError> {
        let mut hidden = add(embedded, &self.positions_of(segments)?)?;
        let new = segments.iter().map(|segment| (segment.slot, segment.count));
        let places = self.cache.next_places(new)?;
        let fused = match &self.fused {
            Some(fused) if fused.takes(&hidden, segments)? => Some((fused, &places)),
            _ => None,
        };
        for (layer, weights) in self.layers.iter().enumerate() {
            let mut cache = LayerCache { cache: &mut self.cache, layer };
            hidden = weights.forward(&hidden, (phase, segments), fused, &mut cache)?;
        }
        for segment in segments {
            self.cache.advance(segment.slot, segment.count)?;
        }
        Ok(hidden)
    }

    /// Each row's position is its place in its slot.
    fn positions_of(&self, segments: &[Segment]) -> Result<Tensor, CacheError> {
        let mut rows = Vec::with_capacity(segments.len());
        for segment in segments {
            let start = POSITION_OFFSET + self.cache.length(segment.slot)?;
            rows.push(self.positions.narrow(0, start, segment.count)?);
        }
        Ok(Tensor::cat(&rows, 0)?)
    }

    fn logits(&self, hidden: &Tensor) -> Result<Tensor, CacheError> {
        let normed = self.norm.forward(hidden)?;
        Ok(self.head.forward(Phase::DecodeStep.rows(&normed))?.to_dtype(DType::F32)?)
    }
}

impl LanguageModel for Opt {
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
        look_up(&self.embeddings, ids)
    }

    fn reserve(&mut self, slots: usize, capacity: usize) -> Result<(), CacheError> {
        self.cache.reserve(slots, capacity)
    }

    fn prefill(&mut self, prompts: &[(usize, Tensor)]) -> Result<Tensor, CacheError> {
        let (rows, segments) = join_prompts(prompts)?;
        clear_for(&segments, &mut self.cache)?;
        let hidden = self.run(&rows, Phase::Prefill, &segments)?;
        self.logits(&last_rows(&hidden, &segments)?)
    }

    fn decode_step(&mut self, rows: &[(usize, u32)]) -> Result<Tensor, CacheError> {
        let (slots, ids): (Vec<usize>, Vec<u32>) = rows.iter().copied().unzip();
        for slot in slots.iter().copied() {
            self.cache.check(slot, 1)?;
        }
        let hidden = self.run(&self.embed(&ids)?, Phase::DecodeStep, &Segment::step(slots))?;
        self.logits(&hidden)
    }

    fn copy_slot(&mut self, from: usize, to: usize) -> Result<(), CacheError> {
        self.cache.copy_slot(from, to)
    }
}

#[derive(Debug)]
struct Layer {
    attention_norm: LayerNorm,
    attention: Attention,
    norm: LayerNorm,
    expand: Linear,
    contract: Linear,
    activation: Activation,
}

impl Layer {
    fn load(config: &OptConfig, reader: &TensorReader) -> Result<Self, WeightsError> {
        let OptConfig { hidden, intermediate, bias, .. } = *config;
        let norm = |name| layer_norm(hidden, NORM_EPS, &reader.under(name));
        Ok(Self {
            attention_norm: norm("self_attn_layer_norm")?,
            attention: Attention::load(config, &reader.under("self_attn"))?,
            norm: norm("final_layer_norm")?,
            expand: linear(hidden, intermediate, bias, &reader.under("fc1"))?,
            contract: linear(intermediate, hidden, bias, &reader.under("fc2"))?,
            activation: config.activation,
        })
    }

    fn forward(
        &self,
        hidden: &Tensor,
        (phase, segments): (Phase, &[Segment]),
        fused: Option<(&Fused, &Tensor)>,
        cache: &mut LayerCache<'_>,
    ) -> Result<Tensor, CacheError> {
        let normed = self.attention_norm.forward(hidden)?;
        let attended = self.attention.forward(&normed, (phase, segments), fused, cache)?;
        let hidden = self.attention.output.forward_added(phase.rows(&attended), hidden)?;
        let normed = self.norm.forward(&hidden)?;
        let inner = self.expand.forward_activated(phase.rows(&normed), self.activation)?;
        Ok(self.contract.forward_added(phase.rows(&inner), &hidden)?)
    }
}

#[derive(Debug)]
struct Attention {
    /// Queries, keys and values, one behind the other.
    qkv: Linear,
    /// Of what was seen.
    output: Linear,
    heads: usize,
}

impl Attention {
    fn load(config: &OptConfig, reader: &TensorReader) -> Result<Self, WeightsError> {
        let OptConfig { hidden, bias, heads, .. } = *config;
        let parts = [("q_proj", hidden), ("k_proj", hidden), ("v_proj", hidden)];
        Ok(Self {
            qkv: stacked_linear(hidden, &parts, bias, reader)?,
            output: linear(hidden, hidden, bias, &reader.under("out_proj"))?,
            heads,
        })
    }

    /// What is seen, `(rows, hidden)`, before the map `output`. On a GPU, `fused` comes with each
    /// row's slot and place.
    fn forward(
        &self,
        hidden: &Tensor,
        (phase, segments): (Phase, &[Segment]),
        fused: Option<(&Fused, &Tensor)>,
        cache: &mut LayerCache<'_>,
    ) -> Result<Tensor, CacheError> {
        let (qkv, width) = (self.qkv.forward(phase.rows(hidden))?, hidden.dim(1)?);
        if let Some((fused, places)) = fused {
            let head_dim = width / self.heads;
            let counts = HeadCounts { heads: self.heads, kv_heads: self.heads, head_dim };
            let heads = HeadChange { counts, norms: None, rotary: None };
            let scores = Scores::scaled(head_dim);
            return Ok(fused.attention(&qkv, heads, (segments, places), scores, cache)?);
        }
        let part = |index| split_heads(&qkv.narrow(1, index * width, width)?, self.heads);
        let (queries, keys, values) = (part(0)?, part(1)?, part(2)?);
        let scale = (queries.dim(2)? as f64).powf(-0.5);
        attend_segments(&queries, &keys, &values, scale, segments, cache)
    }
}
