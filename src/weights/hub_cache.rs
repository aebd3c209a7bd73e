//! Where clients of the Hugging Face hub keep what they downloaded on this machine
//! (huggingface/huggingface_hub `src/huggingface_hub/constants.py` and its guide to the cache).

use std::ffi::OsString;
use std::path::{Path, PathBuf};

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

    /// `HF_HUB_CACHE`, or `hub` in the hub's home folder.
    pub fn from_env() -> Self {
        let named = variable("HF_HUB_CACHE").map(PathBuf::from);
        Self::new(named.unwrap_or_else(|| hub_home().join("hub")))
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
        let of_commit = snapshot(revision).filter(|folder| folder.is_dir());
        of_commit.or_else(|| {
            let commit = std::fs::read_to_string(repository.join("refs").join(revision)).ok()?;
            snapshot(commit.trim()).filter(|folder| folder.is_dir())
        })
    }
}

/// `HF_HOME`, or `huggingface` in `XDG_CACHE_HOME`, or `~/.cache/huggingface`.
pub(super) fn hub_home() -> PathBuf {
    if let Some(home) = variable("HF_HOME") {
        return home.into();
    }
    let cache = variable("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| std::env::home_dir().map(|home| home.join(".cache")));
    cache.unwrap_or_default().join("huggingface")
}

/// A variable of the environment that is set to something.
pub(super) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
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
    }
}
