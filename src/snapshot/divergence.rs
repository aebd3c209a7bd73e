//! Where an answer leaves the accepted one, and how nearly it did not.

use serde::{Deserialize, Serialize};

use crate::answer::Answer;

/// Two logits closer than this count as a near tie: the step of bf16 between 16 and 32, where the
/// largest logits of a vocabulary tend to lie. Other hardware or another precision may decide it
/// otherwise.
pub const NEAR_TIE: f32 = 0.125;

/// What comes before the ids in the description of a snapshot.
const HEAD: &str = "token ids:";

/// The first token that an answer does not share with the accepted one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Divergence {
    /// How many tokens both begin with.
    pub shared_tokens: usize,
    /// The answer's next token; none if it ends there.
    pub token_id: Option<u32>,
    /// The accepted answer's next token; none if it ends there.
    pub accepted_id: Option<u32>,
    /// How far the answer's token was ahead of the accepted one's; none if either ends there.
    pub ahead: Option<Ahead>,
}

/// The logit of the answer's token less that of the accepted answer's token.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ahead {
    /// The accepted token was the runner-up.
    By(f32),
    /// The accepted token was behind the runner-up, which was this far behind.
    ByMoreThan(f32),
}

impl Divergence {
    /// Compares an answer with the ids of the accepted one; none if they are the same.
    pub fn between(answer: &Answer, accepted: &[u32]) -> Option<Self> {
        let ids = &answer.token_ids;
        let shared = ids.iter().zip(accepted).take_while(|(now, then)| now == then).count();
        let (token_id, accepted_id) = (ids.get(shared).copied(), accepted.get(shared).copied());
        if token_id.is_none() && accepted_id.is_none() {
            return None;
        }
        let ahead = accepted_id.and_then(|accepted| {
            let margin = *answer.margins.get(shared)?;
            let is_runner_up = *answer.runners_up.get(shared)? == accepted;
            Some(if is_runner_up { Ahead::By(margin) } else { Ahead::ByMoreThan(margin) })
        });
        Some(Self { shared_tokens: shared, token_id, accepted_id, ahead })
    }

    /// Whether both tokens had nearly the same logit: closer than `margin`.
    pub fn is_within(&self, margin: f32) -> bool {
        // Drawn tokens may be behind the runner-up.
        matches!(self.ahead, Some(Ahead::By(ahead)) if ahead.abs() < margin)
    }
}

/// The ids as the description of a snapshot, the one part of its head that insta's public interface
/// gives back.
pub(super) fn description(ids: &[u32]) -> String {
    let ids: Vec<String> = ids.iter().map(u32::to_string).collect();
    format!("{HEAD} {}", ids.join(" "))
}

/// The ids of a snapshot; none if it was accepted without.
pub(super) fn ids_in(description: Option<&str>) -> Option<Vec<u32>> {
    description?.strip_prefix(HEAD)?.split_whitespace().map(|id| id.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Token `i` was ahead of token `100 + i` by `margins[i]`.
    fn answer(token_ids: &[u32], margins: &[f32]) -> Answer {
        Answer {
            token_ids: token_ids.to_vec(),
            margins: margins.to_vec(),
            runners_up: (100..).take(token_ids.len()).collect(),
            ..Answer::of_text("")
        }
    }

    #[test]
    fn the_first_other_token_decides() {
        let now = answer(&[7, 8, 9], &[5.0, 0.25, 3.0]);
        let found = Divergence::between(&now, &[7, 101, 12]).unwrap();
        let expected = Divergence {
            shared_tokens: 1,
            token_id: Some(8),
            accepted_id: Some(101),
            ahead: Some(Ahead::By(0.25)),
        };
        assert_eq!(found, expected);
        assert!(found.is_within(0.3) && !found.is_within(0.25));
        assert_eq!(Divergence::between(&now, &[7, 8, 9]), None);
    }

    #[test]
    fn a_token_behind_the_runner_up_is_no_near_tie() {
        let now = answer(&[7], &[0.01]);
        let found = Divergence::between(&now, &[55]).unwrap();
        assert_eq!(found.ahead, Some(Ahead::ByMoreThan(0.01)));
        assert!(!found.is_within(1.0));
    }

    #[test]
    fn an_answer_that_ends_earlier_or_later_has_no_margin_to_tell() {
        let now = answer(&[7, 8], &[5.0, 0.01]);
        let cut = Divergence::between(&now, &[7]).unwrap();
        assert_eq!((cut.token_id, cut.accepted_id, cut.ahead), (Some(8), None, None));
        let longer = Divergence::between(&now, &[7, 8, 9]).unwrap();
        assert_eq!((longer.token_id, longer.accepted_id), (None, Some(9)));
        assert!(!longer.is_within(1.0));
    }

    #[test]
    fn ids_come_back_from_the_description() {
        assert_eq!(ids_in(Some(&description(&[1, 22]))), Some(vec![1, 22]));
        assert_eq!(ids_in(Some(&description(&[]))), Some(vec![]));
        for other in [None, Some("the red car"), Some("token ids: 1 x")] {
            assert_eq!(ids_in(other), None);
        }
    }
}
