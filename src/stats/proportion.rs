/*!
Intervals for a share of successes, as `statsmodels.stats.proportion.proportion_confint`.

Must not know what succeeded.
*/

use super::Interval;
use super::distribution::{beta_quantile, normal_quantile};

/// So many successes of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proportion {
    successes: u64,
    count: u64,
}

/// Which interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProportionInterval {
    /// Normal approximation; too narrow near 0 and 1.
    Wald,
    /// Wilson's score interval: the one to report.
    Wilson,
    /// Clopper and Pearson's "exact" one; never too narrow.
    ClopperPearson,
}

impl Proportion {
    /// Nothing for no trials or more successes than trials.
    pub fn new(successes: u64, count: u64) -> Option<Self> {
        (count > 0 && successes <= count).then_some(Self { successes, count })
    }

    /// successes / count.
    pub fn share(&self) -> f64 {
        self.successes as f64 / self.count as f64
    }

    /// sqrt(p (1 - p) / n).
    pub fn standard_error(&self) -> f64 {
        (self.share() * (1.0 - self.share()) / self.count as f64).sqrt()
    }

    /// The interval that covers the true share with this confidence (0.95, say).
    pub fn interval(&self, kind: ProportionInterval, confidence: f64) -> Interval {
        let interval = match kind {
            ProportionInterval::Wald => {
                let z = normal_quantile(0.5 + confidence / 2.0);
                Interval::around(self.share(), z * self.standard_error())
            }
            ProportionInterval::Wilson => self.wilson(confidence),
            ProportionInterval::ClopperPearson => self.clopper_pearson(1.0 - confidence),
        };
        Interval { low: interval.low.max(0.0), high: interval.high.min(1.0) }
    }

    fn wilson(&self, confidence: f64) -> Interval {
        let z = normal_quantile(0.5 + confidence / 2.0);
        let (n, p) = (self.count as f64, self.share());
        let denominator = 1.0 + z * z / n;
        let center = (p + z * z / (2.0 * n)) / denominator;
        let spread = p * (1.0 - p) / n + z * z / (4.0 * n * n);
        let interval = Interval::around(center, z * spread.sqrt() / denominator);
        // At the ends the formula gives 0 and 1 but for rounding.
        Interval {
            low: if self.successes == 0 { 0.0 } else { interval.low },
            high: if self.successes == self.count { 1.0 } else { interval.high },
        }
    }

    fn clopper_pearson(&self, alpha: f64) -> Interval {
        let (k, n) = (self.successes as f64, self.count as f64);
        let low = || beta_quantile(alpha / 2.0, k, n - k + 1.0);
        let high = || beta_quantile(1.0 - alpha / 2.0, k + 1.0, n - k);
        Interval {
            low: if self.successes == 0 { 0.0 } else { low() },
            high: if self.successes == self.count { 1.0 } else { high() },
        }
    }
}
