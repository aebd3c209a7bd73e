/*!
Two models on the same items.

Owns the tests on paired scores; must not know what the scores are.
*/

use super::Interval;
use super::distribution::{normal_two_sided, student_quantile, student_two_sided};
use super::mean::{MeanEstimate, estimate_mean};
use crate::score::numpy;

/// The difference between two models on the same items, and Student's paired t test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairedComparison {
    /// Mean of a - b, with its standard error.
    pub difference: MeanEstimate,
    /// Mean over standard error; NaN if every difference is 0.
    pub t: f64,
    /// Two-sided p value; 1 if every difference is 0.
    pub p_value: f64,
    /// n - 1.
    pub degrees_of_freedom: usize,
    /// 95 % interval of the mean difference, by Student's t.
    pub interval_95: Interval,
    /// Pearson's correlation of a and b; nothing if one of them never varies.
    pub correlation: Option<f64>,
}

/// Compares paired scores; nothing for fewer than two pairs or lists of unequal length.
pub fn compare_pairs(a: &[f64], b: &[f64]) -> Option<PairedComparison> {
    let difference = estimate_mean(&differences(a, b)?)?;
    let degrees = (difference.count - 1) as f64;
    let t = difference.mean / difference.standard_error;
    let half_width = student_quantile(0.95, degrees) * difference.standard_error;
    Some(PairedComparison {
        t,
        p_value: if t.is_nan() { 1.0 } else { student_two_sided(t, degrees) },
        degrees_of_freedom: difference.count - 1,
        interval_95: Interval::around(difference.mean, half_width),
        correlation: correlation(a, b),
        difference,
    })
}

fn differences(a: &[f64], b: &[f64]) -> Option<Vec<f64>> {
    (a.len() == b.len()).then(|| a.iter().zip(b).map(|(a, b)| a - b).collect())
}

fn correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    let centered = |values: &[f64]| {
        let mean = numpy::mean(values);
        values.iter().map(|value| value - mean).collect::<Vec<f64>>()
    };
    let (a, b) = (centered(a), centered(b));
    let product = |x: &[f64], y: &[f64]| {
        numpy::sum(&x.iter().zip(y).map(|(x, y)| x * y).collect::<Vec<f64>>())
    };
    let norms = product(&a, &a).sqrt() * product(&b, &b).sqrt();
    (norms > 0.0).then(|| (product(&a, &b) / norms).clamp(-1.0, 1.0))
}

/// The standard error of the difference as if the two models had seen different items: to show what
/// pairing gains.
pub fn unpaired_standard_error(a: &MeanEstimate, b: &MeanEstimate) -> f64 {
    let [a, b] = [a.standard_error, b.standard_error];
    (a * a + b * b).sqrt()
}

/// Wilcoxon's signed-rank test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wilcoxon {
    /// The smaller of the two sums of ranks.
    pub statistic: f64,
    /// Two-sided p value by the normal approximation, corrected for ties.
    pub p_value: f64,
}

/// Wilcoxon's signed-rank test as `scipy.stats.wilcoxon(a, b, method="approx")`: zero differences
/// are dropped. Nothing for lists of unequal length or without a difference.
pub fn wilcoxon(a: &[f64], b: &[f64]) -> Option<Wilcoxon> {
    let mut differences = differences(a, b)?;
    differences.retain(|difference| *difference != 0.0);
    if differences.is_empty() {
        return None;
    }
    differences.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    let (mut positive, mut negative, mut ties) = (0.0, 0.0, 0.0);
    let mut before = 0.0;
    for group in differences.chunk_by(|a, b| a.abs() == b.abs()) {
        let size = group.len() as f64;
        let rank = before + (size + 1.0) / 2.0;
        let above = group.iter().filter(|difference| **difference > 0.0).count() as f64;
        positive += rank * above;
        negative += rank * (size - above);
        ties += size * size * size - size;
        before += size;
    }
    let n = before;
    let mean = n * (n + 1.0) / 4.0;
    let deviation = ((n * (n + 1.0) * (2.0 * n + 1.0) - ties / 2.0) / 24.0).sqrt();
    let statistic = f64::min(positive, negative);
    Some(Wilcoxon { statistic, p_value: normal_two_sided((statistic - mean) / deviation) })
}
