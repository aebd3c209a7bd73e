/*!
How sure a score is: standard errors, intervals, comparisons of two models on the same items, and how
many items a comparison needs.

After E. Miller, "Adding Error Bars to Evals" (arXiv 2411.00640). Owns numbers from numbers; must not
know what was scored. Where nothing can be said (no values, one cluster), the answer is `None`, not
a number.
*/

mod bootstrap;
mod distribution;
mod mcnemar;
mod mean;
mod paired;
mod power;
mod proportion;

pub use bootstrap::{Bootstrap, Resampling, bootstrap, resample_clusters, resample_items};
pub use mcnemar::{McNemar, mcnemar};
pub use mean::{ClusterVariance, MeanEstimate, clustered_standard_error, estimate_mean};
pub use paired::{PairedComparison, Wilcoxon, compare_pairs, unpaired_standard_error, wilcoxon};
pub use power::{PowerPlan, PowerQuestion};
pub use proportion::{Proportion, ProportionInterval};

/// A confidence interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    fn around(center: f64, half_width: f64) -> Self {
        Self { low: center - half_width, high: center + half_width }
    }
}
