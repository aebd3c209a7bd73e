//! The pictures that compared answers are about, found again by their cases.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::{CompareError, Pair, Question};
use crate::case::{self, Case, Checks, DatasetFile, Discovered};
use crate::checksum::FileSums;
use crate::dataset::{self, Dataset};
use crate::harness::{CASES, known_names};
use crate::registry::Registry;

/// Files of pictures by case.
pub(super) type Pictures = HashMap<String, Vec<PathBuf>>;

/// Finds the pictures of all pairs, which must be those of when the answers were given.
pub(super) fn find(
    question: &Question<'_>,
    registry: &Registry,
    pairs: &[Pair],
) -> Result<Pictures, CompareError> {
    let shown = pairs.iter().filter(|pair| !pair.pictures_sha256.is_empty());
    let wanted: BTreeSet<&str> = shown.clone().map(|pair| pair.case.as_str()).collect();
    if wanted.is_empty() {
        return Ok(Pictures::new());
    }
    let folder = question.project.join(CASES);
    let found = find_cases(&folder, registry, &wanted, question.unpacked)?;
    let sums = FileSums::default();
    for pair in shown {
        let Some(pictures) = found.get(&pair.case) else {
            return Err(CompareError::NoCase { case: pair.case.clone(), folder });
        };
        check(pair, pictures, &sums)?;
    }
    Ok(found)
}

fn find_cases(
    folder: &Path,
    registry: &Registry,
    wanted: &BTreeSet<&str>,
    unpacked: &Path,
) -> Result<Pictures, CompareError> {
    let known = known_names(registry);
    let mut found = Pictures::new();
    let mut add = |case: &Case| found.insert(case.name.to_string(), case.images.clone());
    for one in case::discover(folder, &known, Checks::Structure)? {
        match one {
            Discovered::Case(case) if wanted.contains(case.name.to_string().as_str()) => {
                add(&case.read().map_err(CompareError::Dataset)?);
            }
            Discovered::Dataset(file) => {
                let rows = rows(&file, wanted, unpacked).map_err(CompareError::Dataset)?;
                rows.iter().for_each(|case| {
                    add(case);
                });
            }
            // What cannot be read is told where a pair wants it.
            Discovered::Case(_) | Discovered::Invalid(_) => {}
        }
    }
    Ok(found)
}

/// The wanted rows of a data set; one of which none is wanted is not opened.
fn rows(
    file: &DatasetFile,
    wanted: &BTreeSet<&str>,
    unpacked: &Path,
) -> Result<Vec<std::sync::Arc<Case>>, case::CaseError> {
    let prefix = format!("{}::", file.name);
    if !wanted.iter().any(|case| case.starts_with(&prefix)) {
        return Ok(Vec::new());
    }
    let dataset = Dataset::open(file)?;
    let names = dataset.row_names().enumerate();
    let is_wanted = |name: String| wanted.contains(name.as_str());
    let places: Vec<usize> =
        names.filter(|(_, name)| is_wanted(name.to_string())).map(|(place, _)| place).collect();
    let rows = dataset.rows(&places, dataset::Pictures::UnpackedTo(unpacked))?;
    Ok(rows.into_iter().map(|row| row.case).collect())
}

fn check(pair: &Pair, pictures: &[PathBuf], sums: &FileSums) -> Result<(), CompareError> {
    let other = |what: String| CompareError::OtherPictures { case: pair.case.clone(), what };
    let (now, then) = (pictures.len(), pair.pictures_sha256.len());
    if now != then {
        return Err(other(format!("it has {now} pictures now and had {then}")));
    }
    for (picture, sum) in pictures.iter().zip(&pair.pictures_sha256) {
        let path = picture.display();
        match sums.of(picture) {
            Ok(now) if now == *sum => {}
            Ok(_) => return Err(other(format!("{path} is another picture now"))),
            Err(error) => return Err(other(format!("{path} cannot be read: {error}"))),
        }
    }
    Ok(())
}
