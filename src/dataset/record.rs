//! A row of a file as names and values, whatever the file's format.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::error::{DataError, DataPlace, DataProblem};
use super::json::Element;
use crate::case::PersonAnswer;

/// Whether pictures that stand in a file are read along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PictureColumns {
    Read,
    /// They are most of a file, and a list does not need them.
    Skipped,
}

/// A row as its file has it.
#[derive(Debug, Clone)]
pub(super) struct Record {
    fields: Map<String, Value>,
    path: PathBuf,
    place: DataPlace,
}

impl Record {
    pub(super) fn new(fields: Map<String, Value>, path: &Path, place: DataPlace) -> Self {
        Self { fields, path: path.to_owned(), place }
    }

    pub(super) fn parse(element: &Element<'_>) -> Result<Self, DataError> {
        Ok(Self::new(element.parse()?, element.path, element.place()))
    }

    pub(super) fn place(&self) -> DataPlace {
        self.place
    }

    /// An error at this row.
    pub(super) fn error(&self, problem: DataProblem) -> DataError {
        DataError::new(&self.path, self.place, problem)
    }

    /// The same row with this text under a name.
    pub(super) fn with(&self, name: &str, text: String) -> Self {
        let mut row = self.clone();
        row.fields.insert(name.to_owned(), Value::String(text));
        row
    }

    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    /// The names of all values that are no list or object, those that are not there among them.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let is_single = |value: &Value| !(value.is_array() || value.is_object());
        self.fields.iter().filter(move |(_, value)| is_single(value)).map(|(name, _)| name.as_str())
    }

    /// All values that are a text, number or truth value, as texts.
    pub(super) fn scalars(&self) -> Vec<(String, String)> {
        let shown = |(name, value): (&String, &Value)| Some((name.clone(), scalar(value)?));
        self.fields.iter().filter_map(shown).collect()
    }

    /// The value as text, if there is one that is not a list or object.
    pub(super) fn optional(&self, name: &str) -> Option<String> {
        scalar(self.fields.get(name)?)
    }

    pub(super) fn text(&self, name: &str) -> Result<String, DataError> {
        self.optional(name).ok_or_else(|| self.wrong(name, "a text or number"))
    }

    /// A list of texts, or a single one.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, DataError> {
        let texts = match self.fields.get(name) {
            Some(Value::Array(items)) => items.iter().map(scalar).collect(),
            Some(value) => scalar(value).map(|text| vec![text]),
            None => None,
        };
        let texts = texts.filter(|texts| !texts.is_empty());
        texts.ok_or_else(|| self.wrong(name, "a list of texts"))
    }

    pub(super) fn list(&self, name: &str) -> Result<&[Value], DataError> {
        let list = self.fields.get(name).and_then(Value::as_array);
        list.map(Vec::as_slice).ok_or_else(|| self.wrong(name, "a list"))
    }

    /// Four numbers.
    pub(super) fn four_numbers(&self, name: &str) -> Result<[f64; 4], DataError> {
        let numbers = self.list(name)?.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>();
        let numbers = numbers.and_then(|numbers| numbers.try_into().ok());
        numbers.ok_or_else(|| self.wrong(name, "four numbers"))
    }

    /// Answers of people: texts, or objects `{answer, answer_confidence, answer_id}`.
    pub(super) fn people(&self, name: &str) -> Result<Vec<PersonAnswer>, DataError> {
        let is_object = |item: &Value| item.is_object();
        match self.value(name) {
            Some(Value::Array(items)) if items.iter().any(is_object) => {
                let people: Option<Vec<PersonAnswer>> = items.iter().map(person).collect();
                people.ok_or_else(|| self.wrong(name, "a list of {answer, answer_id}"))
            }
            _ => Ok(PersonAnswer::of_persons(self.texts(name)?)),
        }
    }

    pub(super) fn wrong(&self, name: &str, expected: &'static str) -> DataError {
        let found = match self.fields.get(name) {
            None => "missing".to_owned(),
            Some(value) => {
                let text = value.to_string();
                let shown: String = text.chars().take(60).collect();
                if shown.len() < text.len() { format!("{shown}...") } else { shown }
            }
        };
        self.error(DataProblem::Field { name: name.to_owned(), found, expected })
    }
}

fn person(value: &Value) -> Option<PersonAnswer> {
    let text = |name: &str| value.get(name).and_then(scalar);
    let id = value.get("answer_id").and_then(Value::as_i64);
    let confidence = text("answer_confidence").unwrap_or_default();
    Some(PersonAnswer { text: text("answer")?, confidence, id })
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
