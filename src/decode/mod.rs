/*!
From logits to answers: one loop for all families.

[`generate`] reads prompts into their slots, then steps the whole batch until every row has
stopped; a row that is done leaves the batch. Choosing a token is in [`sampling`]. Knows nothing
of families, cases or scores.
*/

pub mod sampling;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use candle_core::{Device, Tensor};

use crate::answer::FinishReason;
use crate::model::{
    ImageFeatures, ModelError, PrefillRow, PreparedImage, PreparedPrompt, Slot, VisionLanguageModel,
};
use crate::request::GenerationOptions;
use sampling::Sampler;

/// Slots are made in multiples of this many tokens, so that prompts of similar length do not
/// make the cache grow each time.
const CAPACITY_STEP: usize = 256;

/// One request of a batch.
#[derive(Debug, Clone, Copy)]
pub struct DecodeRow<'a> {
    /// The cache slot it may use.
    pub slot: Slot,
    /// The prompt.
    pub prompt: &'a PreparedPrompt,
    /// The request's images, indexed as in [`PreparedPrompt::image_spans`].
    pub images: &'a [PreparedImage],
    /// Their features, same indices.
    pub features: &'a [ImageFeatures],
    /// How to generate.
    pub options: &'a GenerationOptions,
}

/// What the model said to one row.
#[derive(Debug, Clone, PartialEq)]
pub struct Generated {
    /// The generated ids, the stop token included if one was produced.
    pub token_ids: Vec<u32>,
    /// For each id, its logit less the best other one's, before penalties.
    pub margins: Vec<f32>,
    /// Why it ended.
    pub finish: FinishReason,
    /// Time of its prompt, up to the first token's logits.
    pub prefill: Duration,
    /// Time of the steps it took part in, shared with the other rows of the batch.
    pub decoding: Duration,
}

/// Generates an answer to each row. Reserves as many slots and tokens as the rows need.
pub fn generate(
    model: &mut dyn VisionLanguageModel,
    rows: &[DecodeRow<'_>],
) -> Result<Vec<Generated>, ModelError> {
    let (slots, capacity) = needed_cache(rows, model.max_positions())?;
    let stop_tokens = model.processor().stop_tokens().to_vec();
    model.reserve(slots, capacity)?;
    let mut sequences = Vec::with_capacity(rows.len());
    for row in rows {
        sequences.push(Sequence::start(model, row, &stop_tokens)?);
    }
    while sequences.iter().any(Sequence::is_running) {
        step(model, &mut sequences, &stop_tokens)?;
    }
    Ok(sequences.into_iter().map(Sequence::finished).collect())
}

/// Checks the rows; returns the slots and the tokens per slot that they need.
fn needed_cache(
    rows: &[DecodeRow<'_>],
    max_positions: usize,
) -> Result<(usize, usize), ModelError> {
    let (mut seen, mut slots, mut capacity) = (HashSet::new(), 0, 0);
    for row in rows {
        sampling::check(row.options)?;
        let slot = row.slot.0;
        if !seen.insert(slot) {
            return Err(ModelError::SlotTwice { slot });
        }
        let (prompt, new) = (row.prompt.token_ids.len(), row.options.max_new_tokens);
        let total = prompt.saturating_add(new);
        if total > max_positions {
            return Err(ModelError::TooLong { prompt, new, limit: max_positions });
        }
        slots = slots.max(slot + 1);
        capacity = capacity.max(total);
    }
    Ok((slots, capacity.next_multiple_of(CAPACITY_STEP)))
}

/// One step of all the rows that still run.
fn step(
    model: &mut dyn VisionLanguageModel,
    sequences: &mut [Sequence<'_>],
    stop_tokens: &[u32],
) -> Result<(), ModelError> {
    let started = Instant::now();
    let mut running: Vec<_> = sequences.iter_mut().filter(|row| row.is_running()).collect();
    let inputs: Vec<_> = running.iter().filter_map(|row| row.next_input()).collect();
    let logits = model.decode_step(&inputs)?;
    for (sequence, logits) in running.iter_mut().zip(logits_rows(&logits)?) {
        sequence.push(logits, stop_tokens)?;
    }
    let elapsed = started.elapsed();
    for sequence in running {
        sequence.decoding += elapsed;
    }
    Ok(())
}

fn logits_rows(logits: &Tensor) -> Result<Vec<Vec<f32>>, ModelError> {
    Ok(logits.to_device(&Device::Cpu)?.to_vec2()?)
}

/// A row on its way.
struct Sequence<'a> {
    slot: Slot,
    options: &'a GenerationOptions,
    sampler: Sampler,
    token_ids: Vec<u32>,
    margins: Vec<f32>,
    finish: Option<FinishReason>,
    prefill: Duration,
    decoding: Duration,
}

impl<'a> Sequence<'a> {
    /// Reads the prompt and chooses the first token.
    fn start(
        model: &mut dyn VisionLanguageModel,
        row: &DecodeRow<'a>,
        stop_tokens: &[u32],
    ) -> Result<Self, ModelError> {
        let started = Instant::now();
        let DecodeRow { slot, prompt, images, features, options } = *row;
        let logits = model.prefill(&[PrefillRow { slot, prompt, images, features }])?;
        let logits = logits_rows(&logits)?;
        let mut sequence = Self {
            slot,
            options,
            sampler: Sampler::new(options, &prompt.penalised_ids),
            token_ids: Vec::new(),
            margins: Vec::new(),
            finish: None,
            prefill: started.elapsed(),
            decoding: Duration::ZERO,
        };
        for logits in logits {
            sequence.push(logits, stop_tokens)?;
        }
        Ok(sequence)
    }

    fn is_running(&self) -> bool {
        self.finish.is_none()
    }

    /// The slot and the token to append to it.
    fn next_input(&self) -> Option<(Slot, u32)> {
        self.token_ids.last().map(|id| (self.slot, *id))
    }

    /// Chooses the next token and sees whether it is the last.
    fn push(&mut self, logits: Vec<f32>, stop_tokens: &[u32]) -> Result<(), ModelError> {
        if !sampling::are_numbers(&logits) {
            return Err(ModelError::NotANumber { generated: self.token_ids.len() });
        }
        let id = self.sampler.choose(&logits)?;
        self.margins.push(sampling::margin(&logits, id));
        self.token_ids.push(id);
        self.finish = match stop_tokens.contains(&id) {
            true => Some(FinishReason::Stop),
            false if self.token_ids.len() >= self.options.max_new_tokens => {
                Some(FinishReason::Length)
            }
            false => None,
        };
        Ok(())
    }

    fn finished(self) -> Generated {
        Generated {
            token_ids: self.token_ids,
            margins: self.margins,
            finish: self.finish.unwrap_or(FinishReason::Length),
            prefill: self.prefill,
            decoding: self.decoding,
        }
    }
}
