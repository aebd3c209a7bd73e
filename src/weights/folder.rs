//! The files of a checkpoint folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Weights, WeightsError};
use crate::bounded_file::require_file;

/// How a Git LFS pointer file begins (git-lfs/git-lfs docs/spec.md).
const LFS_HEAD: &[u8] = b"version https://git-lfs";

/// The file that every checkpoint folder has.
pub(super) const CONFIG: &str = "config.json";

/// Index of shards and single file of each format, the preferred one first.
const LAYOUTS: [(&str, &str); 2] = [
    ("model.safetensors.index.json", "model.safetensors"),
    ("pytorch_model.bin.index.json", "pytorch_model.bin"),
];

/// Most files of one checkpoint; those of Llama-3.1-405B are 191.
const MAX_SHARDS: usize = 1000;

/// Most bytes that are read of files by name; each becomes up to some twenty times as much of JSON's
/// values. The longest published: 34 MB of Gemma's `tokenizer.json`, 9 MB of DeepSeek-V3's index.
const MOST_BYTES: [(&str, u64); 7] = [
    ("tokenizer.json", 64 << 20),
    ("model.safetensors.index.json", 16 << 20),
    ("pytorch_model.bin.index.json", 16 << 20),
    ("vocab.txt", 16 << 20),
    ("vocab.json", 16 << 20),
    ("merges.txt", 16 << 20),
    ("tokenizer.model", 16 << 20),
];

/// Most bytes of any other text: configurations and templates.
const MOST_SETTING_BYTES: u64 = 4 << 20;

/// A folder with `config.json` in it. Opening it reads no tensor.
#[derive(Debug, Clone)]
pub struct CheckpointFolder {
    path: PathBuf,
}

/// How the weights are spread over files.
enum Layout {
    Single(&'static str),
    /// By the index of this name.
    Sharded(&'static str, ShardIndex),
}

/// An index of shards, as far as it is needed.
#[derive(Deserialize)]
struct ShardIndex {
    weight_map: BTreeMap<String, String>,
}

impl Layout {
    /// The names of the files, each once.
    fn files(&self) -> BTreeSet<&str> {
        match self {
            Self::Single(name) => BTreeSet::from([*name]),
            Self::Sharded(_, index) => index.weight_map.values().map(String::as_str).collect(),
        }
    }
}

impl CheckpointFolder {
    /// Checks that `path` is a folder with a `config.json`.
    pub fn open(path: &Path) -> Result<Self, WeightsError> {
        if !path.is_dir() {
            return Err(WeightsError::NoFolder { path: path.to_owned() });
        }
        let folder = Self { path: path.to_owned() };
        folder.required(CONFIG, "it says which family and which sizes the model has")?;
        Ok(folder)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of `name` if such a file is there.
    pub fn optional(&self, name: &str) -> Option<PathBuf> {
        Some(self.path.join(name)).filter(|path| path.is_file())
    }

    /// The path of `name` if anything is there, even what cannot be read, such as a link to nothing.
    fn present_in_any_form(&self, name: &str) -> Option<PathBuf> {
        Some(self.path.join(name)).filter(|path| path.symlink_metadata().is_ok())
    }

    /// The path of `name`; `hint` tells what it is for when it is missing.
    pub fn required(&self, name: &str, hint: &str) -> Result<PathBuf, WeightsError> {
        self.present_in_any_form(name).ok_or_else(|| WeightsError::MissingFile {
            path: self.path.join(name),
            hint: hint.to_owned(),
        })
    }

    /// The text of `name`; `hint` tells what it is for when it is missing.
    pub fn required_text(&self, name: &str, hint: &str) -> Result<String, WeightsError> {
        read_text(&self.required(name, hint)?)
    }

    /// The bytes of `name`; `hint` tells what it is for when it is missing.
    pub fn required_bytes(&self, name: &str, hint: &str) -> Result<Vec<u8>, WeightsError> {
        read_bytes(&self.required(name, hint)?)
    }

    /// The text of `name`, if such a file is there.
    pub fn optional_text(&self, name: &str) -> Result<Option<String>, WeightsError> {
        self.present_in_any_form(name).map(|path| read_text(&path)).transpose()
    }

    /// The JSON file `name` as a `T`; `hint` tells what it is for when it is missing.
    pub fn required_json<T: DeserializeOwned>(
        &self,
        name: &str,
        hint: &str,
    ) -> Result<T, WeightsError> {
        parse_json(&self.required(name, hint)?)
    }

    /// The JSON file `name` as a `T`, if such a file is there.
    pub fn optional_json<T: DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<Option<T>, WeightsError> {
        self.present_in_any_form(name).map(|path| parse_json(&path)).transpose()
    }

    /// Opens the files of weights: safetensors if there are any, else PyTorch's; of either, the
    /// shards of the index if there is one, or else the only file.
    pub fn weights(&self) -> Result<Weights, WeightsError> {
        let layout = self.layout(|name| self.optional(name).is_some())?;
        let weights = Weights::open(&self.path, &self.present(&layout)?)?;
        if let Layout::Sharded(_, shards) = &layout {
            for (tensor, shard) in &shards.weight_map {
                weights.check_placed(tensor, &self.path.join(shard))?;
            }
        }
        Ok(weights)
    }

    /// The paths of the files that [`Self::weights`] opens.
    ///
    /// # Errors
    /// There are none, or a shard is missing.
    pub fn weight_files(&self) -> Result<Vec<PathBuf>, WeightsError> {
        self.present(&self.layout(|name| self.optional(name).is_some())?)
    }

    /// The names of the files of weights in a repository that holds what `holds` says and whose
    /// index of shards, if it has one, is already in this folder.
    #[cfg(feature = "hub")]
    pub(super) fn wanted_weights(
        &self,
        holds: impl Fn(&str) -> bool,
    ) -> Result<Vec<String>, WeightsError> {
        Ok(self.layout(holds)?.files().into_iter().map(str::to_owned).collect())
    }

    fn layout(&self, holds: impl Fn(&str) -> bool) -> Result<Layout, WeightsError> {
        for (index, single) in LAYOUTS {
            if holds(index) {
                let shards: ShardIndex =
                    self.required_json(index, "it says where each tensor is")?;
                let layout = Layout::Sharded(index, shards);
                self.check_shards(index, &layout.files())?;
                return Ok(layout);
            }
            if holds(single) {
                return Ok(Layout::Single(single));
            }
        }
        let hint = "the weights; alternatively shards with an index file, or pytorch_model.bin";
        Err(WeightsError::MissingFile { path: self.path.join(LAYOUTS[0].1), hint: hint.to_owned() })
    }

    /// An index names files of its own folder, and not without end.
    fn check_shards(&self, index: &str, names: &BTreeSet<&str>) -> Result<(), WeightsError> {
        let path = || self.path.join(index);
        if let Some(name) = names.iter().find(|name| !stays_inside(name)) {
            return Err(WeightsError::LeavesFolder { path: path(), name: (*name).to_owned() });
        }
        match names.len() > MAX_SHARDS {
            true => Err(WeightsError::TooManyShards { path: path(), limit: MAX_SHARDS }),
            false => Ok(()),
        }
    }

    fn present(&self, layout: &Layout) -> Result<Vec<PathBuf>, WeightsError> {
        let hint = match layout {
            Layout::Single(_) => "the weights".to_owned(),
            Layout::Sharded(index, _) => format!("{index} lists it as a shard"),
        };
        layout.files().into_iter().map(|name| self.required(name, &hint)).collect()
    }
}

/// Whether a name from a file or the hub leads to something below the folder it is joined to.
pub(super) fn stays_inside(name: &str) -> bool {
    let mut components = Path::new(name).components();
    !name.is_empty() && components.all(|component| matches!(component, Component::Normal(_)))
}

/// Whether the file's content is a Git LFS pointer.
pub(super) fn check_not_lfs_pointer(path: &Path) -> Result<(), WeightsError> {
    let read = |source| WeightsError::Read { path: path.to_owned(), source };
    require_file(path).map_err(|cause| read(cause.into()))?;
    let mut head = Vec::new();
    let file = File::open(path).map_err(read)?;
    file.take(LFS_HEAD.len() as u64).read_to_end(&mut head).map_err(read)?;
    match head == LFS_HEAD {
        true => Err(WeightsError::LfsPointer { path: path.to_owned() }),
        false => Ok(()),
    }
}

/// The whole file, if it is not longer than any of its name.
fn read_bytes(path: &Path) -> Result<Vec<u8>, WeightsError> {
    check_not_lfs_pointer(path)?;
    let read = |source| WeightsError::Read { path: path.to_owned(), source };
    let name = path.file_name().unwrap_or_default();
    let limit = MOST_BYTES.iter().find(|(known, _)| name == *known);
    let limit = limit.map_or(MOST_SETTING_BYTES, |(_, limit)| *limit);
    let file = File::open(path).map_err(read)?;
    let too_long = |found| WeightsError::TooLong { path: path.to_owned(), found, limit };
    let length = file.metadata().map_err(read)?.len();
    if length > limit {
        return Err(too_long(length));
    }
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(read)?;
    // It may have grown, or be of a kind that has no length.
    match bytes.len() as u64 > limit {
        true => Err(too_long(bytes.len() as u64)),
        false => Ok(bytes),
    }
}

fn read_text(path: &Path) -> Result<String, WeightsError> {
    let invalid = |cause| std::io::Error::new(std::io::ErrorKind::InvalidData, cause);
    String::from_utf8(read_bytes(path)?).map_err(|cause| WeightsError::Read {
        path: path.to_owned(),
        source: invalid(cause.utf8_error()),
    })
}

fn parse_json<T: DeserializeOwned>(path: &Path) -> Result<T, WeightsError> {
    serde_json::from_str(&read_text(path)?)
        .map_err(|source| WeightsError::Json { path: path.to_owned(), source })
}
