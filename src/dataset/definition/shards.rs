//! Numbered files of one set: `test-00000-of-00002.parquet` says in its name that another file belongs to it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use super::Unsound;

/// The number of a file in its set.
#[derive(Debug, PartialEq, Eq)]
struct Shard {
    /// The folder, and what stands before the number.
    set: (PathBuf, String),
    number: usize,
    total: usize,
    /// Digits of the number and of the total, to name another one.
    widths: (usize, usize),
}

/// `{prefix}-{number}-of-{total}`, and whatever stands behind: an ending, and in older sets a hash.
fn shard(file: &Path) -> Option<Shard> {
    let name = file.file_name()?.to_str()?;
    let (before, after) = name.rsplit_once("-of-")?;
    let number = before.rsplit('-').next().unwrap_or(before);
    let prefix = &before[..before.len() - number.len()];
    let total = &after[..after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len())];
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    if !(is_number(number) && is_number(total)) {
        return None;
    }
    Some(Shard {
        set: (file.parent()?.to_owned(), prefix.to_owned()),
        number: number.parse().ok()?,
        total: total.parse().ok()?,
        widths: (number.len(), total.len()),
    })
}

/// The numbers of a set that were seen, with a file for messages.
struct Seen<'f> {
    file: &'f Path,
    total: usize,
    widths: (usize, usize),
    numbers: BTreeSet<usize>,
}

/// That no file is there twice, and that of each numbered set all files are there and no other's.
pub(super) fn check(files: &[PathBuf]) -> Result<(), Unsound> {
    let mut sets: BTreeMap<(PathBuf, String), Seen<'_>> = BTreeMap::new();
    for file in files {
        let Some(Shard { set, number, total, widths }) = shard(file) else { continue };
        let new = || Seen { file, total, widths, numbers: BTreeSet::new() };
        let seen = sets.entry(set).or_insert_with(new);
        if seen.total != total {
            let (other, other_total) = (seen.file.to_owned(), seen.total);
            return Err(Unsound::MixedShards { file: file.clone(), total, other, other_total });
        }
        seen.numbers.insert(number);
    }
    sets.iter().try_for_each(|((_, prefix), seen)| complete(prefix, seen))
}

/// That no file of the rows is there twice.
pub(super) fn each_once(files: &[PathBuf]) -> Result<(), Unsound> {
    let mut seen = HashSet::new();
    match files.iter().find(|file| !seen.insert(file.as_path())) {
        None => Ok(()),
        Some(twice) => Err(Unsound::FileTwice(twice.clone())),
    }
}

/// The hub counts from 0, some writers from 1.
fn complete(prefix: &str, seen: &Seen<'_>) -> Result<(), Unsound> {
    let Seen { file, total, widths, numbers } = seen;
    let first = usize::from(numbers.contains(total) && !numbers.contains(&0));
    // Only as many are looked at as there are files, whatever the name says.
    let missing = (first..).take(numbers.len() + 1).take_while(|number| *number < first + total);
    let missing = missing.into_iter().find(|number| !numbers.contains(number));
    let Some(missing) = missing else { return Ok(()) };
    let ending =
        file.extension().map(|ending| format!(".{}", ending.display())).unwrap_or_default();
    let (number_width, total_width) = *widths;
    Err(Unsound::MissingShard {
        file: file.to_path_buf(),
        found: numbers.len(),
        total: *total,
        missing: format!("{prefix}{missing:0number_width$}-of-{total:0total_width$}{ending}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(names: &[&str]) -> Option<String> {
        let files: Vec<PathBuf> = names.iter().map(|name| Path::new("d").join(name)).collect();
        check(&files).err().map(|error| error.to_string())
    }

    #[test]
    fn whole_sets_are_fine() {
        for names in [
            &["test-00000-of-00002.parquet", "test-00001-of-00002.parquet"][..],
            &["test-00001-of-00002.parquet", "test-00002-of-00002.parquet"],
            &["a-00000-of-00001-0a1b.parquet", "b-00000-of-00001-ffff.parquet"],
            &["val.parquet", "one-of-us.parquet", "0000.parquet"],
            &["0-of-1.parquet"],
        ] {
            assert_eq!(message(names), None, "{names:?}");
        }
    }

    #[test]
    fn what_lacks_is_named() {
        for (names, said) in [
            (&["test-00000-of-00002.parquet"][..], "1 of 2 shards; test-00001-of-00002.parquet"),
            (&["test-00001-of-00002.parquet"], "1 of 2 shards; test-00000-of-00002.parquet"),
            (&["t-0-of-3.parquet", "t-2-of-3.parquet"], "2 of 3 shards; t-1-of-3.parquet"),
            (&["t-00000-of-99999999999.parquet"], "1 of 99999999999 shards; t-00001-of-"),
            (&["x/t-0-of-2.parquet", "y/t-1-of-2.parquet"], "1 of 2 shards"),
            (&["t-0-of-2.parquet", "t-1-of-2.parquet", "t-0-of-3.parquet"], "of two sets"),
            (
                &["t-0-of-2.parquet", "t-1-of-2.parquet", "t-7-of-2.parquet", "u-1-of-2.parquet"],
                "u-0-of-2",
            ),
        ] {
            let message = message(names).unwrap();
            assert!(message.contains(said), "{names:?}: {message}");
        }
    }
}
