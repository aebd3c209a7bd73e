//! `eyechart plan`: what the project's models would take of memory.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use eyechart::harness::forecast;

pub(crate) fn run(project: &Path) -> ExitCode {
    match forecast(project) {
        Ok(forecasts) => {
            for forecast in forecasts {
                // Whoever closed the pipe wants to hear no more.
                let _ = write!(io::stdout().lock(), "{forecast}");
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(io::stderr().lock(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}
