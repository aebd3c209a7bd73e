//! Gates of data sets: what a figure over all rows must reach.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

use crate::dataset::{AnsweredRow, Dataset, FigureError, FigureValue, Gate, Row};
use crate::extract::said;
use crate::journal::{Status, TrialRecord};
use crate::opinion::Opinion;

use super::plan::Waiting;

/// A data set on a model, with all its rows.
#[derive(Debug)]
pub(super) struct Gated {
    pub(super) rows: Arc<Vec<Row>>,
    /// Rows that no test of their own runs, for the first gate to run.
    pub(super) own: Vec<Arc<Waiting>>,
}

/// A gate on a model.
#[derive(Debug)]
pub(super) struct PlannedGate {
    /// `folder::dataset::gate_metric::model`.
    pub(super) name: String,
    /// The same without the model.
    pub(super) case: String,
    pub(super) model: String,
    pub(super) gate: Gate,
    pub(super) dataset: Arc<Dataset>,
    /// Place of the data set among [`super::plan::Plan::gated`]; none if the gate is only listed.
    pub(super) group: Option<usize>,
    /// Why it cannot judge, if only some of the rows are run.
    pub(super) partial: Option<String>,
}

/// How a row ended, as far as a gate needs to know.
#[derive(Debug, Clone)]
pub(super) struct RowOutcome {
    index: usize,
    status: Status,
    text: Option<String>,
    passed: bool,
    iou: Option<f64>,
    center_accuracy: Option<f64>,
    opinions: Vec<Opinion>,
    message: Option<String>,
}

impl RowOutcome {
    pub(super) fn of(index: usize, record: &TrialRecord) -> Self {
        let verdict = record.verdict.as_ref();
        Self {
            index,
            status: record.status,
            text: record.answer.as_ref().map(|answer| said(answer).into_owned()),
            passed: verdict.is_some_and(|verdict| verdict.passed),
            iou: verdict.and_then(|verdict| verdict.iou),
            center_accuracy: verdict.and_then(|verdict| verdict.center_accuracy),
            opinions: record.opinions.clone(),
            message: record.message.clone(),
        }
    }
}

/// Tells the gates of a row's data set how it ended.
pub(super) fn tell(gates: &[Sender<RowOutcome>], outcome: &RowOutcome) {
    for gate in gates {
        // A gate that is gone was not selected or has failed.
        let _ = gate.send(outcome.clone());
    }
}

/// What a gate comes to once all rows have ended: the channel closes when the last of them is done.
pub(super) fn judge(
    gate: &Gate,
    rows: &[Row],
    outcomes: &Receiver<RowOutcome>,
) -> (Status, String) {
    let mut ended: Vec<Option<RowOutcome>> = vec![None; rows.len()];
    for outcome in outcomes {
        let index = outcome.index;
        ended[index] = Some(outcome);
    }
    if let Some(skipped) = ended.iter().flatten().find(|one| one.status == Status::Ignored) {
        let reason = skipped.message.clone().unwrap_or_default();
        return (Status::Ignored, format!("row {} was not run: {reason}", rows[skipped.index].id));
    }
    let answered: Vec<AnsweredRow<'_>> =
        rows.iter().zip(&ended).filter_map(|(row, ended)| answered(row, ended.as_ref()?)).collect();
    if answered.len() < rows.len() {
        return (Status::Error, missing(rows, &ended, rows.len() - answered.len()));
    }
    conclude(gate, rows.len(), gate.figure(&answered))
}

fn answered<'r>(row: &'r Row, ended: &'r RowOutcome) -> Option<AnsweredRow<'r>> {
    let RowOutcome { text, passed, iou, center_accuracy, opinions, .. } = ended;
    Some(AnsweredRow {
        row,
        text: text.as_deref()?,
        passed: *passed,
        iou: *iou,
        center_accuracy: *center_accuracy,
        opinions,
    })
}

fn missing(rows: &[Row], ended: &[Option<RowOutcome>], count: usize) -> String {
    let lacks = |ended: &Option<RowOutcome>| ended.as_ref().is_none_or(|one| one.text.is_none());
    let first = ended.iter().position(lacks).unwrap_or(0);
    let reason = ended.get(first).and_then(|ended| ended.as_ref()?.message.clone());
    format!(
        "{count} of {} rows have no answer, so there is no figure; the first is {}: {}",
        rows.len(),
        rows[first].id,
        reason.unwrap_or_else(|| "it did not end".to_owned())
    )
}

fn conclude(
    gate: &Gate,
    rows: usize,
    figure: Result<FigureValue, FigureError>,
) -> (Status, String) {
    let FigureValue { value, standard_error } = match figure {
        Ok(figure) => figure,
        Err(error) => return (Status::Error, error.to_string()),
    };
    let error = standard_error.map_or_else(String::new, |error| format!(" ± {error:.4}"));
    let (metric, min) = (gate.metric(), gate.min());
    let found = format!("{metric} is {value:.4}{error} over {rows} rows");
    // A figure that is no number reaches nothing.
    if value >= min {
        (Status::Passed, format!("{found}, at least {min} as demanded"))
    } else {
        (Status::Failed, format!("{found}, below {min}"))
    }
}
