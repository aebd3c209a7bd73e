//! What earlier runs in the same folder recorded, and what becomes of it in this one.

use std::collections::HashMap;

use crate::journal::{self, JournalError, Run, Status, TrialEntry};

use super::settings::{Continuation, Settings};

/// The records of the journal that a run goes on with.
#[derive(Debug, Default)]
pub(super) struct History {
    records: HashMap<Box<str>, TrialEntry>,
    continuation: Continuation,
}

impl History {
    /// Reads the journal, if this run goes on with one that is there.
    ///
    /// # Errors
    /// The journal is there and cannot be read.
    pub(super) fn read(settings: &Settings) -> Result<Self, JournalError> {
        let is_retried = settings.nextest.as_ref().is_some_and(|nextest| nextest.retry > 0);
        let continuation = match settings.continuation {
            // What nextest tries again is run, recorded or not.
            Continuation::Resume if is_retried => Continuation::ResumeAndRerun,
            other => other,
        };
        let path = settings.out.join(journal::FILE_NAME);
        if continuation == Continuation::Anew {
            return Ok(Self::default());
        }
        match Run::read(&path) {
            Ok(run) => Ok(Self::of(run, continuation)),
            Err(error) if error.is_of_nothing_recorded() => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    fn of(run: Run, continuation: Continuation) -> Self {
        let named = run.trials.into_iter().map(|record| (record.test_name().into(), record));
        Self { records: named.collect(), continuation }
    }

    /// Whether a test is among those that are run again, or that no earlier run had.
    pub(super) fn selects(&self, test: &str) -> bool {
        if self.records.is_empty() {
            return true;
        }
        match self.continuation {
            Continuation::Anew | Continuation::Resume => true,
            Continuation::Rerun => self.is_rerun(test),
            Continuation::ResumeAndRerun => !self.records.contains_key(test) || self.is_rerun(test),
        }
    }

    /// The record that stands for running a test.
    pub(super) fn stand_in(&self, test: &str) -> Option<&TrialEntry> {
        match self.continuation {
            Continuation::Resume => self.records.get(test),
            _ => None,
        }
    }

    /// How often a test was tried. What is recorded anew where a run goes on is no further try.
    pub(super) fn tries(&self, test: &str) -> u32 {
        let more = u32::from(self.continuation != Continuation::Resume);
        self.records.get(test).map_or(0, |record| record.retry.saturating_add(more))
    }

    fn is_rerun(&self, test: &str) -> bool {
        self.records.get(test).is_some_and(has_failed) || self.gate_of(test).is_some()
    }

    /// A gate that failed over a row of this name: it needs its rows.
    fn gate_of(&self, test: &str) -> Option<&TrialEntry> {
        let failed_gates =
            self.records.values().filter(|record| record.is_gate && has_failed(record));
        failed_gates.into_iter().find(|gate| {
            let (dataset, _) = gate.case.rsplit_once("::").unwrap_or(("", &*gate.case));
            let model = gate.model.as_deref().unwrap_or_default();
            let row = test.strip_prefix(dataset).and_then(|rest| rest.strip_prefix("::"));
            row.is_some_and(|row| row.ends_with(&format!("::{model}")))
        })
    }
}

fn has_failed(record: &TrialEntry) -> bool {
    !record.status.is_success() && record.status != Status::Ignored
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Journal, RunHeader, RunPlan, TrialRecord};

    fn history(continuation: Continuation) -> History {
        let record = |case: &str, file: &str, status| {
            TrialRecord::unanswered(case.into(), Some("m".into()), file.into(), status)
        };
        let trials = [
            record("right", "right.ron", Status::Passed),
            record("wrong", "wrong.ron", Status::Failed),
            record("off", "off.ron", Status::Ignored),
            record("set::gate_accuracy", "set.dataset.ron", Status::Failed),
        ];
        let folder = tempfile::tempdir().unwrap();
        let header = RunHeader::now(None, RunPlan::default());
        let journal = Journal::create(folder.path(), &header).unwrap();
        trials.iter().for_each(|trial| journal.append(trial).unwrap());
        History::of(Run::read(journal.path()).unwrap(), continuation)
    }

    fn selected(continuation: Continuation) -> Vec<&'static str> {
        let history = history(continuation);
        let tests = ["right::m", "wrong::m", "off::m", "new::m", "set::gate_accuracy::m"];
        let rows = ["set::1::m", "set::1::other", "settled::1::m"];
        tests.into_iter().chain(rows).filter(|test| history.selects(test)).collect()
    }

    #[test]
    fn a_rerun_takes_what_failed_and_the_rows_of_gates_that_did() {
        let failed = ["wrong::m", "set::gate_accuracy::m", "set::1::m"];
        assert_eq!(selected(Continuation::Rerun), failed);
        assert_eq!(selected(Continuation::Resume).len(), 8);
        let with_new: Vec<&str> = selected(Continuation::ResumeAndRerun);
        assert!(!with_new.contains(&"right::m") && with_new.contains(&"new::m"), "{with_new:?}");
    }

    #[test]
    fn a_resumed_run_takes_records_for_runs() {
        assert!(history(Continuation::Resume).stand_in("wrong::m").is_some());
        assert!(history(Continuation::Resume).stand_in("new::m").is_none());
        assert!(history(Continuation::Rerun).stand_in("wrong::m").is_none());
        assert_eq!(history(Continuation::Rerun).tries("wrong::m"), 1);
    }
}
