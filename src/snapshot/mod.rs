/*!
Reviewable snapshots of what models said, through insta.

Owns names, settings and comparison. insta decides where a snapshot goes from the place of its
macro, so the macro expands in the user's test file ([`crate::main!`]) and arrives here as a
function. Knows nothing of models or scores.
*/

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use insta::internals::SnapshotContents;
use insta::{Comparator, Settings};
use serde::{Deserialize, Serialize};

use crate::answer::{Answer, DeviceClass, ModelInput};
use crate::registry::INPUT_SUFFIX;

mod divergence;
mod input;
mod quiet_panics;
mod text;

pub use divergence::{Ahead, Divergence, NEAR_TIE};

pub(crate) use quiet_panics::install as install_quiet_panics;

/// The user's end of `insta::assert_snapshot!(name, text, expression)`.
pub type AssertSnapshot = fn(name: &str, text: &str, expression: &str);

/// The variable by which cargo-insta learns which snapshots are still referenced. insta writes to
/// it only for assertions that ran; see [`SnapshotFolder::mark_referenced`].
const REFERENCES_FILE: &str = "INSTA_SNAPSHOT_REFERENCES_FILE";

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
}

impl SnapshotOutcome {
    /// Whether there is nothing to review.
    pub fn is_settled(&self) -> bool {
        !matches!(self, Self::New | Self::Changed { .. })
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
#[derive(Debug, Serialize)]
pub struct SnapshotInfo<'a> {
    /// The model that spoke.
    pub model: &'a str,
    /// Where it ran, if that matters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<&'a str>,
    /// In which number format, if that matters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<&'a str>,
    /// The pictures it saw.
    pub images: Vec<String>,
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

/// The folder of a project's snapshots.
#[derive(Debug, Clone)]
pub struct SnapshotFolder {
    path: PathBuf,
    assert: AssertSnapshot,
}

impl SnapshotFolder {
    /// `path` must be absolute: insta takes relative ones from the test file.
    pub fn new(path: PathBuf, assert: AssertSnapshot) -> Self {
        Self { path, assert }
    }

    /// Compares an answer with the accepted one; files it for review if it differs.
    pub fn compare(&self, request: &SnapshotRequest<'_>) -> SnapshotResult {
        let seen = Arc::new(Mutex::new(None));
        let text = text::faithful(request.text);
        let spy = Spy::new(request.tokens, Arc::clone(&seen));
        let settings = self.settings(request, spy);
        let assertion =
            || settings.bind(|| (self.assert)(&request.key.stem, &text, request.question));
        let passes = quiet_panics::during(|| catch_unwind(AssertUnwindSafe(assertion))).is_ok();
        let seen = seen.lock().unwrap_or_else(PoisonError::into_inner).take();
        let outcome = seen.unwrap_or(SnapshotOutcome::New);
        let is_accepted = !outcome.is_settled() && passes && self.holds(&request.key, &text);
        let outcome = match outcome {
            SnapshotOutcome::New if is_accepted => SnapshotOutcome::Accepted { before: None },
            SnapshotOutcome::Changed { accepted, .. } if is_accepted => {
                SnapshotOutcome::Accepted { before: Some(accepted) }
            }
            outcome => outcome,
        };
        SnapshotResult { outcome, passes }
    }

    /// Whether this is the accepted text by now: insta's settings have several sources, the file
    /// tells what came of them.
    fn holds(&self, key: &SnapshotKey<'_>, text: &str) -> bool {
        let Ok(file) = std::fs::read_to_string(self.path.join(key.file_name())) else {
            return false;
        };
        let mut parts = file.splitn(3, "---\n");
        parts.nth(2).is_some_and(|accepted| accepted.trim_end() == text.trim_end())
    }

    fn settings(&self, request: &SnapshotRequest<'_>, spy: Spy) -> Settings {
        let mut settings = Settings::new();
        settings.set_snapshot_path(&self.path);
        settings.set_prepend_module_to_snapshot(false);
        settings.set_snapshot_suffix(request.key.suffix());
        settings.set_input_file(request.case_file);
        settings.set_info(&request.info);
        if let Some(tokens) = request.tokens {
            settings.set_description(divergence::description(&tokens.answer.token_ids));
        }
        settings.set_comparator(Box::new(spy));
        settings
    }

    /// Tells cargo-insta that these snapshots belong to cases, run or not. Without it
    /// `cargo insta test --unreferenced=delete -- one_case` deletes the snapshots of all others.
    ///
    /// # Errors
    /// cargo-insta's file cannot be written.
    pub fn mark_referenced<'a>(
        &self,
        keys: impl Iterator<Item = SnapshotKey<'a>>,
    ) -> std::io::Result<()> {
        let Some(references) = std::env::var_os(REFERENCES_FILE) else { return Ok(()) };
        let lines: String =
            keys.map(|key| format!("{}\n", self.path.join(key.file_name()).display())).collect();
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(references)?;
        file.write_all(lines.as_bytes())
    }
}

/// Compares as insta does, except for near ties that are allowed, and remembers the result: whether
/// the assertion panics does not tell, because `INSTA_FORCE_PASS` and `INSTA_UPDATE` make differing
/// snapshots pass.
#[derive(Clone)]
struct Spy {
    seen: Arc<Mutex<Option<SnapshotOutcome>>>,
    tokens: Option<(Answer, Option<f32>)>,
}

impl Spy {
    fn new(tokens: Option<ComparedTokens<'_>>, seen: Arc<Mutex<Option<SnapshotOutcome>>>) -> Self {
        let tokens = tokens.map(|tokens| (tokens.answer.clone(), tokens.allow_near_tie));
        Self { seen, tokens }
    }

    fn outcome(&self, reference: &insta::Snapshot, test: &insta::Snapshot) -> SnapshotOutcome {
        // A text that was quoted by another version is the same text.
        let is_same_text = || contents(reference) == contents(test);
        if insta::DefaultComparator.matches(reference, test) || is_same_text() {
            return SnapshotOutcome::Matched;
        }
        let accepted = contents(reference);
        let ids = divergence::ids_in(reference.metadata().description());
        let (divergence, allowed) = match (&self.tokens, ids) {
            (Some((answer, allowed)), Some(ids)) => (Divergence::between(answer, &ids), *allowed),
            _ => (None, None),
        };
        match (divergence, allowed) {
            (Some(divergence), Some(margin)) if divergence.is_within(margin) => {
                SnapshotOutcome::NearTie { accepted, divergence }
            }
            _ => SnapshotOutcome::Changed { accepted, divergence },
        }
    }
}

impl Comparator for Spy {
    fn matches(&self, reference: &insta::Snapshot, test: &insta::Snapshot) -> bool {
        let outcome = self.outcome(reference, test);
        let matches = outcome.is_settled();
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        matches
    }

    fn dyn_clone(&self) -> Box<dyn Comparator> {
        Box::new(self.clone())
    }
}

fn contents(snapshot: &insta::Snapshot) -> String {
    match snapshot.contents() {
        SnapshotContents::Text(text) => text::restore(&text.to_string()),
        SnapshotContents::Binary(_) => String::new(),
    }
}
