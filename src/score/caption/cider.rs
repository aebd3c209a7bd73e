/*!
CIDEr-D as `salaniz/pycocoevalcap cider/cider_scorer.py` (which calls it "CIDEr") and plain CIDEr as
`vrama91/cider pyciderevalcap/cider`.

The weight of an n-gram is `tf (ln N - ln max(1, df))`, with df and N counted over the evaluated
items (or the documents of [`CaptionCorpus::with_documents`]). For each reference and n = 1..4 the similarity is the cosine of the weights; CIDEr-D clips
the candidate's weights to the reference's and multiplies by `e^(-δ² / (2 σ²))`, δ the difference of
the lengths in pairs of words, σ = 6. The score is 10 times the mean over n and references.

Must not know where the captions come from.
*/

use std::f64::consts::E;

use super::corpus::{Caption, CaptionCorpus, Item, MAX_ORDER};
use super::ngram_counts::NgramCounts;
use super::rouge::MeanScore;
use crate::score::numpy::{mean, pow};

const SIGMA: f64 = 6.0;

/// Both definitions.
#[derive(Debug, Clone, PartialEq)]
pub struct Cider {
    /// CIDEr-D: clipped, with a penalty on length; what COCO's table calls CIDEr.
    pub clipped: MeanScore,
    /// CIDEr of the paper's first part.
    pub plain: MeanScore,
}

/// CIDEr-D and CIDEr of all items; 0 everywhere for a single item, because then every weight is 0.
pub fn cider(corpus: &CaptionCorpus) -> Cider {
    let mut scorer = Scorer::new(corpus);
    let scores = corpus.items().map(|item| scorer.item_scores(&item));
    let (clipped, plain) = scores.map(|Similarity { clipped, plain }| (clipped, plain)).unzip();
    Cider { clipped: MeanScore::of(clipped), plain: MeanScore::of(plain) }
}

/// A number for each definition.
#[derive(Debug, Clone, Copy, Default)]
struct Similarity {
    clipped: f64,
    plain: f64,
}

impl Similarity {
    fn map(self, function: impl Fn(f64) -> f64) -> Self {
        Self { clipped: function(self.clipped), plain: function(self.plain) }
    }

    fn add(&mut self, other: Self) {
        self.clipped += other.clipped;
        self.plain += other.plain;
    }
}

/// The weights of the n-grams of one caption and their norms, for each n.
#[derive(Default)]
struct Vector {
    counts: [NgramCounts; MAX_ORDER],
    norms: [f64; MAX_ORDER],
    length: f64,
}

struct Scorer<'c> {
    corpus: &'c CaptionCorpus,
    /// Weight of an n-gram that occurs once, by its document frequency.
    weight_of_one: Vec<f64>,
    /// The squares of those.
    square_of_one: Vec<f64>,
    candidate: Vector,
    reference: Vector,
}

impl<'c> Scorer<'c> {
    fn new(corpus: &'c CaptionCorpus) -> Self {
        let count = corpus.documents();
        let log_count = (count as f64).ln();
        let weight_of_one: Vec<f64> =
            (0..=count).map(|df| log_count - (df as f64).max(1.0).ln()).collect();
        let square_of_one = weight_of_one.iter().map(|weight| pow(*weight, 2.0)).collect();
        let (candidate, reference) = (Vector::default(), Vector::default());
        Self { corpus, weight_of_one, square_of_one, candidate, reference }
    }

    fn item_scores(&mut self, item: &Item<'_>) -> Similarity {
        let mut candidate = std::mem::take(&mut self.candidate);
        let mut reference = std::mem::take(&mut self.reference);
        self.fill(&mut candidate, &item.candidate);
        let mut totals = [Similarity::default(); MAX_ORDER];
        for caption in item.references() {
            self.fill(&mut reference, &caption);
            let similarities = self.similarities(&candidate, &reference);
            totals.iter_mut().zip(similarities).for_each(|(total, one)| total.add(one));
        }
        (self.candidate, self.reference) = (candidate, reference);
        let references = item.references().len();
        if references == 0 {
            return Similarity::default();
        }
        let score = |totals: [f64; MAX_ORDER]| mean(&totals) / references as f64 * 10.0;
        Similarity {
            clipped: score(totals.map(|one| one.clipped)),
            plain: score(totals.map(|one| one.plain)),
        }
    }

    fn fill(&self, vector: &mut Vector, caption: &Caption<'_>) {
        for (k, counts) in vector.counts.iter_mut().enumerate() {
            counts.fill(caption.ngrams(k + 1));
            let squares = counts.entries().iter().map(|(ngram, tf)| self.square(*ngram, *tf));
            vector.norms[k] = squares.fold(0.0, |total, square| total + square).sqrt();
        }
        vector.length = caption.ngrams(2).len() as f64;
    }

    fn weight(&self, ngram: u32, tf: u32) -> f64 {
        f64::from(tf) * self.weight_of_one[self.corpus.frequency(ngram)]
    }

    fn square(&self, ngram: u32, tf: u32) -> f64 {
        match tf {
            1 => self.square_of_one[self.corpus.frequency(ngram)],
            _ => pow(self.weight(ngram, tf), 2.0),
        }
    }

    fn similarities(&self, candidate: &Vector, reference: &Vector) -> [Similarity; MAX_ORDER] {
        let penalty = length_penalty(candidate.length - reference.length);
        std::array::from_fn(|k| {
            let products = self.products(&candidate.counts[k], &reference.counts[k]);
            let norms = candidate.norms[k] * reference.norms[k];
            let are_both_set = candidate.norms[k] != 0.0 && reference.norms[k] != 0.0;
            let cosines = if are_both_set { products.map(|one| one / norms) } else { products };
            Similarity { clipped: cosines.clipped * penalty, plain: cosines.plain }
        })
    }

    fn products(&self, candidate: &NgramCounts, reference: &NgramCounts) -> Similarity {
        let mut total = Similarity::default();
        for (ngram, tf) in candidate.entries() {
            let reference_tf = reference.count(*ngram);
            if reference_tf == 0 {
                continue;
            }
            let ours = self.weight(*ngram, *tf);
            let theirs = self.weight(*ngram, reference_tf);
            total.add(Similarity { clipped: ours.min(theirs) * theirs, plain: ours * theirs });
        }
        total
    }
}

fn length_penalty(difference: f64) -> f64 {
    pow(E, -pow(difference, 2.0) / (2.0 * pow(SIGMA, 2.0)))
}
