//! The folder of a run: who writes there, what of an earlier run is taken away, and the journal.

use crate::journal::{Journal, Opened, RunFolder, RunHeader};
use crate::report;

use super::settings::{Continuation, Settings};
use super::{RunError, overlay, say};

/// Takes the folder for this run, unless another one writes there.
pub(super) fn take(settings: &Settings) -> Result<RunFolder, RunError> {
    Ok(RunFolder::take(&settings.out, nextest_run(settings))?)
}

/// Opens the journal in the folder that this run has taken: a new one, or that of the run that it goes
/// on with. Reports of another run never stand beside it.
pub(super) fn open(
    folder: RunFolder,
    settings: &Settings,
    header: &RunHeader,
) -> Result<(RunFolder, Journal), RunError> {
    let out = &settings.out;
    let journal = match (settings.continuation, nextest_run(settings)) {
        (Continuation::Anew, run) if run.is_none() || !Journal::is_of(out, run) => {
            remove_earlier(settings)?;
            Journal::create(out, header)?
        }
        (Continuation::Anew, _) => Journal::join(out, header)?,
        _ => resume(settings, header)?,
    };
    Ok((folder.share()?, journal))
}

fn nextest_run(settings: &Settings) -> Option<&str> {
    settings.nextest.as_ref().map(|nextest| nextest.run.as_str())
}

fn remove_earlier(settings: &Settings) -> Result<(), RunError> {
    report::remove_all(&settings.out)?;
    let unremovable =
        |source| RunError::Overlays { path: settings.out.join(overlay::OVERLAYS), source };
    overlay::remove_all(&settings.out).map_err(unremovable)
}

fn resume(settings: &Settings, header: &RunHeader) -> Result<Journal, RunError> {
    let Opened { journal, run } = Journal::resume(&settings.out, header)?;
    if let Some(line) = run.torn_line {
        say(&format!(
            "eyechart: {}:{line}: whoever wrote it was killed there; the line is cut off, and its \
             test counts as not run",
            journal.path().display()
        ));
    }
    if settings.nextest.is_none() {
        let recorded = run.trials.len();
        say(&format!("eyechart: going on with a run of {recorded} recorded tests"));
    }
    Ok(journal)
}
