/*!
Rows of official files as fields, whatever the format: JSON, JSON Lines, an object of rows by id or around a
list of them, a table with commas or tabs, parquet, or MME's folder.

Owns the names under which ids, questions and answers stand; must not know what a row is for.
*/

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{ItemId, OfflineError, files};
use crate::dataset::{Fields, Separator, hub_rows, mme_rows, scalar, table_rows, text_list};
use crate::ordered_map::OrderedMap;

/// Names of a row's id as [`plain`] has them, in the order in which they are looked for.
const IDS: [&str; 8] =
    ["index", "idx", "id", "questionid", "qaid", "qid", "questionidx", "questionindex"];

/// Names of what a model answered: the right answer may stand beside it as `answer`.
const PREDICTIONS: [&str; 7] =
    ["prediction", "pred", "response", "modelanswer", "output", "answer", "text"];

/// Names of what a model was asked.
const QUESTIONS: [&str; 3] = ["question", "query", "prompt"];

/// The lists that official files wrap their rows in.
const LISTS: [&str; 3] = ["data", "questions", "annotations"];

/// A row of a file.
#[derive(Debug, Clone)]
pub(super) struct Row {
    fields: Map<String, Value>,
    /// Whether it is of a table, all of whose cells are texts.
    is_of_table: bool,
}

/// A name without what people write it differently with: `questionId`, `question_id`, `Question ID`.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

impl Row {
    /// The value of this very name.
    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    /// The first of these that is a single value, as text.
    pub(super) fn text(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| scalar(self.fields.get(*name)?))
    }

    /// The first of these that is there, by [`plain`] names.
    fn named(&self, names: &[&str]) -> Option<&Value> {
        names.iter().find_map(|name| {
            self.fields.iter().find(|(known, _)| plain(known) == *name).map(|(_, value)| value)
        })
    }

    /// What names the row; nothing if no column does.
    pub(super) fn id(&self) -> Option<ItemId> {
        match self.named(&IDS)? {
            Value::Number(number) => number.as_i64().map(ItemId::Number),
            value => {
                let text = scalar(value)?;
                // A table has only texts.
                let number = ItemId::Text(text.clone()).number().filter(|_| self.is_of_table);
                Some(number.map_or(ItemId::Text(text), ItemId::Number))
            }
        }
    }

    /// Whether there is a column for ids, whatever this row has in it.
    pub(super) fn has_id_column(&self) -> bool {
        self.named(&IDS).is_some()
    }

    /// A column that seems to name rows, under a name that is not known.
    pub(super) fn other_id(&self) -> Option<&str> {
        let of_others = ["image", "img", "doc", "model", "answer", "uuid", "video", "category"];
        let seems = |name: &&String| {
            let plain = plain(name);
            let is_id = plain.ends_with("id") || plain.ends_with("index") || plain.ends_with("idx");
            is_id && !of_others.iter().any(|other| plain.contains(other))
        };
        self.fields.keys().find(seems).map(String::as_str)
    }

    /// What was answered: outer nothing if there is no such column, inner nothing if there is no answer.
    pub(super) fn prediction(&self) -> Option<Option<String>> {
        let found = self.named(&PREDICTIONS)?;
        let empty = self.is_of_table.then(String::new);
        Some(scalar(found).or(empty.filter(|_| found.is_null())))
    }

    /// The picture's name, which is what VizWiz calls its questions by.
    pub(super) fn image(&self) -> Option<ItemId> {
        self.value("image")?.as_str().map(|name| ItemId::Text(name.to_owned()))
    }

    /// What was asked.
    pub(super) fn question(&self) -> Option<String> {
        scalar(self.named(&QUESTIONS)?)
    }

    /// What was asked, where a column `text` is the question (POPE's annotations).
    pub(super) fn question_or_text(&self) -> Option<String> {
        self.question().or_else(|| self.text(&["text"]))
    }

    /// A list of texts, or a single one: people as `{answer}`, and a cell that is a Python list.
    pub(super) fn texts(&self, names: &[&str]) -> Option<Vec<String>> {
        let name = names.iter().find(|name| self.value(name).is_some())?;
        match self.value(name)? {
            Value::Array(items) => items.iter().map(person).collect(),
            Value::String(text) if self.is_of_table => {
                Some(text_list(text).unwrap_or_else(|| vec![text.clone()]))
            }
            value => scalar(value).map(|text| vec![text]),
        }
    }
}

fn person(value: &Value) -> Option<String> {
    match value {
        Value::Object(fields) => scalar(fields.get("answer")?),
        value => scalar(value),
    }
}

/// All rows of a file, in order.
pub(super) fn read(path: &Path) -> Result<Vec<Row>, OfflineError> {
    let is = |wanted: &str| path.extension().is_some_and(|one| one.eq_ignore_ascii_case(wanted));
    let untyped = |fields| Row { fields, is_of_table: false };
    if path.is_dir() {
        return Ok(mme_rows(path)?.into_iter().map(untyped).collect());
    }
    if is("parquet") {
        return Ok(hub_rows(path)?.into_iter().map(untyped).collect());
    }
    if is("tsv") {
        return table(path, Separator::Tab);
    }
    if is("csv") {
        return table(path, Separator::Comma);
    }
    let text = files::read(path)?;
    let rows = if has_members(&text) {
        let OrderedMap(members) = files::parse::<OrderedMap<Fields>>(path, &text)?;
        let member = |(key, Fields(mut fields)): (String, Fields)| {
            let has_id = fields.keys().any(|name| IDS.contains(&plain(name).as_str()));
            if !has_id {
                fields.insert("id".to_owned(), Value::String(key));
            }
            Fields(fields)
        };
        members.into_iter().map(member).collect()
    } else if is_one_object(&text) {
        files::parse::<Wrapped>(path, &text)?.rows(path)?
    } else {
        files::parse_rows(path, &text)?
    };
    Ok(rows.into_iter().map(|Fields(fields)| untyped(fields)).collect())
}

fn table(path: &Path, separator: Separator) -> Result<Vec<Row>, OfflineError> {
    let rows = table_rows(path, separator)?;
    Ok(rows.into_iter().map(|fields| Row { fields, is_of_table: true }).collect())
}

/// DocVQA, InfoVQA, TextVQA and SEED-Bench wrap their questions in an object.
#[derive(Deserialize)]
struct Wrapped {
    data: Option<Vec<Fields>>,
    questions: Option<Vec<Fields>>,
    annotations: Option<Vec<Fields>>,
}

impl Wrapped {
    fn rows(self, path: &Path) -> Result<Vec<Fields>, OfflineError> {
        let lists = [self.data, self.questions, self.annotations];
        lists.into_iter().flatten().next().ok_or_else(|| OfflineError::Json {
            path: path.to_owned(),
            line: 1,
            column: 1,
            message: "missing field `data`".to_owned(),
        })
    }
}

/// Whether a file is an object of rows by id, as GQA's: its first value is an object.
fn has_members(text: &str) -> bool {
    let Some(inner) = text.trim_ascii_start().strip_prefix('{') else { return false };
    let mut first = serde_json::Deserializer::from_str(inner).into_iter::<String>();
    let Some(Ok(key)) = first.next() else { return false };
    let rest = inner[first.byte_offset()..].trim_ascii_start();
    let value = rest.strip_prefix(':').map(str::trim_ascii_start);
    key != "info" && value.is_some_and(|value| value.starts_with('{'))
}

/// Whether a file is to be read as one object with a list, and not as rows: it has such a field, or its
/// first line is no JSON by itself (so that a broken object is told where it breaks).
fn is_one_object(text: &str) -> bool {
    let text = text.trim_ascii_start();
    let first_line = text.lines().next().unwrap_or_default();
    text.starts_with('{')
        && match serde_json::from_str::<OrderedMap<serde::de::IgnoredAny>>(first_line) {
            Ok(OrderedMap(fields)) => fields.iter().any(|(name, _)| LISTS.contains(&name.as_str())),
            Err(_) => true,
        }
}
