//! A row of a file as names and values, whatever the file's format.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::error::{DataError, DataPlace, DataProblem};
use super::fields::Fields;
use super::json::Element;
use super::python_literal::{self, Literal, NoList};
use super::python_number;
use crate::case::PersonAnswer;

/// Whether pictures that stand in a file are read along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PictureColumns {
    Read,
    /// They are most of a file, and a list does not need them.
    Skipped,
}

/// Which texts in square brackets are lists, as `str` of a Python list writes them into a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lists {
    /// Those of texts, `['a', 'b']`: `[10, 20]` may be an answer as it stands.
    OfTexts,
    /// All that Python reads as one, as VLMEvalKit takes them.
    Any,
}

/// What a text is where a picture is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PictureText {
    FileName,
    Base64,
}

/// A picture as a row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Picture {
    /// A file's name.
    File(String),
    /// The file itself.
    Base64(String),
}

/// The field of a picture's struct that holds its file: the hub's `{bytes, path}`.
pub(super) const BYTES: &str = "bytes";

/// A row as its file has it.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    fields: Map<String, Value>,
    path: Arc<Path>,
    place: DataPlace,
}

impl Record {
    pub(super) fn new(fields: Map<String, Value>, path: &Arc<Path>, place: DataPlace) -> Self {
        Self { fields, path: Arc::clone(path), place }
    }

    pub(super) fn parse(element: &Element<'_>) -> Result<Self, DataError> {
        let Fields(fields) = element.parse()?;
        Ok(Self::new(fields, &element.path.into(), element.place()))
    }

    pub(crate) fn into_fields(self) -> Map<String, Value> {
        self.fields
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
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

    /// The names of lists of texts.
    pub(super) fn list_names(&self) -> impl Iterator<Item = &str> {
        let is_list = |value: &Value| {
            value.as_array().is_some_and(|items| items.iter().all(|item| scalar(item).is_some()))
        };
        self.fields.iter().filter(move |(_, value)| is_list(value)).map(|(name, _)| name.as_str())
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

    /// A list of texts, or a single one; a text that is written as a list of texts is that list.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, DataError> {
        self.texts_by(name, Lists::OfTexts)
    }

    /// As [`Self::texts`], with a choice of what is taken for a list.
    pub(super) fn texts_by(&self, name: &str, lists: Lists) -> Result<Vec<String>, DataError> {
        let texts = match self.fields.get(name) {
            Some(Value::Array(items)) => items.iter().map(scalar).collect(),
            Some(Value::String(text)) => Some(self.listed(name, text, lists)?),
            Some(value) => scalar(value).map(|text| vec![text]),
            None => None,
        };
        let texts = texts.filter(|texts| !texts.is_empty());
        texts.ok_or_else(|| self.wrong(name, "a list of texts"))
    }

    /// The items of a text that is a list, or the text.
    fn listed(&self, name: &str, text: &str, lists: Lists) -> Result<Vec<String>, DataError> {
        let problem = |message: &str| {
            let shown: String = text.chars().take(60).collect();
            Err(self.error(DataProblem::Table(format!("`{name}` is {shown:?}: {message}"))))
        };
        let is_text = |item: &Literal| matches!(item, Literal::Text(_));
        match python_literal::list(text) {
            Ok(items) if lists == Lists::Any || items.iter().all(is_text) => {
                Ok(items.into_iter().map(Literal::into_text).collect())
            }
            Ok(_) | Err(NoList::Text) => Ok(vec![text.to_owned()]),
            Err(NoList::CutOff) => problem("a list that is cut off"),
            Err(NoList::NoComma) => problem(
                "a list whose texts have no comma between them, as numpy prints arrays, expected \
                 ['a', 'b']",
            ),
        }
    }

    pub(super) fn list(&self, name: &str) -> Result<&[Value], DataError> {
        let list = self.fields.get(name).and_then(Value::as_array);
        list.map(Vec::as_slice).ok_or_else(|| self.wrong(name, "a list"))
    }

    /// Four numbers, or a text that lists them.
    pub(super) fn four_numbers(&self, name: &str) -> Result<[f64; 4], DataError> {
        let number = |value: &Value| match value {
            Value::String(text) => text.trim().parse().ok(),
            value => value.as_f64(),
        };
        let numbers: Option<Vec<f64>> = match self.fields.get(name) {
            Some(Value::Array(items)) => items.iter().map(number).collect(),
            Some(Value::String(text)) => {
                let inner = text.trim().trim_start_matches(['[', '(']).trim_end_matches([']', ')']);
                inner.split(',').map(|number| number.trim().parse().ok()).collect()
            }
            _ => None,
        };
        let numbers = numbers.and_then(|numbers| numbers.try_into().ok());
        numbers.ok_or_else(|| self.wrong(name, "four numbers"))
    }

    /// The pictures of a column: the hub's structs, texts, or lists of either; none where there is no value.
    pub(super) fn pictures(
        &self,
        name: &str,
        text: PictureText,
    ) -> Result<Vec<Picture>, DataError> {
        let pictures = match self.value(name) {
            None => Some(Vec::new()),
            Some(Value::Array(items)) => {
                let present = items.iter().filter(|item| !item.is_null());
                present.map(|item| picture(item, text)).collect()
            }
            Some(Value::String(cell)) => {
                let items = self.listed(name, cell, Lists::OfTexts)?;
                Some(items.into_iter().map(|item| text_picture(item, text)).collect())
            }
            Some(one) => picture(one, text).map(|picture| vec![picture]),
        };
        pictures.ok_or_else(|| self.wrong(name, "a picture, a file's name, or a list of them"))
    }

    /// Whether a column has the hub's struct of a picture.
    pub(super) fn is_picture(&self, name: &str) -> bool {
        let is_struct =
            |value: &Value| value.as_object().is_some_and(|one| one.contains_key(BYTES));
        match self.fields.get(name) {
            Some(Value::Array(items)) => items.iter().any(is_struct),
            value => value.is_some_and(is_struct),
        }
    }

    /// As [`Self::pictures`], and at least one.
    pub(super) fn some_pictures(
        &self,
        name: &str,
        text: PictureText,
    ) -> Result<Vec<Picture>, DataError> {
        let pictures = self.pictures(name, text)?;
        match pictures.is_empty() {
            true => Err(self.wrong(name, "a picture")),
            false => Ok(pictures),
        }
    }

    /// Answers of people: texts, or objects `{answer, answer_confidence, answer_id}`.
    pub(super) fn people(&self, name: &str) -> Result<Vec<PersonAnswer>, DataError> {
        let is_object = |item: &Value| item.is_object();
        match self.value(name) {
            Some(Value::Array(items)) if items.iter().any(is_object) => {
                let people: Option<Vec<PersonAnswer>> = items.iter().map(person).collect();
                let people = people.filter(|people| !people.is_empty());
                let people =
                    people.ok_or_else(|| self.wrong(name, "a list of {answer, answer_id}"))?;
                Ok(numbered(people))
            }
            _ => Ok(PersonAnswer::of_persons(self.texts(name)?)),
        }
    }

    pub(super) fn wrong(&self, name: &str, expected: &'static str) -> DataError {
        let found = match self.fields.get(name) {
            None => "missing".to_owned(),
            Some(Value::Object(fields)) if fields.get(BYTES).is_some_and(Value::is_string) => {
                "a picture".to_owned()
            }
            Some(value) => {
                let text = value.to_string();
                let shown: String = text.chars().take(60).collect();
                if shown.len() < text.len() { format!("{shown}...") } else { shown }
            }
        };
        self.error(DataProblem::Field { name: name.to_owned(), found, expected })
    }
}

/// People in the order of the file, numbered from 1 where none has a number, as VizWiz' have not: VQA accuracy
/// leaves out one at a time.
fn numbered(people: Vec<PersonAnswer>) -> Vec<PersonAnswer> {
    if people.iter().any(|person| person.id.is_some()) {
        return people;
    }
    let numbers = people.into_iter().zip(1..);
    numbers.map(|(person, id)| PersonAnswer { id: Some(id), ..person }).collect()
}

fn person(value: &Value) -> Option<PersonAnswer> {
    let text = |name: &str| value.get(name).and_then(scalar);
    let id = value.get("answer_id").and_then(Value::as_i64);
    let confidence = text("answer_confidence").unwrap_or_default();
    Some(PersonAnswer { text: text("answer")?, confidence, id })
}

fn text_picture(content: String, text: PictureText) -> Picture {
    match text {
        PictureText::FileName => Picture::File(content),
        PictureText::Base64 => Picture::Base64(content),
    }
}

/// The hub's struct, whatever else is in it, or a text.
fn picture(value: &Value, text: PictureText) -> Option<Picture> {
    match value {
        Value::Object(fields) => match (fields.get(BYTES), fields.get("path")) {
            (Some(Value::String(bytes)), _) => Some(Picture::Base64(bytes.clone())),
            (None | Some(Value::Null), Some(Value::String(path))) => {
                Some(Picture::File(path.clone()))
            }
            _ => None,
        },
        value => scalar(value).map(|content| text_picture(content, text)),
    }
}

/// A single value as Python's `str` shows it, which is what other readers of a file print.
pub(crate) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) => python_number::float(float),
            None => number.to_string(),
        }),
        Value::Bool(truth) => Some(if *truth { "True" } else { "False" }.to_owned()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
