/*!
Tasks with a short answer for each question: ANLS, relaxed accuracy, TextVQA, exact match, POPE, MME.

Owns their rows and how answers find their questions: by id, or in order where no row has one. Must
not know how an answer is judged.
*/

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::Path;

use serde::Deserialize;

use super::ids::IdSource;
use super::{ItemId, OfflineError, ScoreTable, files};
use crate::ordered_map::OrderedMap;
use crate::score::document::{AnlsRules, RelaxedRules};
use crate::score::exact_match::ExactMatchRules;
use crate::score::numpy::mean_left_to_right;
use crate::score::vqa::{HumanAnswer, VqaRules};
use crate::score::yes_no::{
    MME_COGNITION, MME_PERCEPTION, MmeItem, PopeRules, YesNo, mme_categories, mme_total, read_mme,
};

/// A question with its true answers, in any of the official layouts.
#[derive(Deserialize)]
#[serde(expecting = "an object, one for each row")]
struct Question {
    #[serde(
        alias = "question_id",
        alias = "questionId",
        alias = "idx",
        alias = "index",
        alias = "qa_id"
    )]
    id: Option<ItemId>,
    #[serde(default, alias = "answer", alias = "label", alias = "gt")]
    answers: Answers,
    #[serde(default)]
    category: String,
}

/// One answer or several.
#[derive(Default)]
struct Answers(Vec<String>);

impl<'de> Deserialize<'de> for Answers {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMore;
        impl<'de> serde::de::Visitor<'de> for OneOrMore {
            type Value = Answers;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an answer or a list of answers")
            }

            fn visit_str<E>(self, text: &str) -> Result<Answers, E> {
                Ok(Answers(vec![text.to_owned()]))
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut list: A,
            ) -> Result<Answers, A::Error> {
                let mut answers = Vec::new();
                while let Some(answer) = list.next_element()? {
                    answers.push(answer);
                }
                Ok(Answers(answers))
            }
        }
        deserializer.deserialize_any(OneOrMore)
    }
}

/// DocVQA, InfoVQA and TextVQA wrap their questions in an object.
#[derive(Deserialize)]
struct Wrapped {
    data: Vec<Question>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object, one for each row")]
struct Response {
    #[serde(
        alias = "question_id",
        alias = "questionId",
        alias = "idx",
        alias = "index",
        alias = "qa_id"
    )]
    id: Option<ItemId>,
    #[serde(alias = "prediction", alias = "pred", alias = "response")]
    answer: String,
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
        &self.question.answers.0
    }
}

pub(super) fn load(annotations: &Path, results: &Path) -> Result<Vec<Pair>, OfflineError> {
    let questions = load_questions(annotations)?;
    if questions.is_empty() {
        return Err(OfflineError::Empty { path: annotations.to_owned(), what: "questions" });
    }
    let responses: Vec<Response> = files::parse_rows(results, &files::read(results)?)?;
    let has_ids = questions.iter().all(|one| one.id.is_some())
        && responses.iter().all(|one| one.id.is_some());
    let source = IdSource { results, annotations, what: "question_id" };
    if has_ids {
        pair_by_id(questions, responses, &source)
    } else {
        pair_in_order(questions, responses, &source)
    }
}

fn load_questions(path: &Path) -> Result<Vec<Question>, OfflineError> {
    let text = files::read(path)?;
    if has_members(&text) {
        let OrderedMap(members) = files::parse::<OrderedMap<Question>>(path, &text)?;
        let question = |(key, question): (String, Question)| Question {
            id: Some(question.id.unwrap_or(ItemId::Text(key))),
            ..question
        };
        return Ok(members.into_iter().map(question).collect());
    }
    if is_one_object(&text) {
        return Ok(files::parse::<Wrapped>(path, &text)?.data);
    }
    files::parse_rows(path, &text)
}

/// Whether a file is an object of questions by id, as GQA's: its first value is an object.
fn has_members(text: &str) -> bool {
    let Some(inner) = text.trim_ascii_start().strip_prefix('{') else { return false };
    let mut first = serde_json::Deserializer::from_str(inner).into_iter::<String>();
    let Some(Ok(key)) = first.next() else { return false };
    let rest = inner[first.byte_offset()..].trim_ascii_start();
    let value = rest.strip_prefix(':').map(str::trim_ascii_start);
    key != "info" && value.is_some_and(|value| value.starts_with('{'))
}

/// Whether a file is to be read as one object with `data`, and not as rows: it has such a field, or its
/// first line is no JSON by itself (so that a broken object is told where it breaks).
fn is_one_object(text: &str) -> bool {
    #[derive(Deserialize)]
    struct Probe {
        data: Option<serde::de::IgnoredAny>,
    }
    let text = text.trim_ascii_start();
    let first_line = text.lines().next().unwrap_or_default();
    text.starts_with('{')
        && match serde_json::from_str::<Probe>(first_line) {
            Ok(probe) => probe.data.is_some(),
            Err(_) => true,
        }
}

/// Two questions of an image may share an id (MME): the answers to an id are taken in order.
fn pair_by_id(
    questions: Vec<Question>,
    responses: Vec<Response>,
    source: &IdSource<'_>,
) -> Result<Vec<Pair>, OfflineError> {
    let mut waiting = HashMap::<ItemId, VecDeque<String>>::new();
    for response in responses {
        let id = response.id.unwrap_or(ItemId::Number(0));
        waiting.entry(id).or_default().push_back(response.answer);
    }
    let total = questions.len();
    let (mut pairs, mut missing) = (Vec::with_capacity(total), Vec::new());
    let mut known = HashSet::new();
    for question in questions {
        let id = question.id.clone().unwrap_or(ItemId::Number(0));
        known.insert(id.clone());
        match waiting.get_mut(&id).and_then(VecDeque::pop_front) {
            Some(answer) => pairs.push(Pair { id, question, answer }),
            None => missing.push(id),
        }
    }
    let left = waiting.into_iter().filter(|(_, answers)| !answers.is_empty());
    if let Some(id) = left.map(|(id, _)| id).min() {
        let path = source.results.to_owned();
        let what = source.what;
        return Err(match known.contains(&id) {
            true => OfflineError::Duplicate { path, what, id },
            false => source.unknown(id),
        });
    }
    source.require_none_missing(&missing, total)?;
    Ok(pairs)
}

fn pair_in_order(
    questions: Vec<Question>,
    responses: Vec<Response>,
    source: &IdSource<'_>,
) -> Result<Vec<Pair>, OfflineError> {
    if questions.len() != responses.len() {
        return Err(OfflineError::Length {
            path: source.results.to_owned(),
            annotations: source.annotations.to_owned(),
            found: responses.len(),
            expected: questions.len(),
        });
    }
    let pair = |(position, (question, response)): (usize, (Question, Response))| Pair {
        id: question.id.clone().unwrap_or(ItemId::Number(position as i64)),
        question,
        answer: response.answer,
    };
    Ok(questions.into_iter().zip(responses).enumerate().map(pair).collect())
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
        let Some(value) = score(&pair.answer, &pair.question.answers.0) else {
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
    let label = pair.question.answers.0.first().and_then(|label| YesNo::from_label(label));
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
