//! The decoder: one token per slot at a time, with the slot's own answer and prompt to look at.

use candle_core::Tensor;

use super::T5Config;
use super::block::{CrossProjections, FeedForward, Norm, Projections, attend_biased};
use super::prompts::Prompts;
use super::relative::{Direction, RelativeBias};
use crate::nn::fused::{Fused, HeadChange, HeadCounts, Scores};
use crate::nn::{
    CacheError, KeyValueCache, LayerCache, Phase, Segment, Visibility, attend, split_heads,
};
use crate::weights::{TensorReader, WeightsError};

/// All that the decoder does, since prompts are the encoder's.
const STEP: Phase = Phase::DecodeStep;

#[derive(Debug)]
pub(super) struct Decoder {
    bias: RelativeBias,
    layers: Vec<Layer>,
    norm: Norm,
    /// Of the answers so far.
    answers: KeyValueCache,
    prompts: Prompts,
    /// On a GPU, with what its kernel adds to scores by distance, `(heads, capacity)`.
    fused: Option<(Fused, Tensor)>,
    counts: HeadCounts,
}

impl Decoder {
    pub(super) fn load(config: &T5Config, reader: &TensorReader) -> Result<Self, WeightsError> {
        let T5Config { heads, head_dim, decoder_layers, .. } = *config;
        let blocks = reader.under("block");
        let layer = |index| Layer::load(config, &blocks.under(index).under("layer"));
        // The first layer's bias serves all.
        let bias = blocks.under("0.layer.0.SelfAttention");
        let bias = RelativeBias::load(config, Direction::Back, &bias)?;
        let counts = HeadCounts { heads, kv_heads: heads, head_dim };
        let fused = Fused::open(reader.device(), reader.dtype(), counts).and_then(|fused| {
            fused.map(|fused| Ok((fused, bias.scores(1, 1)?.squeeze(1)?))).transpose()
        });
        let (dtype, device) = (reader.dtype(), reader.device());
        let cache = || KeyValueCache::without_slots(decoder_layers, heads, head_dim, dtype, device);
        Ok(Self {
            layers: (0..decoder_layers).map(layer).collect::<Result<_, _>>()?,
            norm: Norm::load(config, &reader.under("final_layer_norm"))?,
            answers: cache(),
            prompts: Prompts::new(cache()),
            fused: fused.map_err(|error| reader.convert_error("block.0.layer.0", error))?,
            counts,
            bias,
        })
    }

    pub(super) fn reserve(&mut self, slots: usize, capacity: usize) -> Result<(), CacheError> {
        self.prompts.reserve(slots, capacity)?;
        self.answers.reserve(slots, capacity)?;
        if let Some((_, bias)) = &mut self.fused {
            // A cache without room has no distances, which no query could ask about.
            let capacity = self.answers.shape().capacity.max(1);
            *bias = self.bias.scores(1, capacity)?.squeeze(1)?;
        }
        Ok(())
    }

    /// Makes the slot look at an encoded prompt `(tokens, hidden)` and forget its answer.
    pub(super) fn look_at(&mut self, slot: usize, encoded: &Tensor) -> Result<(), CacheError> {
        self.answers.clear_slot(slot)?;
        let layers = self.layers.iter().map(|layer| layer.prompt.keys_and_values(encoded));
        self.prompts.store(slot, layers)
    }

    /// One more token per slot, `(rows, hidden)`, in which the caller names no slot twice. Returns
    /// as many normed rows.
    pub(super) fn step(&mut self, hidden: Tensor, slots: &[usize]) -> Result<Tensor, CacheError> {
        let prompts = self.prompts.rows_of(slots)?;
        let hidden = match self.fused.clone() {
            Some((fused, bias)) => self.step_fused(&fused, &bias, hidden, slots, &prompts)?,
            None => self.step_apart(hidden, slots, &prompts)?,
        };
        for slot in slots {
            self.answers.advance(*slot, 1)?;
        }
        Ok(self.norm.forward(&hidden)?)
    }

    fn step_apart(
        &mut self,
        mut hidden: Tensor,
        slots: &[usize],
        prompts: &[usize],
    ) -> Result<Tensor, CacheError> {
        let mut biases = Vec::with_capacity(slots.len());
        for slot in slots {
            self.answers.check(*slot, 1)?;
            biases.push(self.bias.scores(1, self.answers.length(*slot)? + 1)?);
        }
        for (index, layer) in self.layers.iter().enumerate() {
            hidden = layer.attend_answer(&hidden, slots, &biases, &mut self.answers, index)?;
            hidden = layer.attend_prompt(&hidden, prompts, self.prompts.rows(), index)?;
            hidden = layer.feed_forward.forward(&hidden, STEP)?;
        }
        Ok(hidden)
    }

    /// The same with the kernels of a GPU.
    fn step_fused(
        &mut self,
        fused: &Fused,
        bias: &Tensor,
        mut hidden: Tensor,
        slots: &[usize],
        prompts: &[usize],
    ) -> Result<Tensor, CacheError> {
        let (counts, segments) = (self.counts, Segment::step(slots.iter().copied()));
        let places = self.answers.next_places(slots.iter().map(|slot| (*slot, 1)))?;
        let prompt_places = self.prompts.rows().last_places(prompts)?;
        let heads = HeadChange { counts, norms: None, rotary: None };
        for (index, layer) in self.layers.iter().enumerate() {
            let qkv = layer.answer.together(STEP.rows(&layer.answer_norm.forward(&hidden)?))?;
            let scores = Scores { scale: 1.0, distance_bias: Some(bias) };
            let answers = LayerCache { cache: &mut self.answers, layer: index };
            let seen = fused.attention(&qkv, heads, (&segments, &places), scores, &answers)?;
            hidden = layer.answer.add_output(STEP.rows(&seen), &hidden)?;
            let queries = layer.prompt.queries(STEP.rows(&layer.prompt_norm.forward(&hidden)?))?;
            let scores = Scores { scale: 1.0, distance_bias: None };
            let prompts = LayerCache { cache: self.prompts.rows(), layer: index };
            let seen = fused.look(&queries, counts, &prompt_places, scores, &prompts)?;
            hidden = layer.prompt.add_output(STEP.rows(&seen), &hidden)?;
            hidden = layer.feed_forward.forward(&hidden, STEP)?;
        }
        Ok(hidden)
    }

    pub(super) fn copy_slot(&mut self, from: usize, to: usize) -> Result<(), CacheError> {
        self.answers.copy_slot(from, to)?;
        self.prompts.share(from, to);
        Ok(())
    }
}

#[derive(Debug)]
struct Layer {
    answer_norm: Norm,
    answer: Projections,
    prompt_norm: Norm,
    prompt: CrossProjections,
    feed_forward: FeedForward,
}

impl Layer {
    fn load(config: &T5Config, reader: &TensorReader) -> Result<Self, WeightsError> {
        let (answer, prompt) = (reader.under(0), reader.under(1));
        Ok(Self {
            answer_norm: Norm::load(config, &answer.under("layer_norm"))?,
            answer: Projections::load(config, &answer.under("SelfAttention"))?,
            prompt_norm: Norm::load(config, &prompt.under("layer_norm"))?,
            prompt: CrossProjections::load(config, &prompt.under("EncDecAttention"))?,
            feed_forward: FeedForward::load(config, &reader.under(2))?,
        })
    }

    /// Each row looks at the answer in its slot, itself included.
    fn attend_answer(
        &self,
        hidden: &Tensor,
        slots: &[usize],
        biases: &[Tensor],
        answers: &mut KeyValueCache,
        layer: usize,
    ) -> Result<Tensor, CacheError> {
        let normed = self.answer_norm.forward(hidden)?;
        let [queries, keys, values] = self.answer.apart(STEP.rows(&normed))?;
        let mut attended = Vec::with_capacity(slots.len());
        for (row, (slot, bias)) in slots.iter().zip(biases).enumerate() {
            let part = |heads: &Tensor| heads.narrow(1, row, 1);
            let (keys, values) = answers.append(layer, *slot, &part(&keys)?, &part(&values)?)?;
            attended.push(attend_biased(&part(&queries)?, &keys, &values, bias)?);
        }
        Ok(self.answer.add_output(STEP.rows(&Tensor::cat(&attended, 0)?), hidden)?)
    }

    /// Each row looks at its prompt.
    fn attend_prompt(
        &self,
        hidden: &Tensor,
        rows: &[usize],
        prompts: &KeyValueCache,
        layer: usize,
    ) -> Result<Tensor, CacheError> {
        let queries = self.prompt.queries(STEP.rows(&self.prompt_norm.forward(hidden)?))?;
        let queries = split_heads(&queries, prompts.shape().kv_heads)?;
        let mut attended = Vec::with_capacity(rows.len());
        for (index, row) in rows.iter().enumerate() {
            let (keys, values) = prompts.held(layer, *row)?;
            let query = queries.narrow(1, index, 1)?;
            attended.push(attend(&query, &keys, &values, 1.0, Visibility::All)?);
        }
        Ok(self.prompt.add_output(STEP.rows(&Tensor::cat(&attended, 0)?), hidden)?)
    }
}
