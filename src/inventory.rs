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
use crate::weights::{HubCache, readable_size};

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
    Present {
        family: &'static str,
        bytes: u64,
        /// What its configuration says that is not done, or not known.
        notices: Vec<String>,
    },
    /// There is a journal of its answers.
    Recorded,
    /// There is no such folder, or journal.
    Missing,
    /// It has not been downloaded.
    NotDownloaded,
    /// It lacks files.
    Incomplete(ModelError),
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
            Source::Replay { journal, .. } => {
                let state = if journal.is_file() { State::Recorded } else { State::Missing };
                let source = format!("replays {}", journal.display());
                let folder = journal.parent().unwrap_or(Path::new("")).to_owned();
                Self { name, source, folder, state }
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
        let files = match model::find_weight_files(folder) {
            Ok(files) => files,
            Err(error) => return Self::Incomplete(error),
        };
        let bytes =
            files.iter().filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum();
        match model::notices(folder) {
            Ok(notices) => {
                let notices = notices.iter().map(|notice| notice.within(folder)).collect();
                Self::Present { family, bytes, notices }
            }
            Err(error) => Self::Unusable(error),
        }
    }
}

impl Display for Listed {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Self { name, source, folder, state } = self;
        write!(formatter, "{name}: ")?;
        match state {
            State::Present { family, bytes, .. } => {
                writeln!(formatter, "{family}, {}", readable_size(*bytes))?;
            }
            State::Recorded => writeln!(formatter, "answers of an earlier run")?,
            State::Missing => writeln!(formatter, "not there")?,
            State::NotDownloaded => writeln!(formatter, "not downloaded yet")?,
            State::Incomplete(error) => writeln!(formatter, "incomplete: {error}")?,
            State::Unusable(error) => writeln!(formatter, "unusable: {error}")?,
        }
        writeln!(formatter, "  {source}")?;
        if source != &folder.display().to_string() {
            writeln!(formatter, "  {}", folder.display())?;
        }
        let notices = match state {
            State::Present { notices, .. } => notices.as_slice(),
            _ => &[],
        };
        notices.iter().try_for_each(|notice| writeln!(formatter, "  note: {notice}"))
    }
}
