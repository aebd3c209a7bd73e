//! `EYECHART_PARTITION`: a share of the tests, in nextest's words and with its results.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

mod xxh64;

use xxh64::xxh64;

/// Most shares of a suite.
const MOST_SHARES: u64 = 10_000;

/// One of several shares of the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partition {
    kind: Kind,
    /// Which, from 1.
    shard: u64,
    /// Of how many.
    of: u64,
}

/// How tests are shared out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// By the hash of the name: a test stays in its share whatever becomes of others.
    Hash,
    /// In turns over the sorted names: shares of one size.
    Slice,
}

/// What is wrong with a partition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{found}\" is no share of the tests; write hash:K/N or slice:K/N with K from 1 to N, and N \
     {MOST_SHARES} at most"
)]
pub struct PartitionError {
    found: String,
}

impl FromStr for Partition {
    type Err = PartitionError;

    fn from_str(found: &str) -> Result<Self, PartitionError> {
        let parse = || {
            let (kind, share) = found.split_once(':')?;
            let kind = match kind {
                "hash" => Kind::Hash,
                "slice" => Kind::Slice,
                _ => return None,
            };
            let (shard, of) = share.split_once('/')?;
            let (shard, of) = (shard.parse().ok()?, of.parse().ok()?);
            ((1..=of).contains(&shard) && of <= MOST_SHARES).then_some(Self { kind, shard, of })
        };
        parse().ok_or_else(|| PartitionError { found: found.to_owned() })
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Hash => "hash",
            Kind::Slice => "slice",
        };
        write!(formatter, "{kind}:{}/{}", self.shard, self.of)
    }
}

/// A test to be shared out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Shared {
    /// Tests that are not run are shared out among themselves, as nextest does.
    pub(super) is_ignored: bool,
    /// What stays together: the test's own name, or that of the data set whose gates need it.
    pub(super) unit: String,
    pub(super) name: String,
}

impl Partition {
    /// The names of the tests in this share.
    pub(super) fn share(self, mut tests: Vec<Shared>) -> HashSet<String> {
        tests.sort();
        let same_unit = |a: &Shared, b: &Shared| (a.is_ignored, &a.unit) == (b.is_ignored, &b.unit);
        let mut names = HashSet::new();
        let mut turn = Turn { is_ignored: false, next: 0 };
        for unit in tests.chunk_by(same_unit) {
            let shard = match self.kind {
                Kind::Hash => xxh64(unit[0].unit.as_bytes()) % self.of,
                Kind::Slice => turn.take(unit[0].is_ignored) % self.of,
            };
            if shard == self.shard - 1 {
                names.extend(unit.iter().map(|test| test.name.clone()));
            }
        }
        names
    }
}

/// Whose turn it is; ignored tests have turns of their own.
struct Turn {
    is_ignored: bool,
    next: u64,
}

impl Turn {
    fn take(&mut self, is_ignored: bool) -> u64 {
        if self.is_ignored != is_ignored {
            *self = Self { is_ignored, next: 0 };
        }
        self.next += 1;
        self.next - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(partition: &str, names: &[&str]) -> Vec<String> {
        let test = |name: &&str| {
            let (is_ignored, unit) = (name.contains("ignored"), name.replace("row", "set"));
            Shared { is_ignored, unit, name: (*name).to_owned() }
        };
        let partition: Partition = partition.parse().unwrap();
        let mut share: Vec<String> =
            partition.share(names.iter().map(test).collect()).into_iter().collect();
        share.sort();
        share
    }

    #[test]
    fn slices_take_turns_over_sorted_names_and_ignored_ones_among_themselves() {
        let names = ["d", "a", "c", "b", "e_ignored", "f_ignored"];
        assert_eq!(share("slice:1/2", &names), ["a", "c", "e_ignored"]);
        assert_eq!(share("slice:2/2", &names), ["b", "d", "f_ignored"]);
        assert_eq!(share("slice:4/4", &names), ["d"]);
    }

    #[test]
    fn a_unit_stays_together() {
        let test = |name: &str| Shared { is_ignored: false, unit: "set".into(), name: name.into() };
        let one: Partition = "slice:1/2".parse().unwrap();
        let other: Partition = "hash:2/2".parse().unwrap();
        let tests = vec![test("set::1"), test("set::gate")];
        assert_eq!(one.share(tests.clone()).len(), 2);
        assert!([0, 2].contains(&other.share(tests).len()));
    }

    #[test]
    fn what_is_no_share_is_refused() {
        for text in ["", "hash", "count:1/2", "hash:0/2", "hash:3/2", "slice:1", "slice:a/2"] {
            let error = text.parse::<Partition>().unwrap_err();
            assert!(error.to_string().contains("hash:K/N or slice:K/N"), "{error}");
        }
        assert_eq!("slice:2/3".parse::<Partition>().unwrap().to_string(), "slice:2/3");
    }
}
