/*!
A blob on its way into the cache: its lock, its unfinished file, its place among the blobs.

The lock is the one that Python's client takes. The unfinished file has a name that nobody can guess
and was not there before, so that no link waits under it; what an earlier run left unfinished is
renamed and gone on with.
*/

use std::fs::{self, File, OpenOptions, TryLockError};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often, and after which time, a lock is tried again.
const LOCK_ATTEMPTS: u32 = 5;
const LOCK_WAIT: Duration = Duration::from_secs(1);

/// What names of unfinished files end with.
const UNFINISHED: &str = "part";

/// Why a blob cannot be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum IncomingError {
    /// Another process does.
    #[error("another process downloads it ({})", lock.display())]
    Locked { lock: PathBuf },
    /// The cache cannot be written to.
    #[error(
        "cannot write {}: {source}; HF_HUB_CACHE may name a folder of your own",
        path.display()
    )]
    Write { path: PathBuf, source: io::Error },
}

impl IncomingError {
    pub(super) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        |source| Self::Write { path: path.to_owned(), source }
    }
}

/// An unfinished blob, which nobody else downloads meanwhile.
pub(super) struct Incoming {
    blob: PathBuf,
    unfinished: PathBuf,
    file: File,
    _lock: Lock,
}

impl Incoming {
    /// Takes the lock and opens the unfinished file, new or left by an earlier run.
    pub(super) fn open(blob: &Path, lock: &Path) -> Result<Self, IncomingError> {
        for path in [blob, lock] {
            let folder = path.parent().unwrap_or(path);
            fs::create_dir_all(folder).map_err(IncomingError::write(folder))?;
        }
        let lock = Lock::take(lock)?;
        let digits = RandomState::new().build_hasher().finish();
        let unfinished = with_ending(blob, &format!("{digits:016x}.{UNFINISHED}"));
        // Without a lock, what is unfinished may be another's.
        let left = if matches!(lock, Lock::Held(_)) { left_over(blob) } else { None };
        let left = left.filter(|left| fs::rename(left, &unfinished).is_ok());
        let file = match left {
            Some(_) => OpenOptions::new().append(true).open(&unfinished),
            None => OpenOptions::new().append(true).create_new(true).open(&unfinished),
        };
        let file = file.map_err(IncomingError::write(&unfinished))?;
        Ok(Self { blob: blob.to_owned(), unfinished, file, _lock: lock })
    }

    /// The file that is written.
    pub(super) fn path(&self) -> &Path {
        &self.unfinished
    }

    /// Bytes that are there.
    pub(super) fn length(&self) -> Result<u64, IncomingError> {
        let metadata = self.file.metadata();
        Ok(metadata.map_err(IncomingError::write(&self.unfinished))?.len())
    }

    /// Forgets what is there.
    pub(super) fn start_again(&self) -> Result<(), IncomingError> {
        self.file.set_len(0).map_err(IncomingError::write(&self.unfinished))
    }

    /// Takes more bytes.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), IncomingError> {
        io::Write::write_all(&mut self.file, bytes).map_err(IncomingError::write(&self.unfinished))
    }

    /// Removes the file.
    pub(super) fn discard(self) -> Result<(), IncomingError> {
        fs::remove_file(&self.unfinished).map_err(IncomingError::write(&self.unfinished))
    }

    /// Puts the file among the blobs.
    pub(super) fn finish(self) -> Result<(), IncomingError> {
        self.file.sync_all().map_err(IncomingError::write(&self.unfinished))?;
        fs::rename(&self.unfinished, &self.blob).map_err(IncomingError::write(&self.blob))
    }
}

/// A regular file that an earlier run left of this blob.
fn left_over(blob: &Path) -> Option<PathBuf> {
    let tag = blob.file_name()?.to_str()?;
    let is_of_blob = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let rest = name.strip_prefix(tag).and_then(|rest| rest.strip_suffix(UNFINISHED));
        rest.is_some_and(|rest| rest.starts_with('.') && rest.ends_with('.'))
    };
    let entries = fs::read_dir(blob.parent()?).ok()?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_of_blob);
    paths.filter(|path| path.symlink_metadata().is_ok_and(|metadata| is_alone(&metadata))).max()
}

/// Whether this is a regular file of one name only.
fn is_alone(metadata: &fs::Metadata) -> bool {
    #[cfg(unix)]
    let names = std::os::unix::fs::MetadataExt::nlink(metadata);
    #[cfg(not(unix))]
    let names = 1;
    metadata.is_file() && names == 1
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{name}.{ending}"))
}

/// A locked file.
enum Lock {
    Held(#[expect(dead_code, reason = "closing it ends the lock")] File),
    /// The file system has no locks.
    Unknown,
}

impl Lock {
    fn take(path: &Path) -> Result<Self, IncomingError> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.map_err(IncomingError::write(path))?;
        for attempt in 0..=LOCK_ATTEMPTS {
            match file.try_lock() {
                Ok(()) => return Ok(Self::Held(file)),
                Err(TryLockError::Error(_)) => return Ok(Self::Unknown),
                Err(TryLockError::WouldBlock) if attempt < LOCK_ATTEMPTS => {
                    std::thread::sleep(LOCK_WAIT);
                }
                Err(TryLockError::WouldBlock) => {}
            }
        }
        Err(IncomingError::Locked { lock: path.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let blob = folder.path().join("blobs/c0ffee");
        let lock = folder.path().join(".locks/c0ffee.lock");
        (folder, blob, lock)
    }

    #[test]
    fn what_was_left_is_gone_on_with() {
        let (_folder, blob, lock) = places();
        let mut first = Incoming::open(&blob, &lock).unwrap();
        let name = first.path().to_owned();
        first.append(b"ab").unwrap();
        drop(first);
        let mut second = Incoming::open(&blob, &lock).unwrap();
        assert_eq!(second.length().unwrap(), 2);
        assert_ne!(second.path(), name);
        second.append(b"c").unwrap();
        second.finish().unwrap();
        assert_eq!(fs::read(&blob).unwrap(), b"abc");
        assert_eq!(fs::read_dir(blob.parent().unwrap()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn no_link_is_written_through() {
        let (folder, blob, lock) = places();
        let mine = folder.path().join("mine");
        fs::write(&mine, "precious").unwrap();
        fs::create_dir_all(blob.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(&mine, blob.with_file_name("c0ffee.part")).unwrap();
        fs::hard_link(&mine, blob.with_file_name("c0ffee.0.part")).unwrap();
        std::os::unix::fs::symlink(&mine, &blob).unwrap();
        let mut incoming = Incoming::open(&blob, &lock).unwrap();
        assert_eq!(incoming.length().unwrap(), 0);
        incoming.append(b"new").unwrap();
        incoming.finish().unwrap();
        assert_eq!(fs::read(&mine).unwrap(), b"precious");
        assert!(blob.symlink_metadata().unwrap().is_file());
        assert_eq!(fs::read(&blob).unwrap(), b"new");
    }
}
