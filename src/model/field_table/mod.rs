/*!
What becomes of each field of a checkpoint's configuration files: read, known to change nothing in an
answer, fixed to the one value that is implemented, told to the user, or unknown, which is told too.

A family is a list of [`Section`]s (its `fields.rs`), which is data. What is read is not repeated there:
it is asked of the structures that read. docs/checkpoints.md is the same table for readers, and a test
compares the two.
*/

pub(super) mod common;
mod notice;
mod read;
#[cfg(test)]
mod tests;

use std::path::Path;

use serde_json::{Map, Value};

use super::ModelError;
use super::fields::FieldCheck;
use crate::weights::CheckpointFolder;
pub use notice::Notice;
use notice::Remark;
pub(super) use read::names_of;

/// The fields of one object in one file.
pub(super) struct Section {
    /// The file's name in the folder.
    pub(super) file: &'static str,
    /// The objects to go into, from the outside.
    pub(super) path: &'static [&'static str],
    /// The value of the object's `model_type` that the section is for, the first of them if it has
    /// none; any if the list is empty.
    pub(super) model_types: &'static [&'static str],
    /// The fields that the family's structures read.
    pub(super) read: &'static [fn() -> &'static [&'static str]],
    /// All others that are known.
    pub(super) groups: &'static [&'static [Group]],
}

/// Fields with one fate.
pub(super) enum Group {
    /// An answer does not depend on them.
    #[cfg_attr(not(test), expect(dead_code, reason = "docs/checkpoints.md has the reasons"))]
    Inert(Reason, &'static [&'static str]),
    /// Only some values are implemented.
    Only(&'static [Only]),
    /// They ask for something that cases decide: told if they have another value than these, as JSON.
    Told(&'static str, &'static [(&'static str, &'static str)]),
}

/// A field that may have some values only.
pub(super) struct Only {
    pub(super) field: &'static str,
    /// As JSON, the reference's default first; none and `null` are fine too.
    pub(super) values: &'static [&'static str],
    /// What to do, or why; may be empty.
    pub(super) why: &'static str,
}

/// A field of which no value but the reference's default is implemented.
pub(super) const fn only(field: &'static str, values: &'static [&'static str]) -> Only {
    Only { field, values, why: "no other is implemented" }
}

/// Why an answer does not depend on a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// Names, versions, types of stored numbers.
    Bookkeeping,
    /// It matters in training alone.
    Training,
    /// It decides what a call returns, or how fast.
    Output,
    /// It is about video.
    Video,
    /// Other fields, tensors or files say the same, and count.
    Repeated,
    /// It is about padding, truncation or batches of texts, of which there are none here.
    Batching,
}

/// The fields of all sections that the folder has: an error for a value that is not implemented, and
/// what is worth telling.
pub(super) fn survey(
    folder: &CheckpointFolder,
    sections: &[Section],
) -> Result<Vec<Notice>, ModelError> {
    let mut remarks = Vec::new();
    for section in sections {
        let Some(content) = folder.optional_json::<Value>(section.file)? else { continue };
        let Some(object) = section.find(&content) else { continue };
        let check = section
            .path
            .iter()
            .fold(FieldCheck::new(folder.path().join(section.file)), |check, part| {
                check.under(part)
            });
        section.check(object, &check)?;
        remarks.extend(section.remarks(object, &folder.path().join(section.file)));
    }
    Ok(notice::gathered(remarks))
}

impl Section {
    /// The object that the section is about.
    fn find<'a>(&self, content: &'a Value) -> Option<&'a Map<String, Value>> {
        let object = self.path.iter().try_fold(content, |value, part| value.get(part));
        let object = object?.as_object()?;
        let model_type = object.get("model_type").and_then(Value::as_str);
        let is_meant = match (self.model_types, model_type) {
            ([], _) | ([..], None) => true,
            (types, Some(found)) => types.contains(&found),
        };
        is_meant.then_some(object)
    }

    /// Refuses values that are not implemented.
    fn check(&self, object: &Map<String, Value>, check: &FieldCheck) -> Result<(), ModelError> {
        for only in self.groups().filter_map(Group::only).flatten() {
            let Some(found) = object.get(only.field) else { continue };
            if !only.allows(found) {
                return Err(check.error(only.field, shown(found), only.expectation()));
            }
        }
        Ok(())
    }

    /// The fields that are worth telling.
    fn remarks(&self, object: &Map<String, Value>, path: &Path) -> Vec<Remark> {
        let prefix: String = self.path.iter().map(|part| format!("{part}.")).collect();
        let remark = |(field, found): (&String, &Value)| {
            let text = self.remark(field, found)?;
            let (path, field) = (path.to_owned(), format!("{prefix}{field}"));
            Some(Remark { path, field, found: shown(found), text })
        };
        object.iter().filter_map(remark).collect()
    }

    fn remark(&self, field: &str, found: &Value) -> Option<&'static str> {
        if found.is_null() || self.is_read(field) {
            return None;
        }
        for group in self.groups() {
            match group {
                Group::Inert(_, fields) if fields.contains(&field) => return None,
                Group::Only(fields) if fields.iter().any(|only| only.field == field) => {
                    return None;
                }
                Group::Told(text, fields) => {
                    if let Some((_, default)) = fields.iter().find(|(name, _)| *name == field) {
                        return (!is_value(found, default)).then_some(text);
                    }
                }
                Group::Inert(..) | Group::Only(_) => {}
            }
        }
        Some(UNKNOWN)
    }

    fn is_read(&self, field: &str) -> bool {
        self.read.iter().any(|names| names().contains(&field))
    }

    fn groups(&self) -> impl Iterator<Item = &'static Group> {
        self.groups.iter().copied().flatten()
    }
}

/// What is said of a field that no table has.
const UNKNOWN: &str = "eyechart does not know what this means and does not read it";

impl Group {
    fn only(&self) -> Option<&'static [Only]> {
        match self {
            Self::Only(fields) => Some(fields),
            Self::Inert(..) | Self::Told(..) => None,
        }
    }
}

impl Only {
    fn allows(&self, found: &Value) -> bool {
        found.is_null() || self.values.iter().any(|value| is_value(found, value))
    }

    fn expectation(&self) -> String {
        let values = self.values.join(" or ");
        match self.why {
            "" => values,
            why => format!("{values} ({why})"),
        }
    }
}

/// Whether a value is the one written as JSON, `1` being `1.0`.
fn is_value(found: &Value, written: &str) -> bool {
    let Ok(written) = serde_json::from_str::<Value>(written) else { return false };
    are_equal(found, &written)
}

fn are_equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|(one, other)| are_equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let is_in_other = |(key, value): (&String, &Value)| {
                other.get(key).is_some_and(|it| are_equal(value, it))
            };
            one.len() == other.len() && one.iter().all(is_in_other)
        }
        _ => one == other,
    }
}

/// A value for a message, long ones cut.
fn shown(value: &Value) -> String {
    const LONGEST: usize = 60;
    let text = match value {
        Value::String(text) => format!("`{text}`"),
        _ => value.to_string(),
    };
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}..", &text[..end]),
        None => text,
    }
}
