//! A run from its arguments to its reports.

use std::collections::BTreeSet;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use crate::answer_cache::AnswerCache;
use crate::case::{self, Checks};
use crate::checksum::FileSums;
use crate::dataset::Pictures;
use crate::engine;
use crate::journal::{Run, RunHeader, RunPlan};
use crate::registry::Registry;
use crate::report;
use crate::snapshot::{InstaVariables, SnapshotFolder};

use super::arguments::{Format, TestArguments};
use super::console::{self, Announcement, Console, Ending, Listed};
use super::history::History;
use super::judge::Judge;
use super::plan::{Plan, PlannedTrial};
use super::replay;
use super::runners::{self, Runners};
use super::selection::{Scope, Selection};
use super::settings::{Continuation, Nextest, Processes};
use super::threads::{self, Event, Unfinished};
use super::{
    CASES, FAILED_CASES, PICTURES, RunError, SNAPSHOTS, Settings, Site, folder, interrupt,
    known_names, say, shuffle,
};

/// What stands before a model's name where nextest starts a process a model.
const MODEL_PREFIX: &str = "model::";

/// Lists or runs the suite of a project.
pub(super) fn run(
    site: &Site,
    arguments: &TestArguments,
    insta: InstaVariables,
) -> Result<ExitCode, RunError> {
    let project = site.project();
    let variable = |name: &str| std::env::var(name).ok();
    let settings = Settings::read(variable, &project, site.out_of(&project))?;
    let registry = Registry::load(&project)?;
    let folder = match settings.continuation {
        // What is read of the run that it goes on with must be all that there will be.
        Continuation::Resume | Continuation::Rerun | Continuation::ResumeAndRerun
            if !arguments.list =>
        {
            Some(folder::take(&settings)?)
        }
        _ => None,
    };
    let history = History::read(&settings)?;
    let pictures = settings.out.join(PICTURES);
    let pictures = Pictures::UnpackedTo(&pictures);
    let scope = scope(arguments, &settings);
    let mut selection = Selection::new(arguments, scope, &history, pictures);
    let plan = plan(&project, &settings, &registry, &mut selection)?;
    refuse_unknown_name(&selection, &settings, &plan)?;
    let snapshots = SnapshotFolder::new(
        project.join(SNAPSHOTS),
        settings.out.clone(),
        insta,
        site.assert_snapshot,
        site.insta_workspace,
    );
    plan.mark_snapshots(&snapshots, &registry).map_err(RunError::SnapshotReferences)?;
    let chosen: Vec<&PlannedTrial> =
        plan.trials().iter().filter(|trial| is_selected(trial, &selection)).collect();
    if arguments.list {
        return list(arguments, &settings, &chosen);
    }
    let mut console = Console::new(arguments).map_err(RunError::Logfile)?;
    if chosen.is_empty() {
        // Reports of an earlier run stay: cargo hands one filter to every test binary.
        return Ok(run_nothing(console, plan.trials().len()));
    }
    replay::refuse_own_journal(plan.models(), &settings.out)?;
    let header = header(&registry, &settings, arguments, &chosen);
    let folder = folder.map_or_else(|| folder::take(&settings), Ok)?;
    if plan.keeps_snapshots() {
        snapshots.check_settings().map_err(RunError::Insta)?;
    }
    let (_folder, journal) = folder::open(folder, &settings, &header)?;
    let retry = settings.nextest.as_ref().map_or(0, |nextest| nextest.retry);
    let pictures = FileSums::default();
    let failure = Mutex::default();
    let judge = Judge { project, journal, snapshots, history, retry, pictures, failure };
    let judge = Arc::new(judge);
    interrupt::write_reports_when_interrupted(&judge, settings.out.clone());
    let answering = (&settings, &registry);
    let ending = run_trials(&plan, chosen, arguments, answering, &judge, &mut console)?;
    // The reports need its memory, not its content.
    drop(plan);
    let reported = report(&judge, arguments, &settings);
    match judge.take_failure() {
        Some(failure) => Err(failure.into()),
        None => reported.map(|()| ending),
    }
}

/// Writes the reports; processes of one nextest run take turns, and the last one's stay.
fn report(judge: &Judge, arguments: &TestArguments, settings: &Settings) -> Result<(), RunError> {
    judge.journal.sync()?;
    let locked = judge.journal.lock()?;
    let run = Run::read(judge.journal.path())?;
    let summary = report::write_all(&run, &settings.out)?;
    if arguments.fail_fast || judge.has_failed() {
        // Trials that were left behind end no more: the process is about to.
        std::mem::forget(locked);
    }
    if arguments.format() == Format::Junit {
        report::write_junit(&run, &mut io::stdout().lock()).map_err(RunError::Stdout)?;
    }
    say(&summary);
    Ok(())
}

/// nextest asks for one test by its name, or for all of a model.
fn scope(arguments: &TestArguments, settings: &Settings) -> Scope {
    let model = arguments.filters.first().and_then(|name| name.strip_prefix(MODEL_PREFIX));
    match (&settings.nextest, model) {
        (Some(Nextest { processes: Processes::PerModel, .. }), Some(model)) if arguments.exact => {
            Scope::Model(model.to_owned())
        }
        _ => Scope::Tests,
    }
}

fn plan(
    project: &Path,
    settings: &Settings,
    registry: &Registry,
    selection: &mut Selection<'_>,
) -> Result<Plan, RunError> {
    let arguments = selection.arguments;
    let checks = if arguments.list { Checks::Structure } else { Checks::Everything };
    let known = known_names(registry);
    let discovered = case::discover(&project.join(CASES), &known, checks)?;
    let globs = settings.models.as_deref().unwrap_or(registry.default_models());
    // What nextest asks for by name was in the share when it was listed.
    let is_asked_for = settings.nextest.is_some() && arguments.exact;
    let partition = settings.partition.filter(|_| !is_asked_for);
    Plan::new(discovered, registry.select(globs)?, engine::known_identity, partition, selection)
}

fn is_selected(trial: &PlannedTrial, selection: &Selection<'_>) -> bool {
    selection.is_selected(&trial.name(), trial.model(), trial.is_ignored())
}

/// nextest runs `--exact NAME` for each name it listed, and takes "0 tests" for a pass.
fn refuse_unknown_name(
    selection: &Selection<'_>,
    settings: &Settings,
    plan: &Plan,
) -> Result<(), RunError> {
    let arguments = selection.arguments;
    let under_nextest = settings.nextest.is_some() || std::env::var_os("NEXTEST").is_some();
    if !(under_nextest && arguments.exact && !arguments.list) {
        return Ok(());
    }
    let is_known = |name: &String| match &selection.scope {
        Scope::Tests => plan.trials().iter().any(|trial| trial.name() == name.as_str()),
        Scope::Model(model) => {
            plan.trials().iter().any(|trial| trial.model() == Some(model.as_str()))
        }
    };
    match arguments.filters.iter().find(|name| !is_known(name)) {
        Some(name) => Err(RunError::UnknownName { name: name.clone() }),
        None => Ok(()),
    }
}

fn list(
    arguments: &TestArguments,
    settings: &Settings,
    chosen: &[&PlannedTrial],
) -> Result<ExitCode, RunError> {
    let per_model =
        settings.nextest.as_ref().is_some_and(|one| one.processes == Processes::PerModel);
    let mut named: Vec<(String, Option<String>)> = match per_model {
        false => chosen.iter().map(|one| (one.name().into_owned(), one.ignored())).collect(),
        // Ignored cases are told of by the model's process.
        true if arguments.ignored => Vec::new(),
        true => chosen.iter().map(|trial| (process_of(trial), None)).collect(),
    };
    named.sort();
    named.dedup();
    let listed: Vec<Listed<'_>> =
        named.iter().map(|(name, ignored)| Listed { name, ignored: ignored.as_deref() }).collect();
    console::list(arguments, &listed).map_err(RunError::Stdout)?;
    Ok(ExitCode::SUCCESS)
}

/// The name under which nextest asks for a trial where it starts a process a model.
fn process_of(trial: &PlannedTrial) -> String {
    trial
        .model()
        .map_or_else(|| trial.name().into_owned(), |model| format!("{MODEL_PREFIX}{model}"))
}

fn run_nothing(mut console: Console, filtered_out: usize) -> ExitCode {
    console.begin(&Announcement { tests: 0, filtered_out, shuffle_seed: None });
    console.finish();
    ExitCode::SUCCESS
}

fn header(
    registry: &Registry,
    settings: &Settings,
    arguments: &TestArguments,
    chosen: &[&PlannedTrial],
) -> RunHeader {
    let recorded = chosen.iter().filter(|trial| is_recorded(trial, arguments));
    let plan = RunPlan {
        partition: settings.partition.map(|partition| partition.to_string()),
        selection: std::env::args().skip(1).collect(),
        nextest_run: settings.nextest.as_ref().map(|nextest| nextest.run.clone()),
        tests: recorded.map(|trial| trial.name().into_owned()).collect(),
    };
    let mut header = RunHeader::now(registry.prices().cloned(), plan);
    let models: BTreeSet<&str> = chosen.iter().filter_map(|trial| trial.model()).collect();
    for entry in registry.models().iter().filter(|entry| models.contains(entry.name.as_str())) {
        let notices = engine::settings_notices(entry);
        if !notices.is_empty() {
            header.settings_notices.insert(entry.name.clone(), notices);
        }
    }
    header
}

/// Whether a chosen trial has a record in the end.
fn is_recorded(trial: &PlannedTrial, arguments: &TestArguments) -> bool {
    let is_idle = matches!(trial, PlannedTrial::Idle(_));
    !is_idle && (trial.is_ignored() || is_run(trial, arguments))
}

fn is_run(trial: &PlannedTrial, arguments: &TestArguments) -> bool {
    trial.is_possible() && arguments.is_run(trial.is_ignored())
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
    let run = chosen.iter().copied().filter(|trial| is_run(trial, arguments));
    let mut runners = Runners::new(plan, run, judge);
    let mut bodies = Vec::with_capacity(chosen.len());
    for trial in &chosen {
        bodies.push(if is_run(trial, arguments) {
            runners.body(trial)
        } else {
            let reason = trial.ignored();
            if let (Some(reason), None) = (&reason, judge.history.stand_in(&trial.name())) {
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
            console.started(&chosen[index].name());
            ControlFlow::Continue(())
        }
        Event::Ended(index, outcome) => {
            let has_failed = outcome.ending == Ending::Failed;
            console.ended(&chosen[index].name(), outcome);
            if has_failed {
                ending = ExitCode::from(FAILED_CASES);
            }
            match (has_failed && arguments.fail_fast) || judge.has_failed() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        }
    })
    .map_err(|Unfinished { left }| RunError::TestThreads { left })?;
    console.finish();
    Ok(ending)
}
