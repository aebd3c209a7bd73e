/*!
The bootstrap: how a metric varies when the items are drawn again.

The draws are explicit indices, so that two models can be compared on the same draws and a run can be
repeated. Must not know the metric: it is a function of indices.
*/

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::Interval;
use super::mean::estimate_mean;
use crate::score::numpy;

/// Which items each resample holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resampling {
    draws: Vec<Vec<usize>>,
}

impl Resampling {
    /// Resamples that were drawn elsewhere.
    pub fn from_indices(draws: Vec<Vec<usize>>) -> Self {
        Self { draws }
    }

    /// The indices of each resample.
    pub fn draws(&self) -> &[Vec<usize>] {
        &self.draws
    }
}

/// Draws as many items as there are, with replacement, `resamples` times. The same seed gives the
/// same draws with the same version of `rand`.
pub fn resample_items(items: usize, resamples: usize, seed: u64) -> Resampling {
    let mut generator = StdRng::seed_from_u64(seed);
    let draw =
        |generator: &mut StdRng| (0..items).map(|_| generator.random_range(0..items)).collect();
    Resampling { draws: (0..resamples).map(|_| draw(&mut generator)).collect() }
}

/// Draws as many clusters as there are, with replacement, and takes all items of each.
/// `clusters[i]` is the cluster of item i.
pub fn resample_clusters<C: Eq + std::hash::Hash>(
    clusters: &[C],
    resamples: usize,
    seed: u64,
) -> Resampling {
    let mut members: Vec<Vec<usize>> = Vec::new();
    let mut positions = std::collections::HashMap::new();
    for (item, cluster) in clusters.iter().enumerate() {
        let position = *positions.entry(cluster).or_insert(members.len());
        if position == members.len() {
            members.push(Vec::new());
        }
        members[position].push(item);
    }
    let draws = resample_items(members.len(), resamples, seed).draws;
    let expand = |draw: Vec<usize>| draw.into_iter().flat_map(|one| members[one].clone()).collect();
    Resampling { draws: draws.into_iter().map(expand).collect() }
}

/// A metric on every resample.
#[derive(Debug, Clone, PartialEq)]
pub struct Bootstrap {
    /// The metric on each resample, in order.
    pub values: Vec<f64>,
}

/// Evaluates a metric on every resample. For a paired bootstrap the metric is the difference of
/// two models on the same indices; for CIDEr it averages item scores, so that the document
/// frequencies stay those of the full set.
pub fn bootstrap(resampling: &Resampling, metric: impl Fn(&[usize]) -> f64) -> Bootstrap {
    Bootstrap { values: resampling.draws.iter().map(|draw| metric(draw)).collect() }
}

impl Bootstrap {
    /// Standard deviation of the resamples; nothing for fewer than two.
    pub fn standard_error(&self) -> Option<f64> {
        estimate_mean(&self.values).map(|estimate| estimate.standard_deviation)
    }

    /// The percentile interval, as `numpy.percentile` interpolates; nothing without resamples.
    pub fn interval(&self, confidence: f64) -> Option<Interval> {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        let tail = (1.0 - confidence) / 2.0;
        Some(Interval { low: quantile(&sorted, tail)?, high: quantile(&sorted, 1.0 - tail)? })
    }

    /// The share of resamples in which the metric is at most 0: one-sided evidence that a
    /// difference is above 0.
    pub fn share_at_most_zero(&self) -> f64 {
        let flags: Vec<f64> =
            self.values.iter().map(|value| f64::from(u8::from(*value <= 0.0))).collect();
        numpy::mean(&flags)
    }
}

fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let position = share * last as f64;
    let below = (position.floor() as usize).min(last);
    let weight = position - below as f64;
    let (low, high) = (sorted[below], sorted[(below + 1).min(last)]);
    // numpy's lerp measures from the nearer end.
    Some(if weight < 0.5 {
        low + (high - low) * weight
    } else {
        high - (high - low) * (1.0 - weight)
    })
}
