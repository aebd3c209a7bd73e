/*!
The test target: arguments, environment, plan, and libtest-mimic.

[`crate::main!`] expands to a `main` that calls [`main`]. stdout belongs to the test protocol;
everything else that is said goes to stderr.
*/

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use libtest_mimic::Trial;

use crate::case::{self, Checks};
use crate::checksum::FileSums;
use crate::dataset::Pictures;
use crate::engine;
use crate::journal::{self, Journal, Run, RunHeader};
use crate::registry::Registry;
use crate::report;
use crate::snapshot::{self, AssertSnapshot, SnapshotFolder};

mod arguments;
mod ask;
mod datasets;
mod error;
mod gate;
mod judge;
mod message;
mod plan;
mod records;
mod runners;
pub mod settings;
mod support;
mod worker;

pub use arguments::{Color, Format, TestArguments, UnstableOptions};
pub use error::RunError;
pub use settings::{Settings, SettingsError};

use datasets::Selection;
use judge::Judge;
use plan::{Plan, PlannedTrial};
use runners::Runners;

/// Exit code when the run itself could not be carried out. A run with failed cases ends with
/// 101, one with malformed arguments with 2.
pub const CANNOT_RUN: u8 = 3;

/// Folder of the cases, under the project.
pub const CASES: &str = "cases";
/// Folder of pictures that stood in tables of data sets, under that of the reports.
pub const PICTURES: &str = "pictures";
/// Folder of the accepted snapshots, under the project.
pub const SNAPSHOTS: &str = "snapshots";

/// What [`crate::main!`] knows of the crate it expands in.
#[derive(Debug, Clone, Copy)]
pub struct Site {
    /// `CARGO_MANIFEST_DIR` at compile time.
    pub manifest_dir: &'static str,
    /// `CARGO_TARGET_TMPDIR` at compile time, a folder inside the target folder.
    pub target_tmpdir: Option<&'static str>,
    /// insta's macro, expanded there.
    pub assert_snapshot: AssertSnapshot,
}

impl Site {
    /// The project's folder: the running cargo's word counts over the compiling one's, which is
    /// wrong when worktrees share a target folder.
    fn project(&self) -> PathBuf {
        std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| self.manifest_dir.into(), PathBuf::from)
    }

    fn target(&self) -> PathBuf {
        let from_build =
            self.target_tmpdir.and_then(|tmpdir| Some(PathBuf::from(tmpdir).parent()?.into()));
        from_build.unwrap_or_else(|| self.project().join("target"))
    }
}

/// Runs the eval suite of a project as a test binary.
pub fn main(site: Site) -> ExitCode {
    quieten_insta();
    let arguments = match TestArguments::parse_from_iter(std::env::args_os()) {
        Ok(arguments) => arguments,
        Err(error) => return refuse_arguments(&error),
    };
    run(&site, &arguments).unwrap_or_else(|error| {
        say(&format!("error: {error}"));
        ExitCode::from(CANNOT_RUN)
    })
}

/// insta prints diffs to stdout from whichever thread failed, which would break the test
/// protocol; a trial's own message shows the difference instead.
fn quieten_insta() {
    if std::env::var_os("INSTA_OUTPUT").is_none() {
        // SAFETY: this is the first thing `main` does; no other thread exists that could read
        // the environment meanwhile.
        unsafe { std::env::set_var("INSTA_OUTPUT", "none") };
    }
    snapshot::install_quiet_panics();
}

fn refuse_arguments(error: &clap::Error) -> ExitCode {
    // Printing fails only if the terminal is gone, and then there is nobody to tell.
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(CANNOT_RUN))
}

fn run(site: &Site, arguments: &TestArguments) -> Result<ExitCode, RunError> {
    let project = site.project();
    let variable = |name: &str| std::env::var(name).ok();
    let settings = Settings::read(variable, &project, &site.target())?;
    let registry = Registry::load(&project)?;
    let checks = if arguments.list { Checks::Structure } else { Checks::Everything };
    let discovered = case::discover(&project.join(CASES), &registry.names(), checks)?;
    let globs = settings.models.as_deref().unwrap_or(registry.default_models());
    let pictures = settings.out.join(PICTURES);
    let selection = Selection {
        is_run: &|name, ignored| {
            !arguments.list
                && !arguments.is_filtered_out(name, ignored)
                && arguments.is_run(ignored)
        },
        pictures: Pictures::UnpackedTo(&pictures),
    };
    let models = registry.select(globs)?;
    let plan = Plan::new(discovered, models, engine::known_identity, &selection)?;
    refuse_unknown_exact_name(arguments, &plan)?;

    let snapshots = SnapshotFolder::new(project.join(SNAPSHOTS), site.assert_snapshot);
    plan.mark_snapshots(&snapshots, &registry).map_err(RunError::SnapshotReferences)?;
    if !plan.trials().iter().any(|trial| is_reported(trial, arguments)) {
        return Ok(libtest_mimic::run(
            &mimic_arguments(arguments, &plan),
            idle_trials(&plan, arguments),
        )
        .exit_code());
    }
    let journal = Journal::create(&settings.out, &header(&registry))?;
    let judge = Arc::new(Judge { project, journal, snapshots, pictures: FileSums::default() });
    let conclusion = run_trials(&plan, arguments, &settings, &judge)?;
    let run = Run::read(judge.journal.path())?;
    report::write_all(&run, &settings.out)?;
    say(&report::summary_text(&run, &settings.out));
    Ok(conclusion.exit_code())
}

/// nextest runs `--exact NAME` for each name it listed, and takes "0 tests" for a pass.
fn refuse_unknown_exact_name(arguments: &TestArguments, plan: &Plan) -> Result<(), RunError> {
    let under_nextest = std::env::var_os("NEXTEST").is_some();
    if !(under_nextest && arguments.exact && !arguments.list) {
        return Ok(());
    }
    let known = |name: &String| plan.trials().iter().any(|trial| trial.name() == name);
    match arguments.filters.iter().find(|name| !known(name)) {
        Some(name) => Err(RunError::UnknownName { name: name.clone() }),
        None => Ok(()),
    }
}

fn header(registry: &Registry) -> RunHeader {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    RunHeader {
        format_version: journal::FORMAT_VERSION,
        eyechart_version: env!("CARGO_PKG_VERSION").to_owned(),
        started_unix_milliseconds: u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX),
        prices: registry.prices().cloned(),
    }
}

/// Whether a trial has a line in the output and a place in the reports.
fn is_reported(trial: &PlannedTrial, arguments: &TestArguments) -> bool {
    !arguments.list && !is_filtered_out(trial, arguments)
}

fn is_filtered_out(trial: &PlannedTrial, arguments: &TestArguments) -> bool {
    arguments.is_filtered_out(trial.name(), trial.ignored().is_some())
}

fn mimic_arguments(arguments: &TestArguments, plan: &Plan) -> libtest_mimic::Arguments {
    let filtered_out = shown_trials(plan, arguments).filter(|one| is_filtered_out(one, arguments));
    arguments.to_mimic(filtered_out.map(|trial| trial.name().to_owned()))
}

/// The trials that libtest-mimic hears of. Of several filters it is told by the names that they
/// leave out, and compares each with each: it could not stand the rows of a large data set.
fn shown_trials<'p>(
    plan: &'p Plan,
    arguments: &'p TestArguments,
) -> impl Iterator<Item = &'p PlannedTrial> {
    let several = arguments.filters.len() > 1;
    let is_idle = |trial: &PlannedTrial| matches!(trial, PlannedTrial::Idle { .. });
    plan.trials()
        .iter()
        .filter(move |one| !(several && is_idle(one) && is_filtered_out(one, arguments)))
}

/// Trials that are only listed or filtered out.
fn idle_trials(plan: &Plan, arguments: &TestArguments) -> Vec<Trial> {
    let idle = |trial: &PlannedTrial| {
        Trial::test(trial.name(), || Ok(())).with_ignored_flag(trial.ignored().is_some())
    };
    shown_trials(plan, arguments).map(idle).collect()
}

/// Runs the selected trials: one thread answers, model by model; libtest-mimic's threads each
/// wait for their answer and judge it.
fn run_trials(
    plan: &Plan,
    arguments: &TestArguments,
    settings: &Settings,
    judge: &Arc<Judge>,
) -> Result<libtest_mimic::Conclusion, RunError> {
    let is_run = |trial: &PlannedTrial| {
        let is_ignored = trial.ignored().is_some();
        is_reported(trial, arguments) && trial.is_possible() && arguments.is_run(is_ignored)
    };
    let mut runners = Runners::new(plan, &is_run, judge);
    let mut trials = Vec::with_capacity(plan.trials().len());
    for trial in shown_trials(plan, arguments) {
        let ignored = trial.ignored();
        let is_run = is_run(trial);
        if let (Some(reason), false, true) = (&ignored, is_run, is_reported(trial, arguments)) {
            judge.record_ignored(trial, reason)?;
        }
        // libtest-mimic shows no reason for a trial that it ignores itself.
        let is_ignored = ignored.is_some() && arguments.ignored;
        let runner = if is_run { runners.runner(trial) } else { runners::leave_out(ignored) };
        trials.push(Trial::ignorable_test(trial.name(), runner).with_ignored_flag(is_ignored));
    }
    let queue = runners.into_queue();
    let engine_settings = settings.engine.clone();
    let worker = std::thread::spawn(move || queue.serve(&engine_settings));
    let conclusion = libtest_mimic::run(&mimic_arguments(arguments, plan), trials);
    // The worker's panics are errors of the trials that waited for it; here it has ended.
    let _ = worker.join();
    Ok(conclusion)
}

/// Says something to the person at the terminal.
fn say(text: &str) {
    // stderr is gone only if nobody listens.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
