//! `--shuffle`: the tests of each model in random order.

use std::time::{SystemTime, UNIX_EPOCH};

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::arguments::TestArguments;
use super::plan::PlannedTrial;

/// The seed to shuffle with, if that is asked for.
pub(super) fn seed(arguments: &TestArguments) -> Option<u64> {
    let clock = || {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // The lower digits are the ones that differ from run to run.
        since_epoch.as_nanos() as u64
    };
    arguments.shuffle_seed.or_else(|| arguments.shuffle.then(clock))
}

/// Shuffles the trials of each model, which stay together since one model is loaded at a time.
/// Gates stay behind their rows, which they wait for.
pub(super) fn shuffle(trials: &mut [&PlannedTrial], seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    for group in trials.chunk_by_mut(|one, other| one.model() == other.model()) {
        group.shuffle(&mut random);
        group.sort_by_key(|trial| matches!(trial, PlannedTrial::Gate(_)));
    }
}
