//! From an answer to a verdict, a record in the journal, and a test line.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Component, Path, PathBuf};

use libtest_mimic::{Completion, Failed};

use crate::answer::ModelInput;
use crate::asked::Asked;
use crate::case::{Case, InvalidCase};
use crate::checksum::FileSums;
use crate::engine::{self, Answered, TrialRequest};
use crate::journal::{Journal, Place, Speaker, Status, TrialRecord};
use crate::model::Identity;
use crate::request::{Part, Role};
use crate::score::{self, Verdict};
use crate::snapshot::{
    self, SnapshotFolder, SnapshotInfo, SnapshotKind, SnapshotOutcome, SnapshotRequest,
    SnapshotResult,
};

use super::error::RunError;
use super::gate::PlannedGate;
use super::plan::{Planned, PlannedTrial, snapshot_keys};
use super::worker::{Answering, NoAnswer, Reply};
use super::{ask, datasets, message};

/// Judges trials; shared by the test threads.
#[derive(Debug)]
pub(super) struct Judge {
    pub(super) project: PathBuf,
    pub(super) journal: Journal,
    pub(super) snapshots: SnapshotFolder,
    /// Sums of the cases' pictures.
    pub(super) pictures: FileSums,
}

impl Judge {
    /// Judges a reply; none if the worker died.
    pub(super) fn record(&self, planned: &Planned, reply: Option<Reply>) -> TrialRecord {
        let Some(Reply { answered, by }) = reply else {
            return self.error(planned, None, "the inference worker died; see stderr".to_owned());
        };
        let by = by.as_deref();
        match answered {
            Err(NoAnswer::Unsupported(unsupported)) => {
                self.ignored(planned, by, unsupported.to_string())
            }
            Err(NoAnswer::Prepared(input)) => self.judge_input(planned, by, *input),
            Err(NoAnswer::Failed(error)) => {
                self.error(planned, by, self.shorten(&error.to_string()))
            }
            Ok(answered) => {
                let judging = || self.judge(planned, answered, by);
                // A panic while judging is an error of this trial, so that it too is recorded.
                catch_unwind(AssertUnwindSafe(judging)).unwrap_or_else(|payload| {
                    let panic = engine::panic_message(payload.as_ref());
                    self.error(planned, by, format!("a panic ended the judging: {panic}"))
                })
            }
        }
    }

    /// Records a case file that cannot be run.
    pub(super) fn conclude_invalid(&self, invalid: &InvalidCase) -> Result<Completion, Failed> {
        let (name, file) = (invalid.name.to_string(), self.relative(&invalid.path));
        self.finish(TrialRecord {
            line: invalid.error.position().map(|position| position.line),
            message: Some(self.shorten(&invalid.error.to_string())),
            ..TrialRecord::unanswered(name, None, file, Status::Error)
        })
    }

    /// Records a trial that is not run.
    pub(super) fn record_ignored(
        &self,
        trial: &PlannedTrial,
        reason: &str,
    ) -> Result<(), RunError> {
        let reason = reason.to_owned();
        let record = match trial {
            PlannedTrial::Run(planned) => self.ignored(planned, None, reason),
            PlannedTrial::Gate(gate) => self.gate_record(gate, Status::Ignored, reason),
            PlannedTrial::Idle { .. } | PlannedTrial::Invalid(_) => return Ok(()),
        };
        Ok(self.journal.append(&record)?)
    }

    /// Records what a gate came to.
    pub(super) fn conclude_gate(
        &self,
        gate: &PlannedGate,
        (status, message): (Status, String),
    ) -> Result<Completion, Failed> {
        self.finish(self.gate_record(gate, status, self.shorten(&message)))
    }

    fn gate_record(&self, planned: &PlannedGate, status: Status, message: String) -> TrialRecord {
        let PlannedGate { case, model, gate, dataset, .. } = planned;
        let file = self.relative(dataset.path());
        TrialRecord {
            dimension: Some(dataset.dimension()),
            tags: dataset.tags().to_vec(),
            question: format!("{} >= {}", gate.metric(), gate.min()),
            message: Some(message),
            ..TrialRecord::unanswered(case.clone(), Some(model.clone()), file, status)
        }
    }

    fn ignored(&self, planned: &Planned, by: Option<&Answering>, reason: String) -> TrialRecord {
        let message = Some(reason);
        TrialRecord { status: Status::Ignored, message, ..self.blank(planned, by) }
    }

    fn judge(&self, planned: &Planned, answered: Answered, by: Option<&Answering>) -> TrialRecord {
        let Answered { answer, image_sizes } = answered;
        let notation = by.and_then(|by| by.identity.capabilities.boxes);
        let verdict = planned.case.expectation.as_ref().map(|expectation| {
            let evidence = score::Evidence {
                text: &answer.text,
                finish: answer.finish,
                notation,
                image_sizes: &image_sizes,
            };
            score::judge(expectation, evidence)
        });
        let snapshot = self.compare(planned, SnapshotKind::Answer, &answer.text, place(by));
        let input = self.compare_input(planned, &answer.input);
        let blank = self.blank(planned, by);
        let accepted = snapshot.accepted && input.accepted;
        let status = match datasets::fails_alone(planned) {
            true => status(&verdict, accepted, blank.known_failure.is_some()),
            false if accepted => Status::Recorded,
            false => Status::Failed,
        };
        let record = TrialRecord {
            status,
            answer: Some(answer),
            verdict,
            snapshot: snapshot.outcome,
            input_snapshot: input.outcome,
            ..blank
        };
        TrialRecord { message: message::of(&record), ..record }
    }

    /// Judges a case that only asks what the model would get.
    fn judge_input(
        &self,
        planned: &Planned,
        by: Option<&Answering>,
        input: ModelInput,
    ) -> TrialRecord {
        let result = self.compare_input(planned, &input);
        let blank = self.blank(planned, by);
        let record = TrialRecord {
            status: status(&None, result.accepted, blank.known_failure.is_some()),
            input_snapshot: result.outcome,
            prepared: Some(input),
            ..blank
        };
        TrialRecord { message: message::of(&record), ..record }
    }

    fn compare_input(&self, planned: &Planned, input: &ModelInput) -> SnapshotResult {
        self.compare(planned, SnapshotKind::Input, &snapshot::input_text(input), None)
    }

    fn compare(
        &self,
        planned: &Planned,
        kind: SnapshotKind,
        text: &str,
        place: Option<&Place>,
    ) -> SnapshotResult {
        let case = &planned.case;
        let mut keys = snapshot_keys(&case.name, case.snapshot, &planned.model);
        let Some(key) = keys.find(|key| key.kind == kind) else {
            return SnapshotResult { outcome: SnapshotOutcome::Off, accepted: true };
        };
        self.snapshots.compare(&SnapshotRequest {
            key,
            text,
            question: &question(case),
            case_file: &case.path,
            info: SnapshotInfo {
                model: &planned.model,
                device: place.map(|place| place.device.as_str()),
                precision: place.map(|place| place.precision.as_str()),
                images: case.images.iter().map(|image| self.shown(image)).collect(),
            },
        })
    }

    fn error(&self, planned: &Planned, by: Option<&Answering>, error: String) -> TrialRecord {
        let message = Some(error);
        TrialRecord { status: Status::Error, message, ..self.blank(planned, by) }
    }

    /// What is known of a trial before it has an answer.
    fn blank(&self, planned: &Planned, by: Option<&Answering>) -> TrialRecord {
        let Planned { case, model, .. } = planned;
        let (name, file) = (case.name.to_string(), self.relative(&case.path));
        TrialRecord {
            line: case.line,
            dimension: Some(case.dimension),
            tags: case.tags.clone(),
            question: question(case),
            known_failure: case.known_failure(model).map(|known| known.reason.clone()),
            place: place(by).cloned(),
            speaker: by.map(speaker),
            asked: by.and_then(|by| self.asked(case, by)),
            ..TrialRecord::unanswered(name, Some(model.clone()), file, Status::Error)
        }
    }

    /// The case's question in short; none if a picture cannot be read, which is an error elsewhere.
    fn asked(&self, case: &Case, by: &Answering) -> Option<Asked> {
        let TrialRequest { images, conversation, options } = ask::request(case, &by.identity);
        Asked::of(&conversation, &options, &images, &self.pictures).ok()
    }

    /// Adds a record to the journal, and tells how the test ends.
    pub(super) fn finish(&self, record: TrialRecord) -> Result<Completion, Failed> {
        self.journal.append(&record)?;
        let text = record.message.unwrap_or_default();
        if record.status == Status::Ignored {
            return Ok(Completion::ignored_with(text));
        }
        if record.status.is_success() {
            return Ok(Completion::Completed);
        }
        let file = record.file.display().to_string();
        let names_file = text.starts_with(&file);
        Err(if names_file { text.into() } else { format!("{file}\n{text}").into() })
    }

    /// The text with paths relative to the project, as a reader at its root wants them.
    fn shorten(&self, text: &str) -> String {
        let prefix = format!("{}{}", self.project.display(), std::path::MAIN_SEPARATOR);
        text.replace(&prefix, "")
    }

    fn relative(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.project).unwrap_or(path).to_owned()
    }

    /// The path for readers: relative to the project, `folder/..` left out.
    fn shown(&self, path: &Path) -> String {
        let mut shown = PathBuf::new();
        for component in self.relative(path).components() {
            let goes_up = component == Component::ParentDir;
            if !(goes_up && shown.file_name().is_some() && shown.pop()) {
                shown.push(component);
            }
        }
        shown.display().to_string()
    }
}

fn place(by: Option<&Answering>) -> Option<&Place> {
    by?.place.as_ref()
}

fn speaker(by: &Answering) -> Speaker {
    let Identity { family, language_model, capabilities } = &by.identity;
    Speaker {
        family: (*family).to_owned(),
        language_model: language_model.clone(),
        boxes: capabilities.boxes,
        revision: by.revision.clone(),
    }
}

fn status(verdict: &Option<Verdict>, accepted: bool, known_failure: bool) -> Status {
    let right = verdict.as_ref().is_none_or(|verdict| verdict.passed);
    match (right, accepted, known_failure) {
        (true, _, true) => Status::UnexpectedPass,
        (true, true, false) => Status::Passed,
        (false, true, true) => Status::KnownFailure,
        (false, _, false) | (_, false, _) => Status::Failed,
    }
}

/// The last thing the user asked.
fn question(case: &Case) -> String {
    let turns = case.conversation.turns.iter().rev();
    let last = turns.into_iter().find(|turn| turn.role == Role::User);
    let texts = last.into_iter().flat_map(|turn| &turn.parts).filter_map(|part| match part {
        Part::Text(text) => Some(text.as_str()),
        Part::Image(_) => None,
    });
    texts.collect::<Vec<_>>().join(" ").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::Reading;

    fn verdict(passed: bool) -> Option<Verdict> {
        let reading = Reading::Parsed;
        Some(Verdict { passed, points: 0.0, iou: None, reading, reasons: vec![] })
    }

    #[test]
    fn a_known_failure_is_strict() {
        assert_eq!(status(&verdict(false), true, true), Status::KnownFailure);
        assert_eq!(status(&verdict(true), true, true), Status::UnexpectedPass);
        assert_eq!(status(&verdict(false), false, true), Status::Failed);
    }

    #[test]
    fn passing_takes_a_right_answer_and_an_accepted_snapshot() {
        assert_eq!(status(&verdict(true), true, false), Status::Passed);
        assert_eq!(status(&verdict(true), false, false), Status::Failed);
        assert_eq!(status(&verdict(false), true, false), Status::Failed);
        assert_eq!(status(&None, true, false), Status::Passed);
    }
}
