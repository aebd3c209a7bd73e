//! `eyechart check`: problems to stderr, one summary line to stdout.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use eyechart::case::{self, Checks, Discovered, DiscoveryError};

pub(crate) fn run(path: &Path) -> ExitCode {
    let found = case::discover(path, &known_models(), Checks::Everything);
    // Whoever closed the pipe wants to hear no more; the exit code still tells.
    let _ = report(&found, &mut io::stdout().lock(), &mut io::stderr().lock());
    let is_valid = |found: &Vec<Discovered>| !found.iter().any(is_invalid);
    if found.as_ref().is_ok_and(is_valid) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The models that globs may name; empty where they are not known, and then globs go unchecked.
fn known_models() -> Vec<String> {
    Vec::new()
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
