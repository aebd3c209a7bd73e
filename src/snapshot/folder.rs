//! The folder of a project's snapshots.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use insta::{Settings, Snapshot};

use super::accepted::{Accepted, conflict, conflict_words};
use super::comparator::Spy;
use super::scratch::{PENDING, Scratch, Written};
use super::{
    AssertSnapshot, InstaVariables, SnapshotError, SnapshotKey, SnapshotOutcome, SnapshotRequest,
    SnapshotResult, divergence, quiet_panics, text, variables,
};
use crate::whole_file::{self, Durability};

/// How insta's panic begins if texts differ; any other is about something else.
const DIFFERENCE: &str = "snapshot assertion for ";

/// What Rust says before the error of an assertion that could not be carried out.
const UNWRAPPED: &str = "called `Result::unwrap()` on an `Err` value: ";

/// Where insta looks for its settings in a workspace, in this order.
const SETTINGS: [&str; 3] = [".config/insta.yaml", "insta.yaml", ".insta.yaml"];

/// The folder of a project's snapshots.
#[derive(Debug, Clone)]
pub struct SnapshotFolder {
    path: PathBuf,
    /// Where insta may work.
    scratch: PathBuf,
    variables: InstaVariables,
    assert: AssertSnapshot,
    workspace: fn() -> PathBuf,
}

impl SnapshotFolder {
    /// `path` must be absolute: insta takes relative ones from the test file. insta works in folders
    /// below `scratch`, which are removed; `workspace` says what it takes for the workspace's folder.
    pub fn new(
        path: PathBuf,
        scratch: PathBuf,
        variables: InstaVariables,
        assert: AssertSnapshot,
        workspace: fn() -> PathBuf,
    ) -> Self {
        Self { path, scratch, variables, assert, workspace }
    }

    /// Has insta read its settings, so that those it cannot use are told before anything is run, and
    /// takes away what killed runs have left among the snapshots.
    ///
    /// # Errors
    /// They cannot be used; in insta's words where it has some.
    pub fn check_settings(&self) -> Result<(), SnapshotError> {
        const NAME: &str = "settings";
        whole_file::remove_abandoned(&self.path, whole_file::ABANDONED_AFTER);
        let wrong = |words| SnapshotError::Insta { words };
        if let Some(words) = variables::unusable().or_else(|| self.unreadable_settings()) {
            return Err(wrong(words));
        }
        let unworkable = |source| self.unworkable(source);
        let laid = format!("---\nsource: {NAME}\n---\n{NAME}\n");
        let scratch = Scratch::new(&self.scratch, &format!("{NAME}.snap"), Some(laid));
        let scratch = scratch.map_err(unworkable)?;
        let mut settings = Settings::new();
        settings.set_snapshot_path(scratch.folder());
        settings.set_prepend_module_to_snapshot(false);
        settings.set_comparator(Box::new(Spy::new(None)));
        match assertion(&settings, || (self.assert)(NAME, NAME, NAME)) {
            Err(words) if !words.starts_with(DIFFERENCE) => Err(wrong(self.with_file(words))),
            _ => self.pending_folder().map(drop),
        }
    }

    /// Compares an answer with the accepted one; files it for review if it differs.
    pub fn compare(&self, request: &SnapshotRequest<'_>) -> SnapshotResult {
        self.try_compare(request).unwrap_or_else(|error| SnapshotResult {
            outcome: SnapshotOutcome::Unusable { reason: error.to_string() },
            passes: false,
        })
    }

    fn try_compare(&self, request: &SnapshotRequest<'_>) -> Result<SnapshotResult, SnapshotError> {
        let name = request.key.file_name();
        let path = self.path.join(&name);
        let accepted = Accepted::read(&path);
        let laid = match &accepted {
            Accepted::Text(text) => Some(text.clone()),
            Accepted::Nothing => None,
            // As something that no text equals: insta does more with a file than without one.
            Accepted::Damaged(_) => Some("---\nsource: none\n---\n".to_owned()),
        };
        let scratch = Scratch::new(&self.scratch, &name, laid);
        let scratch = scratch.map_err(|source| self.unworkable(source))?;
        let mut damage = match (&accepted, Snapshot::from_file(scratch.snapshot())) {
            (Accepted::Damaged(reason), _) => Some(reason.clone()),
            (Accepted::Text(text), Err(error)) => Some(match conflict(text) {
                Some(line) => conflict_words(line),
                None => {
                    format!("has a head that cannot be read: {error}; restore it, or delete it")
                }
            }),
            _ => None,
        };
        let spy = Spy::new(request.tokens);
        let settings = settings(request, scratch.folder(), spy.clone());
        let text = text::faithful(request.text);
        let asserted =
            assertion(&settings, || (self.assert)(&request.key.stem, &text, request.question));
        let passes = asserted.is_ok();
        if let Some(words) = asserted.err().filter(|words| !words.starts_with(DIFFERENCE)) {
            return Err(SnapshotError::Insta { words });
        }
        let outcome = spy.take_outcome().unwrap_or(SnapshotOutcome::New);
        if let (Accepted::Text(text), SnapshotOutcome::Changed { .. }) = (&accepted, &outcome) {
            damage = damage.or_else(|| conflict(text).map(conflict_words));
        }
        let written = scratch.written().map_err(|source| self.unworkable(source))?;
        let is_replaced = written.accepted.is_some();
        self.put_in_place(&path, written, &outcome)?;
        let outcome = match (damage, is_replaced && !outcome.is_settled()) {
            (Some(_), true) => SnapshotOutcome::Accepted { before: None },
            (None, true) => accepted_now(outcome),
            (Some(reason), false) => {
                let reason = SnapshotError::Damaged { path, reason }.to_string();
                SnapshotOutcome::Unusable { reason }
            }
            (None, false) => outcome,
        };
        Ok(SnapshotResult { outcome, passes })
    }

    /// Puts what insta has written where it belongs.
    fn put_in_place(
        &self,
        path: &Path,
        written: Written,
        outcome: &SnapshotOutcome,
    ) -> Result<(), SnapshotError> {
        if let Some(text) = written.accepted {
            write(path, &text, Durability::PowerCut, "what was accepted before stays")?;
        }
        let pending = self.pending_folder()?.join(path.file_name().unwrap_or_default());
        let pending = pending.with_extension(PENDING);
        if let Some(text) = written.pending {
            let kept = match outcome {
                SnapshotOutcome::New => "this is new, and cannot be kept for review",
                _ => "this differs from what is accepted, and cannot be kept for review",
            };
            write(&pending, &text, Durability::Kill, kept)?;
        } else if outcome.is_settled() {
            // As insta does: what waits for review is settled, whether or not it can be removed.
            let _ = fs::remove_file(pending);
        }
        Ok(())
    }

    /// Where snapshots wait for review: of `INSTA_PENDING_DIR` the folder that lies in it as this one
    /// does in the workspace.
    fn pending_folder(&self) -> Result<PathBuf, SnapshotError> {
        let Some(pending) = &self.variables.pending else { return Ok(self.path.clone()) };
        let workspace = (self.workspace)();
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        // The folder itself may not be there yet.
        let project = self.path.parent().map(real).unwrap_or_default();
        let folder = project.join(self.path.file_name().unwrap_or_default());
        match folder.strip_prefix(real(&workspace)) {
            Ok(inside) => Ok(pending.join(inside)),
            Err(_) => Err(SnapshotError::Insta {
                words: format!(
                    "INSTA_PENDING_DIR is set, but the snapshots in {} are outside the workspace {}",
                    self.path.display(),
                    workspace.display()
                ),
            }),
        }
    }

    /// A file of settings that is there and cannot be read: insta passes over it.
    fn unreadable_settings(&self) -> Option<String> {
        let workspace = (self.workspace)();
        for name in SETTINGS {
            let path = workspace.join(name);
            match fs::read_to_string(&path) {
                Ok(_) => return None,
                Err(error)
                    if !matches!(
                        error.kind(),
                        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                    ) =>
                {
                    return Some(format!("{} cannot be read: {error}", path.display()));
                }
                Err(_) => {}
            }
        }
        None
    }

    /// The words with the file that has the settings, which insta does not name.
    fn with_file(&self, words: String) -> String {
        let workspace = (self.workspace)();
        match SETTINGS.iter().map(|name| workspace.join(name)).find(|path| path.exists()) {
            Some(path) => {
                let path = path.display();
                format!("{words} (what the environment does not set is read from {path})")
            }
            None => words,
        }
    }

    fn unworkable(&self, source: io::Error) -> SnapshotError {
        SnapshotError::Scratch { path: self.scratch.clone(), source }
    }

    /// Tells cargo-insta that these snapshots belong to cases, run or not. Without it
    /// `cargo insta test --unreferenced=delete -- one_case` deletes the snapshots of all others.
    ///
    /// # Errors
    /// cargo-insta's file cannot be written.
    pub fn mark_referenced<'a>(
        &self,
        keys: impl Iterator<Item = SnapshotKey<'a>>,
    ) -> io::Result<()> {
        let Some(references) = &self.variables.references else { return Ok(()) };
        let lines: String =
            keys.map(|key| format!("{}\n", self.path.join(key.file_name()).display())).collect();
        let mut file = OpenOptions::new().create(true).append(true).open(references)?;
        file.write_all(lines.as_bytes())
    }
}

/// Carries out an assertion of insta's; an error is what it panicked with.
fn assertion(settings: &Settings, assert: impl FnOnce()) -> Result<(), String> {
    let assertion = || settings.bind(assert);
    let asserted = quiet_panics::during(|| catch_unwind(AssertUnwindSafe(assertion)));
    asserted.map_err(|payload| {
        let words = quiet_panics::message(payload.as_ref());
        words.strip_prefix(UNWRAPPED).unwrap_or(words).to_owned()
    })
}

fn settings(request: &SnapshotRequest<'_>, folder: &Path, spy: Spy) -> Settings {
    let mut settings = Settings::new();
    settings.set_snapshot_path(folder);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_snapshot_suffix(request.key.suffix());
    settings.set_input_file(request.case_file);
    settings.set_raw_info(&request.info.content());
    if let Some(tokens) = request.tokens {
        settings.set_description(divergence::description(&tokens.answer.token_ids));
    }
    settings.set_comparator(Box::new(spy));
    settings
}

/// What an outcome becomes once the text has been accepted.
fn accepted_now(outcome: SnapshotOutcome) -> SnapshotOutcome {
    match outcome {
        SnapshotOutcome::Changed { accepted, .. } => {
            SnapshotOutcome::Accepted { before: Some(accepted) }
        }
        _ => SnapshotOutcome::Accepted { before: None },
    }
}

fn write(
    path: &Path,
    text: &str,
    durability: Durability,
    kept: &'static str,
) -> Result<(), SnapshotError> {
    let write = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        whole_file::write(path, text.as_bytes(), durability)
    };
    write().map_err(|source| SnapshotError::Unwritable { path: path.to_owned(), source, kept })
}
