//! `eyechart check`: problems to stderr, one summary line to stdout.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use eyechart::case::{self, Checks, Discovered, DiscoveryError};
use eyechart::registry::{self, Registry, RegistryError};

pub(crate) fn run(path: &Path) -> ExitCode {
    let models = match known_models(path) {
        Ok(models) => models,
        Err(error) => {
            let _ = writeln!(io::stderr().lock(), "error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let found = case::discover(path, &models, Checks::Everything);
    // Whoever closed the pipe wants to hear no more; the exit code still tells.
    let _ = report(&found, &mut io::stdout().lock(), &mut io::stderr().lock());
    let is_valid = |found: &Vec<Discovered>| !found.iter().any(is_invalid);
    if found.as_ref().is_ok_and(is_valid) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The models that globs may name, from the `eyechart.ron` in or above the folder of cases; empty
/// where there is none, and then globs go unchecked.
fn known_models(cases: &Path) -> Result<Vec<String>, RegistryError> {
    let Ok(cases) = cases.canonicalize() else { return Ok(Vec::new()) };
    let project = cases.ancestors().find(|folder| folder.join(registry::FILE_NAME).is_file());
    project.map_or(Ok(Vec::new()), |project| Ok(Registry::load(project)?.names()))
}

fn is_invalid(discovered: &Discovered) -> bool {
    matches!(discovered, Discovered::Invalid(_))
}

fn report(
    found: &Result<Vec<Discovered>, DiscoveryError>,
    out: &mut dyn Write,
    problems: &mut dyn Write,
) -> io::Result<()> {
    let found = match found {
        Ok(found) => found,
        Err(error) => return writeln!(problems, "error: {error}"),
    };
    for discovered in found {
        if let Discovered::Invalid(invalid) = discovered {
            writeln!(problems, "{}", invalid.error)?;
        }
    }
    let invalid = found.iter().filter(|one| is_invalid(one)).count();
    match invalid {
        0 => writeln!(out, "{}, all valid", cases(found.len())),
        _ => writeln!(out, "{}, {invalid} invalid", cases(found.len())),
    }
}

fn cases(count: usize) -> String {
    if count == 1 { "1 case".to_owned() } else { format!("{count} cases") }
}
