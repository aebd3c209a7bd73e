//! A case as discovery leaves it: checked, with what a plan needs of it.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::Arc;

use super::discover::{CaseFile, Checks, Folder, parse_case};
use super::error::{CaseError, Problem};
use super::source::Source;
use super::{Case, CaseName, Expectation, ModelPattern, SnapshotPer, SnapshotPolicy};
use crate::request::Task;

/// A case that was found and checked. What it asks and expects is not kept, but read again when its
/// turn comes: a suite need not fit into memory.
#[derive(Debug, Clone)]
pub struct FoundCase {
    /// Unique name.
    pub name: CaseName,
    /// What a plan needs to know of it.
    pub traits: Arc<Traits>,
    folder: Arc<Folder>,
    /// None of a file that is called as the case is.
    file_name: Option<Box<OsStr>>,
}

/// What a plan needs to know of a case; many cases of a folder tend to have the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Traits {
    /// The models it runs on, out of those chosen for the run; empty means all of them.
    pub models: Arc<[ModelPattern]>,
    /// Why it does not run, if it does not.
    pub ignore: Option<String>,
    /// What a model must be able to do.
    pub demands: Demands,
    /// Whether another network is asked about the answer.
    pub needs_opinion: bool,
    /// What is kept for review.
    pub snapshot: SnapshotPolicy,
    /// What shares a snapshot.
    pub snapshot_per: SnapshotPer,
}

/// What a case asks for that not every model can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demands {
    /// Pictures that the conversation shows.
    pub pictures: usize,
    /// Whether no answer without boxes can meet the expectation.
    pub boxes: bool,
    /// What is asked in the family's own words.
    pub preset: Option<Task>,
}

impl FoundCase {
    pub(super) fn of(case: Case, CaseFile { folder, file_name }: CaseFile) -> Self {
        let traits = Traits {
            demands: case.demands(),
            needs_opinion: case.expectation.as_ref().is_some_and(Expectation::needs_opinion),
            models: case.models,
            ignore: case.ignore,
            snapshot: case.snapshot,
            snapshot_per: case.snapshot_per,
        };
        let traits = folder.shared(traits);
        let is_named_so = *file_name == *own_file_name(&case.name);
        let file_name = (!is_named_so).then_some(file_name);
        Self { name: case.name, traits, folder, file_name }
    }

    /// Whether it is meant for the model of this name.
    pub fn runs_on(&self, model: &str) -> bool {
        super::runs_on(&self.traits.models, model)
    }

    /// The case file.
    pub fn path(&self) -> PathBuf {
        self.file().path()
    }

    fn file(&self) -> CaseFile {
        let file_name = self.file_name.clone();
        let file_name = file_name.unwrap_or_else(|| own_file_name(&self.name).into());
        CaseFile { folder: Arc::clone(&self.folder), file_name }
    }

    /// Reads the file again; its pictures were looked at when it was found.
    ///
    /// # Errors
    /// The file was changed since, and is no case any more or has another name.
    pub fn read(&self) -> Result<Case, CaseError> {
        let file = self.file();
        let path = file.path();
        let source = Source::read(&path)?;
        let setting = self.folder.setting(Checks::Structure).map_err(|defaults| {
            CaseError::of_file(&path, Problem::BrokenDefaults(defaults.to_owned()))
        })?;
        let case = parse_case(&source, &self.folder.names, &file.stem(), setting);
        let case = case.map_err(|(_, error)| error)?;
        match case.name == self.name {
            true => Ok(case),
            false => {
                let (before, now) = (self.name.to_string(), case.name.to_string());
                Err(source.root().field("id").error(Problem::Renamed { before, now }))
            }
        }
    }
}

/// How the file of a case without `id` is called.
fn own_file_name(name: &CaseName) -> OsString {
    format!("{}.ron", name.stem()).into()
}
