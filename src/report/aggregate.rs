//! Figures per model and dimension, from the records of a run.

use std::time::Duration;

use serde::Serialize;

use crate::answer::Answer;
use crate::case::Dimension;
use crate::journal::{Run, Status, TrialRecord};
use crate::registry::Prices;

/// How many trials ended in which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// All of them.
    pub trials: usize,
    /// Right.
    pub passed: usize,
    /// Wrong.
    pub failed: usize,
    /// Wrong, as expected.
    pub known_failures: usize,
    /// Right, against expectation.
    pub unexpected_passes: usize,
    /// Without an answer.
    pub errors: usize,
    /// Rows of data sets that gates judge.
    pub recorded: usize,
    /// Not run.
    pub ignored: usize,
}

/// The figures of one group of trials. Means are over the trials that have the figure; trials
/// known to fail count like any other.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// How the trials ended.
    pub counts: Counts,
    /// Mean marks out of 5 of the judged answers.
    pub marks: Option<f64>,
    /// Share of the judged answers that are right, 0 to 1.
    pub accuracy: Option<f64>,
    /// Mean intersection over union of the answers that had to hold boxes.
    pub mean_iou: Option<f64>,
    /// Median wall time of an answer, in seconds.
    pub seconds_median: Option<f64>,
    /// 95th percentile of the wall time (nearest rank), in seconds.
    pub seconds_p95: Option<f64>,
    /// Highest resident memory of the process during an answer, in bytes.
    pub peak_memory_bytes: Option<u64>,
    /// Tokens per second of decoding as one answer sees it (a batch makes several at once); the
    /// first token of each is left out, since prefill makes it.
    pub tokens_per_second: Option<f64>,
    /// Price of the time spent on answers, where the registry prices the device; time that several
    /// shared is counted once.
    pub cost: Option<f64>,
}

/// A row: a model, and one of its dimensions or all of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The model.
    pub model: String,
    /// The dimension; none is the total.
    pub dimension: Option<Dimension>,
    /// Its figures.
    pub figures: Figures,
}

/// The rows of a run: for each model its dimensions, then its total.
pub fn rows(run: &Run) -> Vec<Row> {
    let mut models: Vec<&String> =
        run.trials.iter().filter_map(|trial| trial.model.as_ref()).collect();
    models.dedup();
    models.into_iter().flat_map(|model| model_rows(run, model)).collect()
}

fn model_rows(run: &Run, model: &str) -> Vec<Row> {
    let trials: Vec<&TrialRecord> =
        run.trials.iter().filter(|trial| trial.model.as_deref() == Some(model)).collect();
    let prices = run.prices();
    let row = |dimension, trials: &[&TrialRecord]| Row {
        model: model.to_owned(),
        dimension,
        figures: figures(trials, prices.as_ref()),
    };
    let by_dimension = Dimension::ALL.into_iter().filter_map(|dimension| {
        let members = trials.iter().filter(|trial| trial.dimension == Some(dimension));
        let members: Vec<&TrialRecord> = members.copied().collect();
        (!members.is_empty()).then(|| row(Some(dimension), &members))
    });
    by_dimension.chain([row(None, &trials)]).collect()
}

/// Figures of a group of trials.
pub fn figures(trials: &[&TrialRecord], prices: Option<&Prices>) -> Figures {
    let verdicts = || trials.iter().filter_map(|trial| trial.verdict.as_ref());
    let answers = || trials.iter().flat_map(|trial| trial.answers());
    let mut seconds: Vec<f64> =
        answers().map(|answer| answer.timings.total().as_secs_f64()).collect();
    seconds.sort_by(f64::total_cmp);
    Figures {
        counts: counts(trials),
        marks: mean(verdicts().map(|verdict| verdict.points)),
        accuracy: mean(verdicts().map(|verdict| if verdict.passed { 1.0 } else { 0.0 })),
        mean_iou: mean(verdicts().filter_map(|verdict| verdict.iou)),
        seconds_median: median(&seconds),
        seconds_p95: nearest_rank(&seconds, 0.95),
        peak_memory_bytes: answers().filter_map(|answer| answer.peak_memory_bytes).max(),
        tokens_per_second: tokens_per_second(answers()),
        cost: prices.and_then(|prices| cost(trials, prices)),
    }
}

fn counts(trials: &[&TrialRecord]) -> Counts {
    let mut counts = Counts { trials: trials.len(), ..Counts::default() };
    for trial in trials {
        let count = match trial.status {
            Status::Passed => &mut counts.passed,
            Status::Failed => &mut counts.failed,
            Status::KnownFailure => &mut counts.known_failures,
            Status::UnexpectedPass => &mut counts.unexpected_passes,
            Status::Error => &mut counts.errors,
            Status::Recorded => &mut counts.recorded,
            Status::Ignored => &mut counts.ignored,
        };
        *count += 1;
    }
    counts
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

/// The middle of sorted values; of an even number, the mean of the two in the middle.
fn median(sorted: &[f64]) -> Option<f64> {
    let upper = sorted.get(sorted.len() / 2)?;
    let lower = sorted.get((sorted.len() - 1) / 2)?;
    Some((lower + upper) / 2.0)
}

/// The smallest of sorted values that at least `share` of them do not exceed.
fn nearest_rank(sorted: &[f64], share: f64) -> Option<f64> {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

fn tokens_per_second<'a>(answers: impl Iterator<Item = &'a Answer>) -> Option<f64> {
    let (mut tokens, mut time) = (0_usize, Duration::ZERO);
    for answer in answers {
        tokens += answer.token_ids.len().saturating_sub(1);
        time += answer.timings.decoding;
    }
    (tokens > 0 && !time.is_zero()).then(|| tokens as f64 / time.as_secs_f64())
}

/// None if an answer was computed on a device without a price.
fn cost(trials: &[&TrialRecord], prices: &Prices) -> Option<f64> {
    let mut total = None;
    for trial in trials {
        for answer in trial.answers() {
            let device = &trial.place.as_ref()?.device;
            let (_, per_hour) = prices.per_hour.iter().find(|(name, _)| name == device)?;
            let hours = answer.conditions.own_time.as_secs_f64() / 3600.0;
            total = Some(total.unwrap_or(0.0) + hours * per_hour);
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_by_hand() {
        let values: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!(median(&values), Some(10.5));
        assert_eq!(median(&values[..3]), Some(2.0));
        assert_eq!(nearest_rank(&values, 0.95), Some(19.0));
        assert_eq!(nearest_rank(&values[..1], 0.95), Some(1.0));
        assert_eq!((median(&[]), nearest_rank(&[], 0.95)), (None, None));
    }

    #[test]
    fn an_unpriced_device_has_no_cost() {
        let run = super::super::sample::run();
        let trials: Vec<&TrialRecord> = run.trials.iter().collect();
        let price = |device: &str| Prices {
            currency: "USD".into(),
            per_hour: vec![(device.to_owned(), 3600.0)],
        };
        assert_eq!(figures(&trials, Some(&price("cuda:0"))).cost, None);
        // Each of the sample's answers takes 1.5 s, at one dollar a second.
        let answers = trials.iter().filter(|trial| trial.answer.is_some()).count();
        let cost = figures(&trials, Some(&price("cpu"))).cost.unwrap();
        assert!((cost - 1.5 * answers as f64).abs() < 1e-9, "{cost}");
    }
}
