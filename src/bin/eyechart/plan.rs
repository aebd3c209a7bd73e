//! `eyechart plan`: what the project's models would take of memory.

use std::path::Path;
use std::process::ExitCode;

use eyechart::harness::forecast;

use super::tell;

pub(crate) fn run(project: &Path) -> ExitCode {
    match forecast(project) {
        Ok(forecasts) => {
            forecasts.iter().for_each(|forecast| tell::lines(forecast));
            ExitCode::SUCCESS
        }
        Err(error) => {
            tell::error(&error);
            ExitCode::FAILURE
        }
    }
}
