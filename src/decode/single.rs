//! Following one answer: greedy or drawn.

use std::sync::Arc;

use super::sampling::{self, Lead, Sampler};
use super::sequence::Ended;
use super::{DecodeRow, finish_reason, options};
use crate::answer::FinishReason;
use crate::model::{GenerationRules, ModelError, Slot};
use crate::nn::TwoLargest;
use crate::request::{GenerationOptions, Sampling};

/// An answer that grows by one token a step.
pub(super) struct SingleAnswer {
    slot: Slot,
    options: GenerationOptions,
    stop_tokens: Arc<[u32]>,
    sampler: Sampler,
    /// Whether the checkpoint forbids none.
    tokens_are_free: bool,
    token_ids: Vec<u32>,
    margins: Vec<f32>,
    runners_up: Vec<u32>,
    finish: Option<FinishReason>,
}

impl SingleAnswer {
    pub(super) fn new(
        row: &DecodeRow<'_>,
        slot: Slot,
        stop_tokens: Arc<[u32]>,
        rules: Arc<GenerationRules>,
    ) -> Self {
        let options = options::under(row.options, &rules);
        let sampler = Sampler::new(&options, &row.prompt.penalised_ids, &stop_tokens);
        Self {
            slot,
            options,
            tokens_are_free: rules.leave_tokens_free(),
            sampler: sampler.with_rules(rules),
            stop_tokens,
            token_ids: Vec::new(),
            margins: Vec::new(),
            runners_up: Vec::new(),
            finish: None,
        }
    }

    pub(super) fn is_running(&self) -> bool {
        self.finish.is_none()
    }

    /// The slot and the token to append to it.
    pub(super) fn inputs(&self) -> Vec<(Slot, u32)> {
        self.token_ids.last().map(|id| (self.slot, *id)).into_iter().collect()
    }

    /// Chooses the next token and sees whether it is the last.
    pub(super) fn push(&mut self, logits: &[f32]) -> Result<(), ModelError> {
        sampling::check_numbers(logits, self.token_ids.len())?;
        let id = self.sampler.choose(logits)?;
        self.append(id, sampling::lead(logits, id));
        Ok(())
    }

    /// Whether the next token is simply the one with the largest logit.
    pub(super) fn takes_largest(&self) -> bool {
        let GenerationOptions { sampling, repetition_penalty, min_new_tokens, .. } = self.options;
        let free = repetition_penalty == 1.0 && self.token_ids.len() >= min_new_tokens;
        free && self.tokens_are_free && sampling == Sampling::Greedy
    }

    /// Takes the token with the largest logit.
    pub(super) fn push_largest(&mut self, found: &TwoLargest) -> Result<(), ModelError> {
        if found.largest.is_nan() {
            return Err(ModelError::NotANumber { generated: self.token_ids.len() });
        }
        let TwoLargest { index, largest, runner_up, runner_up_index } = *found;
        self.append(index, Lead { margin: largest - runner_up, runner_up: runner_up_index });
        Ok(())
    }

    fn append(&mut self, id: u32, lead: Lead) {
        self.margins.push(lead.margin);
        self.runners_up.push(lead.runner_up);
        self.token_ids.push(id);
        let limit = self.options.max_new_tokens;
        self.finish = finish_reason(&self.token_ids, &self.stop_tokens, limit);
    }

    pub(super) fn ended(self) -> Ended {
        Ended {
            token_ids: self.token_ids,
            margins: self.margins,
            runners_up: self.runners_up,
            beam_score: None,
            finish: self.finish.unwrap_or(FinishReason::Length),
        }
    }
}
