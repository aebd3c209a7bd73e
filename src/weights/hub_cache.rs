//! Where clients of the Hugging Face hub keep what they downloaded on this machine
//! (huggingface/huggingface_hub `src/huggingface_hub/constants.py` and its guide to the cache).

use std::io;
use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::folder::stays_inside;
use crate::bounded_file;

/// Most bytes of a reference, which is a commit's 40 letters and perhaps a line's end.
const MOST_REFERENCE_BYTES: u64 = 1 << 10;

/// The folder of downloaded repositories, shared with Python's clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubCache {
    folder: PathBuf,
}

impl HubCache {
    /// A cache in this folder.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// `HF_HUB_CACHE` (or its old name `HUGGINGFACE_HUB_CACHE`), or `hub` in the hub's home folder:
    /// `HF_HOME`, or `huggingface` in `XDG_CACHE_HOME`, or `~/.cache/huggingface`.
    pub fn from_env() -> Self {
        Self::new(Environment::new(&|name| std::env::var_os(name)).hub_cache())
    }

    /// The cache's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of `repository` (`owner/name`), which need not be there.
    pub fn repository(&self, repository: &str) -> PathBuf {
        self.folder.join(format!("models--{}", repository.replace('/', "--")))
    }

    /// The folder of the files at `revision`, a commit or a branch that was downloaded, if there
    /// is one. It may lack files.
    pub fn snapshot(&self, repository: &str, revision: &str) -> Option<PathBuf> {
        let repository = self.repository(repository);
        let snapshot = |commit: &str| Some(repository.join("snapshots").join(commit));
        if !stays_inside(revision) {
            return None;
        }
        let of_commit = snapshot(revision).filter(|folder| folder.is_dir());
        of_commit.or_else(|| {
            let commit = noted_commit(&repository.join("refs").join(revision)).ok()?;
            let commit = Some(commit.as_str()).filter(|commit| stays_inside(commit))?;
            snapshot(commit).filter(|folder| folder.is_dir())
        })
    }
}

/// The commit that a reference names. The cache may be another's: a pipe there would block.
pub(super) fn noted_commit(reference: &Path) -> io::Result<String> {
    let bytes = bounded_file::read(reference, MOST_REFERENCE_BYTES)?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}

/// Whether a text is a commit's full name.
#[cfg(feature = "hub")]
pub(super) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_found_by_commit_and_by_branch() {
        let folder = tempfile::tempdir().unwrap();
        let cache = HubCache::new(folder.path().to_owned());
        let repository = cache.repository("owner/name");
        assert!(repository.ends_with("models--owner--name"));
        assert_eq!(cache.snapshot("owner/name", "c0ffee"), None);
        std::fs::create_dir_all(repository.join("snapshots/c0ffee")).unwrap();
        std::fs::create_dir_all(repository.join("refs")).unwrap();
        std::fs::write(repository.join("refs/main"), "c0ffee\n").unwrap();
        let expected = Some(repository.join("snapshots/c0ffee"));
        assert_eq!(cache.snapshot("owner/name", "c0ffee"), expected);
        assert_eq!(cache.snapshot("owner/name", "main"), expected);
        assert_eq!(cache.snapshot("owner/name", "dev"), None);
        // Neither a revision nor what a reference says leads out of the cache.
        assert_eq!(cache.snapshot("owner/name", "../snapshots"), None);
        std::fs::write(repository.join("refs/evil"), "../../models--owner--name").unwrap();
        assert_eq!(cache.snapshot("owner/name", "evil"), None);
    }

    /// It ended with the test's time limit when the pipe was opened.
    #[cfg(unix)]
    #[test]
    fn a_reference_that_is_no_file_blocks_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let cache = HubCache::new(folder.path().to_owned());
        let references = cache.repository("owner/name").join("refs");
        std::fs::create_dir_all(&references).unwrap();
        let pipe = references.join("main");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert_eq!(cache.snapshot("owner/name", "main"), None);
        let error = noted_commit(&pipe).unwrap_err().to_string();
        assert_eq!(error, "it is a named pipe, not a file");
        std::os::unix::fs::symlink("/dev/zero", references.join("zero")).unwrap();
        assert_eq!(cache.snapshot("owner/name", "zero"), None);
    }
}
