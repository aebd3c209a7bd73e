//! Why a run could not be carried out.

use std::path::PathBuf;

use super::SettingsError;
use crate::case::DiscoveryError;
use crate::journal::JournalError;
use crate::registry::RegistryError;
use crate::report::ReportError;
use crate::snapshot::SnapshotError;

/// The run itself failed, as against some of its cases.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// An environment variable has an unusable value.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// `eyechart.ron` cannot be used, or the chosen models are not in it.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// No cases were found.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// There are cases, but none runs on the chosen models.
    #[error("none of the {cases} cases runs on the chosen models ({}); see `models` in the cases", models.join(", "))]
    NothingToRun {
        /// Number of cases.
        cases: usize,
        /// The chosen models.
        models: Vec<String>,
    },
    /// nextest asked for a test that does not exist.
    #[error("no test is named \"{name}\"; the list is stale, list again")]
    UnknownName {
        /// The name.
        name: String,
    },
    /// The file of `--logfile` cannot be made.
    #[error("the file of --logfile cannot be written: {0}")]
    Logfile(std::io::Error),
    /// The test threads ended before all tests did.
    #[error(
        "{left} tests did not run: the test threads could not be started; see the message above, or try --test-threads=1"
    )]
    TestThreads {
        /// Number of tests without a result.
        left: usize,
    },
    /// What was asked for cannot be written to stdout.
    #[error("cannot write to stdout: {0}")]
    Stdout(std::io::Error),
    /// The journal to be replayed is the one to be written.
    #[error(
        "\"{model}\" replays {}, which this run would write over; move it, or set EYECHART_OUT",
        journal.display()
    )]
    ReplaysItself {
        /// The entry's name.
        model: String,
        /// The journal.
        journal: PathBuf,
    },
    /// Pictures of an earlier run cannot be taken away.
    #[error("{}: pictures of an earlier run cannot be removed: {source}; choose another folder with EYECHART_OUT", path.display())]
    Overlays {
        /// Their folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// insta's own settings cannot be used.
    #[error("the settings of snapshots cannot be used; {0}")]
    Insta(SnapshotError),
    /// cargo-insta's file of referenced snapshots cannot be written.
    #[error("cannot tell cargo-insta which snapshots are referenced: {0}")]
    SnapshotReferences(std::io::Error),
    /// The journal cannot be written or read back.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A report cannot be written.
    #[error(transparent)]
    Report(#[from] ReportError),
}
