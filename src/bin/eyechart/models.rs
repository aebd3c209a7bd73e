//! `eyechart models`: the families, and the models of `eyechart.ron` with their weights.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use eyechart::inventory::{Families, Listed};
use eyechart::registry::{FILE_NAME, Registry};
use eyechart::weights::HubCache;

pub(crate) fn run(project: &Path) -> ExitCode {
    let registry = Registry::load(project);
    let mut out = io::stdout().lock();
    // Whoever closed the pipe wants to hear no more; the exit code still tells.
    let _ = write!(out, "{}", Families::all());
    match registry {
        Ok(registry) => {
            let _ = list(&registry, &mut out);
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(io::stderr().lock(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn list(registry: &Registry, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\nmodels of {FILE_NAME}:")?;
    for model in Listed::all(registry, &HubCache::from_env()) {
        write!(out, "\n{model}")?;
    }
    Ok(())
}
