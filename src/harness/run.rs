//! A run from its arguments to its reports.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::answer_cache::AnswerCache;
use crate::case::{self, Checks, KnownNames};
use crate::checksum::FileSums;
use crate::dataset::Pictures;
use crate::engine;
use crate::journal::{self, Journal, Run, RunHeader};
use crate::registry::Registry;
use crate::report;
use crate::snapshot::SnapshotFolder;

use super::arguments::{Format, TestArguments};
use super::console::{self, Announcement, Console, Ending, Listed};
use super::datasets::Selection;
use super::judge::Judge;
use super::plan::{Plan, PlannedTrial};
use super::replay;
use super::runners::{self, Runners};
use super::threads::{self, Event};
use super::{CASES, FAILED_CASES, PICTURES, RunError, SNAPSHOTS, Settings, Site, say, shuffle};

/// Lists or runs the suite of a project.
pub(super) fn run(site: &Site, arguments: &TestArguments) -> Result<ExitCode, RunError> {
    let project = site.project();
    let variable = |name: &str| std::env::var(name).ok();
    let settings = Settings::read(variable, &project, &site.target())?;
    let registry = Registry::load(&project)?;
    let plan = plan(&project, arguments, &settings, &registry)?;
    refuse_unknown_exact_name(arguments, &plan)?;
    let snapshots = SnapshotFolder::new(project.join(SNAPSHOTS), site.assert_snapshot);
    plan.mark_snapshots(&snapshots, &registry).map_err(RunError::SnapshotReferences)?;
    if arguments.list {
        return list(arguments, &plan);
    }
    let chosen: Vec<&PlannedTrial> =
        plan.trials().iter().filter(|trial| !is_filtered_out(trial, arguments)).collect();
    let mut console = Console::new(arguments).map_err(RunError::Logfile)?;
    if chosen.is_empty() {
        // Reports of an earlier run stay: cargo hands one filter to every test binary.
        return Ok(run_nothing(console, plan.trials().len()));
    }
    replay::refuse_own_journal(plan.models(), &settings.out)?;
    let journal = Journal::create(&settings.out, &header(&registry))?;
    let judge = Arc::new(Judge { project, journal, snapshots, pictures: FileSums::default() });
    let answering = (&settings, &registry);
    let ending = run_trials(&plan, chosen, arguments, answering, &judge, &mut console)?;
    let run = Run::read_for_reports(judge.journal.path())?;
    report::write_all(&run, &settings.out)?;
    if arguments.format() == Format::Junit {
        report::write_junit(&run, &mut io::stdout().lock()).map_err(RunError::Stdout)?;
    }
    say(&report::summary_text(&run, &settings.out));
    Ok(ending)
}

fn plan(
    project: &Path,
    arguments: &TestArguments,
    settings: &Settings,
    registry: &Registry,
) -> Result<Plan, RunError> {
    let checks = if arguments.list { Checks::Structure } else { Checks::Everything };
    let known = KnownNames { models: registry.names(), scorers: registry.scorer_names() };
    let discovered = case::discover(&project.join(CASES), &known, checks)?;
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
    Plan::new(discovered, registry.select(globs)?, engine::known_identity, &selection)
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

fn list(arguments: &TestArguments, plan: &Plan) -> Result<ExitCode, RunError> {
    let trials = plan.trials().iter().filter(|trial| !is_filtered_out(trial, arguments));
    let named: Vec<(&str, Option<String>)> =
        trials.map(|trial| (trial.name(), trial.ignored())).collect();
    let mut listed: Vec<Listed<'_>> =
        named.iter().map(|(name, ignored)| Listed { name, ignored: ignored.as_deref() }).collect();
    listed.sort_by_key(|test| test.name);
    console::list(arguments, &listed).map_err(RunError::Stdout)?;
    Ok(ExitCode::SUCCESS)
}

fn is_filtered_out(trial: &PlannedTrial, arguments: &TestArguments) -> bool {
    arguments.is_filtered_out(trial.name(), trial.is_ignored())
}

fn run_nothing(mut console: Console, filtered_out: usize) -> ExitCode {
    console.begin(&Announcement { tests: 0, filtered_out, shuffle_seed: None });
    console.finish();
    ExitCode::SUCCESS
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

/// Runs the chosen trials: one thread answers, model by model; the test threads each wait for
/// their answer and judge it.
fn run_trials(
    plan: &Plan,
    mut chosen: Vec<&PlannedTrial>,
    arguments: &TestArguments,
    (settings, registry): (&Settings, &Registry),
    judge: &Arc<Judge>,
    console: &mut Console,
) -> Result<ExitCode, RunError> {
    let shuffle_seed = shuffle::seed(arguments);
    if let Some(seed) = shuffle_seed {
        shuffle::shuffle(&mut chosen, seed);
    }
    let is_run = |trial: &PlannedTrial| trial.is_possible() && arguments.is_run(trial.is_ignored());
    let mut runners = Runners::new(plan, chosen.iter().copied().filter(|one| is_run(one)), judge);
    let mut bodies = Vec::with_capacity(chosen.len());
    for trial in &chosen {
        bodies.push(if is_run(trial) {
            runners.body(trial)
        } else {
            let reason = trial.ignored();
            if let Some(reason) = &reason {
                judge.record_ignored(trial, reason)?;
            }
            runners::leave_out(reason)
        });
    }
    let queue = runners.into_queue();
    let (engine_settings, registry) = (settings.engine.clone(), registry.clone());
    let cache = settings.cache.clone().map(AnswerCache::new);
    std::thread::spawn(move || queue.serve(&engine_settings, &registry, cache.as_ref()));
    let filtered_out = plan.trials().len() - chosen.len();
    console.begin(&Announcement { tests: chosen.len(), filtered_out, shuffle_seed });
    let mut ending = ExitCode::SUCCESS;
    threads::run(bodies, arguments.threads(), |event| match event {
        Event::Started(index) => {
            console.started(chosen[index].name());
            ControlFlow::Continue(())
        }
        Event::Ended(index, outcome) => {
            let has_failed = outcome.ending == Ending::Failed;
            console.ended(chosen[index].name(), outcome);
            if has_failed {
                ending = ExitCode::from(FAILED_CASES);
            }
            match has_failed && arguments.fail_fast {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        }
    });
    console.finish();
    Ok(ending)
}
