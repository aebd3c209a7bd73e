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

use insta::Settings;
use insta::internals::SnapshotContents;
use serde::{Deserialize, Serialize};

use crate::answer::ModelInput;
use crate::registry::INPUT_SUFFIX;

mod input;
mod quiet_panics;
mod text;

pub(crate) use quiet_panics::install as install_quiet_panics;

/// The user's end of `insta::assert_snapshot!(name, text, expression)`.
pub type AssertSnapshot = fn(name: &str, text: &str, expression: &str);

/// The variable by which cargo-insta learns which snapshots are still referenced. insta writes to
/// it only for assertions that ran; see [`SnapshotFolder::mark_referenced`].
const REFERENCES_FILE: &str = "INSTA_SNAPSHOT_REFERENCES_FILE";

/// How an answer compares with the accepted one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotOutcome {
    /// No snapshot was asked for, or there was no answer.
    #[default]
    Off,
    /// It is the accepted one.
    Matched,
    /// Nothing was accepted yet.
    New,
    /// It differs.
    Changed {
        /// The accepted text.
        accepted: String,
    },
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
    /// What the model said.
    Answer,
    /// What it got.
    Input,
}

impl SnapshotKey<'_> {
    /// What stands behind the `@` of the file's name.
    fn suffix(&self) -> String {
        match self.kind {
            SnapshotKind::Answer => self.model.to_owned(),
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

/// One text to compare.
#[derive(Debug)]
pub struct SnapshotRequest<'a> {
    /// Which snapshot.
    pub key: SnapshotKey<'a>,
    /// The answer, or the input.
    pub text: &'a str,
    /// The question, as the reviewer sees it.
    pub question: &'a str,
    /// The case file.
    pub case_file: &'a Path,
    /// What else the reviewer sees.
    pub info: SnapshotInfo<'a>,
}

/// The outcome, and whether insta lets the test pass (it does so for a changed text under
/// `INSTA_UPDATE=always` or `INSTA_FORCE_PASS=1`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotResult {
    /// How the texts compare.
    pub outcome: SnapshotOutcome,
    /// Whether the test passes.
    pub accepted: bool,
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
        let settings = self.settings(request, Spy(Arc::clone(&seen)));
        let text = text::faithful(request.text);
        let assertion =
            || settings.bind(|| (self.assert)(&request.key.stem, &text, request.question));
        let accepted = quiet_panics::during(|| catch_unwind(AssertUnwindSafe(assertion))).is_ok();
        let outcome = seen.lock().unwrap_or_else(PoisonError::into_inner).take();
        SnapshotResult { outcome: outcome.unwrap_or(SnapshotOutcome::New), accepted }
    }

    fn settings(&self, request: &SnapshotRequest<'_>, spy: Spy) -> Settings {
        let mut settings = Settings::new();
        settings.set_snapshot_path(&self.path);
        settings.set_prepend_module_to_snapshot(false);
        settings.set_snapshot_suffix(request.key.suffix());
        settings.set_input_file(request.case_file);
        settings.set_info(&request.info);
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

/// Compares as insta does, and remembers the result: whether the assertion panics does not tell,
/// because `INSTA_FORCE_PASS` and `INSTA_UPDATE` make differing snapshots pass.
#[derive(Clone)]
struct Spy(Arc<Mutex<Option<SnapshotOutcome>>>);

impl insta::Comparator for Spy {
    fn matches(&self, reference: &insta::Snapshot, test: &insta::Snapshot) -> bool {
        let matches = insta::DefaultComparator.matches(reference, test);
        let outcome = if matches {
            SnapshotOutcome::Matched
        } else {
            SnapshotOutcome::Changed { accepted: contents(reference) }
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        matches
    }

    fn dyn_clone(&self) -> Box<dyn insta::Comparator> {
        Box::new(self.clone())
    }
}

fn contents(snapshot: &insta::Snapshot) -> String {
    match snapshot.contents() {
        SnapshotContents::Text(text) => text::restore(&text.to_string()),
        SnapshotContents::Binary(_) => String::new(),
    }
}
