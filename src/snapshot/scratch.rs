//! A folder of its own for one assertion of insta's.
//!
//! insta writes snapshots where they are, so that a full disk or a kill leaves half of one that
//! counts as accepted. So it works on a copy, and what it has written is then put in place whole.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::whole_file;

/// How the file of a snapshot ends that waits for review.
pub(super) const PENDING: &str = "snap.new";

/// A folder with the copy of a snapshot, removed with this value.
#[derive(Debug)]
pub(super) struct Scratch {
    folder: PathBuf,
    snapshot: PathBuf,
    laid: Option<String>,
}

/// What insta has written.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// In the accepted snapshot's place.
    pub(super) accepted: Option<String>,
    /// For review.
    pub(super) pending: Option<String>,
}

impl Scratch {
    /// A new folder in `parent`, in which the snapshot of this name has this content, if any.
    pub(super) fn new(parent: &Path, name: &str, laid: Option<String>) -> io::Result<Self> {
        fs::create_dir_all(parent)?;
        let folder = whole_file::beside(&parent.join(name));
        fs::create_dir(&folder)?;
        let scratch = Self { snapshot: folder.join(name), folder, laid };
        if let Some(text) = &scratch.laid {
            fs::write(&scratch.snapshot, text)?;
        }
        Ok(scratch)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The copy.
    pub(super) fn snapshot(&self) -> &Path {
        &self.snapshot
    }

    /// What differs from what was laid here.
    pub(super) fn written(&self) -> io::Result<Written> {
        let accepted = read(&self.snapshot)?.filter(|text| Some(text) != self.laid.as_ref());
        Ok(Written { accepted, pending: read(&self.snapshot.with_extension(PENDING))? })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is in a folder that later runs clear.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
