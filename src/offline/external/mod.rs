/*!
Caption metrics that stay programs of their own: METEOR 1.5 and SPICE, which the user has and names.

Owns the talk with child processes; must not know the metrics. Nothing here runs unless asked for, and
the scores bear the name of the program.
*/

mod meteor;
mod spice;

use std::io;
use std::path::PathBuf;

use thiserror::Error;

pub use meteor::meteor;
pub use spice::{SpiceCommand, SpiceCommandError, spice};

/// What a program makes of captions.
#[derive(Debug, Clone, PartialEq)]
pub struct ExternalScores {
    /// The score of all images, as the program or its official wrapper gives it.
    pub aggregate: f64,
    /// The score of each image.
    pub items: Vec<f64>,
}

/// Why a program gave no scores.
#[derive(Debug, Error)]
pub enum ExternalError {
    /// It could not be started.
    #[error("{program} cannot be started: {source}; is it installed and on PATH?")]
    Start {
        /// What was to be started.
        program: String,
        /// What the system says.
        source: io::Error,
    },
    /// It stopped listening or talking.
    #[error("{program} broke off after {answered} of {expected} answers: {message}")]
    BrokeOff {
        /// The program.
        program: String,
        /// Answers so far.
        answered: usize,
        /// Answers that were expected.
        expected: usize,
        /// What went wrong.
        message: String,
    },
    /// It said something else than expected.
    #[error("{program} said {found:?} where {expected} was expected")]
    Unexpected {
        /// The program.
        program: String,
        /// What it said.
        found: String,
        /// What was expected.
        expected: &'static str,
    },
    /// A file for it could not be written or read.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}
