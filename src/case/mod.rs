/*!
Eval cases: the RON schema, its checking, discovery, and the defaults of a folder.

What the user wrote (`schema`, serde only, unknown fields refused) becomes what the program
trusts ([`Case`]) in one fallible step, with file, line and column in every error. Knows nothing
of how models work or how a run is carried out.
*/

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::request::Conversation;

mod expectation;

pub use expectation::{
    Expectation, Fact, FactSheet, ForbiddenFact, LabelledBox, TextPattern, YesOrNo,
};

/// `folder::case`, unique in a run; also the base of the snapshot's name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CaseName(String);

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

/// A glob over model names, such as `blip2-*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelPattern(glob::Pattern);

/// A failure that is known and explained: the case must fail, and an unexpected pass is reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownFailure {
    /// The models it holds for.
    pub models: ModelPattern,
    /// Why.
    pub reason: String,
}

/// Generation options that a case or folder sets; the rest comes from the run.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct GenerationOverrides {
    /// See [`crate::request::GenerationOptions::max_new_tokens`].
    pub max_new_tokens: Option<usize>,
    /// 0 is greedy; above 0 draws.
    pub temperature: Option<f64>,
    /// See [`crate::request::Sampling::Seeded`].
    pub top_p: Option<f64>,
    /// See [`crate::request::Sampling::Seeded`].
    pub top_k: Option<usize>,
    /// Start of the random stream; 0 if not given.
    pub seed: Option<u64>,
    /// See [`crate::request::GenerationOptions::repetition_penalty`].
    pub repetition_penalty: Option<f32>,
}

/// What of a trial is kept as a reviewable snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
