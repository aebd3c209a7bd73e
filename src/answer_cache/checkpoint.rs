/*!
Sums of the files of a checkpoint, without reading gigabytes at each run.

The sum of a file is remembered in the cache's folder together with the file's path, length, device,
inode, and times of modification and of change. As long as all of these are as they were, so is the
sum; otherwise the file is read again. The time of change (`ctime`) is set by the system alone, so a
file that was written over and given its old time of modification is noticed. A file whose times are
younger than two seconds is not remembered: another write within the clock's grain would not show.
Where the system has no inodes, length and time of modification must do.
*/

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::{AnswerCache, read, replace};
use crate::checksum;
use crate::model::{self, ModelError};

/// Files above this length are only read if they are weights that loading reads.
const LARGEST_SETTING: u64 = 64 << 20;

/// Files younger than this may be written again without their times telling.
const GRAIN: Duration = Duration::from_secs(2);

/// A file of a checkpoint and its sum.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CheckpointFile {
    /// Its name without folder.
    pub name: String,
    /// SHA-256 of its content.
    pub sha256: String,
}

/// Why a checkpoint's files cannot be summed.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableFile {
    /// Its weights cannot be found.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A file cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What tells whether a file is still what it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    path: PathBuf,
    bytes: u64,
    modified: Duration,
    changed: Option<Duration>,
    device_and_inode: Option<(u64, u64)>,
}

#[derive(Serialize, Deserialize)]
struct Remembered {
    state: State,
    sha256: String,
}

impl AnswerCache {
    /// The files that loading the checkpoint in `folder` may read, with their sums: its weights,
    /// and everything else beside them but notes for people.
    ///
    /// # Errors
    /// Weights are missing, or a file cannot be read.
    pub fn checkpoint(&self, folder: &Path) -> Result<Vec<CheckpointFile>, UnreadableFile> {
        let mut files = Vec::new();
        for path in files_of(folder)? {
            let unreadable = |source| UnreadableFile::File { path: path.clone(), source };
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.push(CheckpointFile { name, sha256: self.sum(&path).map_err(unreadable)? });
        }
        files.sort();
        Ok(files)
    }

    /// The sum of a file, from memory if it is unchanged.
    fn sum(&self, path: &Path) -> io::Result<String> {
        let path = path.canonicalize()?;
        let state = State::of(&path)?;
        let note = self.note(&path);
        if let Some(known) = recall(&note).filter(|known| known.state == state) {
            return Ok(known.sha256);
        }
        let sha256 = checksum::of_file(&path)?;
        // A file that changed meanwhile, or may yet within the clock's grain, is not remembered.
        if State::of(&path)? == state && state.is_settled() {
            let text = serde_json::to_string(&Remembered { state, sha256: sha256.clone() })?;
            // A sum that cannot be kept is computed again next time.
            let _ = replace(&note, &text);
        }
        Ok(sha256)
    }

    pub(super) fn note(&self, path: &Path) -> PathBuf {
        let digits = checksum::of_bytes(path.as_os_str().as_encoded_bytes());
        self.folder.join("checksums").join(format!("{digits}.json"))
    }
}

fn recall(note: &Path) -> Option<Remembered> {
    serde_json::from_str(&read(note).ok()?).ok()
}

/// The weights, and all small files beside them and in the checkpoint's folder.
fn files_of(folder: &Path) -> Result<BTreeSet<PathBuf>, UnreadableFile> {
    let mut files: BTreeSet<PathBuf> = model::find_weight_files(folder)?.into_iter().collect();
    let beside = files.iter().filter_map(|file| file.parent().map(Path::to_owned));
    let folders: BTreeSet<PathBuf> = beside.chain([folder.to_owned()]).collect();
    for folder in folders {
        let unreadable = |source| UnreadableFile::File { path: folder.clone(), source };
        for entry in fs::read_dir(&folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if fs::metadata(&path).is_ok_and(|metadata| is_setting(&path, &metadata)) {
                files.insert(path);
            }
        }
    }
    Ok(files)
}

/// Whether a file may say how the model is run.
fn is_setting(path: &Path, metadata: &Metadata) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_note = path.extension().is_some_and(|extension| extension == "md");
    metadata.is_file() && metadata.len() <= LARGEST_SETTING && !is_note && !name.starts_with('.')
}

impl State {
    fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        let since_epoch =
            |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Ok(Self {
            path: path.to_owned(),
            bytes: metadata.len(),
            modified: since_epoch(metadata.modified()?),
            changed: changed(&metadata),
            device_and_inode: device_and_inode(&metadata),
        })
    }

    fn is_settled(&self) -> bool {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let youngest = self.changed.map_or(self.modified, |changed| changed.max(self.modified));
        now.checked_sub(youngest).is_some_and(|age| age >= GRAIN)
    }
}

#[cfg(unix)]
fn changed(metadata: &Metadata) -> Option<Duration> {
    use std::os::unix::fs::MetadataExt;
    let seconds = u64::try_from(metadata.ctime()).ok()?;
    Some(Duration::new(seconds, u32::try_from(metadata.ctime_nsec()).ok()?))
}

#[cfg(unix)]
fn device_and_inode(metadata: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn changed(_metadata: &Metadata) -> Option<Duration> {
    None
}

#[cfg(not(unix))]
fn device_and_inode(_metadata: &Metadata) -> Option<(u64, u64)> {
    None
}
