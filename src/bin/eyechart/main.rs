//! The `eyechart` program: everything that needs no model run.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use eyechart::offline::command::{self, ScoreArgs};

mod check;
mod models;

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
    /// List the families with what each can do, and the project's models with where their weights
    /// are, whether they are there, and their size.
    ///
    /// Downloads nothing. Exits with 1 if the project's eyechart.ron cannot be used.
    Models {
        /// The folder of the project's eyechart.ron.
        #[arg(default_value = ".")]
        project: PathBuf,
    },
    /// Score official result files as the official scripts do.
    ///
    /// Exits with 0 if all gates (`--min`) hold, 1 if one does not, 2 if a file cannot be scored.
    Score(ScoreArgs),
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Check { path } => check::run(&path),
        Command::Models { project } => models::run(&project),
        Command::Score(arguments) => command::run(&arguments),
    }
}
