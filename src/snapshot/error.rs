//! Why a snapshot cannot be compared or accepted.

use std::path::PathBuf;

/// A snapshot cannot be compared or accepted.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// What is in its place is no snapshot.
    #[error("{}: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What it is.
        reason: String,
    },
    /// insta has no folder to work in.
    #[error("{}: insta cannot work in this folder: {source}; choose another one with EYECHART_OUT", path.display())]
    Scratch {
        /// The folder of the run.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file cannot be written.
    #[error("{}: cannot be written: {source}; {kept}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
        /// What is the case then.
        kept: &'static str,
    },
    /// insta says something else than that texts differ.
    #[error("insta says: {words}")]
    Insta {
        /// Its words.
        words: String,
    },
}
