//! Journals of several machines, models or shards as one.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;

use super::{Run, TrialEntry};

/// Several runs as one.
#[derive(Debug)]
pub struct Merged {
    /// All headers and all trials; of a test in two journals the one of the first.
    pub run: Run,
    /// Tests that two journals have.
    pub overlaps: Vec<Overlap>,
}

/// A test that two journals have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    /// Its name.
    pub test: String,
    /// A journal that has it.
    pub first: PathBuf,
    /// Another.
    pub second: PathBuf,
}

/// Makes one run of several.
pub fn merge(runs: Vec<Run>) -> Merged {
    let (mut run, mut overlaps) = (Run::default(), Vec::new());
    for mut one in runs {
        run.headers.append(&mut one.headers);
        run.trials.append(&mut one.trials);
        run.earlier.append(&mut one.earlier);
    }
    // Of one test that of the first journal stays first.
    run.trials.sort_by(|a, b| a.key().cmp(&b.key()));
    run.trials.dedup_by(|second, first| {
        let is_same = second.key() == first.key();
        if is_same {
            overlaps.push(Overlap {
                test: first.test_name(),
                first: first.journal().to_owned(),
                second: second.journal().to_owned(),
            });
        }
        is_same
    });
    Merged { run, overlaps }
}

/// Most shards of which it is told which ones are missing: a journal says how many there are.
const MOST_SHARDS: u64 = 10_000;

/// Shards of which no journal is there, such as `slice:2/3`, although another of the same is.
pub fn missing_shards(run: &Run) -> Vec<String> {
    let mut found: BTreeMap<(&str, u64), BTreeSet<u64>> = BTreeMap::new();
    for header in &run.headers {
        if let Some((kind, shard, of)) = header.plan.partition.as_deref().and_then(split) {
            found.entry((kind, of)).or_default().insert(shard);
        }
    }
    found.into_iter().flat_map(|((kind, of), shards)| lacking(kind, of, &shards)).collect()
}

/// The shards of a kind that are not among those found.
fn lacking(kind: &str, of: u64, found: &BTreeSet<u64>) -> Vec<String> {
    if of > MOST_SHARDS {
        return vec![format!("{kind}:?/{of} (it has {} of so many)", found.len())];
    }
    let lacking = (1..=of).filter(|shard| !found.contains(shard));
    lacking.map(|shard| format!("{kind}:{shard}/{of}")).collect()
}

/// `slice:1/2` as its parts.
fn split(partition: &str) -> Option<(&str, u64, u64)> {
    let (kind, share) = partition.split_once(':')?;
    let (shard, of) = share.split_once('/')?;
    Some((kind, shard.parse().ok()?, of.parse().ok()?))
}

/// Tests that were to be run and have no record, sorted.
pub fn missing_tests(run: &Run) -> Vec<String> {
    let recorded: HashSet<String> = run.trials.iter().map(TrialEntry::test_name).collect();
    let planned: BTreeSet<&String> =
        run.headers.iter().flat_map(|header| &header.plan.tests).collect();
    planned.into_iter().filter(|test| !recorded.contains(*test)).cloned().collect()
}
