/*!
The test target: arguments, environment, plan, threads, and what stdout says of them.

[`crate::main!`] expands to a `main` that calls [`main`]. stdout belongs to the test protocol;
everything else that is said goes to stderr.
*/

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::case::KnownNames;
use crate::foreign;
use crate::registry::Registry;
use crate::snapshot::{self, AssertSnapshot, InstaVariables};

mod arguments;
mod ask;
mod caching;
mod console;
mod datasets;
mod error;
mod folder;
mod forecast;
mod gate;
mod history;
mod interrupt;
mod judge;
mod message;
mod notices;
mod overlay;
mod partition;
mod plan;
mod records;
mod replay;
mod resumed;
mod run;
mod runners;
mod second_round;
mod selection;
pub mod settings;
mod shuffle;
mod support;
mod threads;
mod worker;

pub use arguments::{ArgumentError, Color, Format, TestArguments, UnstableOptions};
pub use error::RunError;
pub use forecast::{Forecast, forecast};
pub use partition::{Partition, PartitionError};
pub use settings::{Settings, SettingsError};

/// Exit code of a run with failed cases, as of libtest's.
pub const FAILED_CASES: u8 = 101;
/// Exit code when arguments are refused.
pub const REFUSED_ARGUMENTS: u8 = 2;
/// Exit code when the run itself could not be carried out.
pub const CANNOT_RUN: u8 = 3;
/// Exit code of a run that was interrupted, with its reports written.
pub const INTERRUPTED: u8 = 130;

/// What the one eval target of an ordinary project is called.
const ORDINARY_TARGET: &str = "eval";

/// Folder of the cases, under the project.
pub const CASES: &str = "cases";
/// Folder of pictures that stood in tables of data sets, under that of the reports.
pub const PICTURES: &str = "pictures";
/// Folder of the accepted snapshots, under the project.
pub const SNAPSHOTS: &str = "snapshots";

/// The names of a registry that cases may use.
pub fn known_names(registry: &Registry) -> KnownNames {
    KnownNames { models: registry.names(), scorers: registry.scorer_names() }
}

/// What [`crate::main!`] knows of the crate it expands in.
#[derive(Debug, Clone, Copy)]
pub struct Site {
    /// `CARGO_MANIFEST_DIR` at compile time.
    pub manifest_dir: &'static str,
    /// `CARGO_TARGET_TMPDIR` at compile time, a folder inside the target folder.
    pub target_tmpdir: Option<&'static str>,
    /// The package's name.
    pub package: &'static str,
    /// The test target's name.
    pub target: &'static str,
    /// insta's macro, expanded there.
    pub assert_snapshot: AssertSnapshot,
    /// What insta takes for the workspace's folder there.
    pub insta_workspace: fn() -> PathBuf,
}

impl Site {
    /// The project's folder: the running cargo's word counts over the compiling one's, which is
    /// wrong when worktrees share a target folder.
    fn project(&self) -> PathBuf {
        std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| self.manifest_dir.into(), PathBuf::from)
    }

    /// The folder of journal and reports unless one is named: `eyechart` in the target folder, of the
    /// target `eval` of a package that stands alone or at the root of its workspace. Any other eval
    /// target of a workspace has a folder of its own below that, since `cargo test` runs one after the
    /// other.
    fn out_of(&self, project: &Path) -> PathBuf {
        let from_build =
            self.target_tmpdir.and_then(|tmpdir| Some(PathBuf::from(tmpdir).parent()?.into()));
        let target: PathBuf = from_build.unwrap_or_else(|| project.join("target"));
        let out = target.join("eyechart");
        match (self.target, is_member(project)) {
            (ORDINARY_TARGET | "", false) => out,
            (target, _) => out.join(format!("{}-{target}", self.package)),
        }
    }
}

/// Whether a package is a member of a workspace whose root is another folder.
fn is_member(project: &Path) -> bool {
    // A manifest that cannot be read is cargo's to tell of.
    let is_root = |folder: &Path| {
        let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
        manifest.lines().any(|line| line.trim_start().starts_with("[workspace"))
    };
    !is_root(project) && project.ancestors().skip(1).any(is_root)
}

/// Runs the eval suite of a project as a test binary.
pub fn main(site: Site) -> ExitCode {
    interrupt::make_file_limit_an_error();
    let insta = prepare_insta();
    let variable = |name: &str| std::env::var(name).ok();
    let arguments = match TestArguments::read(std::env::args_os(), variable) {
        Ok(arguments) => arguments,
        Err(error) => return refuse_arguments(&error),
    };
    run::run(&site, &arguments, insta).unwrap_or_else(|error| {
        say(&format!("error: {}", foreign::shown(&error)));
        ExitCode::from(CANNOT_RUN)
    })
}

/// Takes over what insta must not do by itself: it prints diffs to stdout from whichever thread failed,
/// which would break the test protocol (a trial's own message shows the difference instead), and it
/// works on copies of snapshots.
fn prepare_insta() -> InstaVariables {
    foreign::show_panics_harmlessly();
    snapshot::install_quiet_panics();
    // SAFETY: this is among the first things that `main` does; no other thread exists that could read
    // the environment meanwhile.
    unsafe {
        if std::env::var_os("INSTA_OUTPUT").is_none() {
            std::env::set_var("INSTA_OUTPUT", "none");
        }
        InstaVariables::take()
    }
}

fn refuse_arguments(error: &ArgumentError) -> ExitCode {
    match error {
        ArgumentError::Help(text) => {
            // Whoever closed the pipe wants to hear no more.
            let _ = std::io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        ArgumentError::Refused(words) => {
            say(&format!("error: {}", foreign::line(words)));
            ExitCode::from(REFUSED_ARGUMENTS)
        }
    }
}

/// Says something to the person at the terminal, of one line or several.
fn say(text: &str) {
    // stderr is gone only if nobody listens.
    let _ = writeln!(std::io::stderr().lock(), "{}", foreign::block(text));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The default folder of a target of the package in `crate/` of a workspace at `root`, below the
    /// target folder.
    fn out(root: &str, member: &str, target: &'static str) -> PathBuf {
        let folder = tempfile::tempdir().unwrap();
        let member_folder = folder.path().join("crates/vision");
        std::fs::create_dir_all(&member_folder).unwrap();
        std::fs::write(folder.path().join("Cargo.toml"), root).unwrap();
        std::fs::write(member_folder.join("Cargo.toml"), member).unwrap();
        let site = Site {
            manifest_dir: member_folder.to_str().unwrap().to_owned().leak(),
            target_tmpdir: Some("/target/tmp"),
            package: "vision",
            target,
            assert_snapshot: |_, _, _| {},
            insta_workspace: PathBuf::new,
        };
        site.out_of(&member_folder).strip_prefix("/target").unwrap().to_owned()
    }

    #[test]
    fn two_eval_targets_of_a_workspace_have_two_folders() {
        let (workspace, package) = ("[workspace]\nmembers = []\n", "[package]\n");
        assert_eq!(out("", package, "eval"), Path::new("eyechart"));
        assert_eq!(out("", package, "slow"), Path::new("eyechart/vision-slow"));
        assert_eq!(out(workspace, package, "eval"), Path::new("eyechart/vision-eval"));
        let both = format!("{package}{workspace}");
        assert_eq!(out(workspace, &both, "eval"), Path::new("eyechart"));
    }
}
