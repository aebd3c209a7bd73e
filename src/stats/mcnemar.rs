/*!
McNemar's test: do two models differ in how often they are right, by the items where only one is.

Must not know what being right means.
*/

use super::distribution::{chi_squared_1, fair_coin_cdf};

/// The discordant pairs and what they say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct McNemar {
    /// Items that only the first model got right.
    pub only_first: u64,
    /// Items that only the second model got right.
    pub only_second: u64,
    /// Exact two-sided p value (binomial); 1 without discordant pairs.
    pub exact_p: f64,
    /// Chi-squared statistic and its p value; nothing without discordant pairs.
    pub chi_squared: Option<(f64, f64)>,
    /// The same with the continuity correction.
    pub chi_squared_corrected: Option<(f64, f64)>,
}

impl McNemar {
    /// The test for these numbers of discordant pairs.
    pub fn from_counts(only_first: u64, only_second: u64) -> Self {
        let total = only_first + only_second;
        let difference = only_first.abs_diff(only_second) as f64;
        let test = |numerator: f64| {
            let statistic = numerator * numerator / total as f64;
            (total > 0).then(|| (statistic, chi_squared_1(statistic)))
        };
        Self {
            only_first,
            only_second,
            exact_p: (2.0 * fair_coin_cdf(only_first.min(only_second), total)).min(1.0),
            chi_squared: test(difference),
            chi_squared_corrected: test(difference - 1.0),
        }
    }
}

/// The test for paired outcomes; nothing for lists of unequal length.
pub fn mcnemar(first: &[bool], second: &[bool]) -> Option<McNemar> {
    if first.len() != second.len() {
        return None;
    }
    let count = |wanted: (bool, bool)| {
        first.iter().zip(second).filter(|(a, b)| (**a, **b) == wanted).count() as u64
    };
    Some(McNemar::from_counts(count((true, false)), count((false, true))))
}
