//! The `eyechart` program: everything that needs no model run.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use eyechart::foreign;
use eyechart::offline::command::{self, ScoreArgs};

mod check;
mod compare;
mod import;
mod merge;
mod models;
mod plan;
mod tell;

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
    /// Have a model judge which of two models answered better, case by case.
    ///
    /// Each pair of answers is judged twice, in swapped positions; an answer wins if it is preferred
    /// both times, else it is a tie. The judge's replies are kept, with a hash of each prompt, in
    /// comparison.json. Heeds EYECHART_DEVICE, EYECHART_DTYPE and EYECHART_BATCH. Exits with 2 if
    /// nothing can be compared.
    Compare(compare::CompareArgs),
    /// Write the rows of a data set as case files, for those who want to edit them.
    ///
    /// Writes over nothing. Exits with 0 if all rows were written, else with 1.
    Import {
        /// The `.dataset.ron`.
        dataset: PathBuf,
        /// Where to write; made if it is not there.
        folder: PathBuf,
    },
    /// Join journals of shards, of different models and machines into one set of reports.
    ///
    /// Exits with 0 if all shards are there and every test that was to be run has a record, 1 if
    /// not (the reports are written all the same), 2 if a journal cannot be read or two have the
    /// same test; then nothing is written.
    Merge {
        /// The journals, or the folders that hold them.
        #[arg(required = true)]
        journals: Vec<PathBuf>,
        /// Where to write the journal and the reports.
        #[arg(long, default_value = "target/eyechart")]
        out: PathBuf,
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
    /// Predict what the project's models take of memory for its cases: weights, cache and
    /// activations, by batch. Loads nothing.
    ///
    /// Heeds EYECHART_MODELS, EYECHART_DTYPE and EYECHART_BATCH. Exits with 1 if the project cannot
    /// be read.
    Plan {
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
    foreign::show_panics_harmlessly();
    match Arguments::parse().command {
        Command::Check { path } => check::run(&path),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Import { dataset, folder } => import::run(&dataset, &folder),
        Command::Merge { journals, out } => merge::run(&journals, &out),
        Command::Models { project } => models::run(&project),
        Command::Plan { project } => plan::run(&project),
        Command::Score(arguments) => command::run(&arguments),
    }
}
