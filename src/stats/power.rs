/*!
How many items a comparison of two models needs.

n = ((z_{1-α/2} + z_power) · sd_diff / effect)², sd_diff² = sd_a² + sd_b² - 2 r sd_a sd_b, as
`lmms_eval` plans it. Must not know the models.
*/

use super::distribution::{normal_cdf, normal_quantile};

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PowerQuestion {
    /// The smallest difference of means worth finding.
    pub effect: f64,
    /// Standard deviation of the first model's scores.
    pub deviation_a: f64,
    /// Standard deviation of the second model's scores.
    pub deviation_b: f64,
    /// Correlation of the two models' scores on the same items.
    pub correlation: f64,
    /// Chance of finding a difference where there is none, two-sided.
    pub alpha: f64,
    /// Chance of finding a difference of that size.
    pub power: f64,
}

/// The answers; nothing where the question has no finite one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PowerPlan {
    sum_of_z: f64,
    z_alpha: f64,
    deviation: f64,
    effect: f64,
}

impl PowerQuestion {
    /// Answers the question; nothing unless effect and deviations are positive and finite, the
    /// correlation lies between -1 and 1, and alpha and power between 0 and 1.
    pub fn plan(&self) -> Option<PowerPlan> {
        let is_positive = |value: f64| value > 0.0 && value.is_finite();
        let is_share = |value: f64| value > 0.0 && value < 1.0;
        let asked = is_positive(self.effect)
            && is_positive(self.deviation_a)
            && is_positive(self.deviation_b)
            && (-1.0..=1.0).contains(&self.correlation)
            && is_share(self.alpha)
            && is_share(self.power);
        if !asked {
            return None;
        }
        let (a, b) = (self.deviation_a, self.deviation_b);
        let variance = a * a + b * b - 2.0 * self.correlation * a * b;
        let z_alpha = normal_quantile(1.0 - self.alpha / 2.0);
        Some(PowerPlan {
            z_alpha,
            sum_of_z: z_alpha + normal_quantile(self.power),
            deviation: variance.max(0.0).sqrt(),
            effect: self.effect,
        })
    }
}

impl PowerPlan {
    /// The smallest number of items.
    pub fn items_needed(&self) -> u64 {
        (self.sum_of_z * self.deviation / self.effect).powi(2).ceil() as u64
    }

    /// The power that this many items have.
    pub fn power_of(&self, items: u64) -> f64 {
        normal_cdf(self.effect * (items as f64).sqrt() / self.deviation - self.z_alpha)
    }

    /// The smallest difference that this many items find with the wanted power.
    pub fn detectable_effect(&self, items: u64) -> f64 {
        self.sum_of_z * self.deviation / (items as f64).sqrt()
    }
}
