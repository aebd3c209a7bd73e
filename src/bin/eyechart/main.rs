//! The `eyechart` program: everything that needs no model run.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod check;

/// Evaluation of vision-language models: what needs no model run.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Validate every case of a folder without a model.
    ///
    /// Prints each problem with file, line and column. Exits with 0 if all cases are valid, 1 if
    /// one is not or there is none, 2 for arguments that make no sense.
    Check {
        /// The folder of cases.
        #[arg(default_value = "cases")]
        path: PathBuf,
    },
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Check { path } => check::run(&path),
    }
}
