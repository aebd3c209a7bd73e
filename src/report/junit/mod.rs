//! `junit.xml`: one suite a model, for continuous integration.
//!
//! Built with junit-report, whose output lacks some things. It holds all test cases of a document at
//! once, so it is given one at a time, and the document is put together from what it writes of each
//! ([`document`]). Characters that XML 1.0 forbids are written as they are; that is cured before
//! ([`text`]). There are no properties and lines of test cases, no counts of skipped tests, and no
//! totals; those are added too.
//!
//! The document keeps to Jenkins' `junit-10.xsd`, but for two things that its readers know all the
//! same: `properties` in a test case, and its `file` and `line` (a test holds both). Pictures stand
//! in `system-out`, a line `[[ATTACHMENT|path]]` each, as GitLab and Jenkins' attachments read it.

use std::io::{self, Write};
use std::path::PathBuf;

use junit_report::{Duration, OffsetDateTime, Report, TestCase, TestCaseBuilder, TestSuite};

use crate::foreign;
use crate::journal::{Run, Status, TrialEntry, TrialRecord};
use crate::snapshot::SnapshotOutcome;

mod document;
mod text;

use super::Renderer;
use super::aggregate::Row;
use super::words::{finish_word, snapshot_word, status_word};
use document::{Counts, Document, Enrichment, Suite};

/// The suite of case files that could not be run on any model.
const NO_MODEL: &str = "cases";

pub(super) fn begin<'r>(
    run: &'r Run,
    out: &'r mut dyn Write,
) -> io::Result<Box<dyn Renderer + 'r>> {
    let suites = run.trials.chunk_by(|a, b| a.model == b.model).enumerate().map(suite).collect();
    let document = Document::begin(suites, out).map_err(io::Error::other)?;
    Ok(Box::new(Junit { document, started: started(run), plain: Vec::new() }))
}

/// Most characters of what a list of failures shows of one; its text has more.
const LONGEST_HEADLINE: usize = 1_000;

struct Junit<'r> {
    document: Document<&'r mut dyn Write>,
    started: OffsetDateTime,
    /// What junit-report writes of a test case.
    plain: Vec<u8>,
}

impl Renderer for Junit<'_> {
    fn trial(&mut self, trial: &TrialRecord) -> io::Result<()> {
        let name = trial.model.as_deref().unwrap_or(NO_MODEL);
        let mut suite = TestSuite::new(&text::attribute(name));
        suite.set_timestamp(self.started);
        suite.add_testcase(test_case(trial));
        let mut report = Report::new();
        report.add_testsuite(suite);
        self.plain.clear();
        report.write_xml(&mut self.plain).map_err(io::Error::other)?;
        let enrichment = Enrichment { line: trial.line, properties: properties(trial) };
        self.document.add(&self.plain, &enrichment).map_err(io::Error::other)
    }

    fn end(&mut self, _: &[Row]) -> io::Result<()> {
        self.document.end().map_err(io::Error::other)
    }
}

/// What a suite comes to, from its trials in short.
fn suite((id, trials): (usize, &[TrialEntry])) -> Suite {
    let count = |kind| trials.iter().filter(|trial| kind_of(trial.status) == kind).count();
    let counts = Counts {
        tests: trials.len(),
        failures: count(Kind::Failure),
        errors: count(Kind::Error),
        skipped: count(Kind::Skipped),
    };
    let time: std::time::Duration = trials.iter().map(|trial| trial.time).sum();
    Suite { id, counts, seconds: time.as_secs_f64() }
}

/// The four ways in which a test of JUnit ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Success,
    Failure,
    Error,
    Skipped,
}

fn kind_of(status: Status) -> Kind {
    match status {
        Status::Passed | Status::Recorded => Kind::Success,
        Status::Failed | Status::UnexpectedPass => Kind::Failure,
        Status::Error => Kind::Error,
        Status::KnownFailure | Status::Ignored => Kind::Skipped,
    }
}

fn started(run: &Run) -> OffsetDateTime {
    let nanoseconds = i128::from(run.started_unix_milliseconds()) * 1_000_000;
    OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn test_case(trial: &TrialRecord) -> TestCase {
    let (folder, name) = trial.case.rsplit_once("::").unwrap_or(("", &trial.case));
    let name = text::attribute(name);
    let seconds = trial.answers().map(|answer| answer.timings.total().as_secs_f64()).sum();
    let time = Duration::seconds_f64(seconds);
    let message = foreign::without_attachments(trial.message.as_deref().unwrap_or_default());
    let headline = text::attribute(&foreign::cut(&headline(trial), LONGEST_HEADLINE));
    let status = status_word(trial.status);
    let mut case = match kind_of(trial.status) {
        Kind::Success => TestCaseBuilder::success(&name, time),
        Kind::Failure => TestCaseBuilder::failure(&name, time, status, &headline),
        Kind::Error => TestCaseBuilder::error(&name, time, status, &headline),
        Kind::Skipped => TestCaseBuilder::skipped_with_cause(&name, status, &headline),
    };
    // junit-report gives skipped cases no time, but a known failure took some.
    case.testcase.time = time;
    case.set_classname(&text::attribute(folder));
    case.set_filepath(&text::attribute(&trial.file.display().to_string()));
    if !message.is_empty() {
        case.set_trace(&text::character_data(&message));
    }
    if let Some(answer) = &trial.answer {
        case.set_system_out(&text::character_data(&system_out(&answer.text, &trial.attachments)));
    }
    case.build()
}

/// The answer, and behind it a line for each picture.
fn system_out(answer: &str, attachments: &[PathBuf]) -> String {
    let line = |path: &PathBuf| format!("\n[[ATTACHMENT|{}]]", path.display());
    let answer = foreign::without_attachments(answer);
    attachments.iter().map(line).fold(answer.into_owned(), |text, line| text + &line)
}

/// One line for lists of failures.
fn headline(trial: &TrialRecord) -> String {
    let reason = trial.verdict.as_ref().and_then(|verdict| verdict.reasons.first());
    let message = || trial.message.as_ref().and_then(|message| message.lines().next());
    match trial.status {
        Status::KnownFailure => trial.known_failure.clone().unwrap_or_default(),
        Status::UnexpectedPass => "passed although known to fail".to_owned(),
        Status::Failed if trial.verdict.as_ref().is_none_or(|verdict| verdict.passed) => {
            let [text, input] = [&trial.snapshot, &trial.input_snapshot].map(snapshot_word);
            match trial.input_snapshot.is_settled() {
                false => format!("the input's snapshot is {input}"),
                true => format!("the snapshot is {text}"),
            }
        }
        Status::Error if unusable_snapshot(trial).is_some() => {
            unusable_snapshot(trial).unwrap_or_default().to_owned()
        }
        _ => reason.map(String::as_str).or_else(message).unwrap_or_default().to_owned(),
    }
}

/// Why a snapshot of the trial could not be compared or accepted, if one could not.
fn unusable_snapshot(trial: &TrialRecord) -> Option<&str> {
    [&trial.snapshot, &trial.input_snapshot].into_iter().find_map(|outcome| match outcome {
        SnapshotOutcome::Unusable { reason } => Some(reason.as_str()),
        _ => None,
    })
}

fn properties(trial: &TrialRecord) -> Vec<(&'static str, String)> {
    let mut properties = Vec::new();
    let mut add = |name, value: Option<String>| properties.extend(value.map(|value| (name, value)));
    let (answer, verdict, place) = (&trial.answer, &trial.verdict, &trial.place);
    add("dimension", trial.dimension.map(|dimension| dimension.label().to_owned()));
    add("points", verdict.as_ref().map(|verdict| verdict.points.to_string()));
    add("iou", verdict.as_ref().and_then(|verdict| verdict.iou).map(|iou| iou.to_string()));
    add("reading", verdict.as_ref().map(|verdict| verdict.reading.label().to_owned()));
    if !trial.attempts.is_empty() {
        add("runs", Some(trial.attempts.len().to_string()));
        add("runs_right", Some(trial.runs_right().to_string()));
    }
    add("snapshot", Some(snapshot_word(&trial.snapshot).to_owned()));
    add("input_snapshot", Some(snapshot_word(&trial.input_snapshot).to_owned()));
    if let Some(answer) = answer {
        add("finish", Some(finish_word(answer.finish).to_owned()));
        add("prompt_tokens", Some(answer.input.prompt_tokens.to_string()));
        add("visual_tokens", Some(answer.input.visual_tokens.to_string()));
        add("new_tokens", Some(answer.token_ids.len().to_string()));
        add("seconds", Some(format!("{:.6}", answer.timings.total().as_secs_f64())));
        add("peak_memory_bytes", answer.peak_memory_bytes.map(|bytes| bytes.to_string()));
    }
    add("origin", answer.as_ref().map(|_| trial.origin.label().to_owned()));
    let speaker = trial.speaker.as_ref();
    add("family", speaker.map(|speaker| speaker.family.clone()));
    add("model_revision", speaker.and_then(|speaker| speaker.revision.clone()));
    add("device", place.as_ref().map(|place| place.device.clone()));
    add("dtype", place.as_ref().map(|place| place.precision.clone()));
    add("known_failure", trial.known_failure.clone());
    properties
}

#[cfg(test)]
mod schema;
#[cfg(test)]
mod tests;
