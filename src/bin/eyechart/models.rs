//! `eyechart models`: the families, and the models of `eyechart.ron` with their weights.

use std::path::Path;
use std::process::ExitCode;

use eyechart::inventory::{Families, Listed};
use eyechart::registry::{FILE_NAME, Registry};
use eyechart::weights::HubCache;

use super::tell;

pub(crate) fn run(project: &Path) -> ExitCode {
    let registry = Registry::load(project);
    tell::lines(&Families::all());
    match registry {
        Ok(registry) => {
            list(&registry);
            ExitCode::SUCCESS
        }
        Err(error) => {
            tell::error(&error);
            ExitCode::FAILURE
        }
    }
}

fn list(registry: &Registry) {
    tell::lines(&format!("\nmodels of {FILE_NAME}:"));
    for model in Listed::all(registry, &HubCache::from_env()) {
        tell::lines(&format!("\n{model}"));
    }
}
