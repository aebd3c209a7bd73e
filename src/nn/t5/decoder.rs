//! The decoder: one token per slot at a time, with the slot's own answer and prompt to look at.

use candle_core::{DType, Device, Result as TensorResult, Tensor};

use super::T5Config;
use super::block::{FeedForward, Norm, Projections, add, attend_biased};
use super::relative::{Direction, RelativeBias};
use crate::nn::{CacheError, KeyValueCache, Visibility, attend};
use crate::weights::{TensorReader, WeightsError};

#[derive(Debug)]
pub(super) struct Decoder {
    bias: RelativeBias,
    layers: Vec<Layer>,
    norm: Norm,
    /// Of the answers so far.
    cache: KeyValueCache,
    /// For each slot, each layer's keys and values of the encoded prompt; none before a prompt.
    prompts: Vec<Vec<(Tensor, Tensor)>>,
}

impl Decoder {
    pub(super) fn load(config: &T5Config, reader: &TensorReader) -> Result<Self, WeightsError> {
        let blocks = reader.under("block");
        let layer = |index| Layer::load(config, &blocks.under(index).under("layer"));
        let layers = (0..config.decoder_layers).map(layer);
        // The first layer's bias serves all.
        let bias = blocks.under("0.layer.0.SelfAttention");
        Ok(Self {
            bias: RelativeBias::load(config, Direction::Back, &bias)?,
            layers: layers.collect::<Result<_, _>>()?,
            norm: Norm::load(config, &reader.under("final_layer_norm"))?,
            cache: KeyValueCache::without_slots(
                config.decoder_layers,
                config.heads,
                config.head_dim,
            ),
            prompts: Vec::new(),
        })
    }

    pub(super) fn reserve(
        &mut self,
        slots: usize,
        capacity: usize,
        dtype: DType,
        device: &Device,
    ) -> Result<(), CacheError> {
        self.prompts.clear();
        self.cache.reserve(slots, capacity, dtype, device)?;
        self.prompts.resize(self.cache.shape().slots, Vec::new());
        Ok(())
    }

    /// Makes the slot look at an encoded prompt `(tokens, hidden)` and forget its answer.
    pub(super) fn look_at(&mut self, slot: usize, encoded: &Tensor) -> Result<(), CacheError> {
        self.cache.clear_slot(slot)?;
        let layers = self.layers.iter().map(|layer| layer.prompt.keys_and_values(encoded));
        self.prompts[slot] = layers.collect::<TensorResult<_>>()?;
        Ok(())
    }

    /// One more token per slot, `(rows, hidden)`, in which the caller names no slot twice. Returns
    /// as many normed rows.
    pub(super) fn step(
        &mut self,
        mut hidden: Tensor,
        slots: &[usize],
    ) -> Result<Tensor, CacheError> {
        let mut biases = Vec::with_capacity(slots.len());
        for slot in slots {
            self.cache.check(*slot, 1)?;
            self.check_prompt(*slot)?;
            biases.push(self.bias.scores(1, self.cache.length(*slot)? + 1)?);
        }
        for (index, layer) in self.layers.iter().enumerate() {
            hidden = layer.attend_answer(&hidden, slots, &biases, &mut self.cache, index)?;
            let prompts = slots.iter().map(|slot| &self.prompts[*slot][index]);
            hidden = layer.attend_prompt(&hidden, prompts)?;
            hidden = layer.feed_forward.forward(&hidden)?;
        }
        for slot in slots {
            self.cache.advance(*slot, 1)?;
        }
        Ok(self.norm.forward(&hidden)?)
    }

    fn check_prompt(&self, slot: usize) -> TensorResult<()> {
        match self.prompts[slot].len() == self.layers.len() {
            true => Ok(()),
            false => candle_core::bail!("cache slot {slot} has read no prompt"),
        }
    }

    pub(super) fn copy_slot(&mut self, from: usize, to: usize) -> Result<(), CacheError> {
        self.cache.copy_slot(from, to)?;
        self.prompts[to] = self.prompts[from].clone();
        Ok(())
    }
}

#[derive(Debug)]
struct Layer {
    answer_norm: Norm,
    answer: Projections,
    prompt_norm: Norm,
    prompt: Projections,
    feed_forward: FeedForward,
}

impl Layer {
    fn load(config: &T5Config, reader: &TensorReader) -> Result<Self, WeightsError> {
        let (answer, prompt) = (reader.under(0), reader.under(1));
        Ok(Self {
            answer_norm: Norm::load(config, &answer.under("layer_norm"))?,
            answer: Projections::load(config, &answer.under("SelfAttention"))?,
            prompt_norm: Norm::load(config, &prompt.under("layer_norm"))?,
            prompt: Projections::load(config, &prompt.under("EncDecAttention"))?,
            feed_forward: FeedForward::load(config, &reader.under(2))?,
        })
    }

    /// Each row looks at the answer in its slot, itself included.
    fn attend_answer(
        &self,
        hidden: &Tensor,
        slots: &[usize],
        biases: &[Tensor],
        cache: &mut KeyValueCache,
        layer: usize,
    ) -> Result<Tensor, CacheError> {
        let normed = self.answer_norm.forward(hidden)?;
        let queries = self.answer.queries(&normed)?;
        let (keys, values) = self.answer.keys_and_values(&normed)?;
        let mut attended = Vec::with_capacity(slots.len());
        for (row, (slot, bias)) in slots.iter().zip(biases).enumerate() {
            let part = |heads: &Tensor| heads.narrow(1, row, 1);
            let (keys, values) = cache.append(layer, *slot, &part(&keys)?, &part(&values)?)?;
            attended.push(attend_biased(&part(&queries)?, &keys, &values, bias)?);
        }
        Ok(add(hidden, &self.answer.output(&Tensor::cat(&attended, 0)?)?)?)
    }

    /// Each row looks at its prompt.
    fn attend_prompt<'a>(
        &self,
        hidden: &Tensor,
        prompts: impl Iterator<Item = &'a (Tensor, Tensor)>,
    ) -> TensorResult<Tensor> {
        let queries = self.prompt.queries(&self.prompt_norm.forward(hidden)?)?;
        let attended = prompts.enumerate().map(|(row, (keys, values))| {
            attend(&queries.narrow(1, row, 1)?, keys, values, 1.0, Visibility::All)
        });
        let attended = attended.collect::<TensorResult<Vec<_>>>()?;
        add(hidden, &self.prompt.output(&Tensor::cat(&attended, 0)?)?)
    }
}
