/*!
Tasks with a short answer for each question: ANLS, relaxed accuracy, TextVQA, exact match, POPE, MME.

Owns what their rows mean. Must not know how answers find their questions, nor how one is judged.
*/

use std::path::Path;

use super::ids::IdSource;
use super::pairing::{self, Named};
use super::rows::{self, Row};
use super::{ItemId, OfflineError, ScoreTable};
use crate::score::document::{AnlsRules, RelaxedRules};
use crate::score::exact_match::ExactMatchRules;
use crate::score::numpy::mean_left_to_right;
use crate::score::vqa::{HumanAnswer, VqaRules};
use crate::score::yes_no::{
    MME_COGNITION, MME_PERCEPTION, MmeItem, PopeRules, YesNo, mme_categories, mme_total, read_mme,
};

/// Names of the true answers, in the order in which they are looked for.
const ANSWERS: [&str; 4] = ["answers", "answer", "label", "gt"];

/// What a row lacks whose id is neither.
const ID: &str = "id that is a whole number or a text";

/// A question with its true answers, in any of the official layouts.
struct Question {
    id: Option<ItemId>,
    image: Option<ItemId>,
    question: Option<String>,
    answers: Vec<String>,
    category: String,
}

impl Question {
    fn of(row: &Row) -> Option<Self> {
        let has_answers = ANSWERS.iter().any(|name| row.value(name).is_some());
        Some(Self {
            id: row.id(),
            image: row.image(),
            question: row.question_or_text(),
            answers: if has_answers { row.texts(&ANSWERS)? } else { Vec::new() },
            category: row.text(&["category"]).unwrap_or_default(),
        })
    }
}

impl Named for Question {
    fn id(&self) -> Option<&ItemId> {
        self.id.as_ref()
    }

    fn question(&self) -> Option<&str> {
        self.question.as_deref()
    }

    fn other_id(&self) -> Option<&str> {
        None
    }
}

/// What was answered.
struct Response {
    id: Option<ItemId>,
    image: Option<ItemId>,
    question: Option<String>,
    other_id: Option<String>,
    answer: String,
}

impl Named for Response {
    fn id(&self) -> Option<&ItemId> {
        self.id.as_ref()
    }

    fn question(&self) -> Option<&str> {
        self.question.as_deref()
    }

    fn other_id(&self) -> Option<&str> {
        self.other_id.as_deref()
    }
}

/// A question and the answer to judge.
pub(super) struct Pair {
    pub(super) id: ItemId,
    question: Question,
    pub(super) answer: String,
}

impl Pair {
    /// The true answers.
    pub(super) fn references(&self) -> &[String] {
        &self.question.answers
    }
}

pub(super) fn load(annotations: &Path, results: &Path) -> Result<Vec<Pair>, OfflineError> {
    let lacking = |path: &Path, place: usize, row: &Row, lacks| OfflineError::Incomplete {
        path: path.to_owned(),
        what: if row.id().is_some() { "question_id" } else { "row" },
        id: row.id().unwrap_or(ItemId::Number(place as i64 + 1)),
        lacks,
    };
    let no_id = |row: &Row| row.has_id_column() && row.id().is_none();
    let mut questions = Vec::new();
    for (place, row) in rows::read(annotations)?.iter().enumerate() {
        if no_id(row) {
            return Err(lacking(annotations, place, row, ID));
        }
        let lacks = "answers that are texts or numbers";
        questions.push(Question::of(row).ok_or_else(|| lacking(annotations, place, row, lacks))?);
    }
    if questions.is_empty() {
        return Err(OfflineError::Empty { path: annotations.to_owned(), what: "questions" });
    }
    let mut responses = Vec::new();
    for (place, row) in rows::read(results)?.iter().enumerate() {
        if no_id(row) {
            return Err(lacking(results, place, row, ID));
        }
        let answer = row.prediction().flatten();
        responses.push(Response {
            id: row.id(),
            image: row.image(),
            question: row.question(),
            other_id: row.other_id().map(str::to_owned),
            answer: answer
                .ok_or_else(|| lacking(results, place, row, "`answer` or `prediction`"))?,
        });
    }
    name_by_image(&mut questions, &mut responses);
    let source = IdSource { results, annotations, what: "question_id" };
    let pairs = pairing::pair(questions, responses, &source)?.into_iter();
    Ok(pairs.map(|(id, question, Response { answer, .. })| Pair { id, question, answer }).collect())
}

/// VizWiz has no ids: where no row has one and all name their picture, that is what they are called by.
fn name_by_image(questions: &mut [Question], responses: &mut [Response]) {
    let lack = questions.iter().all(|one| one.id.is_none() && one.image.is_some())
        && responses.iter().all(|one| one.id.is_none() && one.image.is_some());
    if lack {
        questions.iter_mut().for_each(|one| one.id = one.image.take());
        responses.iter_mut().for_each(|one| one.id = one.image.take());
    }
}

fn no_answers(annotations: &Path, id: ItemId) -> OfflineError {
    let path = annotations.to_owned();
    OfflineError::Incomplete { path, what: "question_id", id, lacks: "answers" }
}

/// The mean of one score for each question.
fn score_mean(
    annotations: &Path,
    results: &Path,
    name: &'static str,
    score: impl Fn(&str, &[String]) -> Option<f64>,
) -> Result<ScoreTable, OfflineError> {
    let mut table = ScoreTable::new(vec![name]);
    let mut scores = Vec::new();
    for pair in load(annotations, results)? {
        let Some(value) = score(&pair.answer, &pair.question.answers) else {
            return Err(no_answers(annotations, pair.id));
        };
        table.push_item(pair.id, [value]);
        scores.push(value);
    }
    table.set(name, mean_left_to_right(&scores));
    Ok(table)
}

/// Average normalized Levenshtein similarity (DocVQA, InfoVQA, ST-VQA).
pub fn score_anls(
    annotations: &Path,
    results: &Path,
    rules: AnlsRules,
) -> Result<ScoreTable, OfflineError> {
    score_mean(annotations, results, rules.metric_name(), |answer, truths| {
        rules.score(answer, truths)
    })
}

/// Relaxed accuracy (ChartQA).
pub fn score_relaxed(
    annotations: &Path,
    results: &Path,
    rules: RelaxedRules,
) -> Result<ScoreTable, OfflineError> {
    score_mean(annotations, results, rules.metric_name(), |answer, truths| {
        rules.is_correct(answer, truths).map(|right| f64::from(u8::from(right)))
    })
}

/// Exact match (GQA, Visual7W).
pub fn score_exact_match(
    annotations: &Path,
    results: &Path,
    rules: ExactMatchRules,
) -> Result<ScoreTable, OfflineError> {
    score_mean(annotations, results, rules.metric_name(), |answer, truths| {
        (!truths.is_empty()).then(|| f64::from(u8::from(rules.is_match(answer, truths))))
    })
}

/// VQA accuracy of plain lists of answers (TextVQA).
pub fn score_textvqa(
    annotations: &Path,
    results: &Path,
    rules: VqaRules,
) -> Result<ScoreTable, OfflineError> {
    score_mean(annotations, results, rules.metric_name(), |answer, truths| {
        let human =
            |(position, answer)| HumanAnswer { answer, confidence: "", id: Some(position as i64) };
        let humans: Vec<HumanAnswer<'_>> =
            truths.iter().map(String::as_str).enumerate().map(human).collect();
        rules.accuracy(answer, &humans)
    })
}

fn label(annotations: &Path, pair: &Pair) -> Result<YesNo, OfflineError> {
    let label = pair.question.answers.first().and_then(|label| YesNo::from_label(label));
    label.ok_or_else(|| OfflineError::Incomplete {
        path: annotations.to_owned(),
        what: "question_id",
        id: pair.id.clone(),
        lacks: "label yes or no",
    })
}

/// Accuracy, precision, recall, F1 and share of yes (POPE).
pub fn score_pope(
    annotations: &Path,
    results: &Path,
    rules: PopeRules,
) -> Result<ScoreTable, OfflineError> {
    let mut table = ScoreTable::new(vec!["correct"]);
    let mut pairs = Vec::new();
    for pair in load(annotations, results)? {
        let (label, answer) = (label(annotations, &pair)?, rules.read(&pair.answer));
        pairs.push((label, answer));
        table.push_item(pair.id, [f64::from(u8::from(answer == Some(label)))]);
    }
    let scores = rules.scores(&pairs);
    for (name, value) in [
        ("accuracy", scores.accuracy),
        ("precision", scores.precision),
        ("recall", scores.recall),
        ("f1", scores.f1),
        ("yes_ratio", scores.yes_ratio),
        ("true_positives", scores.true_positives as f64),
        ("false_positives", scores.false_positives as f64),
        ("true_negatives", scores.true_negatives as f64),
        ("false_negatives", scores.false_negatives as f64),
        ("unread", scores.unread as f64),
    ] {
        table.set(name, value);
    }
    Ok(table)
}

/// Points by category, for perception and for cognition (MME).
pub fn score_mme(annotations: &Path, results: &Path) -> Result<ScoreTable, OfflineError> {
    let pairs = load(annotations, results)?;
    let mut table = ScoreTable::new(vec!["correct"]);
    let mut graded = Vec::with_capacity(pairs.len());
    for pair in &pairs {
        let is_correct = read_mme(&pair.answer) == Some(label(annotations, pair)?);
        graded.push((pair.question.category.as_str(), pair.id.to_string(), is_correct));
        table.push_item(pair.id.clone(), [f64::from(u8::from(is_correct))]);
    }
    let items: Vec<MmeItem<'_>> = graded
        .iter()
        .map(|(category, id, is_correct)| MmeItem {
            category,
            question_id: id,
            is_correct: *is_correct,
        })
        .collect();
    let categories = mme_categories(&items);
    table.set("perception", mme_total(&categories, &MME_PERCEPTION));
    table.set("cognition", mme_total(&categories, &MME_COGNITION));
    let rows = categories.into_iter().map(|one| (one.name, one.points)).collect();
    table.set_value("by_category", super::AggregateValue::Table(rows));
    Ok(table)
}
