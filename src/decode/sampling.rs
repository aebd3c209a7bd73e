/*!
Choosing a token from logits: penalty, filters, draw.

The order and the arithmetic are those of huggingface/transformers v4.57.3
`generation/logits_process.py`: `RepetitionPenaltyLogitsProcessor` over prompt and answer (image
placeholders included), `MinNewTokensLengthLogitsProcessor`, then `TemperatureLogitsWarper`, `TopKLogitsWarper`, `TopPLogitsWarper`.
Greedy takes the first of equal maxima, as `torch.argmax` does on a CPU.
*/

use std::borrow::Cow;
use std::sync::Arc;

use candle_core::{Device, Tensor};
use candle_transformers::utils::apply_repeat_penalty;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::model::{GenerationRules, ModelError};
use crate::request::{GenerationOptions, Sampling};

/// Whether the logits can be chosen from: none is NaN or positive infinity.
pub fn are_numbers(logits: &[f32]) -> bool {
    !logits.is_empty() && logits.iter().all(|logit| *logit < f32::INFINITY)
}

/// An error if the logits of the answer's next token, after `generated` others, cannot be chosen
/// from.
pub(super) fn check_numbers(logits: &[f32], generated: usize) -> Result<(), ModelError> {
    match are_numbers(logits) {
        true => Ok(()),
        false => Err(ModelError::NotANumber { generated }),
    }
}

/// How far a chosen token was ahead of all others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lead {
    /// Its logit less the best other one's.
    pub margin: f32,
    /// That other one; the first of equals.
    pub runner_up: u32,
}

/// The lead of `id`. A vocabulary of one token has no runner-up: it is its own then.
pub fn lead(logits: &[f32], id: u32) -> Lead {
    let mut best = (id, f32::NEG_INFINITY);
    for (other, logit) in (0..).zip(logits.iter().copied()) {
        if other != id && (logit > best.1 || best.0 == id) {
            best = (other, logit);
        }
    }
    let own = logits.get(id as usize).copied().unwrap_or(f32::NAN);
    Lead { margin: own - best.1, runner_up: best.0 }
}

/// Chooses the tokens of one answer, one after the other.
#[derive(Debug)]
pub struct Sampler {
    sampling: Sampling,
    repetition_penalty: f32,
    min_new_tokens: usize,
    stop_tokens: Vec<u32>,
    rules: Arc<GenerationRules>,
    /// Ids of prompt and answer so far.
    seen: Vec<u32>,
    /// How many of them are the answer's.
    generated: usize,
    random: StdRng,
}

impl Sampler {
    /// A sampler behind a prompt. Draws depend on the seed alone, not on other rows of a batch.
    pub fn new(options: &GenerationOptions, prompt: &[u32], stop_tokens: &[u32]) -> Self {
        let seed = match options.sampling {
            Sampling::Greedy => 0,
            Sampling::Seeded { seed, .. } => seed,
        };
        Self {
            sampling: options.sampling,
            repetition_penalty: options.repetition_penalty,
            min_new_tokens: options.min_new_tokens,
            stop_tokens: stop_tokens.to_vec(),
            rules: Arc::default(),
            seen: prompt.to_vec(),
            generated: 0,
            random: StdRng::seed_from_u64(seed),
        }
    }

    /// The same with what the checkpoint asks of every answer.
    pub(super) fn with_rules(self, rules: Arc<GenerationRules>) -> Self {
        Self { rules, ..self }
    }

    /// The next id.
    pub fn choose(&mut self, logits: &[f32]) -> Result<u32, ModelError> {
        let constraints = Constraints {
            repetition_penalty: self.repetition_penalty,
            seen: &self.seen,
            min_new_tokens: self.min_new_tokens,
            generated: self.generated,
            stop_tokens: &self.stop_tokens,
            rules: &self.rules,
        };
        let logits = constraints.apply(logits)?;
        let id = match self.sampling {
            Sampling::Greedy => first_maximum(&logits),
            Sampling::Seeded { temperature, top_p, top_k, seed: _ } => {
                let candidates = distribution(&logits, temperature, top_k, top_p);
                draw(&candidates, self.random.random())
            }
        };
        self.seen.push(id);
        self.generated += 1;
        Ok(id)
    }
}

/// What changes logits, or log probabilities, before one is chosen.
#[derive(Debug)]
pub(super) struct Constraints<'a> {
    pub(super) repetition_penalty: f32,
    /// Ids of prompt and answer so far.
    pub(super) seen: &'a [u32],
    pub(super) min_new_tokens: usize,
    /// How many ids the answer has so far.
    pub(super) generated: usize,
    pub(super) stop_tokens: &'a [u32],
    /// What the checkpoint asks beside.
    pub(super) rules: &'a GenerationRules,
}

impl Constraints<'_> {
    /// The penalty, no forbidden token, and no stop token before its time.
    pub(super) fn apply<'a>(&self, scores: &'a [f32]) -> Result<Cow<'a, [f32]>, ModelError> {
        let mut scores = penalised(scores, self.seen, self.repetition_penalty)?;
        let forbidden = self.rules.forbidden(self.seen, self.generated, self.stop_tokens);
        for id in forbidden {
            if let Some(score) = scores.to_mut().get_mut(id as usize) {
                *score = f32::NEG_INFINITY;
            }
        }
        if self.generated < self.min_new_tokens {
            for id in self.stop_tokens {
                if let Some(score) = scores.to_mut().get_mut(*id as usize) {
                    *score = f32::NEG_INFINITY;
                }
            }
        }
        Ok(scores)
    }
}

/// The logits with those of `ids` divided (if positive) or multiplied by `penalty`, each once.
pub fn penalised<'a>(
    logits: &'a [f32],
    ids: &[u32],
    penalty: f32,
) -> Result<Cow<'a, [f32]>, ModelError> {
    if penalty == 1.0 {
        return Ok(Cow::Borrowed(logits));
    }
    let logits = Tensor::new(logits, &Device::Cpu)?;
    Ok(Cow::Owned(apply_repeat_penalty(&logits, penalty, ids)?.to_vec1()?))
}

fn first_maximum(logits: &[f32]) -> u32 {
    let mut best = 0;
    for (index, logit) in logits.iter().enumerate() {
        if *logit > logits[best] {
            best = index;
        }
    }
    best as u32
}

/// A token that survived the filters, and its probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// The token.
    pub id: u32,
    /// Its share; the candidates' shares add up to 1.
    pub probability: f32,
}

/// What is left of the logits after temperature, `top_k` (0: all) and `top_p` (1: all), least
/// likely first, equals by id.
pub fn distribution(logits: &[f32], temperature: f64, top_k: usize, top_p: f64) -> Vec<Candidate> {
    #[expect(clippy::cast_possible_truncation, reason = "the reference divides f32 by f32")]
    let temperature = temperature as f32;
    let scaled: Vec<f32> = logits.iter().map(|logit| logit / temperature).collect();
    let threshold = kth_largest(&scaled, top_k);
    let mut kept: Vec<(u32, f32)> = (0..)
        .zip(scaled)
        .filter(|(_, logit)| threshold.is_none_or(|threshold| *logit >= threshold))
        .collect();
    kept.sort_by(|left, right| left.1.total_cmp(&right.1).then(left.0.cmp(&right.0)));
    let kept = top_share(&softmax(&kept), top_p);
    renormalised(kept)
}

/// The smallest logit that `top_k` keeps; those equal to it are kept too.
fn kth_largest(logits: &[f32], top_k: usize) -> Option<f32> {
    if top_k == 0 || top_k >= logits.len() {
        return None;
    }
    let mut sorted = logits.to_vec();
    let (_, kth, _) = sorted.select_nth_unstable_by(top_k - 1, |left, right| right.total_cmp(left));
    Some(*kth)
}

fn softmax(sorted: &[(u32, f32)]) -> Vec<Candidate> {
    let largest = sorted.last().map_or(0.0, |(_, logit)| *logit);
    let weights = sorted.iter().map(|(id, logit)| (*id, (logit - largest).exp()));
    let candidate = |(id, weight)| Candidate { id, probability: weight };
    renormalised(weights.map(candidate).collect())
}

/// Drops the least likely tokens whose shares together are no more than `1 - top_p`; the most
/// likely one stays. Sums run in f64 and are compared in f32, as `torch.cumsum` does.
#[expect(clippy::cast_possible_truncation, reason = "the reference compares in f32")]
fn top_share(sorted: &[Candidate], top_p: f64) -> Vec<Candidate> {
    if top_p >= 1.0 {
        return sorted.to_vec();
    }
    let limit = (1.0 - top_p) as f32;
    let mut sum = 0.0_f64;
    let dropped = sorted.iter().take_while(|candidate| {
        sum += f64::from(candidate.probability);
        sum as f32 <= limit
    });
    let dropped = dropped.count().min(sorted.len().saturating_sub(1));
    sorted[dropped..].to_vec()
}

fn renormalised(mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    let total: f64 = candidates.iter().map(|candidate| f64::from(candidate.probability)).sum();
    for candidate in &mut candidates {
        #[expect(clippy::cast_possible_truncation, reason = "a share fits")]
        let share = (f64::from(candidate.probability) / total) as f32;
        candidate.probability = share;
    }
    candidates
}

/// The candidate at `point` (0 to 1) of the cumulated shares, most likely first.
fn draw(candidates: &[Candidate], point: f64) -> u32 {
    let mut sum = 0.0;
    let mut id = 0;
    for candidate in candidates.iter().rev() {
        id = candidate.id;
        sum += f64::from(candidate.probability);
        if point < sum {
            break;
        }
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(candidates: &[Candidate]) -> Vec<u32> {
        candidates.iter().map(|candidate| candidate.id).collect()
    }

    #[test]
    fn greedy_takes_the_first_of_equals() {
        assert_eq!(first_maximum(&[1.0, 3.0, 3.0, 2.0]), 1);
    }

    #[test]
    fn the_runner_up_is_the_best_other_one() {
        assert_eq!(lead(&[1.0, 3.5, 3.0, 3.0], 1), Lead { margin: 0.5, runner_up: 2 });
        assert_eq!(lead(&[1.0, 3.5, 3.0, 3.0], 0), Lead { margin: -2.5, runner_up: 1 });
        assert_eq!(lead(&[2.0, f32::NEG_INFINITY], 0).runner_up, 1);
    }

    #[test]
    fn top_k_keeps_ties() {
        assert_eq!(ids(&distribution(&[1.0, 2.0, 2.0, 3.0], 1.0, 2, 1.0)), [1, 2, 3]);
    }

    #[test]
    fn top_p_zero_is_greedy() {
        assert_eq!(ids(&distribution(&[1.0, 2.0, 3.0], 1.0, 0, 0.0)), [2]);
    }

    #[test]
    fn not_numbers_are_seen() {
        assert!(are_numbers(&[0.0, f32::NEG_INFINITY]));
        assert!(!are_numbers(&[0.0, f32::NAN]));
        assert!(!are_numbers(&[f32::INFINITY]));
    }

    #[test]
    fn no_stop_token_comes_before_its_time() {
        let options = GenerationOptions { min_new_tokens: 2, ..GenerationOptions::default() };
        let mut sampler = Sampler::new(&options, &[], &[1, 3, 99]);
        let ids: Vec<u32> =
            (0..3).map(|_| sampler.choose(&[0.0, 2.0, 1.0, 3.0]).unwrap()).collect();
        assert_eq!(ids, [2, 2, 3]);
    }
}
