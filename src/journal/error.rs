//! Why a journal cannot be written or read.

use std::path::PathBuf;

/// A journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file cannot be written.
    #[error("{}: cannot be written: {source}; choose another folder with EYECHART_OUT", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file cannot be locked against other processes.
    #[error("{}: cannot be locked: {source}; choose a folder on a disk of this machine with EYECHART_OUT", path.display())]
    Unlockable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another run writes into the folder.
    #[error(
        "{}: another run writes into this folder{holder}; wait until it has ended, or choose another \
         folder with EYECHART_OUT", folder.display()
    )]
    Taken {
        /// The folder.
        folder: PathBuf,
        /// Its process and start in brackets, where they are known.
        holder: String,
    },
    /// A record is longer than a line that would be read back.
    #[error("{}: a line of {bytes} bytes would be longer than {most} bytes, which is the most that is read back", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The line's length.
        bytes: usize,
        /// The most that a line may have.
        most: u64,
    },
    /// The file cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file holds nothing.
    #[error("{}: is empty; a journal begins with the header of its run", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// There is no trial of a model.
    #[error(
        "{}: has no trial of \"{wanted}\"; it has those of {} (`answers_of` of an entry names one)",
        path.display(), models.join(", ")
    )]
    NoModel {
        /// The file.
        path: PathBuf,
        /// The model.
        wanted: String,
        /// The models that it has trials of.
        models: Vec<String>,
    },
    /// A trial that is to be replayed cannot be read.
    #[error("{}: the trial of {case} cannot be read: {reason}", path.display())]
    Trial {
        /// The file.
        path: PathBuf,
        /// Whose trial.
        case: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The file is not what it was when it was opened.
    #[error("{}: was written over while it was replayed", path.display())]
    Rewritten {
        /// The file.
        path: PathBuf,
    },
    /// A line is not what this version of eyechart writes.
    #[error("{}:{line}: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What is wrong there.
        reason: String,
    },
}

impl JournalError {
    /// Whether all that is wrong is that there is no journal yet: its writer was killed before it had
    /// begun, or none has been there.
    pub fn is_of_nothing_recorded(&self) -> bool {
        match self {
            Self::Empty { .. } => true,
            Self::Unreadable { source, .. } => source.kind() == std::io::ErrorKind::NotFound,
            _ => false,
        }
    }
}
