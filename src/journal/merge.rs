//! Journals of several machines, models or shards as one.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;

use super::Run;

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

/// Makes one run of several, each named by its journal.
pub fn merge(journals: Vec<(PathBuf, Run)>) -> Merged {
    let mut merged = Merged { run: Run::default(), overlaps: Vec::new() };
    let mut seen: HashMap<String, PathBuf> = HashMap::new();
    for (path, mut run) in journals {
        run.trials.retain(|trial| {
            let test = trial.test_name();
            let Some(first) = seen.get(&test) else {
                seen.insert(test, path.clone());
                return true;
            };
            let (first, second) = (first.clone(), path.clone());
            merged.overlaps.push(Overlap { test, first, second });
            false
        });
        merged.run.headers.append(&mut run.headers);
        merged.run.trials.append(&mut run.trials);
        merged.run.earlier.append(&mut run.earlier);
    }
    merged.run.sort();
    merged
}

/// Shards of which no journal is there, such as `slice:2/3`, although another of the same is.
pub fn missing_shards(run: &Run) -> Vec<String> {
    let mut found: BTreeMap<(&str, u64), BTreeSet<u64>> = BTreeMap::new();
    for header in &run.headers {
        if let Some((kind, shard, of)) = header.plan.partition.as_deref().and_then(split) {
            found.entry((kind, of)).or_default().insert(shard);
        }
    }
    let missing = found.into_iter().flat_map(|((kind, of), shards)| {
        let lacking = (1..=of).filter(move |shard| !shards.contains(shard));
        lacking.map(move |shard| format!("{kind}:{shard}/{of}"))
    });
    missing.collect()
}

/// `slice:1/2` as its parts.
fn split(partition: &str) -> Option<(&str, u64, u64)> {
    let (kind, share) = partition.split_once(':')?;
    let (shard, of) = share.split_once('/')?;
    Some((kind, shard.parse().ok()?, of.parse().ok()?))
}

/// Tests that were to be run and have no record, sorted.
pub fn missing_tests(run: &Run) -> Vec<String> {
    let recorded: HashSet<String> = run.trials.iter().map(super::TrialRecord::test_name).collect();
    let planned: BTreeSet<&String> =
        run.headers.iter().flat_map(|header| &header.plan.tests).collect();
    planned.into_iter().filter(|test| !recorded.contains(*test)).cloned().collect()
}
