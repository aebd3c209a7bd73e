//! How often a case is run.

use serde::Deserialize;

/// How often a case is asked, and how many of the answers must be right.
///
/// Run `k`, from 0, draws with the case's `seed` plus `k`, so that the first run is that of a case
/// without `runs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Runs {
    /// How often, at least once.
    pub times: usize,
    /// How many answers must be right, at least one and at most all.
    pub need: usize,
}

impl Runs {
    /// As a case is run that says nothing of it.
    pub const ONCE: Self = Self { times: 1, need: 1 };

    /// Whether there is more than one run.
    pub fn are_several(self) -> bool {
        self.times > 1
    }
}

/// The seed of a run, from 0, of a case with this one.
pub fn seed_of_run(seed: u64, run: usize) -> u64 {
    seed.wrapping_add(run as u64)
}
