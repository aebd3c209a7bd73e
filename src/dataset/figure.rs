/*!
Figures over all rows of a data set, which gates demand something of.

Each is the official one of its benchmark ([`crate::score`]). Must not know files or models.
*/

use super::Row;
use super::python_number::canonical;
use crate::case::{Expectation, Metric, MetricExpectation, TruthKind};
use crate::extract::after_thought;
use crate::opinion::{Opinion, Said};
use crate::score::caption::ptb::{Context, LineBreaks, TokenizeError, tokenize};
use crate::score::caption::{CaptionCorpus, TokenizedItem, bleu, cider, rouge_l};
use crate::score::grounding::THRESHOLDS;
use crate::score::multiple_choice::{CircularItem, circular_scores, task_accuracies};
use crate::score::numpy::mean_left_to_right;
use crate::score::reference::{metric_score, read_yes_no};
use crate::score::yes_no::{
    MME_COGNITION, MME_PERCEPTION, MmeItem, PopeRules, PopeScores, YesNo, mme_categories, mme_total,
};
use crate::stats::{ClusterVariance, clustered_standard_error};

/// A figure over all rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Figure {
    /// Mean of the metric over the rows.
    Mean,
    /// Share of the rows that pass.
    Accuracy,
    Precision,
    Recall,
    F1,
    YesRatio,
    MmePerception,
    MmeCognition,
    MmeTotal,
    /// Share of questions with all rotations right.
    Circular,
    /// Share of unrotated questions that are right.
    Vanilla,
    /// Mean over groups of the share of right rows.
    OverGroups,
    MeanIou,
    /// Share of rows with at least this of [`THRESHOLDS`].
    AccuracyAt(usize),
    /// Share of rows whose box has its centre in the true one.
    CenterAccuracy,
    /// BLEU of this order, from 1.
    Bleu(usize),
    RougeL,
    CiderD,
    Cider,
    /// Mean of a score by a network.
    Scored(RowScore),
}

/// What a network makes of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowScore {
    ClipScore,
    RefClipScore,
    Similarity,
}

impl RowScore {
    fn name(self) -> &'static str {
        match self {
            Self::ClipScore => "clip_score",
            Self::RefClipScore => "ref_clip_score",
            Self::Similarity => "sentence_similarity",
        }
    }

    /// As the name of a figure.
    pub(super) fn figure(self) -> (&'static str, Figure) {
        (self.name(), Figure::Scored(self))
    }

    fn of(self, row: &AnsweredRow<'_>) -> Result<f64, FigureError> {
        let found = row.opinions.iter().find_map(|opinion| match (self, &opinion.said) {
            (Self::ClipScore, Said::ClipScores { clip_score, .. }) => Some(*clip_score),
            (Self::RefClipScore, Said::ClipScores { ref_clip_score, .. }) => *ref_clip_score,
            (Self::Similarity, Said::Similarity(cosine)) => Some(*cosine),
            _ => None,
        });
        let silent = |opinion: &Opinion| match &opinion.said {
            Said::Nothing(reason) => Some(reason.clone()),
            _ => None,
        };
        found.ok_or_else(|| FigureError::NoScore {
            id: row.row.id.clone(),
            score: self.name(),
            reason: row.opinions.iter().find_map(silent).unwrap_or_default(),
        })
    }
}

/// How rows are scored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scoring {
    Metric(Metric),
    Boxes { min_iou: f64 },
    Captions,
}

impl Scoring {
    /// The names of all figures that there are.
    pub(super) fn figures(self) -> Vec<(&'static str, Figure)> {
        match self {
            Self::Captions => vec![
                ("bleu_1", Figure::Bleu(1)),
                ("bleu_2", Figure::Bleu(2)),
                ("bleu_3", Figure::Bleu(3)),
                ("bleu_4", Figure::Bleu(4)),
                ("rouge_l", Figure::RougeL),
                ("cider_d", Figure::CiderD),
                ("cider", Figure::Cider),
            ],
            Self::Boxes { .. } => vec![
                ("mean_iou", Figure::MeanIou),
                ("acc_at_0_1", Figure::AccuracyAt(0)),
                ("acc_at_0_3", Figure::AccuracyAt(1)),
                ("acc_at_0_5", Figure::AccuracyAt(2)),
                ("acc_at_0_7", Figure::AccuracyAt(3)),
                ("acc_at_0_9", Figure::AccuracyAt(4)),
                ("center_acc", Figure::CenterAccuracy),
                ("accuracy", Figure::Accuracy),
            ],
            Self::Metric(metric) => {
                let mut figures = vec![(metric.name(), Figure::Mean)];
                figures.push(("accuracy", Figure::Accuracy));
                figures.push(("accuracy_over_groups", Figure::OverGroups));
                figures.extend(more_figures(metric));
                figures
            }
        }
    }
}

fn more_figures(metric: Metric) -> Vec<(&'static str, Figure)> {
    match metric {
        Metric::Pope | Metric::PopeLmmsEval => vec![
            ("precision", Figure::Precision),
            ("recall", Figure::Recall),
            ("f1", Figure::F1),
            ("yes_ratio", Figure::YesRatio),
        ],
        Metric::Mme => vec![
            ("mme_perception", Figure::MmePerception),
            ("mme_cognition", Figure::MmeCognition),
            ("mme_total", Figure::MmeTotal),
        ],
        _ if metric.truth() == TruthKind::Choice => {
            vec![("circular", Figure::Circular), ("vanilla", Figure::Vanilla)]
        }
        _ => Vec::new(),
    }
}

/// A row with its answer.
#[derive(Debug, Clone, Copy)]
pub struct AnsweredRow<'r> {
    /// The row.
    pub row: &'r Row,
    /// What the model said, its thoughts included.
    pub text: &'r str,
    /// Whether the row's expectation holds.
    pub passed: bool,
    /// The IoU, where boxes were expected.
    pub iou: Option<f64>,
    /// Whether the centre of the answer's box lies in the true one, 1 or 0, where boxes were expected.
    pub center_accuracy: Option<f64>,
    /// What networks that score say of the answer.
    pub opinions: &'r [Opinion],
}

/// Why there is no figure.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FigureError {
    /// Some rows have nothing to compare with.
    #[error("row {0} has no answers to compare with, as in test splits; drop the gate")]
    NoTruth(String),
    /// A network gave no score.
    #[error("row {id} has no {score}: {reason}")]
    NoScore {
        /// The row.
        id: String,
        /// The figure.
        score: &'static str,
        /// Why.
        reason: String,
    },
    /// Captions cannot be tokenized as the reference does.
    #[error("row {id}: {source}")]
    Tokenize {
        /// The row.
        id: String,
        /// Why.
        source: TokenizeError,
    },
}

/// A figure, and how sure it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FigureValue {
    /// The figure.
    pub value: f64,
    /// Of means: the standard error, rows about one picture counted as a cluster.
    pub standard_error: Option<f64>,
}

impl FigureValue {
    fn alone(value: f64) -> Self {
        Self { value, standard_error: None }
    }

    /// The mean as the references take it, from left to right.
    fn mean(values: &[f64], rows: &[AnsweredRow<'_>]) -> Self {
        let clusters: Vec<&str> = rows.iter().map(|one| one.row.cluster.as_str()).collect();
        let variance = ClusterVariance::LmmsEval;
        let standard_error = clustered_standard_error(values, &clusters, variance);
        Self { value: mean_left_to_right(values), standard_error }
    }
}

impl Figure {
    pub(super) fn of(self, rows: &[AnsweredRow<'_>]) -> Result<FigureValue, FigureError> {
        Ok(match self {
            Self::Mean => FigureValue::mean(&scores(rows)?, rows),
            Self::Scored(score) => {
                let scores: Result<Vec<f64>, _> = rows.iter().map(|row| score.of(row)).collect();
                FigureValue::mean(&scores?, rows)
            }
            Self::Accuracy => {
                let share = |one: &AnsweredRow<'_>| if one.passed { 1.0 } else { 0.0 };
                FigureValue::mean(&rows.iter().map(share).collect::<Vec<_>>(), rows)
            }
            Self::Precision => FigureValue::alone(pope(rows)?.precision),
            Self::Recall => FigureValue::alone(pope(rows)?.recall),
            Self::F1 => FigureValue::alone(pope(rows)?.f1),
            Self::YesRatio => FigureValue::alone(pope(rows)?.yes_ratio),
            Self::MmePerception => FigureValue::alone(mme(rows, &[&MME_PERCEPTION])?),
            Self::MmeCognition => FigureValue::alone(mme(rows, &[&MME_COGNITION])?),
            Self::MmeTotal => FigureValue::alone(mme(rows, &[&MME_PERCEPTION, &MME_COGNITION])?),
            Self::Circular => FigureValue::alone(circular_scores(&circular(rows)?).circular),
            Self::Vanilla => FigureValue::alone(circular_scores(&circular(rows)?).vanilla),
            Self::OverGroups => FigureValue::alone(over_groups(rows)?),
            Self::CenterAccuracy => {
                let hits = rows.iter().map(|one| one.center_accuracy.unwrap_or(0.0));
                FigureValue::mean(&hits.collect::<Vec<f64>>(), rows)
            }
            Self::MeanIou => FigureValue::mean(&ious(rows), rows),
            Self::AccuracyAt(index) => {
                let reaches = |iou: &f64| if *iou >= THRESHOLDS[index] { 1.0 } else { 0.0 };
                FigureValue::mean(&ious(rows).iter().map(reaches).collect::<Vec<_>>(), rows)
            }
            Self::Bleu(order) => FigureValue::alone(bleu(&corpus(rows)?).corpus[order - 1]),
            Self::RougeL => FigureValue::alone(rouge_l(&corpus(rows)?).mean),
            Self::CiderD => FigureValue::alone(cider(&corpus(rows)?).clipped.mean),
            Self::Cider => FigureValue::alone(cider(&corpus(rows)?).plain.mean),
        })
    }
}

fn expected<'r>(one: &AnsweredRow<'r>) -> Result<&'r MetricExpectation, FigureError> {
    match &one.row.case.expectation {
        Some(Expectation::Metric(expected)) => Ok(expected),
        _ => Err(FigureError::NoTruth(one.row.id.clone())),
    }
}

fn scores(rows: &[AnsweredRow<'_>]) -> Result<Vec<f64>, FigureError> {
    rows.iter().map(|one| Ok(metric_score(expected(one)?, one.text).value)).collect()
}

fn ious(rows: &[AnsweredRow<'_>]) -> Vec<f64> {
    rows.iter().map(|one| one.iou.unwrap_or(0.0)).collect()
}

fn pope(rows: &[AnsweredRow<'_>]) -> Result<PopeScores, FigureError> {
    let pair = |one: &AnsweredRow<'_>| {
        let expected = expected(one)?;
        let label = expected.answers.first().and_then(|answer| YesNo::from_label(&answer.text));
        let label = label.ok_or_else(|| FigureError::NoTruth(one.row.id.clone()))?;
        Ok((label, read_yes_no(expected.metric, one.text)))
    };
    let pairs = rows.iter().map(pair).collect::<Result<Vec<_>, _>>()?;
    let metric = rows.first().map(expected).transpose()?.map(|expected| expected.metric);
    let rules = match metric {
        Some(Metric::PopeLmmsEval) => PopeRules::LmmsEval,
        _ => PopeRules::Official,
    };
    Ok(rules.scores(&pairs))
}

fn mme(rows: &[AnsweredRow<'_>], totals: &[&[&str]]) -> Result<f64, FigureError> {
    let scores = scores(rows)?;
    let mut items = Vec::with_capacity(rows.len());
    for (one, score) in rows.iter().zip(scores) {
        let Row { group, cluster, .. } = one.row;
        items.push(MmeItem { category: group, question_id: cluster, is_correct: score > 0.0 });
    }
    let categories = mme_categories(&items);
    Ok(totals.iter().map(|of| mme_total(&categories, of)).sum())
}

fn circular(rows: &[AnsweredRow<'_>]) -> Result<Vec<CircularItem>, FigureError> {
    let number = |one: &AnsweredRow<'_>| u64::try_from(canonical(&one.row.id)?).ok();
    // A data set without numbers has no rotations: each row is a question of its own.
    let are_numbers = rows.iter().all(|one| number(one).is_some());
    let item = |(place, (one, score)): (usize, (&AnsweredRow<'_>, f64))| CircularItem {
        index: number(one).filter(|_| are_numbers).unwrap_or(place as u64),
        is_correct: score > 0.0,
    };
    Ok(rows.iter().zip(scores(rows)?).enumerate().map(item).collect())
}

fn over_groups(rows: &[AnsweredRow<'_>]) -> Result<f64, FigureError> {
    let scores = scores(rows)?;
    let mut items = Vec::with_capacity(rows.len());
    for (one, score) in rows.iter().zip(scores) {
        items.push((one.row.group.as_str(), score > 0.0));
    }
    Ok(task_accuracies(&items).over_tasks)
}

/// References and candidates, each tokenized as one text, as the official script does.
fn corpus(rows: &[AnsweredRow<'_>]) -> Result<CaptionCorpus, FigureError> {
    let tokens = |texts: &[&str], owner: &dyn Fn(usize) -> String| {
        tokenize(texts, Context::WholeCorpus, LineBreaks::Refuse).map_err(|source| {
            let TokenizeError::LineBreak { position, .. } = source;
            FigureError::Tokenize { id: owner(position), source }
        })
    };
    let owners: Vec<&Row> =
        rows.iter().flat_map(|one| one.row.captions.iter().map(|_| one.row)).collect();
    let references: Vec<&str> =
        rows.iter().flat_map(|one| one.row.captions.iter().map(String::as_str)).collect();
    let candidates: Vec<&str> =
        rows.iter().map(|one| after_thought(one.text).unwrap_or_default()).collect();
    let mut references = tokens(&references, &|place| owners[place].id.clone())?.into_iter();
    let candidates = tokens(&candidates, &|place| rows[place].row.id.clone())?;
    let references: Vec<Vec<String>> =
        rows.iter().map(|one| references.by_ref().take(one.row.captions.len()).collect()).collect();
    let item = |(candidate, references)| TokenizedItem { candidate, references };
    let candidates = candidates.iter().map(String::as_str);
    Ok(CaptionCorpus::new(candidates.zip(references.iter().map(Vec::as_slice)).map(item)))
}
