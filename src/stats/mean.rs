/*!
A mean and its standard error, for independent items and for items in clusters.

Must not know what the values are.
*/

use std::collections::HashMap;
use std::hash::Hash;

use super::Interval;
use super::distribution::normal_quantile;
use crate::score::numpy;

/// A mean with its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeanEstimate {
    /// Number of values.
    pub count: usize,
    /// `numpy.mean`.
    pub mean: f64,
    /// `numpy.std(ddof=1)`.
    pub standard_deviation: f64,
    /// Standard deviation over the square root of the count, or a clustered one.
    pub standard_error: f64,
}

impl MeanEstimate {
    /// mean ± z · standard error.
    pub fn interval(&self, confidence: f64) -> Interval {
        let z = normal_quantile(0.5 + confidence / 2.0);
        Interval::around(self.mean, z * self.standard_error)
    }

    /// The same mean with another standard error.
    pub fn with_standard_error(self, standard_error: f64) -> Self {
        Self { standard_error, ..self }
    }
}

/// Mean and standard error of independent values; nothing for fewer than two.
pub fn estimate_mean(values: &[f64]) -> Option<MeanEstimate> {
    if values.len() < 2 {
        return None;
    }
    let mean = numpy::mean(values);
    let count = values.len() as f64;
    let standard_deviation = (sum_of_squares(values, mean) / (count - 1.0)).sqrt();
    let standard_error = standard_deviation / count.sqrt();
    Some(MeanEstimate { count: values.len(), mean, standard_deviation, standard_error })
}

fn sum_of_squares(values: &[f64], mean: f64) -> f64 {
    let squares: Vec<f64> = values.iter().map(|value| (value - mean) * (value - mean)).collect();
    numpy::sum(&squares)
}

/// Which estimate of the variance of a mean of clustered values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClusterVariance {
    /// Miller's equation 4 as lmms-eval has it: the independent variance (with n - 1) plus the
    /// cross terms inside clusters.
    LmmsEval,
    /// statsmodels' OLS on a constant, `cov_type="cluster"`, without its small-sample factor.
    Statsmodels,
    /// The same with the factor G / (G - 1), G the number of clusters.
    StatsmodelsCorrected,
}

/// The standard error of the mean of values that belong to clusters (questions of one image).
///
/// Nothing for fewer than two values, for lists of unequal length, and where a correction divides
/// by zero (one cluster). An estimate below zero, which cross terms can give, counts as 0.
pub fn clustered_standard_error<C: Hash + Eq>(
    values: &[f64],
    clusters: &[C],
    variance: ClusterVariance,
) -> Option<f64> {
    if values.len() != clusters.len() {
        return None;
    }
    let independent = estimate_mean(values)?;
    let count = values.len() as f64;
    let groups = group_deviations(values, clusters, independent.mean);
    let of_sums: f64 = groups.iter().map(|group| group.total * group.total).sum();
    let group_count = groups.len() as f64;
    let squared = match variance {
        ClusterVariance::LmmsEval => {
            let cross: f64 = groups.iter().map(Group::cross_terms).sum();
            independent.standard_error * independent.standard_error + cross / (count * count)
        }
        ClusterVariance::Statsmodels => of_sums / (count * count),
        ClusterVariance::StatsmodelsCorrected if groups.len() < 2 => return None,
        ClusterVariance::StatsmodelsCorrected => {
            of_sums / (count * count) * (group_count / (group_count - 1.0))
        }
    };
    Some(squared.max(0.0).sqrt())
}

#[derive(Default)]
struct Group {
    total: f64,
    squares: f64,
}

impl Group {
    /// The sum over all ordered pairs of different members.
    fn cross_terms(&self) -> f64 {
        self.total * self.total - self.squares
    }
}

/// Sums of deviations by cluster, in the order in which the clusters first occur.
fn group_deviations<C: Hash + Eq>(values: &[f64], clusters: &[C], mean: f64) -> Vec<Group> {
    let mut positions: HashMap<&C, usize> = HashMap::new();
    let mut groups: Vec<Group> = Vec::new();
    for (value, cluster) in values.iter().zip(clusters) {
        let position = *positions.entry(cluster).or_insert_with(|| {
            groups.push(Group::default());
            groups.len() - 1
        });
        let deviation = value - mean;
        groups[position].total += deviation;
        groups[position].squares += deviation * deviation;
    }
    groups
}
