//! `eyechart check`: problems to stderr, one summary line to stdout.

use std::path::Path;
use std::process::ExitCode;

use eyechart::case::{self, CaseError, Checks, DatasetFile, Discovered, KnownNames};
use eyechart::dataset::{Dataset, Pictures};
use eyechart::harness;
use eyechart::registry::{self, Registry, RegistryError};

use super::tell;

pub(crate) fn run(path: &Path) -> ExitCode {
    let found = match known_names(path) {
        Ok(known) => case::discover(path, &known, Checks::Decoding).map_err(|e| e.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match found {
        Err(error) => {
            tell::error(&error);
            ExitCode::FAILURE
        }
        Ok(found) => {
            let checked = Checked::of(&found);
            checked.report();
            if checked.errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
    }
}

/// The names of the `eyechart.ron` in or above the folder of cases; none where there is no such
/// file, and then names go unchecked.
fn known_names(cases: &Path) -> Result<KnownNames, RegistryError> {
    let Ok(cases) = cases.canonicalize() else { return Ok(KnownNames::default()) };
    let project = cases.ancestors().find(|folder| folder.join(registry::FILE_NAME).is_file());
    let Some(project) = project else { return Ok(KnownNames::default()) };
    let registry = Registry::load(project)?;
    Ok(harness::known_names(&registry))
}

/// What came of checking all files.
struct Checked {
    cases: usize,
    datasets: usize,
    rows: usize,
    errors: Vec<CaseError>,
}

impl Checked {
    fn of(found: &[Discovered]) -> Self {
        let mut checked = Self { cases: 0, datasets: 0, rows: 0, errors: Vec::new() };
        for one in found {
            match one {
                Discovered::Case(_) => checked.cases += 1,
                Discovered::Invalid(invalid) => {
                    checked.cases += 1;
                    checked.errors.push(invalid.error.clone());
                }
                Discovered::Dataset(file) => {
                    checked.datasets += 1;
                    match rows(file) {
                        Ok((rows, errors)) => {
                            checked.rows += rows;
                            checked.errors.extend(errors);
                        }
                        Err(error) => checked.errors.push(error),
                    }
                }
            }
        }
        checked
    }

    fn report(&self) {
        self.errors.iter().for_each(|error| tell::notice(error));
        let mut counted = count(self.cases, "case", "cases");
        if self.datasets > 0 {
            let datasets = count(self.datasets, "data set", "data sets");
            let rows = count(self.rows, "row", "rows");
            counted.push_str(&format!(", {datasets} with {rows}"));
        }
        match self.errors.len() {
            0 => tell::lines(&format!("{counted}, all valid")),
            invalid => tell::lines(&format!("{counted}, {invalid} invalid")),
        }
    }
}

/// The most rows of a data set whose problems are shown.
const MOST_SHOWN: usize = 10;

/// Reads every row of a data set's sample, and looks at its pictures: how many there are, and what is wrong
/// with some.
fn rows(file: &DatasetFile) -> Result<(usize, Vec<CaseError>), CaseError> {
    let dataset = Dataset::open(file)?;
    let all: Vec<usize> = (0..dataset.len()).collect();
    let rows = dataset.each_row(&all, Pictures::Checked)?;
    let errors = rows.into_iter().filter_map(Result::err).take(MOST_SHOWN);
    Ok((dataset.len(), errors.collect()))
}

fn count(count: usize, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}
