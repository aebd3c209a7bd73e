//! `eyechart import`: the rows of a data set as case files.

use std::path::Path;
use std::process::ExitCode;

use eyechart::case::{self, Checks, Discovered, KnownNames};
use eyechart::dataset::{self, Dataset};
use eyechart::harness::CASES;

use super::tell;

pub(crate) fn run(file: &Path, folder: &Path) -> ExitCode {
    match import(file, folder) {
        Ok(rows) => {
            tell::lines(&format!("{rows} cases in {}", folder.display()));
            ExitCode::SUCCESS
        }
        Err(error) => {
            tell::error(&error);
            ExitCode::FAILURE
        }
    }
}

fn import(file: &Path, folder: &Path) -> Result<usize, Box<dyn std::error::Error>> {
    let file = file.canonicalize().map_err(|error| format!("{}: {error}", file.display()))?;
    let found = case::discover(cases_around(&file), &KnownNames::default(), Checks::Structure)?;
    match found.iter().find(|one| one.path() == file) {
        Some(Discovered::Dataset(found)) => {
            let dataset = Dataset::open(found)?;
            Ok(dataset::import(&dataset, folder)?)
        }
        Some(Discovered::Invalid(invalid)) => Err(invalid.error.clone().into()),
        _ => {
            Err(format!("{}: no data set; its name must end in .dataset.ron", file.display())
                .into())
        }
    }
}

/// The project's folder of cases, whose `defaults.ron` count, or else the file's own folder.
fn cases_around(file: &Path) -> &Path {
    let own = file.parent().unwrap_or(Path::new("/"));
    let is_cases = |folder: &&Path| folder.file_name().is_some_and(|name| name == CASES);
    own.ancestors().find(is_cases).unwrap_or(own)
}
