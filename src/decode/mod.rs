/*!
From logits to answers: one loop for all families.

[`generate`] reads prompts into their slots, then steps the whole batch until every row has
stopped; a row that is done leaves the batch. A row follows one answer ([`sampling`]) or several
(`beam`), each in a slot of its own, beside rows that do otherwise. Knows nothing of families,
cases or scores.
*/

mod beam;
mod options;
pub mod sampling;
mod single;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use candle_core::{Device, Tensor};

use crate::answer::FinishReason;
use crate::model::{
    ImageFeatures, ModelError, PrefillRow, PreparedImage, PreparedPrompt, Slot, VisionLanguageModel,
};
use crate::nn::{TwoLargest, two_largest};
use crate::request::GenerationOptions;
use beam::BeamSearch;
use single::SingleAnswer;

/// Slots are made in multiples of this many tokens, so that prompts of similar length do not
/// make the cache grow each time.
const CAPACITY_STEP: usize = 256;

/// One request of a batch.
#[derive(Debug, Clone, Copy)]
pub struct DecodeRow<'a> {
    /// The first cache slot it may use; with `num_beams` above 1 it uses that many, in a row.
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
    /// For each id, that best other one.
    pub runners_up: Vec<u32>,
    /// What beam search ranked the answer by; none without beam search.
    pub beam_score: Option<f32>,
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
        step(model, &mut sequences)?;
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
        options::check(row.options)?;
        for slot in row.slot.0..row.slot.0 + row.options.num_beams {
            if !seen.insert(slot) {
                return Err(ModelError::SlotTwice { slot });
            }
            slots = slots.max(slot + 1);
        }
        let (prompt, new) = (row.prompt.token_ids.len(), row.options.max_new_tokens);
        let total = prompt.saturating_add(new);
        if total > max_positions {
            return Err(ModelError::TooLong { prompt, new, limit: max_positions });
        }
        capacity = capacity.max(total);
    }
    Ok((slots, capacity.next_multiple_of(CAPACITY_STEP)))
}

/// One step of all the rows that still run.
fn step(
    model: &mut dyn VisionLanguageModel,
    sequences: &mut [Sequence<'_>],
) -> Result<(), ModelError> {
    let started = Instant::now();
    let mut running: Vec<_> = sequences.iter_mut().filter(|row| row.is_running()).collect();
    let inputs: Vec<_> = running.iter().map(|row| row.search.inputs()).collect();
    let logits = model.decode_step(&inputs.concat())?;
    let mut searches: Vec<_> = running.iter_mut().map(|row| &mut row.search).collect();
    push_all(model, &mut searches, &inputs, &logits)?;
    let elapsed = started.elapsed();
    for sequence in running {
        sequence.decoding += elapsed;
    }
    Ok(())
}

/// Hands each search the logits of its inputs; only the largest leave the device if that will do.
fn push_all(
    model: &mut dyn VisionLanguageModel,
    searches: &mut [&mut Search<'_>],
    inputs: &[Vec<(Slot, u32)>],
    logits: &Tensor,
) -> Result<(), ModelError> {
    if searches.iter().all(|search| search.takes_largest()) {
        let found = two_largest(logits)?;
        let mut pairs = searches.iter_mut().zip(&found);
        return pairs.try_for_each(|(search, found)| search.push_largest(found));
    }
    let rows = logits_rows(logits)?;
    let mut rest = rows.as_slice();
    for (search, inputs) in searches.iter_mut().zip(inputs) {
        let (own, others) = rest.split_at(inputs.len().min(rest.len()));
        rest = others;
        search.push(own, model)?;
    }
    Ok(())
}

fn logits_rows(logits: &Tensor) -> Result<Vec<Vec<f32>>, ModelError> {
    Ok(logits.to_device(&Device::Cpu)?.to_vec2()?)
}

/// A row on its way.
struct Sequence<'a> {
    search: Search<'a>,
    prefill: Duration,
    decoding: Duration,
}

impl<'a> Sequence<'a> {
    /// Reads the prompt and chooses the first token.
    fn start(
        model: &mut dyn VisionLanguageModel,
        row: &DecodeRow<'a>,
        stop_tokens: &'a [u32],
    ) -> Result<Self, ModelError> {
        let started = Instant::now();
        let DecodeRow { slot, prompt, images, features, options: _ } = *row;
        let logits = model.prefill(&[PrefillRow { slot, prompt, images, features }])?;
        let mut search = match row.options.num_beams {
            1 => Search::Single(Box::new(SingleAnswer::new(row, stop_tokens))),
            _ => Search::Beams(BeamSearch::new(row, stop_tokens)),
        };
        match search.takes_largest() {
            true => two_largest(&logits)?.iter().try_for_each(|found| search.push_largest(found)),
            false => search.push(&logits_rows(&logits)?, model),
        }?;
        Ok(Self { search, prefill: started.elapsed(), decoding: Duration::ZERO })
    }

    fn is_running(&self) -> bool {
        match &self.search {
            Search::Single(answer) => answer.is_running(),
            Search::Beams(beams) => beams.is_running(),
        }
    }

    fn finished(self) -> Generated {
        let Ended { token_ids, margins, runners_up, beam_score, finish } = match self.search {
            Search::Single(answer) => answer.ended(),
            Search::Beams(beams) => beams.ended(),
        };
        let (prefill, decoding) = (self.prefill, self.decoding);
        Generated { token_ids, margins, runners_up, beam_score, finish, prefill, decoding }
    }
}

/// How a row looks for its answer.
enum Search<'a> {
    Single(Box<SingleAnswer<'a>>),
    Beams(BeamSearch<'a>),
}

impl Search<'_> {
    /// The slots and the tokens to append to them.
    fn inputs(&self) -> Vec<(Slot, u32)> {
        match self {
            Self::Single(answer) => answer.inputs(),
            Self::Beams(beams) => beams.inputs(),
        }
    }

    /// Whether the largest logit is all that it needs next.
    fn takes_largest(&self) -> bool {
        matches!(self, Self::Single(answer) if answer.takes_largest())
    }

    /// Goes on with the largest logit alone.
    fn push_largest(&mut self, found: &TwoLargest) -> Result<(), ModelError> {
        match self {
            Self::Single(answer) => answer.push_largest(found),
            Self::Beams(_) => Ok(()),
        }
    }

    /// Goes on with the logits of [`Self::inputs`], or of the prompt.
    fn push(
        &mut self,
        logits: &[Vec<f32>],
        model: &mut dyn VisionLanguageModel,
    ) -> Result<(), ModelError> {
        match self {
            Self::Single(answer) => logits.iter().try_for_each(|logits| answer.push(logits)),
            Self::Beams(beams) => {
                beams.push(logits)?.into_iter().try_for_each(|(from, to)| model.copy_slot(from, to))
            }
        }
    }
}

/// What a search found.
struct Ended {
    token_ids: Vec<u32>,
    margins: Vec<f32>,
    runners_up: Vec<u32>,
    beam_score: Option<f32>,
    finish: FinishReason,
}

/// Why an answer with this last token ends, if it does.
fn finish_reason(
    token_ids: &[u32],
    stop_tokens: &[u32],
    max_new_tokens: usize,
) -> Option<FinishReason> {
    match token_ids.last().is_some_and(|id| stop_tokens.contains(id)) {
        true => Some(FinishReason::Stop),
        false => (token_ids.len() >= max_new_tokens).then_some(FinishReason::Length),
    }
}
