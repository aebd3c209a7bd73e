/*!
Reviewable snapshots of what models said, through insta.

Owns names, settings and comparison. insta decides where a snapshot goes from the place of its
macro, so the macro expands in the user's test file ([`crate::main!`]) and arrives here as a
function. It works in a folder of its own, and files come into their places whole. Knows nothing of
models or scores.
*/

use std::path::Path;

use insta::internals::Content;
use serde::{Deserialize, Serialize};

use crate::answer::{Answer, DeviceClass, ModelInput};
use crate::registry::INPUT_SUFFIX;

mod accepted;
mod comparator;
mod divergence;
mod error;
mod folder;
mod input;
mod quiet_panics;
mod scratch;
mod text;
mod variables;

pub use divergence::{Ahead, Divergence, NEAR_TIE};
pub use error::SnapshotError;
pub use folder::SnapshotFolder;
pub use variables::InstaVariables;

pub(crate) use quiet_panics::install as install_quiet_panics;

/// The user's end of `insta::assert_snapshot!(name, text, expression)`.
pub type AssertSnapshot = fn(name: &str, text: &str, expression: &str);

/// How an answer compares with the accepted one.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotOutcome {
    /// No snapshot was asked for, or there was no answer.
    #[default]
    Off,
    /// It is the accepted one.
    Matched,
    /// It differs from a token on that was nearly the accepted one, which the case allows.
    NearTie {
        /// The accepted text.
        accepted: String,
        /// Where it differs.
        divergence: Divergence,
    },
    /// It was accepted in this run (`INSTA_UPDATE=always`, say).
    Accepted {
        /// The text that was accepted before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<String>,
    },
    /// Nothing was accepted yet.
    New,
    /// It differs.
    Changed {
        /// The accepted text.
        accepted: String,
        /// Where it differs; none if the ids of the accepted answer are not known or the same.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        divergence: Option<Divergence>,
    },
    /// The text is the accepted one, but the head is not, and insta is told to compare that too.
    HeadChanged {
        /// The parts of the head that differ.
        fields: Vec<String>,
    },
    /// It could not be compared or accepted.
    Unusable {
        /// Why.
        reason: String,
    },
}

impl SnapshotOutcome {
    /// Whether there is nothing to review.
    pub fn is_settled(&self) -> bool {
        !matches!(
            self,
            Self::New | Self::Changed { .. } | Self::HeadChanged { .. } | Self::Unusable { .. }
        )
    }
}

/// Which snapshot.
#[derive(Debug, Clone)]
pub struct SnapshotKey<'a> {
    /// The case's part of the file name.
    pub stem: String,
    /// The model's.
    pub model: &'a str,
    /// What it holds.
    pub kind: SnapshotKind,
}

/// What a snapshot holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotKind {
    /// What the model said, wherever it ran.
    Answer,
    /// What the model said on devices of this class.
    AnswerOn(DeviceClass),
    /// What it got.
    Input,
}

impl SnapshotKey<'_> {
    /// What stands behind the `@` of the file's name.
    fn suffix(&self) -> String {
        match self.kind {
            SnapshotKind::Answer => self.model.to_owned(),
            SnapshotKind::AnswerOn(class) => format!("{}.{}", self.model, class.label()),
            SnapshotKind::Input => format!("{}{INPUT_SUFFIX}", self.model),
        }
    }

    fn file_name(&self) -> String {
        format!("{}@{}.snap", self.stem, self.suffix())
    }
}

/// The text of a snapshot of what a model got.
pub fn input_text(input: &ModelInput) -> String {
    input::text(input)
}

/// What a reviewer sees beside the text.
#[derive(Debug)]
pub struct SnapshotInfo<'a> {
    /// The model that spoke.
    pub model: &'a str,
    /// Where it ran, if that matters.
    pub device: Option<&'a str>,
    /// In which number format, if that matters.
    pub precision: Option<&'a str>,
    /// The pictures it saw.
    pub images: Vec<String>,
}

impl SnapshotInfo<'_> {
    /// As insta reads it back: what it makes of a struct equals nothing that is read, and then no
    /// head would match where heads are to be compared.
    fn content(&self) -> Content {
        let text = |text: &str| Content::String(text.to_owned());
        let said =
            [("model", Some(self.model)), ("device", self.device), ("precision", self.precision)];
        let said = said.into_iter().filter_map(|(name, value)| Some((text(name), text(value?))));
        let images = Content::Seq(self.images.iter().map(|image| text(image)).collect());
        Content::Map(said.chain([(text("images"), images)]).collect())
    }
}

/// An answer whose tokens are compared where its text differs.
#[derive(Debug, Clone, Copy)]
pub struct ComparedTokens<'a> {
    /// The answer.
    pub answer: &'a Answer,
    /// The margin of logits below which another token is accepted, if any is.
    pub allow_near_tie: Option<f32>,
}

/// One text to compare.
#[derive(Debug)]
pub struct SnapshotRequest<'a> {
    /// Which snapshot.
    pub key: SnapshotKey<'a>,
    /// The answer, or the input.
    pub text: &'a str,
    /// The answer's tokens; none if the text is an input's.
    pub tokens: Option<ComparedTokens<'a>>,
    /// The question, as the reviewer sees it.
    pub question: &'a str,
    /// The case file.
    pub case_file: &'a Path,
    /// What else the reviewer sees.
    pub info: SnapshotInfo<'a>,
}

/// The outcome, and what insta makes of it.
#[derive(Debug, Clone, PartialEq)]
pub struct SnapshotResult {
    /// How the texts compare.
    pub outcome: SnapshotOutcome,
    /// Whether insta lets the test pass. It does so for a changed text too, if it has accepted it or
    /// is told to force passes, as `cargo insta test` does to collect all changes.
    pub passes: bool,
}

impl SnapshotResult {
    /// Whether it could not be compared or accepted.
    pub fn is_unusable(&self) -> bool {
        matches!(self.outcome, SnapshotOutcome::Unusable { .. })
    }
}
