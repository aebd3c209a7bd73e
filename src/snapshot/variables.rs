//! What insta's variables say that eyechart does in insta's place.

use std::env::{self, VarError};
use std::path::PathBuf;

/// The variable by which cargo-insta learns which snapshots are still referenced. insta writes to it
/// only for assertions that ran; see [`super::SnapshotFolder::mark_referenced`].
const REFERENCES_FILE: &str = "INSTA_SNAPSHOT_REFERENCES_FILE";

/// The folder in which snapshots wait for review, in place of that of the accepted ones.
const PENDING_FOLDER: &str = "INSTA_PENDING_DIR";

/// The folder that insta takes for the workspace's.
const WORKSPACE: &str = "INSTA_WORKSPACE_ROOT";

/// How all of insta's variables begin.
const PREFIX: &str = "INSTA_";

/// Variables of insta's that must not reach it, since it works on copies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InstaVariables {
    /// Where cargo-insta wants to read which snapshots are referenced.
    pub references: Option<PathBuf>,
    /// Where snapshots wait for review, if not beside the accepted ones.
    pub pending: Option<PathBuf>,
}

impl InstaVariables {
    /// Takes them out of the environment.
    ///
    /// # Safety
    /// No other thread may use the environment meanwhile.
    pub unsafe fn take() -> Self {
        let take = |name| {
            let value = env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
            // SAFETY: the caller's.
            unsafe { env::remove_var(name) };
            value
        };
        Self { references: take(REFERENCES_FILE), pending: take(PENDING_FOLDER) }
    }
}

/// What is wrong with a variable that insta itself would pass over.
pub(super) fn unusable() -> Option<String> {
    let is_foreign = |name: &str| matches!(env::var(name), Err(VarError::NotUnicode(_)));
    let names = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    if let Some(name) = names.into_iter().find(|name| name.starts_with(PREFIX) && is_foreign(name))
    {
        return Some(format!("the value of {name} is not UTF-8"));
    }
    let root = env::var_os(WORKSPACE).map(PathBuf::from)?;
    (!root.as_os_str().is_empty() && !root.is_dir())
        .then(|| format!("{WORKSPACE}: there is no folder {}", root.display()))
}
