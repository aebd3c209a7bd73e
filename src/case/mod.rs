/*!
Eval cases: the RON schema, its checking, discovery, and the defaults of a folder.

What the user wrote (`schema`, serde only, unknown fields refused) becomes what the program
trusts ([`Case`]) in one fallible step, with file, line and column in every error. Knows nothing
of how models work or how a run is carried out.
*/

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::request::Conversation;

mod check;
mod defaults;
mod discover;
mod error;
mod expectation;
mod generation;
mod name;
mod outline;
mod pattern;
mod picture;
mod place;
mod schema;
mod source;
mod suggestion;
mod syntax;

pub use discover::{Checks, Discovered, InvalidCase, discover};
pub use error::{CaseError, DiscoveryError, Position, Problem};
pub use expectation::{
    Expectation, Fact, FactSheet, ForbiddenFact, LabelledBox, TextPattern, YesOrNo,
};
pub use generation::GenerationOverrides;
pub use name::CaseName;
pub use pattern::{KnownFailure, ModelPattern};

/// What a case tests, and thereby the row of the report in which it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Dimension {
    /// How well a picture is described.
    Description,
    /// Questions about one picture.
    QuestionAnswering,
    /// Finding things: boxes.
    Grounding,
    /// Reasoning over more than one picture.
    SeveralImages,
}

impl Dimension {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 4] =
        [Self::Description, Self::QuestionAnswering, Self::Grounding, Self::SeveralImages];

    /// Its name in reports.
    pub fn label(self) -> &'static str {
        match self {
            Self::Description => "description",
            Self::QuestionAnswering => "question answering",
            Self::Grounding => "grounding",
            Self::SeveralImages => "several images",
        }
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// What of a trial is kept as a reviewable snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename = "Snapshot")]
pub enum SnapshotPolicy {
    /// The answer's text.
    Text,
    /// Nothing.
    Off,
}

/// A checked eval case.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// Unique name.
    pub name: CaseName,
    /// The case file.
    pub path: PathBuf,
    /// The pictures' files, in the order in which [`Conversation`] indexes them.
    pub images: Vec<PathBuf>,
    /// What is asked.
    pub conversation: Conversation,
    /// What is expected; none means that the snapshot alone judges.
    pub expectation: Option<Expectation>,
    /// What is tested.
    pub dimension: Dimension,
    /// The models it runs on, out of those chosen for the run; empty means all of them.
    pub models: Vec<ModelPattern>,
    /// Generation options it sets.
    pub generation: GenerationOverrides,
    /// What is kept for review.
    pub snapshot: SnapshotPolicy,
    /// Free words to filter reports by.
    pub tags: Vec<String>,
    /// Why it does not run, if it does not.
    pub ignore: Option<String>,
    /// Models on which it is known to fail.
    pub xfail: Vec<KnownFailure>,
}

impl Case {
    /// Whether it is meant for the model of this name.
    pub fn runs_on(&self, model: &str) -> bool {
        self.models.is_empty() || self.models.iter().any(|pattern| pattern.matches(model))
    }

    /// The first of its known failures that is about the model of this name.
    pub fn known_failure(&self, model: &str) -> Option<&KnownFailure> {
        self.xfail.iter().find(|failure| failure.models.matches(model))
    }
}
