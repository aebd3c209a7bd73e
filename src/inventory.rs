/*!
What models there are: the families and what each can do, and for each entry of `eyechart.ron` where
its weights are, whether they are there, and their size.

Reads configurations and the sizes of files; loads nothing and asks no network. Knows nothing of
cases.
*/

use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};

use crate::model::{self, Capabilities, KnownFamily, ModelError, Support};
use crate::registry::{ModelEntry, Registry, Source};
use crate::weights::{CheckpointFolder, HubCache, WeightsError, readable_size};

/// How files of weights end.
const ENDINGS: [&str; 4] = ["safetensors", "bin", "pth", "pt"];

/// The families that can be loaded.
#[derive(Debug)]
pub struct Families(Vec<KnownFamily>);

impl Families {
    /// All of them.
    pub fn all() -> Self {
        Self(model::families())
    }
}

impl Display for Families {
    /// A table. Every family can search with beams, since the decode loop is the same for all.
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let heads = ["family", "several images", "boxes", "beams", "model_type"].map(str::to_owned);
        let rows = self.0.iter().map(|family| {
            let Capabilities { several_images, boxes } = family.capabilities;
            let several = match several_images {
                Support::Supported => "yes",
                Support::Unsupported => "no",
            };
            let boxes = boxes.map_or_else(|| "no".to_owned(), |notation| format!("{notation:?}"));
            let types = family.model_types.join(", ");
            [family.name.to_owned(), several.to_owned(), boxes, "yes".to_owned(), types]
        });
        let rows: Vec<_> = std::iter::once(heads).chain(rows).collect();
        for row in &rows {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let width = rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
                line.push_str(&format!("{cell:width$}  "));
            }
            writeln!(formatter, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// An entry of the registry and its weights.
#[derive(Debug)]
pub struct Listed {
    name: String,
    /// What `eyechart.ron` says of where it is.
    source: String,
    /// The folder on this machine that has, or would have, its files.
    folder: PathBuf,
    state: State,
}

/// Whether a model can be loaded from what is on this machine.
#[derive(Debug)]
enum State {
    /// Its files are all there.
    Present { family: &'static str, bytes: u64 },
    /// There is no such folder.
    Missing,
    /// It has not been downloaded.
    NotDownloaded,
    /// It lacks files.
    Incomplete(WeightsError),
    /// It is not a checkpoint of a known family.
    Unusable(ModelError),
}

impl Listed {
    /// Looks for an entry's weights; those of the hub are looked for in `cache` alone.
    pub fn find(entry: &ModelEntry, cache: &HubCache) -> Self {
        let name = entry.name.clone();
        match &entry.source {
            Source::Folder(folder) => {
                let source = folder.display().to_string();
                Self { name, source, folder: folder.clone(), state: State::of(folder) }
            }
            Source::Hub { repository, revision } => {
                let source = format!("{repository}@{revision}");
                let snapshot = cache.snapshot(repository, revision);
                let state = snapshot.as_deref().map_or(State::NotDownloaded, State::of);
                let folder = snapshot.unwrap_or_else(|| cache.repository(repository));
                Self { name, source, folder, state }
            }
        }
    }

    /// Looks for the weights of all entries.
    pub fn all(registry: &Registry, cache: &HubCache) -> Vec<Self> {
        registry.models().iter().map(|entry| Self::find(entry, cache)).collect()
    }
}

impl State {
    fn of(folder: &Path) -> Self {
        if !folder.exists() {
            return Self::Missing;
        }
        let family = match model::identify(folder) {
            Ok(identity) => identity.family,
            Err(error) => return Self::Unusable(error),
        };
        match weight_files(folder) {
            Ok(files) => {
                let bytes = files.iter().filter_map(|file| file.metadata().ok());
                Self::Present { family, bytes: bytes.map(|file| file.len()).sum() }
            }
            Err(error) => Self::Incomplete(error),
        }
    }
}

impl Display for Listed {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Self { name, source, folder, state } = self;
        write!(formatter, "{name}: ")?;
        match state {
            State::Present { family, bytes } => {
                writeln!(formatter, "{family}, {}", readable_size(*bytes))?;
            }
            State::Missing => writeln!(formatter, "not there")?,
            State::NotDownloaded => writeln!(formatter, "not downloaded yet")?,
            State::Incomplete(error) => writeln!(formatter, "incomplete: {error}")?,
            State::Unusable(error) => writeln!(formatter, "unusable: {error}")?,
        }
        writeln!(formatter, "  {source}")?;
        match source == &folder.display().to_string() {
            true => Ok(()),
            false => writeln!(formatter, "  {}", folder.display()),
        }
    }
}

/// The files of weights: those that the usual layout names, or where there is no such, every file in
/// the folder and those below it that looks like one.
fn weight_files(folder: &Path) -> Result<Vec<PathBuf>, WeightsError> {
    let checkpoint = CheckpointFolder::open(folder)?;
    checkpoint.weight_files().or_else(|error| {
        let others = files_that_look_like_weights(folder);
        let is_of_parts = matches!(&error, WeightsError::MissingFile { path, .. }
            if path.ends_with("model.safetensors"));
        if is_of_parts && !others.is_empty() { Ok(others) } else { Err(error) }
    })
}

fn files_that_look_like_weights(folder: &Path) -> Vec<PathBuf> {
    let listed = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    };
    let top = listed(folder);
    let below = top.iter().filter(|path| path.is_dir()).flat_map(|folder| listed(folder));
    let is_weights = |path: &PathBuf| {
        let ending = path.extension().and_then(|ending| ending.to_str());
        path.is_file() && ending.is_some_and(|ending| ENDINGS.contains(&ending))
    };
    let below: Vec<PathBuf> = below.collect();
    top.into_iter().chain(below).filter(is_weights).collect()
}
