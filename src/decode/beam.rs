/*!
Following several answers at a time.

Order and arithmetic are those of huggingface/transformers v4.57.3 `generation/utils.py`
`_beam_search`, for one row: log softmax, then penalties on the log probabilities, then the best
continuations of all beams together. Candidates that end are kept aside, divided by a power of
their length; the best of the others go on. Sums of log probabilities are in f32, as there.

A beam that goes on stays in its slot. Only where two grow from one is the slot copied, into that of
a beam that was given up; so nothing is overwritten that is still needed.
*/

use std::cmp::Ordering;
use std::sync::Arc;

use super::sampling::{self, Constraints};
use super::sequence::Ended;
use super::{DecodeRow, finish_reason, options};
use crate::answer::FinishReason;
use crate::model::{GenerationRules, ModelError, Slot};
use crate::request::{EarlyStopping, GenerationOptions};

/// The search of one row.
pub(super) struct BeamSearch {
    options: GenerationOptions,
    prompt: Vec<u32>,
    stop_tokens: Arc<[u32]>,
    rules: Arc<GenerationRules>,
    slots: Vec<Slot>,
    /// The answers that go on, best first; one that is empty before the first step.
    running: Vec<Beam>,
    /// The best that ended, best first, as many as beams at most.
    finished: Vec<Beam>,
    has_ended: bool,
}

/// An answer, and what it is ranked by.
#[derive(Debug, Clone)]
struct Beam {
    /// Where its keys and values are while it runs.
    slot: Slot,
    token_ids: Vec<u32>,
    margins: Vec<f32>,
    runners_up: Vec<u32>,
    /// Its log probability; for one that ended, divided by a power of its length.
    score: f32,
}

impl Beam {
    fn empty(slot: Slot) -> Self {
        let (token_ids, margins, runners_up) = (Vec::new(), Vec::new(), Vec::new());
        Self { slot, token_ids, margins, runners_up, score: 0.0 }
    }
}

/// A running beam and a token to follow it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Candidate {
    parent: usize,
    id: u32,
    /// Log probability of beam and token.
    score: f32,
}

impl BeamSearch {
    /// The prompt is in the first of the slots, of which there is one for each beam.
    pub(super) fn new(
        row: &DecodeRow<'_>,
        slots: &[Slot],
        stop_tokens: Arc<[u32]>,
        rules: Arc<GenerationRules>,
    ) -> Self {
        Self {
            options: options::under(row.options, &rules),
            prompt: row.prompt.penalised_ids.clone(),
            stop_tokens,
            rules,
            slots: slots.to_vec(),
            running: slots.first().copied().map(Beam::empty).into_iter().collect(),
            finished: Vec::new(),
            has_ended: false,
        }
    }

    pub(super) fn is_running(&self) -> bool {
        !self.has_ended
    }

    /// The slots and the tokens to append to them.
    pub(super) fn inputs(&self) -> Vec<(Slot, u32)> {
        let input = |beam: &Beam| beam.token_ids.last().map(|id| (beam.slot, *id));
        self.running.iter().filter_map(input).collect()
    }

    /// One step with the logits of each running beam; returns the slots to be copied before the
    /// next one, in order.
    pub(super) fn push(&mut self, logits: &[Vec<f32>]) -> Result<Vec<(Slot, Slot)>, ModelError> {
        let beams = self.options.num_beams;
        let candidates = self.candidates(logits)?;
        let grown = candidates.iter().map(|candidate| self.grow(*candidate, logits));
        let (ended, open): (Vec<_>, Vec<_>) =
            grown.enumerate().partition(|(_, beam)| self.finish(beam).is_some());
        let none_goes_on = open.is_empty();
        // What ended below the best is not an answer: it only made room for others to go on.
        let ended = ended.into_iter().filter(|(rank, _)| *rank < beams);
        self.keep_finished(ended.map(|(_, beam)| beam).collect());
        let parents = self.running.iter().map(|beam| beam.slot).collect::<Vec<_>>();
        self.running = open.into_iter().take(beams).map(|(_, beam)| beam).collect();
        self.has_ended = none_goes_on || self.is_decided();
        match self.has_ended {
            true => Ok(Vec::new()),
            false => Ok(self.assign_slots(&parents)),
        }
    }

    /// The best continuations of all running beams, best first: so many that as many as beams go on
    /// even if each beam stops in every way it can.
    fn candidates(&self, logits: &[Vec<f32>]) -> Result<Vec<Candidate>, ModelError> {
        let mut best = Best::new(self.options.num_beams * (1 + self.stop_tokens.len()).max(2));
        for (parent, (beam, logits)) in self.running.iter().zip(logits).enumerate() {
            sampling::check_numbers(logits, beam.token_ids.len())?;
            let constraints = Constraints {
                repetition_penalty: self.options.repetition_penalty,
                seen: &[&self.prompt[..], &beam.token_ids].concat(),
                min_new_tokens: self.options.min_new_tokens,
                generated: beam.token_ids.len(),
                stop_tokens: &self.stop_tokens,
                rules: &self.rules,
            };
            let scores = constraints.apply(&log_softmax(logits))?.into_owned();
            for (id, score) in (0..).zip(scores) {
                best.offer(Candidate { parent, id, score: score + beam.score });
            }
        }
        Ok(best.into_sorted())
    }

    fn grow(&self, candidate: Candidate, logits: &[Vec<f32>]) -> Beam {
        let Candidate { parent, id, score } = candidate;
        let mut beam = self.running[parent].clone();
        let lead = sampling::lead(&logits[parent], id);
        beam.margins.push(lead.margin);
        beam.runners_up.push(lead.runner_up);
        beam.token_ids.push(id);
        Beam { score, ..beam }
    }

    fn finish(&self, beam: &Beam) -> Option<FinishReason> {
        finish_reason(&beam.token_ids, &self.stop_tokens, self.options.max_new_tokens)
    }

    fn keep_finished(&mut self, ended: Vec<Beam>) {
        for mut beam in ended {
            beam.score /= self.length_divisor(beam.token_ids.len());
            self.finished.push(beam);
        }
        self.finished.sort_by(|left, right| descending(left.score, right.score));
        self.finished.truncate(self.options.num_beams);
    }

    #[expect(clippy::cast_possible_truncation, reason = "the reference divides f32 by f32")]
    fn length_divisor(&self, length: usize) -> f32 {
        (length as f64).powf(self.options.length_penalty) as f32
    }

    /// Whether nothing that still runs counts any more.
    fn is_decided(&self) -> bool {
        let GenerationOptions { num_beams, length_penalty, early_stopping, .. } = self.options;
        if self.finished.len() < num_beams {
            return false;
        }
        let (Some(worst), Some(best)) = (self.finished.last(), self.running.first()) else {
            return true;
        };
        let length = match early_stopping {
            EarlyStopping::FirstFinished => return true,
            EarlyStopping::Never if length_penalty > 0.0 => self.options.max_new_tokens,
            EarlyStopping::Never | EarlyStopping::Heuristic => best.token_ids.len(),
        };
        best.score / self.length_divisor(length) <= worst.score
    }

    /// Gives each running beam a slot of its own; those in `parents` hold what they grow from, and
    /// each beam still names its parent's.
    fn assign_slots(&mut self, parents: &[Slot]) -> Vec<(Slot, Slot)> {
        let is_free = |slot: &&Slot| !self.running.iter().any(|beam| beam.slot == **slot);
        let mut free: Vec<Slot> = self.slots.iter().filter(is_free).copied().collect();
        let mut unclaimed = parents.to_vec();
        let mut copies = Vec::new();
        for beam in &mut self.running {
            match unclaimed.iter().position(|slot| *slot == beam.slot) {
                Some(index) => drop(unclaimed.swap_remove(index)),
                None => {
                    if let Some(slot) = free.pop() {
                        copies.push((beam.slot, slot));
                        beam.slot = slot;
                    }
                }
            }
        }
        copies
    }

    /// The best answer.
    pub(super) fn ended(self) -> Ended {
        let (stop_tokens, limit) = (self.stop_tokens, self.options.max_new_tokens);
        let best = self.finished.into_iter().next();
        let beam_score = best.as_ref().map(|best| best.score);
        let Beam { token_ids, margins, runners_up, .. } =
            best.unwrap_or_else(|| Beam::empty(self.slots[0]));
        let finish = finish_reason(&token_ids, &stop_tokens, limit).unwrap_or(FinishReason::Length);
        Ended { token_ids, margins, runners_up, beam_score, finish }
    }
}

/// The largest scores first.
fn descending(left: f32, right: f32) -> Ordering {
    right.total_cmp(&left)
}

/// Collects the best of many candidates; of equals, the first offered.
struct Best {
    limit: usize,
    kept: Vec<Candidate>,
    /// What a candidate must exceed once there are enough.
    bar: f32,
}

impl Best {
    fn new(limit: usize) -> Self {
        Self { limit, kept: Vec::with_capacity(2 * limit), bar: f32::NEG_INFINITY }
    }

    fn offer(&mut self, candidate: Candidate) {
        if self.kept.len() >= self.limit && candidate.score <= self.bar {
            return;
        }
        self.kept.push(candidate);
        if self.kept.len() >= 2 * self.limit {
            self.shrink();
        }
    }

    fn shrink(&mut self) {
        self.kept.sort_by(|left, right| descending(left.score, right.score));
        self.kept.truncate(self.limit);
        self.bar = self.kept.last().map_or(f32::NEG_INFINITY, |candidate| candidate.score);
    }

    fn into_sorted(mut self) -> Vec<Candidate> {
        self.shrink();
        self.kept
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a log probability fits")]
fn log_softmax(logits: &[f32]) -> Vec<f32> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|logit| f64::from(logit - largest).exp()).sum();
    let log_sum = sum.ln() as f32;
    logits.iter().map(|logit| logit - largest - log_sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_are_kept_in_order_and_the_first_of_equals_wins() {
        let mut best = Best::new(3);
        for (id, score) in (0..).zip([0.5, 2.0, 0.5, 3.0, 0.5, 2.0, 2.0, 1.0]) {
            best.offer(Candidate { parent: 0, id, score });
        }
        let kept: Vec<u32> = best.into_sorted().iter().map(|candidate| candidate.id).collect();
        assert_eq!(kept, [3, 1, 5]);
    }

    #[test]
    fn log_softmax_of_equals_is_the_log_of_their_share() {
        let scores = log_softmax(&[100.0, 100.0, f32::NEG_INFINITY]);
        assert!((scores[0] - 0.5_f32.ln()).abs() < 1e-6);
        assert_eq!(scores[2], f32::NEG_INFINITY);
    }

    /// Copies must read what no earlier copy has overwritten, and beams must end in slots of their
    /// own.
    #[test]
    fn slots_are_copied_only_into_those_given_up() {
        let options = GenerationOptions { num_beams: 3, ..GenerationOptions::default() };
        let beam = |slot| Beam::empty(Slot(slot));
        for parents in [[4, 4, 4], [5, 4, 6], [6, 6, 4], [5, 5, 6]] {
            let mut search = BeamSearch {
                rules: Arc::default(),
                options: options.clone(),
                prompt: Vec::new(),
                stop_tokens: Arc::from([]),
                slots: vec![Slot(4), Slot(5), Slot(6)],
                running: parents.map(beam).into(),
                finished: Vec::new(),
                has_ended: false,
            };
            let mut content = [4, 5, 6];
            let copies = search.assign_slots(&[Slot(4), Slot(5), Slot(6)]);
            for (from, to) in copies {
                content[to.0 - 4] = content[from.0 - 4];
            }
            let held: Vec<usize> = search.running.iter().map(|b| content[b.slot.0 - 4]).collect();
            assert_eq!(held, parents);
            let mut slots: Vec<usize> = search.running.iter().map(|beam| beam.slot.0).collect();
            slots.sort_unstable();
            assert_eq!(slots, [4, 5, 6]);
        }
    }
}
