//! The table that ends a run on stderr.

use std::fmt;

use std::collections::HashMap;

use crate::answer::SelfCheck;
use crate::foreign;
use crate::journal::{Run, Status, TrialRecord};
use crate::score::comparison;

use super::aggregate::Row;

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

/// Most reasons of ignored trials that are told.
const MOST_REASONS: usize = 20;

/// Most characters of such a reason.
const LONGEST_REASON: usize = 500;

/// The table, while trials are shown.
#[derive(Debug, Default)]
pub(super) struct Table {
    currency: String,
    known_failures: usize,
    unexpected_passes: usize,
    errors: usize,
    recorded: usize,
    /// Trials that were tried more than once, and those of them that passed in the end.
    retried: Share,
    /// Comparisons of two answers, and those that turned with the answers' order.
    compared: Share,
    /// Answers that were asked for alone too, and those that were others then.
    self_checked: Share,
    /// How many trials were ignored, for each reason.
    ignored: Vec<(String, usize)>,
    /// The place of each reason among those.
    reasons: HashMap<String, usize>,
}

/// Some of many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Share {
    some: usize,
    all: usize,
}

impl Table {
    pub(super) fn of(run: &Run) -> Self {
        let currency = run.prices().map_or_else(String::new, |prices| prices.currency);
        Self { currency, ..Self::default() }
    }

    pub(super) fn add(&mut self, trial: &TrialRecord) {
        match trial.status {
            Status::KnownFailure => self.known_failures += 1,
            Status::UnexpectedPass => self.unexpected_passes += 1,
            Status::Error => self.errors += 1,
            Status::Recorded => self.recorded += 1,
            Status::Ignored => self.add_ignored(trial.message.as_deref()),
            Status::Passed | Status::Failed => {}
        }
        if trial.retry > 0 {
            self.retried.all += 1;
            self.retried.some += usize::from(trial.status.is_success());
        }
        for check in trial.answers().filter_map(|answer| answer.conditions.self_check.as_ref()) {
            self.self_checked.all += 1;
            self.self_checked.some += usize::from(*check != SelfCheck::Same);
        }
        let of_runs = trial.attempts.iter().map(|attempt| attempt.opinions.as_slice());
        for opinions in of_runs.chain([trial.opinions.as_slice()]) {
            let (pairs, same_position) = comparison::position_bias(opinions);
            self.compared.all += pairs;
            self.compared.some += same_position;
        }
    }

    fn add_ignored(&mut self, reason: Option<&str>) {
        let reason = foreign::cut(reason.unwrap_or("no reason given"), LONGEST_REASON);
        match self.reasons.get(&*reason) {
            Some(place) => self.ignored[*place].1 += 1,
            None => {
                self.reasons.insert(reason.to_string(), self.ignored.len());
                self.ignored.push((reason.into_owned(), 1));
            }
        }
    }

    /// A line per model and dimension, columns aligned, and notes below.
    pub(super) fn into_text(self, rows: &[Row]) -> String {
        let mut lines = vec![HEADINGS.map(str::to_owned)];
        lines.extend(rows.iter().map(cells));
        let mut text = align(&lines);
        for note in self.notes(rows) {
            text.push('\n');
            text.push_str(&note);
        }
        text
    }

    /// What the table does not show: costs, and trials that were not judged or did not count as
    /// usual.
    fn notes(&self, rows: &[Row]) -> Vec<String> {
        let totals = rows.iter().filter(|row| row.dimension.is_none());
        let cost = |row: &Row| {
            let cost = row.figures.cost?;
            let (model, currency) = (foreign::line(&row.model), foreign::line(&self.currency));
            Some(format!("{model}: {cost:.6} {currency} of computing"))
        };
        let counted = [
            (self.known_failures, "known to fail (xfail)"),
            (self.unexpected_passes, "passed although known to fail"),
            (self.errors, "without an answer (error)"),
            (self.recorded, "rows of data sets, which gates judge"),
        ];
        let counted = counted.into_iter().filter(|(count, _)| *count > 0);
        let counted = counted.map(|(count, words)| format!("{count} {words}"));
        let ignored = self.ignored.iter().take(MOST_REASONS);
        let ignored =
            ignored.map(|(reason, count)| format!("{count} ignored: {}", foreign::line(reason)));
        let ignored = ignored.chain(self.further_reasons());
        totals.filter_map(cost).chain(counted).chain(self.shares()).chain(ignored).collect()
    }

    fn further_reasons(&self) -> Option<String> {
        let further = self.ignored.get(MOST_REASONS..).filter(|further| !further.is_empty())?;
        let trials: usize = further.iter().map(|(_, count)| count).sum();
        Some(format!("{trials} ignored, for {} further reasons", further.len()))
    }

    fn shares(&self) -> impl Iterator<Item = String> {
        let told = |Share { all, .. }: Share, text: String| (all > 0).then_some(text);
        let Self { self_checked, retried, compared, .. } = self;
        [
            told(*self_checked, format!("{self_checked} answers differ when asked alone")),
            told(
                *retried,
                format!(
                    "{} tried again, of which {} passed (flaky, or mended)",
                    retried.all, retried.some
                ),
            ),
            told(
                *compared,
                format!("position bias: {compared} comparisons turned with the answers' order"),
            ),
        ]
        .into_iter()
        .flatten()
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.some, self.all)
    }
}

fn cells(row: &Row) -> [String; 10] {
    let figures = &row.figures;
    let dimension = row.dimension.map_or("all", |dimension| dimension.label());
    [
        foreign::line(&row.model).into_owned(),
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

#[cfg(test)]
mod tests {
    use super::super::aggregate::Aggregate;
    use super::super::sample::{Sample, trials};
    use super::*;
    use crate::opinion::{AnswerPosition, Opinion};

    fn table(sample: &Sample) -> String {
        let (mut aggregate, mut table) = (Aggregate::of(&sample.run), Table::of(&sample.run));
        for trial in &sample.trials {
            aggregate.add(trial);
            table.add(trial);
        }
        table.into_text(&aggregate.into_rows())
    }

    #[test]
    fn shows_the_sample_run() {
        insta::assert_snapshot!(table(&Sample::new()));
    }

    #[test]
    fn position_bias_is_told_where_answers_were_compared() {
        assert!(!table(&Sample::new()).contains("position bias"));
        let reply = |text, position| Opinion::replied("judge", text, position);
        let both = |first, second| {
            vec![reply(first, AnswerPosition::First), reply(second, AnswerPosition::Second)]
        };
        let mut trials = trials();
        trials[0].opinions = both("Better: A", "Better: A");
        trials[1].opinions = both("Better: A", "Better: B");
        let text = table(&Sample::of(trials));
        let told = "position bias: 1 of 2 comparisons turned with the answers' order";
        assert_eq!(text.lines().find(|line| line.starts_with("position")), Some(told));
    }
}
