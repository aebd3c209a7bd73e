/*!
BLEU-1..4 with the closest reference length, as `salaniz/pycocoevalcap bleu/bleu_scorer.py`
(`option="closest"`).

Of an item, or of the corpus by summed counts (not a mean of items):
`(Π_{k≤n} (correct_k + 1e-15) / (guess_k + 1e-9))^(1/n)`, times `exp(1 - 1/ratio)` where the ratio
`(length + 1e-15) / (reference_length + 1e-9)` is below 1.

Must not know where the captions come from.
*/

use super::corpus::{Caption, CaptionCorpus, Item, MAX_ORDER};
use super::ngram_counts::NgramCounts;
use crate::score::numpy::pow;

const TINY: f64 = 1e-15;
const SMALL: f64 = 1e-9;

/// BLEU of a corpus and of its items.
#[derive(Debug, Clone, PartialEq)]
pub struct Bleu {
    /// BLEU-1 to BLEU-4 of the corpus.
    pub corpus: [f64; MAX_ORDER],
    /// BLEU-1 to BLEU-4 of each item.
    pub items: Vec<[f64; MAX_ORDER]>,
    /// The counts of each item.
    pub item_counts: Vec<BleuCounts>,
    /// The sums of the counts.
    pub totals: BleuCounts,
}

/// What BLEU is computed from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BleuCounts {
    /// Words of the candidate.
    pub candidate_length: u64,
    /// Words of the reference that is closest in length; of equally close ones the shorter.
    pub reference_length: u64,
    /// Runs of 1, 2, 3 and 4 words in the candidate.
    pub guess: [u64; MAX_ORDER],
    /// Those of them that a reference has too, each at most as often as one reference has it.
    pub correct: [u64; MAX_ORDER],
}

impl BleuCounts {
    /// BLEU-1 to BLEU-4 of these counts.
    pub fn scores(&self) -> [f64; MAX_ORDER] {
        let penalty = self.brevity_penalty();
        let mut product = 1.0;
        std::array::from_fn(|k| {
            product *= (self.correct[k] as f64 + TINY) / (self.guess[k] as f64 + SMALL);
            let score = pow(product, 1.0 / (k + 1) as f64);
            penalty.map_or(score, |penalty| score * penalty)
        })
    }

    fn brevity_penalty(&self) -> Option<f64> {
        let ratio = (self.candidate_length as f64 + TINY) / (self.reference_length as f64 + SMALL);
        (ratio < 1.0).then(|| (1.0 - 1.0 / ratio).exp())
    }

    fn add(&mut self, other: &Self) {
        self.candidate_length += other.candidate_length;
        self.reference_length += other.reference_length;
        for k in 0..MAX_ORDER {
            self.guess[k] += other.guess[k];
            self.correct[k] += other.correct[k];
        }
    }
}

/// BLEU of all items.
pub fn bleu(corpus: &CaptionCorpus) -> Bleu {
    let mut counter = Counter::default();
    let item_counts: Vec<BleuCounts> = corpus.items().map(|item| counter.count(&item)).collect();
    Bleu::from_counts(item_counts)
}

impl Bleu {
    /// BLEU of items whose counts are known, a resampled corpus for instance.
    pub fn from_counts(item_counts: Vec<BleuCounts>) -> Self {
        let mut totals = BleuCounts::default();
        for counts in &item_counts {
            totals.add(counts);
        }
        let items = item_counts.iter().map(BleuCounts::scores).collect();
        Self { corpus: totals.scores(), items, item_counts, totals }
    }
}

#[derive(Default)]
struct Counter {
    candidate: NgramCounts,
    reference: NgramCounts,
    /// The largest count in one reference, for each n-gram of the candidate.
    best: Vec<u32>,
}

impl Counter {
    fn count(&mut self, item: &Item<'_>) -> BleuCounts {
        let length = item.candidate.length;
        BleuCounts {
            candidate_length: length as u64,
            reference_length: closest(length, item.references().map(|one| one.length)) as u64,
            guess: std::array::from_fn(|k| item.candidate.ngrams(k + 1).len() as u64),
            correct: std::array::from_fn(|k| self.correct(item, k + 1)),
        }
    }

    fn correct(&mut self, item: &Item<'_>, order: usize) -> u64 {
        self.candidate.fill(item.candidate.ngrams(order));
        self.best.clear();
        self.best.resize(self.candidate.entries().len(), 0);
        for reference in item.references() {
            self.note_best(&reference, order);
        }
        let clipped = self.candidate.entries().iter().zip(&self.best);
        clipped.map(|((_, count), best)| u64::from(*count.min(best))).sum()
    }

    fn note_best(&mut self, reference: &Caption<'_>, order: usize) {
        self.reference.fill(reference.ngrams(order));
        for ((ngram, _), best) in self.candidate.entries().iter().zip(&mut self.best) {
            *best = (*best).max(self.reference.count(*ngram));
        }
    }
}

/// The length nearest to `length`; 0 if there is none.
fn closest(length: usize, lengths: impl Iterator<Item = usize>) -> usize {
    lengths.min_by_key(|other| (other.abs_diff(length), *other)).unwrap_or(0)
}
