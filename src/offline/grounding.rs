/*!
Referring expressions: rows with a true box and rows with a predicted one.

The official RefCOCO sets have no official result file. True boxes come from the official pickles and
instances, or from rows like those of results. Rows here are JSON or JSON Lines: `{"id": ...,
"bbox": [...]}`, where the id may also be called `question_id` or `sent_id`, and a result may have the
model's `answer` instead of a box: read as lmms-eval does, or, where the rows with true boxes have
the picture's `width` and `height`, in a family's own notation and frame. Must not know how boxes
are compared.
*/

use std::path::Path;

use serde::{Deserialize, Deserializer};

use super::ids::IdSource;
use super::{ItemId, OfflineError, ScoreTable, files};
use crate::dataset::{ReferSentence, refer_sentences};
use crate::extract::{self, BoxNotation, BoxReading};
use crate::geometry::{PictureSize, PixelSize};
use crate::score::grounding::{GroundedItem, THRESHOLDS, grounding_scores, parse_lmms_eval_box};

/// How boxes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BoxFormat {
    /// `[x1, y1, x2, y2]`
    Corners,
    /// `[x, y, width, height]`
    CornerAndSize,
}

impl BoxFormat {
    fn corners(self, [a, b, c, d]: [f64; 4]) -> [f64; 4] {
        match self {
            Self::Corners => [a, b, c, d],
            Self::CornerAndSize => [a, b, a + c, b + d],
        }
    }
}

#[derive(Deserialize)]
#[serde(expecting = "an object, one for each row")]
struct Truth {
    #[serde(alias = "question_id", alias = "sent_id")]
    id: ItemId,
    bbox: [f64; 4],
    width: Option<u32>,
    height: Option<u32>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object, one for each row")]
struct Prediction {
    #[serde(alias = "question_id", alias = "sent_id")]
    id: ItemId,
    /// Outer none: there is no such field. Inner none: no box.
    #[serde(default, deserialize_with = "stated")]
    bbox: Option<Option<[f64; 4]>>,
    #[serde(alias = "prediction", alias = "pred", alias = "response")]
    answer: Option<String>,
    /// Width and height of the picture as the model saw it.
    resized: Option<(u32, u32)>,
}

fn stated<'de, D: Deserializer<'de>>(field: D) -> Result<Option<Option<[f64; 4]>>, D::Error> {
    Option::deserialize(field).map(Some)
}

/// How the boxes of answers are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerBoxes {
    /// As lmms-eval does: four numbers in brackets, in the frame of the true boxes.
    LmmsEval,
    /// In a family's notation: the first box counts, and one beyond its frame is none.
    Notation(BoxNotation),
}

/// Mean IoU, Acc@t and centre accuracy; `unread` counts answers without a box, which are wrong.
pub fn score_grounding(
    annotations: &Path,
    results: &Path,
    format: BoxFormat,
) -> Result<ScoreTable, OfflineError> {
    score_grounding_answers(annotations, results, format, AnswerBoxes::LmmsEval)
}

/// As [`score_grounding`], with a choice of how answers are read.
pub fn score_grounding_answers(
    annotations: &Path,
    results: &Path,
    format: BoxFormat,
    answers: AnswerBoxes,
) -> Result<ScoreTable, OfflineError> {
    let mut truths: Vec<Truth> = files::parse_rows(annotations, &files::read(annotations)?)?;
    for truth in &mut truths {
        truth.bbox = format.corners(truth.bbox);
    }
    score_truths(truths, annotations, results, format, answers)
}

/// The official files of RefCOCO, RefCOCO+ and RefCOCOg.
#[derive(Debug, Clone, Copy)]
pub struct ReferFiles<'p> {
    /// `refs(unc).p`, `refs(google).p` or `refs(umd).p`.
    pub refs: &'p Path,
    /// `instances.json`.
    pub instances: &'p Path,
    /// `val`, `testA`, ...
    pub split: &'p str,
}

/// As [`score_grounding_answers`], with the sentences and boxes of the official files: a result is
/// about a sentence, by its `sent_id`.
pub fn score_refer_answers(
    files: ReferFiles<'_>,
    results: &Path,
    format: BoxFormat,
    answers: AnswerBoxes,
) -> Result<ScoreTable, OfflineError> {
    let ReferFiles { refs, instances, split } = files;
    let sentences = refer_sentences(refs, instances, split)?;
    let truth = |one: ReferSentence| Truth {
        id: one.id.parse().map_or(ItemId::Text(one.id), ItemId::Number),
        bbox: one.xyxy,
        width: one.picture.map(|size| size.width),
        height: one.picture.map(|size| size.height),
    };
    score_truths(sentences.into_iter().map(truth).collect(), refs, results, format, answers)
}

fn score_truths(
    truths: Vec<Truth>,
    annotations: &Path,
    results: &Path,
    format: BoxFormat,
    answers: AnswerBoxes,
) -> Result<ScoreTable, OfflineError> {
    let predictions: Vec<Prediction> = files::parse_rows(results, &files::read(results)?)?;
    let says_nothing = |one: &&Prediction| one.bbox.is_none() && one.answer.is_none();
    if let Some(Prediction { id, .. }) = predictions.iter().find(says_nothing) {
        let (path, lacks) = (results.to_owned(), "`bbox` or `answer`");
        return Err(OfflineError::Incomplete { path, what: "id", id: id.clone(), lacks });
    }
    let source = IdSource { results, annotations, what: "id" };
    let mut predictions = source.index(predictions.into_iter().map(|one| (one.id.clone(), one)))?;
    let (mut ids, mut items, mut missing) = (Vec::new(), Vec::new(), Vec::new());
    let mut unread = 0;
    let total = truths.len();
    for truth in truths {
        let Some(prediction) = predictions.remove(&truth.id) else {
            missing.push(truth.id);
            continue;
        };
        let read = match answers {
            AnswerBoxes::LmmsEval => prediction.corners(format),
            AnswerBoxes::Notation(notation) => {
                prediction.in_notation(notation, truth.size(annotations)?)
            }
        };
        unread += usize::from(read.is_none());
        let prediction = read.unwrap_or_default();
        items.push(GroundedItem { truth: truth.bbox, prediction });
        ids.push(truth.id);
    }
    if let Some(unknown) = predictions.into_keys().min() {
        return Err(source.unknown(unknown));
    }
    source.require_none_missing(&missing, total)?;
    if items.is_empty() {
        return Err(OfflineError::Empty { path: annotations.to_owned(), what: "boxes" });
    }
    Ok(table(ids, &items, unread))
}

impl Truth {
    fn size(&self, path: &Path) -> Result<PixelSize, OfflineError> {
        match (self.width, self.height) {
            (Some(width), Some(height)) => Ok(PixelSize { width, height }),
            _ => Err(OfflineError::NoSize { path: path.to_owned(), id: self.id.clone() }),
        }
    }
}

impl Prediction {
    fn in_notation(&self, notation: BoxNotation, original: PixelSize) -> Option<[f64; 4]> {
        let resized = self.resized.map(|(width, height)| PixelSize { width, height });
        let picture = PictureSize { original, resized };
        match extract::boxes(self.answer.as_ref()?, notation, picture) {
            BoxReading::Found(found) => Some(found.first()?.bounds.as_ref().ok()?.edges()),
            BoxReading::Absent => None,
        }
    }

    fn corners(&self, format: BoxFormat) -> Option<[f64; 4]> {
        match (self.bbox.flatten(), &self.answer) {
            (Some(bbox), _) => Some(format.corners(bbox)),
            (None, Some(answer)) => parse_lmms_eval_box(answer),
            (None, None) => None,
        }
    }
}

fn table(ids: Vec<ItemId>, items: &[GroundedItem], unread: usize) -> ScoreTable {
    let scores = grounding_scores(items);
    let mut table = ScoreTable::new(vec!["iou", "center_hit"]);
    table.set("mean_iou", scores.mean_iou);
    for (threshold, accuracy) in THRESHOLDS.into_iter().zip(scores.accuracy_at) {
        table.set(format!("acc@{threshold}"), accuracy);
    }
    table.set("center_accuracy", scores.center_accuracy);
    table.set("unread", unread as f64);
    for (id, score) in ids.into_iter().zip(&scores.items) {
        table.push_item(id, [score.iou, f64::from(u8::from(score.center_hit))]);
    }
    table
}
