//! Reported failures: each folder of `fixtures/failures` is a fault that users of evaluation tools have
//! reported in public, made into a small project whose `expect.json` says what must hold.
//!
//! The form of `expect.json` is in `fixtures/failures/README.md`. This binary is the project's own eval
//! suite too: it starts itself with [`AS_SUITE`] set, in a temporary copy of a folder.

mod differences; // What a run must be, and where it is not.
mod expected; // The form of `expect.json`.
mod project; // A temporary copy of a folder, and the programs that run in it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

/// The variable by which this binary is told to be an eval suite.
const AS_SUITE: &str = "FAILURES_AS_SUITE";

mod suite {
    eyechart::main!();

    pub(crate) fn run() -> std::process::ExitCode {
        main()
    }
}

fn main() -> ExitCode {
    if std::env::var_os(AS_SUITE).is_some() {
        return suite::run();
    }
    let trials = folders().into_iter().map(trial).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/failures");
    let entries = std::fs::read_dir(&root).expect("fixtures/failures is there");
    let mut folders: Vec<_> = entries.map(|entry| entry.expect("can be listed").path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    assert!(!folders.is_empty(), "fixtures/failures has no folder");
    folders
}

fn trial(folder: PathBuf) -> Trial {
    let name = folder.file_name().expect("a folder has a name").to_string_lossy().into_owned();
    Trial::test(name, move || try_folder(&folder))
}

/// Runs all checks of a folder; the failure lists every difference.
fn try_folder(folder: &Path) -> Result<(), Failed> {
    let expected = expected::read(folder)?;
    let mut project = project::Project::copy_of(folder);
    let found: Vec<_> =
        expected.checks.iter().flat_map(|check| differences::of(&mut project, check)).collect();
    if found.is_empty() { Ok(()) } else { Err(found.join("\n").into()) }
}
