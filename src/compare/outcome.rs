//! What a judge's two replies say of a pair of answers.

use serde::Serialize;

use super::Pair;
use crate::extract::{Preference, preference};
use crate::opinion::{Opinion, Said};
use crate::score::comparison::Comparison;

/// Which answer is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The first model's, in both positions.
    First,
    /// The second model's, in both positions.
    Second,
    /// Neither, or the two positions disagree.
    Tie,
    /// A reply is missing or cannot be read.
    Unread,
}

/// A pair with what the judge said of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The answers.
    pub pair: Pair,
    /// Which is better.
    pub outcome: Outcome,
    /// Why, in words; `this answer` is the first model's.
    pub reason: String,
    /// Whether the judge named the same position both times.
    pub is_biased: bool,
    /// The replies, with the first model's answer in the first position and in the second; none for
    /// answers that are equal, about which nobody is asked.
    pub opinions: Vec<Opinion>,
}

impl Judged {
    /// Equal answers.
    pub(super) fn equal(pair: Pair) -> Self {
        let reason = "the answers are equal".to_owned();
        Self { pair, outcome: Outcome::Tie, reason, is_biased: false, opinions: Vec::new() }
    }

    /// From the replies in both positions.
    pub(super) fn from_replies(pair: Pair, opinions: [Opinion; 2]) -> Self {
        let [first, second] = &opinions;
        let (outcome, reason, is_biased) = match (read(first), read(second)) {
            (Ok(standing_first), Ok(standing_second)) => {
                let comparison = Comparison { standing_first, standing_second };
                (outcome(comparison), comparison.describe().to_owned(), comparison.is_biased())
            }
            (Err(reason), _) | (_, Err(reason)) => (Outcome::Unread, reason, false),
        };
        let reason = format!("{} {reason}", first.adviser);
        Self { pair, outcome, reason, is_biased, opinions: opinions.into() }
    }

    /// What the pair is worth to the first model: 1 for the better answer, half for a draw; none if
    /// nothing could be read.
    pub fn share(&self) -> Option<f64> {
        match self.outcome {
            Outcome::First => Some(1.0),
            Outcome::Second => Some(0.0),
            Outcome::Tie => Some(0.5),
            Outcome::Unread => None,
        }
    }
}

fn outcome(comparison: Comparison) -> Outcome {
    match (comparison.standing_first, comparison.standing_second) {
        (Preference::First, Preference::Second) => Outcome::First,
        (Preference::Second, Preference::First) => Outcome::Second,
        _ => Outcome::Tie,
    }
}

fn read(opinion: &Opinion) -> Result<Preference, String> {
    match &opinion.said {
        Said::Reply { text, .. } => {
            preference(text).map_err(|error| format!("replied {text:?}: {error}"))
        }
        Said::Nothing(reason) => Err(format!("gave no reply: {reason}")),
        Said::ClipScores { .. } | Said::Similarity(_) => Err("gave no reply".to_owned()),
    }
}
