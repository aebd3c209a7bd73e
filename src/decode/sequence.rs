//! One row on its way: how it looks for its answer, and what that took.

use std::sync::Arc;
use std::time::{Duration, Instant};

use candle_core::{Device, Tensor};

use super::beam::BeamSearch;
use super::single::SingleAnswer;
use super::{DecodeRow, Generated, SharedTime, Ticket};
use crate::answer::FinishReason;
use crate::model::{GenerationRules, ModelError, Slot, VisionLanguageModel};
use crate::nn::{TwoLargest, two_largest};

/// A row in the cache.
pub(super) struct Sequence {
    pub(super) ticket: Ticket,
    /// All that it may use.
    pub(super) slots: Vec<Slot>,
    prefill: SharedTime,
    decoding: SharedTime,
    largest_batch: usize,
    search: Search,
    /// Why it cannot go on.
    failure: Option<ModelError>,
}

impl Sequence {
    pub(super) fn new(
        ticket: Ticket,
        row: &DecodeRow<'_>,
        slots: Vec<Slot>,
        stop_tokens: &Arc<[u32]>,
        rules: &Arc<GenerationRules>,
    ) -> Self {
        Self {
            ticket,
            prefill: SharedTime::default(),
            decoding: SharedTime::default(),
            largest_batch: 1,
            search: Search::new(row, &slots, Arc::clone(stop_tokens), Arc::clone(rules)),
            failure: None,
            slots,
        }
    }

    pub(super) fn is_running(&self) -> bool {
        self.failure.is_none() && self.search.is_running()
    }

    /// What came of it.
    pub(super) fn ended(self) -> Result<Generated, ModelError> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        let Ended { token_ids, margins, runners_up, beam_score, finish } = match self.search {
            Search::Single(answer) => answer.ended(),
            Search::Beams(beams) => beams.ended(),
        };
        Ok(Generated {
            token_ids,
            margins,
            runners_up,
            beam_score,
            finish,
            prefill: self.prefill,
            decoding: self.decoding,
            largest_batch: self.largest_batch,
        })
    }

    /// Counts a call that read the prompts of so many rows.
    pub(super) fn count_prefill(&mut self, elapsed: Duration, rows: usize) {
        self.prefill.add(elapsed, 1, rows);
        self.largest_batch = self.largest_batch.max(rows);
    }
}

/// One step of all the rows that still run.
pub(super) fn step_all(
    model: &mut dyn VisionLanguageModel,
    sequences: &mut [Sequence],
) -> Result<(), ModelError> {
    let started = Instant::now();
    let mut running: Vec<_> = sequences.iter_mut().filter(|row| row.is_running()).collect();
    if running.is_empty() {
        return Ok(());
    }
    let parts: Vec<_> = running.iter().map(|row| row.search.inputs()).collect();
    let inputs = parts.concat();
    let logits = model.decode_step(&inputs)?;
    push_all(model, &mut running, &logits)?;
    let elapsed = started.elapsed();
    for (sequence, part) in running.into_iter().zip(&parts) {
        sequence.decoding.add(elapsed, part.len(), inputs.len());
        sequence.largest_batch = sequence.largest_batch.max(parts.len());
    }
    Ok(())
}

/// Hands each row the logits that are its: those of its inputs, or of its prompt. Only the largest
/// leave the device if that will do. What a row cannot go on with is its own failure.
///
/// # Errors
/// The logits could not be had, or a slot not be copied.
pub(super) fn push_all(
    model: &mut dyn VisionLanguageModel,
    sequences: &mut [&mut Sequence],
    logits: &Tensor,
) -> Result<(), ModelError> {
    if sequences.iter().all(|sequence| sequence.search.takes_largest()) {
        for (sequence, found) in sequences.iter_mut().zip(two_largest(logits)?) {
            sequence.failure = sequence.search.push_largest(&found).err();
        }
        return Ok(());
    }
    let rows: Vec<Vec<f32>> = logits.to_device(&Device::Cpu)?.to_vec2()?;
    let mut rest = rows.as_slice();
    for sequence in sequences {
        let count = sequence.search.inputs().len().max(1);
        let (own, others) = rest.split_at(count.min(rest.len()));
        rest = others;
        match sequence.search.push(own) {
            Ok(copies) => {
                copies.into_iter().try_for_each(|(from, to)| model.copy_slot(from, to))?;
            }
            Err(failure) => sequence.failure = Some(failure),
        }
    }
    Ok(())
}

/// How a row looks for its answer.
enum Search {
    Single(Box<SingleAnswer>),
    Beams(BeamSearch),
}

impl Search {
    fn new(
        row: &DecodeRow<'_>,
        slots: &[Slot],
        stop_tokens: Arc<[u32]>,
        rules: Arc<GenerationRules>,
    ) -> Self {
        match slots {
            [slot] => Self::Single(Box::new(SingleAnswer::new(row, *slot, stop_tokens, rules))),
            _ => Self::Beams(BeamSearch::new(row, slots, stop_tokens, rules)),
        }
    }

    fn is_running(&self) -> bool {
        match self {
            Self::Single(answer) => answer.is_running(),
            Self::Beams(beams) => beams.is_running(),
        }
    }

    /// The slots and the tokens to append to them; none before the prompt's logits have come.
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

    /// Goes on with the logits of [`Self::inputs`], or of the prompt; returns the slots to be copied
    /// before the next step, in order.
    fn push(&mut self, logits: &[Vec<f32>]) -> Result<Vec<(Slot, Slot)>, ModelError> {
        match self {
            Self::Single(answer) => {
                logits.iter().try_for_each(|logits| answer.push(logits))?;
                Ok(Vec::new())
            }
            Self::Beams(beams) => beams.push(logits),
        }
    }
}

/// What a search found.
pub(super) struct Ended {
    pub(super) token_ids: Vec<u32>,
    pub(super) margins: Vec<f32>,
    pub(super) runners_up: Vec<u32>,
    pub(super) beam_score: Option<f32>,
    pub(super) finish: FinishReason,
}
