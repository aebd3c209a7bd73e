//! Why answers cannot be compared.

use std::path::PathBuf;

use thiserror::Error;

use crate::case::{CaseError, DiscoveryError};
use crate::engine::EngineError;
use crate::journal::JournalError;
use crate::registry::RegistryError;

/// Answers cannot be compared.
#[derive(Debug, Error)]
pub enum CompareError {
    /// A journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// `eyechart.ron` cannot be used.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The folder of cases cannot be read.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// A data set that a case comes from cannot be read.
    #[error("{0}")]
    Dataset(CaseError),
    /// The judge could not be loaded.
    #[error("the judge \"{name}\" cannot be loaded: {source}")]
    Judge {
        /// Its name.
        name: String,
        /// Why.
        source: EngineError,
    },
    /// There is no such model.
    #[error("eyechart.ron has no model \"{name}\" to judge with; it has: {}", known.join(", "))]
    UnknownJudge {
        /// What was asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// A journal has no answers of a model.
    #[error(
        "{}: has no answers of \"{wanted}\"; it has those of: {}",
        path.display(), models.join(", ")
    )]
    NoModel {
        /// The journal.
        path: PathBuf,
        /// What was asked for.
        wanted: String,
        /// The models it has answers of.
        models: Vec<String>,
    },
    /// A journal has answers of several models, and nobody said which.
    #[error(
        "{}: has answers of {} models ({}); name one with {option}",
        path.display(), models.len(), models.join(", ")
    )]
    WhichModel {
        /// The journal.
        path: PathBuf,
        /// The models it has answers of.
        models: Vec<String>,
        /// The option that names one.
        option: &'static str,
    },
    /// Both sides are the same answers.
    #[error(
        "both sides are the answers of \"{model}\" in {}; name two models (--first, --second) or two \
         journals",
        path.display()
    )]
    SameSide {
        /// The model.
        model: String,
        /// The journal.
        path: PathBuf,
    },
    /// No case has an answer on both sides.
    #[error(
        "no case has an answer of both: {} has {first} answers, {} has {second}; compare runs of the \
         same cases",
        paths[0].display(), paths[1].display()
    )]
    NothingShared {
        /// The journals.
        paths: [PathBuf; 2],
        /// Answers of the first side.
        first: usize,
        /// Answers of the second side.
        second: usize,
    },
    /// A case is not in the project.
    #[error(
        "{case}: is not among the cases of {}, where its pictures would be found; name the project \
         with --project, or let the judge do without pictures (--without-pictures)",
        folder.display()
    )]
    NoCase {
        /// The case.
        case: String,
        /// The folder of cases.
        folder: PathBuf,
    },
    /// A case's pictures are others by now.
    #[error(
        "{case}: {what}; put the pictures back that were there when it was answered, or let the judge \
         do without (--without-pictures)"
    )]
    OtherPictures {
        /// The case.
        case: String,
        /// What is otherwise.
        what: String,
    },
}
