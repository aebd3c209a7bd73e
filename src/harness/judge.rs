//! From an answer to a verdict, a record in the journal, and a test line.

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::answer::{Answer, DeviceClass, ModelInput};
use crate::case::{InvalidCase, SnapshotPer};
use crate::checksum::FileSums;
use crate::engine::{self, Answered};
use crate::extract::{answer_of, said};
use crate::foreign;
use crate::journal::{Attempt, Journal, JournalError, Place, Status, TrialRecord};
use crate::score::{self, Reading, Verdict};
use crate::snapshot::{
    self, ComparedTokens, SnapshotFolder, SnapshotInfo, SnapshotKey, SnapshotKind, SnapshotOutcome,
    SnapshotRequest, SnapshotResult,
};

use super::console::{Ending, Outcome};
use super::error::RunError;
use super::gate::PlannedGate;
use super::history::History;
use super::plan::{Planned, PlannedTrial};
use super::records::question;
use super::worker::{Answering, NoAnswer, Reply};
use super::{datasets, message, overlay, records, say};

/// Judges trials; shared by the test threads.
#[derive(Debug)]
pub(super) struct Judge {
    pub(super) project: PathBuf,
    pub(super) journal: Journal,
    pub(super) snapshots: SnapshotFolder,
    /// What earlier runs recorded.
    pub(super) history: History,
    /// How often nextest has tried this before.
    pub(super) retry: u32,
    /// Sums of the cases' pictures.
    pub(super) pictures: FileSums,
    /// Why the journal could not be written first.
    pub(super) failure: Mutex<Option<JournalError>>,
}

/// A trial's record, and how its test ends.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) record: TrialRecord,
    /// Whether the test passes: as the record has it, unless all that is wrong is a snapshot that
    /// insta was told to let pass.
    pub(super) passes: bool,
    pub(super) origin: JudgedIn,
}

/// When a trial was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JudgedIn {
    ThisRun,
    /// It is in the journal already.
    EarlierRun,
}

impl Judged {
    /// What an earlier run recorded.
    pub(super) fn earlier(record: TrialRecord) -> Self {
        Self { origin: JudgedIn::EarlierRun, ..record.into() }
    }
}

impl From<TrialRecord> for Judged {
    fn from(record: TrialRecord) -> Self {
        let passes = record.status.is_success();
        Self { record, passes, origin: JudgedIn::ThisRun }
    }
}

impl Judge {
    /// Judges the replies to all runs of a trial; one that is none is of a worker that died.
    pub(super) fn judge(&self, planned: &Planned, replies: Vec<Option<Reply>>) -> Judged {
        let mut by = None;
        let mut answers = Vec::with_capacity(replies.len());
        for reply in replies {
            let Some(reply) = reply else {
                let died = "the inference worker died; see stderr".to_owned();
                return self.error(planned, by.as_deref(), died).into();
            };
            by = by.or(reply.by);
            answers.push(reply.answered);
        }
        let by = by.as_deref();
        let judging = || self.judge_answers(planned, by, answers);
        // A panic while judging is an error of this trial, so that it too is recorded.
        catch_unwind(AssertUnwindSafe(judging)).unwrap_or_else(|payload| {
            let panic = engine::panic_message(payload.as_ref());
            self.error(planned, by, format!("a panic ended the judging: {panic}")).into()
        })
    }

    fn judge_answers(
        &self,
        planned: &Planned,
        by: Option<&Answering>,
        answers: Vec<Result<Answered, NoAnswer>>,
    ) -> Judged {
        let mut attempts = Vec::with_capacity(answers.len());
        for (run, answered) in answers.into_iter().enumerate() {
            attempts.push(match answered {
                Ok(answered) => attempt(planned, run, answered, by),
                Err(NoAnswer::Unsupported(reason)) => {
                    return self.ignored(planned, by, reason.to_string()).into();
                }
                Err(NoAnswer::Prepared(input)) => return self.judge_input(planned, by, *input),
                Err(NoAnswer::Failed(error)) => self.no_answer(planned, run, &error),
                Err(NoAnswer::NotReplayed(error)) => self.no_answer(planned, run, &error),
            });
        }
        self.conclude(planned, by, attempts)
    }

    fn no_answer(&self, planned: &Planned, run: usize, error: &dyn Error) -> Attempt {
        let error = Some(self.shorten(&error.to_string()));
        Attempt {
            seed: planned.case.seed(run),
            answer: None,
            verdict: None,
            opinions: Vec::new(),
            error,
        }
    }

    /// Concludes from all runs of a trial.
    fn conclude(
        &self,
        planned: &Planned,
        by: Option<&Answering>,
        attempts: Vec<Attempt>,
    ) -> Judged {
        let case = &planned.case;
        let names: Vec<String> = (1..).zip(&attempts).map(name_of_run).collect();
        let failed = names.iter().zip(&attempts).find_map(|(name, attempt)| {
            let error = attempt.error.as_ref()?;
            Some(if case.runs.are_several() { format!("{name}: {error}") } else { error.clone() })
        });
        let answer = attempts.first().and_then(|first| first.answer.clone());
        let verdicts: Vec<Verdict> =
            attempts.iter().filter_map(|attempt| attempt.verdict.clone()).collect();
        let verdict = match case.runs.are_several() {
            true => Some(score::over_runs(&verdicts, &names, case.runs.need)),
            false => verdicts.into_iter().next(),
        };
        let opinions = match attempts.first() {
            Some(only) if !case.runs.are_several() => only.opinions.clone(),
            _ => Vec::new(),
        };
        let attempts = if case.runs.are_several() { attempts } else { Vec::new() };
        let blank = TrialRecord { attempts, opinions, ..self.blank(planned, by) };
        match (failed, answer) {
            (None, Some(answer)) => self.conclude_answer(planned, answer, verdict, blank),
            (error, answer) => {
                TrialRecord { status: Status::Error, message: error, answer, ..blank }.into()
            }
        }
    }

    /// Compares the snapshots and sets the status.
    fn conclude_answer(
        &self,
        planned: &Planned,
        answer: Answer,
        verdict: Option<Verdict>,
        blank: TrialRecord,
    ) -> Judged {
        let snapshot = self.compare_answer(planned, &answer, blank.place.as_ref());
        let input = self.compare_input(planned, &answer.input);
        let is_settled = snapshot.outcome.is_settled() && input.outcome.is_settled();
        let is_unusable = [&snapshot, &input].into_iter().any(SnapshotResult::is_unusable);
        let passes = snapshot.passes && input.passes;
        let known_failure = blank.known_failure.is_some();
        let status = |is_settled: bool| match datasets::fails_alone(planned) {
            _ if !is_settled && is_unusable => Status::Error,
            true => status(&verdict, is_settled, known_failure),
            false if is_settled => Status::Recorded,
            false => Status::Failed,
        };
        let (status, passes) = (status(is_settled), status(passes).is_success());
        let is_wrong = verdict.as_ref().is_some_and(|verdict| !verdict.passed);
        let overlay = if is_wrong { self.overlay(planned, &answer, &blank) } else { None };
        let record = TrialRecord {
            attachments: overlay.into_iter().collect(),
            status,
            answer: Some(answer),
            verdict,
            snapshot: snapshot.outcome,
            input_snapshot: input.outcome,
            ..blank
        };
        Judged {
            record: TrialRecord { message: message::of(&record), ..record },
            passes,
            origin: JudgedIn::ThisRun,
        }
    }

    /// Records a case file that cannot be run.
    pub(super) fn conclude_invalid(&self, invalid: &InvalidCase) -> Outcome {
        self.finish(self.invalid(invalid).into())
    }

    /// Records a trial that is not run.
    pub(super) fn record_ignored(
        &self,
        trial: &PlannedTrial,
        reason: &str,
    ) -> Result<(), RunError> {
        let reason = reason.to_owned();
        let record = match trial {
            PlannedTrial::Run(waiting) => match waiting.turn() {
                Ok(planned) => self.ignored(&planned, None, reason),
                Err(invalid) => self.changed(waiting, &invalid),
            },
            PlannedTrial::Gate(gate) => self.gate_record(gate, Status::Ignored, reason),
            PlannedTrial::Idle(_) | PlannedTrial::Invalid(_) => return Ok(()),
        };
        Ok(self.journal.append(&record)?)
    }

    /// Records what a gate came to.
    pub(super) fn conclude_gate(
        &self,
        gate: &PlannedGate,
        (status, message): (Status, String),
    ) -> Outcome {
        self.finish(self.gate_record(gate, status, self.shorten(&message)).into())
    }

    /// Judges a case that only asks what the model would get.
    fn judge_input(&self, planned: &Planned, by: Option<&Answering>, input: ModelInput) -> Judged {
        let compared = self.compare_input(planned, &input);
        let is_unusable = compared.is_unusable();
        let SnapshotResult { outcome, passes } = compared;
        let blank = self.blank(planned, by);
        let known_failure = blank.known_failure.is_some();
        let passes = status(&None, passes, known_failure).is_success();
        let record = TrialRecord {
            status: match is_unusable {
                true => Status::Error,
                false => status(&None, outcome.is_settled(), known_failure),
            },
            input_snapshot: outcome,
            prepared: Some(input),
            ..blank
        };
        Judged {
            record: TrialRecord { message: message::of(&record), ..record },
            passes,
            origin: JudgedIn::ThisRun,
        }
    }

    /// A picture of the boxes that are wrong, if boxes were expected.
    fn overlay(&self, planned: &Planned, answer: &Answer, blank: &TrialRecord) -> Option<PathBuf> {
        let sizes = engine::picture_sizes(answer);
        let notation = blank.speaker.as_ref().and_then(|speaker| speaker.boxes);
        let out = self.journal.path().parent()?;
        let Planned { case, model, .. } = planned;
        let said = said(answer);
        match overlay::draw(case, model, answer_of(&said), notation, &sizes, out) {
            Ok(path) => Some(self.relative(&path?)),
            // What cannot be drawn is not worth failing for.
            Err(error) => {
                say(&format!("eyechart: {error}"));
                None
            }
        }
    }

    fn compare_answer(
        &self,
        planned: &Planned,
        answer: &Answer,
        place: Option<&Place>,
    ) -> SnapshotResult {
        let case = &planned.case;
        let class = || DeviceClass::of_device(&place?.device);
        let kind = match (case.snapshot.keeps_text(), case.snapshot_per) {
            (false, _) => return NOT_KEPT,
            (true, SnapshotPer::Model) => SnapshotKind::Answer,
            (true, SnapshotPer::DeviceClass) => {
                class().map_or(SnapshotKind::Answer, SnapshotKind::AnswerOn)
            }
        };
        let tokens = ComparedTokens { answer, allow_near_tie: case.allow_near_tie };
        self.compare(planned, kind, &answer.text, Some(tokens), place)
    }

    fn compare_input(&self, planned: &Planned, input: &ModelInput) -> SnapshotResult {
        match planned.case.snapshot.keeps_input() {
            true => {
                let text = snapshot::input_text(input);
                self.compare(planned, SnapshotKind::Input, &text, None, None)
            }
            false => NOT_KEPT,
        }
    }

    fn compare(
        &self,
        planned: &Planned,
        kind: SnapshotKind,
        text: &str,
        tokens: Option<ComparedTokens<'_>>,
        place: Option<&Place>,
    ) -> SnapshotResult {
        let case = &planned.case;
        let compared = self.snapshots.compare(&SnapshotRequest {
            key: SnapshotKey { stem: case.name.snapshot_stem(), model: &planned.model, kind },
            text,
            tokens,
            question: &foreign::line(&records::question(case)),
            case_file: &case.path,
            info: SnapshotInfo {
                model: &planned.model,
                device: place.map(|place| place.device.as_str()),
                precision: place.map(|place| place.precision.as_str()),
                images: case.images.iter().map(|image| self.shown(image)).collect(),
            },
        });
        match compared {
            SnapshotResult { outcome: SnapshotOutcome::Unusable { reason }, passes } => {
                let reason = self.shorten(&reason);
                SnapshotResult { outcome: SnapshotOutcome::Unusable { reason }, passes }
            }
            compared => compared,
        }
    }

    /// Adds a trial to the journal, and tells how its test ends.
    pub(super) fn finish(&self, mut judged: Judged) -> Outcome {
        if judged.origin == JudgedIn::EarlierRun {
            return outcome(&judged);
        }
        let name = judged.record.test_name();
        judged.record.retry = self.history.tries(&name).max(self.retry);
        let recorded = self.history.stand_in(&name).and_then(|earlier| earlier.record().ok());
        if recorded.as_ref() == Some(&judged.record) {
            return outcome(&judged);
        }
        match self.journal.append(&judged.record) {
            Ok(()) => outcome(&judged),
            Err(error) => self.unrecorded(error),
        }
    }

    /// A trial that could not be recorded. What comes after it could not either.
    fn unrecorded(&self, error: JournalError) -> Outcome {
        let outcome = Outcome::failed(error.to_string());
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        outcome
    }

    /// Whether a trial could not be recorded.
    pub(super) fn has_failed(&self) -> bool {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Why trials can no longer be recorded, if they cannot.
    pub(super) fn take_failure(&self) -> Option<JournalError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What came of a snapshot that is not kept.
const NOT_KEPT: SnapshotResult = SnapshotResult { outcome: SnapshotOutcome::Off, passes: true };

/// Judges the answer of one run.
fn attempt(planned: &Planned, run: usize, answered: Answered, by: Option<&Answering>) -> Attempt {
    let Answered { answer, image_sizes, opinions } = answered;
    let judged = planned.case.expectation.as_ref().filter(|one| !one.is_only_measured());
    let verdict = judged.map(|expectation| {
        let evidence = score::Evidence {
            text: &said(&answer),
            finish: answer.finish,
            notation: by.and_then(|by| by.identity.capabilities.boxes),
            image_sizes: &image_sizes,
            question: &question(&planned.case),
            opinions: &opinions,
        };
        score::judge(expectation, evidence)
    });
    let seed = planned.case.seed(run);
    Attempt { seed, answer: Some(answer), verdict, opinions, error: None }
}

fn name_of_run((number, attempt): (usize, &Attempt)) -> String {
    format!("run {number} (seed {})", attempt.seed)
}

/// What a trial's test line says, and what is shown of it.
fn outcome(Judged { record, passes, .. }: &Judged) -> Outcome {
    let text = record.message.clone().unwrap_or_default();
    let time = record.answers().map(|answer| answer.timings.total()).reduce(|sum, one| sum + one);
    let ending = match record.status {
        Status::Ignored => return Outcome::ignored(Some(text)),
        _ if *passes => Ending::Passed,
        _ => Ending::Failed,
    };
    let file = record.file.display().to_string();
    let text = match ending {
        Ending::Passed => message::of_success(record),
        _ if text.starts_with(&file) => text,
        _ => format!("{file}\n{text}"),
    };
    Outcome { ending, text, time }
}

/// The status of a judged trial; `accepted` tells whether its snapshots are.
fn status(verdict: &Option<Verdict>, accepted: bool, known_failure: bool) -> Status {
    let right = verdict.as_ref().is_none_or(|verdict| verdict.passed);
    if !right && verdict.as_ref().is_some_and(|verdict| verdict.reading == Reading::Unjudged) {
        return Status::Error;
    }
    match (right, accepted, known_failure) {
        (true, _, true) => Status::UnexpectedPass,
        (true, true, false) => Status::Passed,
        (false, true, true) => Status::KnownFailure,
        (false, _, false) | (_, false, _) => Status::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(passed: bool) -> Option<Verdict> {
        let reading = Reading::Parsed;
        Some(Verdict {
            passed,
            points: 0.0,
            iou: None,
            center_accuracy: None,
            reading,
            reasons: vec![],
        })
    }

    #[test]
    fn a_known_failure_is_strict() {
        assert_eq!(status(&verdict(false), true, true), Status::KnownFailure);
        assert_eq!(status(&verdict(true), true, true), Status::UnexpectedPass);
        assert_eq!(status(&verdict(false), false, true), Status::Failed);
    }

    #[test]
    fn what_nobody_could_judge_is_neither_right_nor_wrong() {
        let unjudged = |passed| {
            verdict(passed).map(|verdict| Verdict { reading: Reading::Unjudged, ..verdict })
        };
        assert_eq!(status(&unjudged(false), true, false), Status::Error);
        assert_eq!(status(&unjudged(false), true, true), Status::Error);
        assert_eq!(status(&unjudged(true), true, false), Status::Passed);
    }

    #[test]
    fn passing_takes_a_right_answer_and_an_accepted_snapshot() {
        assert_eq!(status(&verdict(true), true, false), Status::Passed);
        assert_eq!(status(&verdict(true), false, false), Status::Failed);
        assert_eq!(status(&verdict(false), true, false), Status::Failed);
        assert_eq!(status(&None, true, false), Status::Passed);
    }
}
