//! Finding the case files of a folder.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::check::{self, Setting};
use super::defaults::Defaults;
use super::error::{CaseError, DiscoveryError, Problem};
use super::schema::{RawCase, RawDefaults};
use super::source::Source;
use super::{Case, CaseName, KnownNames, syntax};

const PATTERN: &str = "**/*.ron";
const DEFAULTS_FILE: &str = "defaults.ron";
const DATASET_ENDING: &str = ".dataset";

/// How much of a case is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checks {
    /// The RON files alone, as for a list of tests.
    Structure,
    /// The pictures too: that they are there, and how large their headers say they are.
    Everything,
}

/// A case file that is not a case.
#[derive(Debug, Clone, PartialEq)]
pub struct InvalidCase {
    /// The name under which it is reported.
    pub name: CaseName,
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub error: CaseError,
}

/// A file that describes a data set; [`crate::dataset`] reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct DatasetFile {
    /// The data set's name, which begins the names of its rows.
    pub name: CaseName,
    /// The file.
    pub path: PathBuf,
    /// What the folder sets.
    pub(crate) defaults: Defaults,
    /// The names that the file may use.
    pub(crate) known: KnownNames,
}

/// What came of a case file.
#[derive(Debug, Clone, PartialEq)]
pub enum Discovered {
    /// A case that can be run.
    Case(Box<Case>),
    /// A data set, not yet read.
    Dataset(Box<DatasetFile>),
    /// A file that cannot, to be reported as a failure.
    Invalid(InvalidCase),
}

impl Discovered {
    /// The name, unique unless an invalid case has the name of another.
    pub fn name(&self) -> &CaseName {
        match self {
            Self::Case(case) => &case.name,
            Self::Dataset(dataset) => &dataset.name,
            Self::Invalid(invalid) => &invalid.name,
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        match self {
            Self::Case(case) => &case.path,
            Self::Dataset(dataset) => &dataset.path,
            Self::Invalid(invalid) => &invalid.path,
        }
    }
}

/// All cases of a folder and the folders in it, sorted by name.
///
/// Every file that ends in `.ron` is a case, except `defaults.ron`, which sets what the cases of
/// its folder and below have in common. Files and folders whose name begins with a dot are passed
/// over. Where no names are known, they go unchecked.
pub fn discover(
    root: &Path,
    known: &KnownNames,
    checks: Checks,
) -> Result<Vec<Discovered>, DiscoveryError> {
    if !root.is_dir() {
        return Err(DiscoveryError::NoFolder(root.to_owned()));
    }
    let mut walk = Walk { known, checks, files: Vec::new(), invalid: Vec::new() };
    walk.folder(Folder::root(root))?;
    let mut found: Vec<Discovered> = walk.files.par_iter().map(|file| walk.read(file)).collect();
    found.extend(walk.invalid.into_iter().map(Discovered::Invalid));
    if found.is_empty() {
        return Err(DiscoveryError::NoCases { root: root.to_owned(), pattern: PATTERN });
    }
    refuse_collisions(&mut found);
    found.sort_by(|a, b| (a.name(), a.path()).cmp(&(b.name(), b.path())));
    Ok(found)
}

/// A folder on the way down.
struct Folder {
    path: PathBuf,
    /// The folders from the root to here, as parts of names.
    names: Vec<String>,
    /// The real paths from the root to here: a link back to one of them is not followed.
    ancestors: Vec<PathBuf>,
    defaults: FolderDefaults,
}

/// What applies to the cases of a folder.
#[derive(Clone)]
enum FolderDefaults {
    Usable(Box<Defaults>),
    /// This file is wrong, so nothing below it can be trusted.
    Broken(PathBuf),
}

impl Folder {
    fn root(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            names: Vec::new(),
            ancestors: path.canonicalize().into_iter().collect(),
            defaults: FolderDefaults::Usable(Box::default()),
        }
    }

    /// A folder in this one, unless it is a link back to one around it.
    fn child(&self, path: PathBuf, name: String) -> Option<Self> {
        let real = path.canonicalize().ok()?;
        if self.ancestors.contains(&real) {
            return None;
        }
        let names = self.names.iter().cloned().chain([name]).collect();
        let ancestors = self.ancestors.iter().cloned().chain([real]).collect();
        Some(Self { path, names, ancestors, defaults: self.defaults.clone() })
    }
}

struct Walk<'a> {
    known: &'a KnownNames,
    checks: Checks,
    /// Files to be read once all folders are known, side by side.
    files: Vec<CaseFile>,
    /// Defaults that cannot be used.
    invalid: Vec<InvalidCase>,
}

/// A file that is a case or a data set.
struct CaseFile {
    folder: Arc<Folder>,
    path: PathBuf,
    /// Its name without `.ron`.
    stem: String,
}

impl Walk<'_> {
    fn folder(&mut self, mut folder: Folder) -> Result<(), DiscoveryError> {
        let entries = visible_entries(&folder.path)?;
        if let Some(defaults) = entries.iter().find(|entry| entry.name == DEFAULTS_FILE) {
            folder.defaults = self.defaults(&folder, &defaults.path);
        }
        let folder = Arc::new(folder);
        for Entry { name, path, is_folder } in entries {
            if is_folder {
                if let Some(child) = folder.child(path, name) {
                    self.folder(child)?;
                }
            } else if name != DEFAULTS_FILE
                && let Some(stem) = case_stem(&name)
            {
                let (folder, stem) = (Arc::clone(&folder), stem.to_owned());
                self.files.push(CaseFile { folder, path, stem });
            }
        }
        Ok(())
    }

    /// The defaults below a `defaults.ron`; what is wrong with it is one more invalid case.
    fn defaults(&mut self, folder: &Folder, path: &Path) -> FolderDefaults {
        match self.read_defaults(path) {
            Ok(own) => match &folder.defaults {
                FolderDefaults::Usable(outer) => {
                    FolderDefaults::Usable(Box::new(own.within(outer)))
                }
                broken @ FolderDefaults::Broken(_) => broken.clone(),
            },
            Err(error) => {
                let name = CaseName::stand_in(&folder.names, "defaults");
                self.invalid.push(InvalidCase { name, path: path.to_owned(), error });
                FolderDefaults::Broken(path.to_owned())
            }
        }
    }

    fn read_defaults(&self, path: &Path) -> Result<Defaults, CaseError> {
        let source = Source::read(path)?;
        let raw: RawDefaults = syntax::parse(&source)?;
        check::defaults(raw, path, source.root(), &self.known.models)
    }

    fn read(&self, file: &CaseFile) -> Discovered {
        let CaseFile { folder, path, stem } = file;
        let stand_in = CaseName::stand_in(&folder.names, stem);
        let defaults = match &folder.defaults {
            FolderDefaults::Usable(defaults) => defaults,
            FolderDefaults::Broken(file) => {
                let problem = Problem::BrokenDefaults(file.clone());
                return invalid(stand_in, path, CaseError::at(path, "", 0, problem));
            }
        };
        if let Some(stem) = dataset_stem(stem) {
            return self.dataset(folder, path, stem, defaults);
        }
        let source = match Source::read(path) {
            Ok(source) => source,
            Err(error) => return invalid(stand_in, path, error),
        };
        let setting = Setting { defaults, known: self.known, checks: self.checks };
        match parse_case(&source, &folder.names, stem, setting) {
            Ok(case) => Discovered::Case(Box::new(case)),
            Err((name, error)) => invalid(name.unwrap_or(stand_in), path, error),
        }
    }
}

impl Walk<'_> {
    fn dataset(&self, folder: &Folder, path: &Path, stem: &str, defaults: &Defaults) -> Discovered {
        match CaseName::new(&folder.names, stem) {
            Ok(name) => Discovered::Dataset(Box::new(DatasetFile {
                name,
                path: path.to_owned(),
                defaults: defaults.clone(),
                known: self.known.clone(),
            })),
            Err(bad) => {
                let error = CaseError::at(path, "", 0, Problem::Name(bad));
                invalid(CaseName::stand_in(&folder.names, stem), path, error)
            }
        }
    }
}

/// The case of a file; with an error comes the name, as far as the file got to have one.
fn parse_case(
    source: &Source,
    folders: &[String],
    stem: &str,
    setting: Setting<'_>,
) -> Result<Case, (Option<CaseName>, CaseError)> {
    let mut raw: RawCase = syntax::parse(source).map_err(|error| (None, error))?;
    let id = raw.id.take();
    let name = CaseName::new(folders, id.as_deref().unwrap_or(stem))
        .map_err(|bad| (None, source.root().field("id").error(Problem::Name(bad))))?;
    check::case(raw, name.clone(), source.path(), source.root(), setting)
        .map_err(|error| (Some(name), error))
}

fn invalid(name: CaseName, path: &Path, error: CaseError) -> Discovered {
    Discovered::Invalid(InvalidCase { name, path: path.to_owned(), error })
}

/// An entry of a folder. A name that is not Unicode is shown as well as it can be; it is no name of
/// a case.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    name: String,
    path: PathBuf,
    is_folder: bool,
}

/// The entries of a folder whose names do not begin with a dot, sorted.
fn visible_entries(folder: &Path) -> Result<Vec<Entry>, DiscoveryError> {
    let unreadable = |source| DiscoveryError::Unreadable { path: folder.to_owned(), source };
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let path = entry.path();
        // Only of a link does the folder not say what it is.
        let is_folder = match entry.file_type() {
            Ok(kind) if !kind.is_symlink() => kind.is_dir(),
            _ => path.is_dir(),
        };
        entries.push(Entry { name, path, is_folder });
    }
    entries.sort();
    Ok(entries)
}

/// The file's name without `.ron`, if it ends in that.
fn case_stem(name: &str) -> Option<&str> {
    let (stem, extension) = name.rsplit_once('.')?;
    extension.eq_ignore_ascii_case("ron").then_some(stem)
}

/// The stem without `.dataset`, if it ends in that.
fn dataset_stem(stem: &str) -> Option<&str> {
    let (name, ending) = stem.split_at_checked(stem.len().checked_sub(DATASET_ENDING.len())?)?;
    ending.eq_ignore_ascii_case(DATASET_ENDING).then_some(name)
}

/// Turns every case whose name, or whose snapshot's file, is also another's into an invalid one.
fn refuse_collisions(found: &mut [Discovered]) {
    refuse_cases_in_datasets(found);
    let mut by_key: HashMap<String, Vec<usize>> = HashMap::new();
    for (index, one) in found.iter().enumerate() {
        by_key.entry(one.name().collision_key()).or_default().push(index);
    }
    for group in by_key.into_values().filter(|group| group.len() > 1) {
        // Each names its neighbour in the group, the last one the first.
        let others = group.iter().cycle().skip(1);
        let pairs = group.iter().zip(others);
        let problems: Vec<Problem> =
            pairs.map(|(one, other)| collision(&found[*one], &found[*other])).collect();
        for (index, problem) in group.into_iter().zip(problems) {
            if !matches!(found[index], Discovered::Invalid(_)) {
                let (name, path) = (found[index].name().clone(), found[index].path().to_owned());
                found[index] = invalid(name, &path, collision_error(&path, problem));
            }
        }
    }
}

/// A case in a folder that is named as a data set is could have a row's name.
fn refuse_cases_in_datasets(found: &mut [Discovered]) {
    let datasets: Vec<Discovered> =
        found.iter().filter(|one| matches!(one, Discovered::Dataset(_))).cloned().collect();
    for one in found {
        let Discovered::Case(case) = &*one else { continue };
        if let Some(dataset) = datasets.iter().find(|dataset| case.name.is_within(dataset.name())) {
            let error = collision_error(&case.path, collision(one, dataset));
            *one = invalid(case.name.clone(), &case.path, error);
        }
    }
}

fn collision(one: &Discovered, other: &Discovered) -> Problem {
    Problem::NameCollision {
        name: one.name().to_string(),
        other_name: other.name().to_string(),
        other: other.path().to_owned(),
    }
}

/// The error at the case's `id`, or at its start.
fn collision_error(path: &Path, problem: Problem) -> CaseError {
    match Source::read(path) {
        Ok(source) => source.root().field("id").error(problem),
        Err(error) => error,
    }
}
