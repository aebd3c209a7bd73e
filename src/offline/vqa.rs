/*!
VQA v2 (and any file in its layout): questions, annotations and results, as `GT-Vision-Lab/VQA`.

Annotations are scored while they are read, so that a file of 170 MB needs little more memory than
its bytes. Must not know how answers are compared.
*/

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::ids::IdSource;
use super::{AggregateValue, ItemId, OfflineError, ScoreTable, files};
use crate::score::vqa::{HumanAnswer, TypeAccuracy, VqaAccuracyTable, VqaRules, round_percent};

/// The three official files.
#[derive(Debug, Clone, Copy)]
pub struct VqaFiles<'p> {
    /// `v2_OpenEnded_mscoco_val2014_questions.json`; only checked, and may be left out.
    pub questions: Option<&'p Path>,
    /// `v2_mscoco_val2014_annotations.json`
    pub annotations: &'p Path,
    /// `[{"question_id": ..., "answer": ...}]`
    pub results: &'p Path,
}

#[derive(Deserialize)]
struct Annotation<'b> {
    question_id: i64,
    #[serde(borrow, default)]
    question_type: Cow<'b, str>,
    #[serde(borrow, default)]
    answer_type: Cow<'b, str>,
    #[serde(borrow)]
    answers: Vec<Answer<'b>>,
}

#[derive(Deserialize)]
struct Answer<'b> {
    #[serde(borrow)]
    answer: Cow<'b, str>,
    #[serde(borrow, default)]
    answer_confidence: Cow<'b, str>,
    answer_id: Option<i64>,
}

#[derive(Deserialize)]
struct Prediction<'b> {
    question_id: i64,
    #[serde(borrow)]
    answer: Cow<'b, str>,
}

#[derive(Deserialize)]
struct QuestionFile {
    questions: Vec<Question>,
}

#[derive(Deserialize)]
struct Question {
    question_id: i64,
}

/// VQA accuracy from 0 to 1, overall (`vqa_accuracy`), by type of question and by type of answer; and
/// in percent with two digits, as the official script prints it (`official_percent`).
pub fn score_vqa(files: VqaFiles<'_>, rules: VqaRules) -> Result<ScoreTable, OfflineError> {
    let result_text = files::read(files.results)?;
    let source =
        IdSource { results: files.results, annotations: files.annotations, what: "question_id" };
    let predictions: Vec<Prediction<'_>> = files::parse(files.results, &result_text)?;
    let predictions: HashMap<i64, Cow<'_, str>> =
        source.index(predictions.into_iter().map(|one| (one.question_id, one.answer)))?;
    let mut scoring = Scoring {
        rules,
        predictions: &predictions,
        seen: HashSet::with_capacity(predictions.len()),
        sums: VqaAccuracyTable::default(),
        table: ScoreTable::new(vec![rules.metric_name()]),
        missing: Vec::new(),
        problem: None,
    };
    scoring.read(files.annotations)?;
    scoring.check(&source)?;
    if let Some(questions) = files.questions {
        check_questions(questions, files.annotations, &scoring.seen)?;
    }
    Ok(scoring.finish())
}

struct Scoring<'r> {
    rules: VqaRules,
    predictions: &'r HashMap<i64, Cow<'r, str>>,
    /// Ids of the annotations.
    seen: HashSet<i64>,
    sums: VqaAccuracyTable,
    table: ScoreTable,
    missing: Vec<ItemId>,
    problem: Option<Problem>,
}

/// What is wrong with an annotation, other than its form.
enum Problem {
    Twice(i64),
    NoAnswers(i64),
}

impl Scoring<'_> {
    fn read(&mut self, path: &Path) -> Result<(), OfflineError> {
        let text = files::read(path)?;
        let mut deserializer = serde_json::Deserializer::from_str(&text);
        let scoring = RefCell::new(self);
        let read = AnnotationFile { scoring: &scoring }
            .deserialize(&mut deserializer)
            .and_then(|()| deserializer.end());
        read.map_err(|error| files::json_error(path, &error))
    }

    fn add(&mut self, annotation: &Annotation<'_>) {
        let id = annotation.question_id;
        if !self.seen.insert(id) {
            self.problem.get_or_insert(Problem::Twice(id));
            return;
        }
        let Some(prediction) = self.predictions.get(&id) else {
            self.missing.push(id.into());
            return;
        };
        let humans: Vec<HumanAnswer<'_>> = annotation.answers.iter().map(Answer::human).collect();
        let Some(accuracy) = self.rules.accuracy(prediction, &humans) else {
            self.problem.get_or_insert(Problem::NoAnswers(id));
            return;
        };
        self.sums.add(&annotation.question_type, &annotation.answer_type, accuracy);
        self.table.push_item(id, [accuracy]);
    }

    /// The official script wants the same ids on both sides.
    fn check(&self, source: &IdSource<'_>) -> Result<(), OfflineError> {
        let path = source.annotations.to_owned();
        let what = source.what;
        match self.problem {
            Some(Problem::Twice(id)) => {
                return Err(OfflineError::Duplicate { path, what, id: id.into() });
            }
            Some(Problem::NoAnswers(id)) => {
                let lacks = "answers";
                return Err(OfflineError::Incomplete { path, what, id: id.into(), lacks });
            }
            None => {}
        }
        if let Some(id) = self.predictions.keys().filter(|id| !self.seen.contains(id)).min() {
            return Err(source.unknown(*id));
        }
        source.require_none_missing(&self.missing, self.seen.len())?;
        if self.seen.is_empty() {
            return Err(OfflineError::Empty { path, what: "annotations" });
        }
        Ok(())
    }

    fn finish(self) -> ScoreTable {
        let Self { mut table, sums, rules, .. } = self;
        let (questions, answers) = (sums.by_question_type(), sums.by_answer_type());
        table.set(rules.metric_name(), sums.overall().accuracy);
        table.set_value("by_question_type", by_type(&questions, |one| one.accuracy));
        table.set_value("by_answer_type", by_type(&answers, |one| one.accuracy));
        let rounded = |one: &TypeAccuracy| round_percent(one.percent);
        table.set("official_percent", rounded(&sums.overall()));
        table.set_value("official_percent_by_question_type", by_type(&questions, rounded));
        table.set_value("official_percent_by_answer_type", by_type(&answers, rounded));
        table
    }
}

fn by_type(types: &[TypeAccuracy], value: impl Fn(&TypeAccuracy) -> f64) -> AggregateValue {
    AggregateValue::Table(types.iter().map(|one| (one.name.clone(), value(one))).collect())
}

impl Answer<'_> {
    fn human(&self) -> HumanAnswer<'_> {
        HumanAnswer {
            answer: &self.answer,
            confidence: &self.answer_confidence,
            id: self.answer_id,
        }
    }
}

fn check_questions(
    path: &Path,
    annotations: &Path,
    annotated: &HashSet<i64>,
) -> Result<(), OfflineError> {
    let file: QuestionFile = files::parse(path, &files::read(path)?)?;
    let asked: HashSet<i64> = file.questions.iter().map(|one| one.question_id).collect();
    match annotated.iter().filter(|id| !asked.contains(id)).min() {
        None => Ok(()),
        Some(id) => Err(OfflineError::Unknown {
            path: annotations.to_owned(),
            annotations: path.to_owned(),
            what: "question_id",
            id: (*id).into(),
        }),
    }
}

/// The object around the annotations.
#[derive(Clone, Copy)]
struct AnnotationFile<'s, 'r> {
    scoring: &'s RefCell<&'s mut Scoring<'r>>,
}

impl<'de> DeserializeSeed<'de> for AnnotationFile<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for AnnotationFile<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a list of annotations")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut found = false;
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            if key == "annotations" {
                if found {
                    return Err(serde::de::Error::duplicate_field("annotations"));
                }
                map.next_value_seed(AnnotationList { scoring: self.scoring })?;
                found = true;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        if found { Ok(()) } else { Err(serde::de::Error::missing_field("annotations")) }
    }
}

/// The list of annotations, scored one by one.
struct AnnotationList<'s, 'r> {
    scoring: &'s RefCell<&'s mut Scoring<'r>>,
}

impl<'de> DeserializeSeed<'de> for AnnotationList<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for AnnotationList<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of annotations")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let mut scoring = self.scoring.borrow_mut();
        while let Some(annotation) = list.next_element::<Annotation<'de>>()? {
            scoring.add(&annotation);
        }
        Ok(())
    }
}
