//! Finding the case files of a folder.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::check::{self, Setting};
use super::defaults::Defaults;
use super::error::{CaseError, DiscoveryError, Problem};
use super::found::{FoundCase, Traits};
use super::name::NameKind;
use super::schema::{RawCase, RawDefaults};
use super::source::Source;
use super::{Case, CaseName, KnownNames, syntax};

const PATTERN: &str = "**/*.ron";
const DEFAULTS_FILE: &str = "defaults.ron";
const DATASET_ENDING: &str = ".dataset";

/// Most folders within each other.
const DEEPEST_FOLDER: usize = 64;

/// Most folders of a suite: two links to the next folder, in each of thirty, are a thousand million.
const MOST_FOLDERS: usize = 100_000;

/// How much of a case is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checks {
    /// The RON files alone, as for a list of tests.
    Structure,
    /// The pictures too: that they are there, and how large their headers say they are.
    Everything,
    /// The pictures' pixels as well: that they can be decoded to the end.
    Decoding,
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
#[derive(Debug, Clone)]
pub enum Discovered {
    /// A case that can be run.
    Case(Arc<FoundCase>),
    /// A data set, not yet read.
    Dataset(Box<DatasetFile>),
    /// A file that cannot, to be reported as a failure.
    Invalid(Box<InvalidCase>),
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
    pub fn path(&self) -> PathBuf {
        match self {
            Self::Case(case) => case.path(),
            Self::Dataset(dataset) => dataset.path.clone(),
            Self::Invalid(invalid) => invalid.path.clone(),
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
    let mut walk = Walk { folders: 0, files: Vec::new(), invalid: Vec::new() };
    walk.folder(Folder::root(root, known))?;
    let Walk { files, invalid, folders: _ } = walk;
    let read = |file: CaseFile| file.discovered(checks);
    let mut found: Vec<Discovered> = files.into_par_iter().map(read).collect();
    found.extend(invalid.into_iter().map(|one| Discovered::Invalid(Box::new(one))));
    if found.is_empty() {
        return Err(DiscoveryError::NoCases { root: root.to_owned(), pattern: PATTERN });
    }
    refuse_collisions(&mut found);
    found.sort_by(|a, b| a.name().cmp(b.name()).then_with(|| a.path().cmp(&b.path())));
    Ok(found)
}

/// A folder on the way down.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
    /// The folders from the root to here, as parts of names.
    pub(super) names: Vec<String>,
    /// The real paths from the root to here: a link back to one of them is not followed.
    ancestors: Vec<PathBuf>,
    defaults: FolderDefaults,
    /// The names that cases may use.
    known: Arc<KnownNames>,
    /// Those of the case that was read last.
    traits: Mutex<Option<Arc<Traits>>>,
}

/// What applies to the cases of a folder.
#[derive(Debug, Clone)]
enum FolderDefaults {
    Usable(Arc<Defaults>),
    /// This file is wrong, so nothing below it can be trusted.
    Broken(PathBuf),
}

impl Folder {
    fn root(path: &Path, known: &KnownNames) -> Self {
        Self {
            known: Arc::new(known.clone()),
            traits: Mutex::default(),
            path: path.to_owned(),
            names: Vec::new(),
            ancestors: path.canonicalize().into_iter().collect(),
            defaults: FolderDefaults::Usable(Arc::default()),
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
        let (defaults, known) = (self.defaults.clone(), Arc::clone(&self.known));
        Some(Self { path, names, ancestors, defaults, known, traits: Mutex::default() })
    }

    /// These traits, in memory once if the case before has the same.
    pub(super) fn shared(&self, traits: Traits) -> Arc<Traits> {
        let mut last = self.traits.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some(same) if **same == traits => Arc::clone(same),
            _ => Arc::clone(last.insert(Arc::new(traits))),
        }
    }

    /// What the checks of its files depend on; the path of a `defaults.ron` that is wrong.
    pub(super) fn setting(&self, checks: Checks) -> Result<Setting<'_>, &Path> {
        match &self.defaults {
            FolderDefaults::Usable(defaults) => {
                Ok(Setting { defaults, known: &self.known, checks })
            }
            FolderDefaults::Broken(file) => Err(file),
        }
    }
}

struct Walk {
    /// How many folders were entered.
    folders: usize,
    /// Files to be read once all folders are known, side by side.
    files: Vec<CaseFile>,
    /// Defaults that cannot be used.
    invalid: Vec<InvalidCase>,
}

impl Walk {
    fn folder(&mut self, mut folder: Folder) -> Result<(), DiscoveryError> {
        self.count(&folder)?;
        let entries = visible_entries(&folder.path)?;
        if entries.iter().any(|entry| entry.name == DEFAULTS_FILE) {
            folder.defaults = self.defaults(&folder, &folder.path.join(DEFAULTS_FILE));
        }
        let folder = Arc::new(folder);
        for Entry { name, file_name, is_folder } in entries {
            if is_folder {
                if let Some(child) = folder.child(folder.path.join(&*file_name), name) {
                    self.folder(child)?;
                }
            } else if name != DEFAULTS_FILE && case_stem(&name).is_some() {
                self.files.push(CaseFile { folder: Arc::clone(&folder), file_name });
            }
        }
        Ok(())
    }

    fn count(&mut self, folder: &Folder) -> Result<(), DiscoveryError> {
        self.folders += 1;
        let path = || folder.path.clone();
        if folder.names.len() > DEEPEST_FOLDER {
            return Err(DiscoveryError::TooDeep { path: path(), limit: DEEPEST_FOLDER });
        }
        if self.folders > MOST_FOLDERS {
            return Err(DiscoveryError::TooManyFolders { path: path(), limit: MOST_FOLDERS });
        }
        Ok(())
    }

    /// The defaults below a `defaults.ron`; what is wrong with it is one more invalid case.
    fn defaults(&mut self, folder: &Folder, path: &Path) -> FolderDefaults {
        match read_defaults(path, &folder.known) {
            Ok(own) => match &folder.defaults {
                FolderDefaults::Usable(outer) => {
                    FolderDefaults::Usable(Arc::new(own.within(outer)))
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
}

fn read_defaults(path: &Path, known: &KnownNames) -> Result<Defaults, CaseError> {
    let source = Source::read(path)?;
    let raw: RawDefaults = syntax::parse(&source)?;
    check::defaults(raw, path, source.root(), &known.models)
}

/// A file that is a case or a data set.
#[derive(Debug, Clone)]
pub(super) struct CaseFile {
    pub(super) folder: Arc<Folder>,
    pub(super) file_name: Box<OsStr>,
}

impl CaseFile {
    pub(super) fn path(&self) -> PathBuf {
        self.folder.path.join(&*self.file_name)
    }

    /// Its name without `.ron`.
    pub(super) fn stem(&self) -> Cow<'_, str> {
        match self.file_name.to_string_lossy() {
            Cow::Borrowed(name) => Cow::Borrowed(case_stem(name).unwrap_or(name)),
            Cow::Owned(name) => Cow::Owned(case_stem(&name).unwrap_or(&name).to_owned()),
        }
    }

    fn discovered(self, checks: Checks) -> Discovered {
        let (path, stem) = (self.path(), self.stem().into_owned());
        let stand_in = CaseName::stand_in(&self.folder.names, &stem);
        let setting = match self.folder.setting(checks) {
            Ok(setting) => setting,
            Err(file) => {
                let problem = Problem::BrokenDefaults(file.to_owned());
                return invalid(stand_in, &path, CaseError::at(&path, "", 0, problem));
            }
        };
        if let Some(stem) = dataset_stem(&stem) {
            return dataset(&self.folder, &path, stem, setting);
        }
        let source = match Source::read(&path) {
            Ok(source) => source,
            Err(error) => return invalid(stand_in, &path, error),
        };
        match parse_case(&source, &self.folder.names, &stem, setting) {
            Ok(case) => Discovered::Case(Arc::new(FoundCase::of(case, self))),
            Err((name, error)) => invalid(name.unwrap_or(stand_in), &path, error),
        }
    }
}

fn dataset(folder: &Folder, path: &Path, stem: &str, setting: Setting<'_>) -> Discovered {
    let name = CaseName::new(&folder.names, stem).map_err(Problem::Name);
    let name = name.and_then(|name| not_too_long(name, NameKind::DataSet));
    match name {
        Ok(name) => Discovered::Dataset(Box::new(DatasetFile {
            name,
            path: path.to_owned(),
            defaults: setting.defaults.clone(),
            known: setting.known.clone(),
        })),
        Err(problem) => {
            let error = CaseError::at(path, "", 0, problem);
            invalid(CaseName::stand_in(&folder.names, stem), path, error)
        }
    }
}

/// The case of a file; with an error comes the name, as far as the file got to have one.
pub(super) fn parse_case(
    source: &Source,
    folders: &[String],
    stem: &str,
    setting: Setting<'_>,
) -> Result<Case, (Option<CaseName>, CaseError)> {
    let mut raw: RawCase = syntax::parse(source).map_err(|error| (None, error))?;
    let id = raw.id.take();
    let name = CaseName::new(folders, id.as_deref().unwrap_or(stem)).map_err(Problem::Name);
    let name = name
        .and_then(|name| not_too_long(name, NameKind::Case))
        .map_err(|problem| (None, source.root().field("id").error(problem)))?;
    check::case(raw, name.clone(), source.path(), source.root(), setting)
        .map_err(|error| (Some(name), error))
}

fn not_too_long(name: CaseName, kind: NameKind) -> Result<CaseName, Problem> {
    match name.excess(kind) {
        None => Ok(name),
        Some((found, limit)) => Err(Problem::NameLength { found, limit }),
    }
}

fn invalid(name: CaseName, path: &Path, error: CaseError) -> Discovered {
    Discovered::Invalid(Box::new(InvalidCase { name, path: path.to_owned(), error }))
}

/// An entry of a folder. A name that is not Unicode is shown as well as it can be; it is no name of
/// a case.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    name: String,
    file_name: Box<OsStr>,
    is_folder: bool,
}

/// The entries of a folder whose names do not begin with a dot, sorted.
fn visible_entries(folder: &Path) -> Result<Vec<Entry>, DiscoveryError> {
    let unreadable = |source| DiscoveryError::Unreadable { path: folder.to_owned(), source };
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let file_name = entry.file_name().into_boxed_os_str();
        let name = file_name.to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        // Only of a link does the folder not say what it is.
        let is_folder = match entry.file_type() {
            Ok(kind) if !kind.is_symlink() => kind.is_dir(),
            _ => entry.path().is_dir(),
        };
        entries.push(Entry { name, file_name, is_folder });
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
    for group in colliding(found) {
        // Each names its neighbour in the group, the last one the first.
        let others = group.iter().cycle().skip(1);
        let pairs = group.iter().zip(others);
        let problems: Vec<Problem> =
            pairs.map(|(one, other)| collision(&found[*one], &found[*other])).collect();
        for (index, problem) in group.into_iter().zip(problems) {
            if !matches!(found[index], Discovered::Invalid(_)) {
                let (name, path) = (found[index].name().clone(), found[index].path());
                found[index] = invalid(name, &path, collision_error(&path, problem));
            }
        }
    }
}

/// The places of cases that share a snapshot's file, group by group.
fn colliding(found: &[Discovered]) -> Vec<Vec<usize>> {
    let hash_of = |one: &Discovered| {
        let mut hasher = DefaultHasher::new();
        one.name().collision_key().hash(&mut hasher);
        hasher.finish()
    };
    // Hashes find the few names that may collide without keeping a key of every name.
    let mut hashes: Vec<(u64, usize)> =
        found.iter().enumerate().map(|(index, one)| (hash_of(one), index)).collect();
    hashes.sort_unstable();
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for group in hashes.chunk_by(|a, b| a.0 == b.0).filter(|group| group.len() > 1) {
        for (_, index) in group {
            groups.entry(found[*index].name().collision_key()).or_default().push(*index);
        }
    }
    groups.into_values().filter(|group| group.len() > 1).collect()
}

/// A case in a folder that is named as a data set is could have a row's name.
fn refuse_cases_in_datasets(found: &mut [Discovered]) {
    let datasets = found.iter().filter(|one| matches!(one, Discovered::Dataset(_)));
    let datasets: HashMap<String, Discovered> =
        datasets.map(|one| (one.name().to_string(), one.clone())).collect();
    for one in found {
        let Discovered::Case(case) = &*one else { continue };
        let around = case.name.around().find_map(|name| datasets.get(name));
        if let Some(dataset) = around {
            let error = collision_error(&case.path(), collision(one, dataset));
            *one = invalid(case.name.clone(), &case.path(), error);
        }
    }
}

fn collision(one: &Discovered, other: &Discovered) -> Problem {
    Problem::NameCollision {
        name: one.name().to_string(),
        other_name: other.name().to_string(),
        other: other.path(),
    }
}

/// The error at the case's `id`, or at its start.
fn collision_error(path: &Path, problem: Problem) -> CaseError {
    match Source::read(path) {
        Ok(source) => source.root().field("id").error(problem),
        Err(error) => error,
    }
}
