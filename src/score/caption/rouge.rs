/*!
ROUGE-L as `salaniz/pycocoevalcap rouge/rouge.py`.

With P the best LCS / candidate length and R the best LCS / reference length, each over all
references: `(1 + β²) P R / (R + β² P)`, β = 1.2; 0 where P or R is 0. Words are what stands between
single spaces, so that an empty caption is one empty word.

Must not know where the captions come from.
*/

use super::corpus::{CaptionCorpus, Item};
use crate::score::numpy::{mean, pow};

const BETA: f64 = 1.2;

/// A score of each item and their mean.
#[derive(Debug, Clone, PartialEq)]
pub struct MeanScore {
    /// `numpy.mean` of the items; NaN for no items.
    pub mean: f64,
    /// The score of each item.
    pub items: Vec<f64>,
}

impl MeanScore {
    pub(super) fn of(items: Vec<f64>) -> Self {
        Self { mean: mean(&items), items }
    }
}

/// ROUGE-L of all items.
pub fn rouge_l(corpus: &CaptionCorpus) -> MeanScore {
    let mut row = Vec::new();
    MeanScore::of(corpus.items().map(|item| item_score(&item, &mut row)).collect())
}

fn item_score(item: &Item<'_>, row: &mut Vec<u32>) -> f64 {
    let candidate = item.candidate.words;
    let (mut precision, mut recall) = (0.0_f64, 0.0_f64);
    for reference in item.references() {
        let common = f64::from(longest_common_subsequence(candidate, reference.words, row));
        precision = precision.max(common / candidate.len() as f64);
        recall = recall.max(common / reference.words.len() as f64);
    }
    if precision == 0.0 || recall == 0.0 {
        return 0.0;
    }
    let square = pow(BETA, 2.0);
    ((1.0 + square) * precision * recall) / (recall + square * precision)
}

/// The length of the longest common subsequence; `row` is working memory.
fn longest_common_subsequence(left: &[u32], right: &[u32], row: &mut Vec<u32>) -> u32 {
    row.clear();
    row.resize(right.len(), 0);
    for word in left {
        let (mut diagonal, mut before) = (0, 0);
        for (other, cell) in right.iter().zip(row.iter_mut()) {
            let above = *cell;
            *cell = if word == other { diagonal + 1 } else { above.max(before) };
            (diagonal, before) = (above, *cell);
        }
    }
    row.last().copied().unwrap_or(0)
}
