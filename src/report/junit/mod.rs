//! `junit.xml`: one suite a model, for continuous integration.
//!
//! Built with junit-report, whose output lacks three things: characters that XML 1.0 forbids are
//! written as they are, and there are neither properties nor counts of skipped tests. The first
//! is cured before ([`text`]), the others after ([`enrich`]).

use std::io::Write;

use junit_report::{
    Duration, OffsetDateTime, ReportBuilder, TestCase, TestCaseBuilder, TestSuiteBuilder,
};

use crate::journal::{Run, Status, TrialRecord};
use crate::snapshot::SnapshotOutcome;

mod enrich;
mod text;

use super::words::{finish_word, snapshot_word, status_word};
use enrich::Enrichment;

/// The suite of case files that could not be run on any model.
const NO_MODEL: &str = "cases";

pub(super) fn render(run: &Run, out: &mut dyn Write) -> std::io::Result<()> {
    let started = started(run);
    let mut report = ReportBuilder::new();
    let mut enrichments = Vec::new();
    for trials in run.trials.chunk_by(|a, b| a.model == b.model) {
        let name = trials[0].model.as_deref().unwrap_or(NO_MODEL);
        let mut suite = TestSuiteBuilder::new(&text::attribute(name));
        suite.set_timestamp(started);
        for trial in trials {
            suite.add_testcase(test_case(trial));
            enrichments.push(Enrichment { properties: properties(trial) });
        }
        report.add_testsuite(suite.build());
    }
    let mut plain = Vec::new();
    report.build().write_xml(&mut plain).map_err(std::io::Error::other)?;
    enrich::enrich(&plain, &enrichments, out).map_err(std::io::Error::other)
}

fn started(run: &Run) -> OffsetDateTime {
    let nanoseconds = i128::from(run.header.started_unix_milliseconds) * 1_000_000;
    OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn test_case(trial: &TrialRecord) -> TestCase {
    let (folder, name) = trial.case.rsplit_once("::").unwrap_or(("", &trial.case));
    let name = text::attribute(name);
    let seconds = trial.answer.as_ref().map_or(0.0, |answer| answer.timings.total().as_secs_f64());
    let time = Duration::seconds_f64(seconds);
    let message = trial.message.as_deref().unwrap_or_default();
    let headline = text::attribute(&headline(trial));
    let mut case = match trial.status {
        Status::Passed | Status::Recorded => TestCaseBuilder::success(&name, time),
        Status::Failed | Status::UnexpectedPass => {
            TestCaseBuilder::failure(&name, time, status_word(trial.status), &headline)
        }
        Status::Error => TestCaseBuilder::error(&name, time, status_word(trial.status), &headline),
        Status::KnownFailure | Status::Ignored => {
            TestCaseBuilder::skipped_with_cause(&name, status_word(trial.status), &headline)
        }
    };
    // junit-report gives skipped cases no time, but a known failure took some.
    case.testcase.time = time;
    case.set_classname(&text::attribute(folder));
    case.set_filepath(&text::attribute(&trial.file.display().to_string()));
    if !message.is_empty() {
        case.set_trace(&text::character_data(message));
    }
    if let Some(answer) = &trial.answer {
        case.set_system_out(&text::character_data(&answer.text));
    }
    case.build()
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
            match trial.input_snapshot {
                SnapshotOutcome::New | SnapshotOutcome::Changed { .. } => {
                    format!("the input's snapshot is {input}")
                }
                _ => format!("the snapshot is {text}"),
            }
        }
        _ => reason.map(String::as_str).or_else(message).unwrap_or_default().to_owned(),
    }
}

fn properties(trial: &TrialRecord) -> Vec<(&'static str, String)> {
    let mut properties = Vec::new();
    let mut add = |name, value: Option<String>| properties.extend(value.map(|value| (name, value)));
    let (answer, verdict, place) = (&trial.answer, &trial.verdict, &trial.place);
    add("dimension", trial.dimension.map(|dimension| dimension.label().to_owned()));
    add("points", verdict.as_ref().map(|verdict| verdict.points.to_string()));
    add("iou", verdict.as_ref().and_then(|verdict| verdict.iou).map(|iou| iou.to_string()));
    add("reading", verdict.as_ref().map(|verdict| verdict.reading.label().to_owned()));
    add("snapshot", Some(snapshot_word(&trial.snapshot).to_owned()));
    add("input_snapshot", Some(snapshot_word(&trial.input_snapshot).to_owned()));
    if let Some(answer) = answer {
        add("finish", Some(finish_word(answer.finish).to_owned()));
        add("prompt_tokens", Some(answer.input.prompt_tokens.to_string()));
        add("visual_tokens", Some(answer.input.visual_tokens.to_string()));
        add("new_tokens", Some(answer.token_ids.len().to_string()));
        add("peak_memory_bytes", answer.peak_memory_bytes.map(|bytes| bytes.to_string()));
    }
    add("device", place.as_ref().map(|place| place.device.clone()));
    add("dtype", place.as_ref().map(|place| place.precision.clone()));
    add("known_failure", trial.known_failure.clone());
    properties
}

#[cfg(test)]
mod tests;
