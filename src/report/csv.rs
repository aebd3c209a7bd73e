//! `results.csv`: one line a trial, for spreadsheets and notebooks.
//!
//! Spreadsheets take a cell that begins with `=`, `+`, `-` or `@` for a formula and run it, also one
//! behind a tab or a carriage return, or in full width. Such a text has a `'` before it, and so has one
//! that begins with `'`, so that a reader who drops one `'` gets what was said. Hidden characters are
//! escaped as `\u{1b}` ([`foreign::reversible`]). Numbers are as they are.

use std::io::{self, Write};

use crate::answer::{Answer, ModelInput};
use crate::foreign;
use crate::journal::{Run, TrialRecord};

use super::Renderer;
use super::aggregate::Row;
use super::words::{finish_word, snapshot_word, status_word};

const COLUMNS: [&str; 34] = [
    "case",
    "model",
    "dimension",
    "status",
    "runs",
    "runs_right",
    "points",
    "iou",
    "reading",
    "question",
    "answer",
    "finish",
    "prompt_tokens",
    "visual_tokens",
    "new_tokens",
    "seconds",
    "image_decoding_seconds",
    "preprocessing_seconds",
    "vision_encoding_seconds",
    "prefill_seconds",
    "decoding_seconds",
    "peak_memory_bytes",
    "device",
    "dtype",
    "model_revision",
    "origin",
    "snapshot",
    "input_snapshot",
    "known_failure",
    "tags",
    "message",
    "file",
    "line",
    "retry",
];

pub(super) fn begin<'r>(_: &'r Run, out: &'r mut dyn Write) -> io::Result<Box<dyn Renderer + 'r>> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(COLUMNS)?;
    Ok(Box::new(Results(writer)))
}

struct Results<'r>(csv::Writer<&'r mut dyn Write>);

impl Renderer for Results<'_> {
    fn trial(&mut self, trial: &TrialRecord) -> io::Result<()> {
        Ok(self.0.write_record(row(trial))?)
    }

    fn end(&mut self, _: &[Row]) -> io::Result<()> {
        self.0.flush()
    }
}

fn row(trial: &TrialRecord) -> [String; 34] {
    let TrialRecord {
        case,
        model,
        file,
        line,
        dimension,
        tags,
        question,
        status,
        retry,
        message,
        known_failure,
        answer,
        origin,
        verdict,
        attempts,
        snapshot,
        input_snapshot,
        prepared: _,
        opinions: _,
        attachments: _,
        place,
        speaker,
        asked: _,
    } = trial;
    let answer = answer.as_ref();
    let verdict = verdict.as_ref();
    let of_input = |count: fn(&ModelInput) -> usize| {
        trial.input().map(|input| count(input).to_string()).unwrap_or_default()
    };
    let of_answer = |show: fn(&Answer) -> String| answer.map(show).unwrap_or_default();
    [
        cell(case),
        cell(model.as_deref().unwrap_or_default()),
        dimension.map(|dimension| dimension.label().to_owned()).unwrap_or_default(),
        status_word(*status).to_owned(),
        answer.map(|_| attempts.len().max(1).to_string()).unwrap_or_default(),
        verdict.map(|_| trial.runs_right().to_string()).unwrap_or_default(),
        verdict.map(|verdict| verdict.points.to_string()).unwrap_or_default(),
        verdict.and_then(|verdict| verdict.iou).map(|iou| iou.to_string()).unwrap_or_default(),
        verdict.map(|verdict| verdict.reading.label().to_owned()).unwrap_or_default(),
        cell(question),
        of_answer(|answer| cell(&answer.text)),
        of_answer(|answer| finish_word(answer.finish).to_owned()),
        of_input(|input| input.prompt_tokens),
        of_input(|input| input.visual_tokens),
        of_answer(|answer| answer.token_ids.len().to_string()),
        of_answer(|answer| seconds(answer.timings.total())),
        of_answer(|answer| seconds(answer.timings.image_decoding)),
        of_answer(|answer| seconds(answer.timings.preprocessing)),
        of_answer(|answer| seconds(answer.timings.vision_encoding)),
        of_answer(|answer| seconds(answer.timings.prefill)),
        of_answer(|answer| seconds(answer.timings.decoding)),
        of_answer(|answer| {
            answer.peak_memory_bytes.map(|bytes| bytes.to_string()).unwrap_or_default()
        }),
        place.as_ref().map(|place| cell(&place.device)).unwrap_or_default(),
        place.as_ref().map(|place| cell(&place.precision)).unwrap_or_default(),
        cell(speaker.as_ref().and_then(|one| one.revision.as_deref()).unwrap_or_default()),
        answer.map(|_| origin.label().to_owned()).unwrap_or_default(),
        snapshot_word(snapshot).to_owned(),
        snapshot_word(input_snapshot).to_owned(),
        cell(known_failure.as_deref().unwrap_or_default()),
        cell(&tags.join(" ")),
        cell(message.as_deref().unwrap_or_default()),
        cell(&file.display().to_string()),
        line.map(|line| line.to_string()).unwrap_or_default(),
        retry.to_string(),
    ]
}

/// What begins a formula in some spreadsheet, or reads as the mark against that.
const OF_FORMULAS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\'', '＝', '＋', '－', '＠'];

/// A text of others as a cell that no spreadsheet runs.
fn cell(text: &str) -> String {
    let mark = if text.starts_with(OF_FORMULAS) { "'" } else { "" };
    format!("{mark}{}", foreign::reversible(text))
}

/// Microseconds are as fine as the clock is worth.
fn seconds(duration: std::time::Duration) -> String {
    format!("{:.6}", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::super::sample::Sample;
    use super::*;

    #[test]
    fn shows_the_sample_run() {
        insta::assert_snapshot!(Sample::new().rendered(begin));
    }

    /// What the module's head says a reader does.
    fn text_of(cell: &str) -> String {
        foreign::restored(cell.strip_prefix('\'').unwrap_or(cell))
    }

    #[test]
    fn no_cell_is_a_formula_and_every_text_comes_back() {
        for text in
            ["=1+1", "+1", "-1", "@A1", "\t=1", "\r=1", "＝1", "'quoted'", "''", "七", "a=1"]
        {
            let cell = cell(text);
            let formulas: &[char] = &['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];
            assert!(!cell.starts_with(formulas), "{cell}");
            assert_eq!(text_of(&cell), text);
        }
        assert_eq!(cell("a\u{1b}[2J\u{202e}\n"), "a\\u{1b}[2J\\u{202e}\n");
    }

    #[test]
    fn hostile_texts_come_back_as_they_were() {
        let sample = Sample::new();
        let table = sample.rendered(begin);
        let mut reader = csv::Reader::from_reader(table.as_bytes());
        let answers: Vec<String> =
            reader.records().map(|record| text_of(&record.unwrap()[10])).collect();
        let texts = sample.trials.iter().map(|trial| trial.answer.as_ref().map(|a| a.text.clone()));
        assert_eq!(answers, texts.map(Option::unwrap_or_default).collect::<Vec<_>>());
    }
}
