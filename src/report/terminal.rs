//! The table that ends a run on stderr.

use crate::answer::SelfCheck;
use crate::journal::{Run, Status};
use crate::score::comparison;

use super::aggregate::{self, Row};

const HEADINGS: [&str; 10] = [
    "model",
    "dimension",
    "cases",
    "marks/5",
    "accuracy",
    "mean IoU",
    "median s",
    "p95 s",
    "peak MiB",
    "tokens/s",
];

/// A line per model and dimension, columns aligned.
pub(super) fn table(run: &Run) -> String {
    let rows = aggregate::rows(run);
    let mut lines = vec![HEADINGS.map(str::to_owned)];
    lines.extend(rows.iter().map(cells));
    let mut text = align(&lines);
    for note in notes(run, &rows) {
        text.push('\n');
        text.push_str(&note);
    }
    text
}

fn cells(row: &Row) -> [String; 10] {
    let figures = &row.figures;
    let dimension = row.dimension.map_or("all", |dimension| dimension.label());
    [
        row.model.clone(),
        dimension.to_owned(),
        figures.counts.trials.to_string(),
        decimal(figures.marks, 2),
        decimal(figures.accuracy, 3),
        decimal(figures.mean_iou, 3),
        decimal(figures.seconds_median, 3),
        decimal(figures.seconds_p95, 3),
        decimal(figures.peak_memory_bytes.map(|bytes| bytes as f64 / f64::from(1 << 20)), 0),
        decimal(figures.tokens_per_second, 0),
    ]
}

fn decimal(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

/// Names to the left, numbers to the right.
fn align(lines: &[[String; 10]]) -> String {
    let mut widths = [0; 10];
    for line in lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let pad = |(column, cell): (usize, &String)| {
        let fill = " ".repeat(widths[column] - cell.chars().count());
        if column < 2 { format!("{cell}{fill}") } else { format!("{fill}{cell}") }
    };
    let line =
        |cells: &[String; 10]| cells.iter().enumerate().map(pad).collect::<Vec<_>>().join("  ");
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What the table does not show: costs, and trials that were not judged or did not count as usual.
fn notes(run: &Run, rows: &[Row]) -> Vec<String> {
    let currency = run.prices().map_or_else(String::new, |prices| prices.currency);
    let totals = rows.iter().filter(|row| row.dimension.is_none());
    let cost = |row: &Row| {
        let cost = row.figures.cost?;
        Some(format!("{}: {cost:.6} {currency} of computing", row.model))
    };
    let count = |status| run.trials.iter().filter(|trial| trial.status == status).count();
    let counted = [
        (Status::KnownFailure, "known to fail (xfail)"),
        (Status::UnexpectedPass, "passed although known to fail"),
        (Status::Error, "without an answer (error)"),
        (Status::Recorded, "rows of data sets, which gates judge"),
    ];
    let counted = counted.into_iter().filter_map(|(status, words)| match count(status) {
        0 => None,
        count => Some(format!("{count} {words}")),
    });
    let told = self_check(run).into_iter().chain(retried(run)).chain(position_bias(run));
    totals.filter_map(cost).chain(counted).chain(told).chain(ignored(run)).collect()
}

/// How many trials were tried more than once, and how many of them passed in the end.
fn retried(run: &Run) -> Option<String> {
    let retried: Vec<_> = run.trials.iter().filter(|trial| trial.retry > 0).collect();
    let passed = retried.iter().filter(|trial| trial.status.is_success()).count();
    let tried = retried.len();
    (tried > 0).then(|| format!("{tried} tried again, of which {passed} passed (flaky, or mended)"))
}

/// How often a judge preferred a position rather than an answer.
fn position_bias(run: &Run) -> Option<String> {
    let (mut compared, mut biased) = (0, 0);
    for trial in &run.trials {
        let of_runs = trial.attempts.iter().map(|attempt| attempt.opinions.as_slice());
        for opinions in of_runs.chain([trial.opinions.as_slice()]) {
            let (pairs, same_position) = comparison::position_bias(opinions);
            compared += pairs;
            biased += same_position;
        }
    }
    (compared > 0).then(|| {
        format!("position bias: {biased} of {compared} comparisons turned with the answers' order")
    })
}

/// How many answers are others alone, if that was checked.
fn self_check(run: &Run) -> Option<String> {
    let answers = run.trials.iter().flat_map(|trial| trial.answers());
    let checks = answers.filter_map(|answer| answer.conditions.self_check.as_ref());
    let (mut checked, mut differing) = (0, 0);
    for check in checks {
        checked += 1;
        differing += usize::from(*check != SelfCheck::Same);
    }
    (checked > 0).then(|| format!("{differing} of {checked} answers differ when asked alone"))
}

/// How many trials were ignored, for each reason.
fn ignored(run: &Run) -> Vec<String> {
    let ignored = run.trials.iter().filter(|trial| trial.status == Status::Ignored);
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for reason in ignored.map(|trial| trial.message.as_deref().unwrap_or("no reason given")) {
        match counts.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, count)) => *count += 1,
            None => counts.push((reason, 1)),
        }
    }
    counts.into_iter().map(|(reason, count)| format!("{count} ignored: {reason}")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::answer::FinishReason;
    use crate::opinion::{AnswerPosition, Opinion, Said};

    #[test]
    fn shows_the_sample_run() {
        insta::assert_snapshot!(table(&sample::run()));
    }

    #[test]
    fn position_bias_is_told_where_answers_were_compared() {
        let mut run = sample::run();
        assert_eq!(position_bias(&run), None);
        let reply = |text: &str, position| Opinion {
            adviser: "judge".into(),
            sha256: String::new(),
            said: Said::Reply {
                text: text.into(),
                finish: FinishReason::Stop,
                position: Some(position),
                unread: None,
            },
        };
        let both = |first, second| {
            vec![reply(first, AnswerPosition::First), reply(second, AnswerPosition::Second)]
        };
        run.trials[0].opinions = both("Better: A", "Better: A");
        run.trials[1].opinions = both("Better: A", "Better: B");
        assert_eq!(
            position_bias(&run).as_deref(),
            Some("position bias: 1 of 2 comparisons turned with the answers' order")
        );
    }
}
