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

/// Adds up the trials of a run, shown one by one and sorted by model.
#[derive(Debug)]
pub struct Aggregate {
    prices: Option<Prices>,
    models: Vec<ModelSums>,
}

/// What the trials of a model come to so far.
#[derive(Debug)]
struct ModelSums {
    model: String,
    /// In the order of [`Dimension::ALL`]; none without a trial.
    dimensions: [Option<Sums>; Dimension::ALL.len()],
    total: Sums,
}

impl Aggregate {
    /// To add up trials with the prices of this run.
    pub fn of(run: &Run) -> Self {
        Self { prices: run.prices(), models: Vec::new() }
    }

    /// Adds a trial; a file that is no case counts for no model.
    pub fn add(&mut self, trial: &TrialRecord) {
        let Some(model) = &trial.model else { return };
        if self.models.last().is_none_or(|last| last.model != *model) {
            let (model, dimensions) = (model.clone(), Default::default());
            self.models.push(ModelSums { model, dimensions, total: Sums::default() });
        }
        let Some(ModelSums { dimensions, total, .. }) = self.models.last_mut() else { return };
        let prices = self.prices.as_ref();
        total.add(trial, prices);
        for (dimension, sums) in Dimension::ALL.into_iter().zip(dimensions) {
            if trial.dimension == Some(dimension) {
                sums.get_or_insert_default().add(trial, prices);
            }
        }
    }

    /// For each model the rows of its dimensions, then its total.
    pub fn into_rows(self) -> Vec<Row> {
        let is_priced = self.prices.is_some();
        let rows = self.models.into_iter().flat_map(|ModelSums { model, dimensions, total }| {
            let dimensions = Dimension::ALL.into_iter().map(Some).zip(dimensions);
            dimensions.chain([(None, Some(total))]).filter_map(move |(dimension, sums)| {
                let figures = sums?.figures(is_priced);
                Some(Row { model: model.clone(), dimension, figures })
            })
        });
        rows.collect()
    }
}

/// What a group of trials comes to so far.
#[derive(Debug, Default)]
struct Sums {
    counts: Counts,
    points: Mean,
    right: Mean,
    iou: Mean,
    seconds: Vec<f64>,
    peak_memory_bytes: Option<u64>,
    tokens: usize,
    decoding: Duration,
    cost: Cost,
}

/// A sum on its way to a mean.
#[derive(Debug, Default)]
struct Mean {
    sum: f64,
    count: u32,
}

/// The price of all answers so far.
#[derive(Debug)]
enum Cost {
    Known(Option<f64>),
    /// One was computed on a device without a price.
    Unknown,
}

impl Default for Cost {
    fn default() -> Self {
        Self::Known(None)
    }
}

impl Sums {
    fn add(&mut self, trial: &TrialRecord, prices: Option<&Prices>) {
        self.counts.add(trial.status);
        if let Some(verdict) = &trial.verdict {
            self.points.add(verdict.points);
            self.right.add(if verdict.passed { 1.0 } else { 0.0 });
            verdict.iou.into_iter().for_each(|iou| self.iou.add(iou));
        }
        for answer in trial.answers() {
            self.seconds.push(answer.timings.total().as_secs_f64());
            self.peak_memory_bytes = self.peak_memory_bytes.max(answer.peak_memory_bytes);
            // Prefill makes the first token.
            self.tokens += answer.token_ids.len().saturating_sub(1);
            self.decoding += answer.timings.decoding;
            if let Some(prices) = prices {
                self.cost.add(price(trial, answer, prices));
            }
        }
    }

    fn figures(mut self, is_priced: bool) -> Figures {
        self.seconds.sort_by(f64::total_cmp);
        let speed = || self.tokens as f64 / self.decoding.as_secs_f64();
        Figures {
            counts: self.counts,
            marks: self.points.value(),
            accuracy: self.right.value(),
            mean_iou: self.iou.value(),
            seconds_median: median(&self.seconds),
            seconds_p95: nearest_rank(&self.seconds, 0.95),
            peak_memory_bytes: self.peak_memory_bytes,
            tokens_per_second: (self.tokens > 0 && !self.decoding.is_zero()).then(speed),
            cost: match self.cost {
                Cost::Known(cost) if is_priced => cost,
                _ => None,
            },
        }
    }
}

impl Counts {
    fn add(&mut self, status: Status) {
        self.trials += 1;
        *match status {
            Status::Passed => &mut self.passed,
            Status::Failed => &mut self.failed,
            Status::KnownFailure => &mut self.known_failures,
            Status::UnexpectedPass => &mut self.unexpected_passes,
            Status::Error => &mut self.errors,
            Status::Recorded => &mut self.recorded,
            Status::Ignored => &mut self.ignored,
        } += 1;
    }
}

impl Mean {
    fn add(&mut self, value: f64) {
        self.sum += value;
        self.count += 1;
    }

    fn value(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / f64::from(self.count))
    }
}

impl Cost {
    fn add(&mut self, price: Option<f64>) {
        *self = match (&*self, price) {
            (Self::Known(total), Some(price)) => Self::Known(Some(total.unwrap_or(0.0) + price)),
            _ => Self::Unknown,
        };
    }
}

/// None where the device has no price.
fn price(trial: &TrialRecord, answer: &Answer, prices: &Prices) -> Option<f64> {
    let device = &trial.place.as_ref()?.device;
    let (_, per_hour) = prices.per_hour.iter().find(|(name, _)| name == device)?;
    Some(answer.conditions.own_time.as_secs_f64() / 3600.0 * per_hour)
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
        let trials = super::super::sample::trials();
        let cost = |device: &str| {
            let per_hour = vec![(device.to_owned(), 3600.0)];
            let prices = Some(Prices { currency: "USD".into(), per_hour });
            let mut aggregate = Aggregate { prices, models: Vec::new() };
            trials.iter().for_each(|trial| aggregate.add(trial));
            aggregate.into_rows().pop().unwrap().figures.cost
        };
        assert_eq!(cost("cuda:0"), None);
        // Each of the sample's answers takes 1.5 s, at one dollar a second.
        let answers = trials.iter().filter(|trial| trial.answer.is_some()).count();
        let cost = cost("cpu").unwrap();
        assert!((cost - 1.5 * answers as f64).abs() < 1e-9, "{cost}");
    }
}
