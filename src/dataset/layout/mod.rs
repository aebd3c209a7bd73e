/*!
The official layouts: what each file's fields mean.

A layout lists its rows ([`Layout::heads`], which reads as little as it can) and makes drafts of
those that are wanted. Most layouts are one file of independent rows and only say how to read one
([`RowLayout`]). Must not know how rows become cases.
*/

use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::error::{DataError, DataPlace};
use super::json;
use super::parquet;
use super::record::{PictureColumns, Record};
use super::sample::Head;
use super::table::{self, Separator};
use super::template::Template;
use crate::case::{Metric, PersonAnswer};

pub(super) mod choice;
pub(super) mod coco;
pub(super) mod gqa_hub;
pub(super) mod lmms_lab;
pub(super) mod mapped;
pub(super) mod mme;
pub(super) mod refcoco;
pub(super) mod short_answer;
pub(super) mod vqa;

/// What is compared with an answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Truth {
    /// What people answered.
    People(Vec<PersonAnswer>),
    /// `yes` or `no`.
    YesNo(String),
    Choice {
        options: Vec<String>,
        /// The right one's letter.
        answer: String,
    },
    /// `[x1, y1, x2, y2]` in pixels.
    Box([f64; 4]),
    /// Captions that people wrote.
    Captions(Vec<String>),
    /// The file does not tell, as in test splits.
    Unknown,
}

/// What a layout's truths are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compared {
    /// An answer, by this metric unless the user names another.
    Answers(Metric),
    Boxes,
    Captions,
}

/// A picture of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DraftImage {
    /// A file's name, from the folder of pictures.
    File(String),
    /// A file beside the data.
    Beside(PathBuf),
    /// The picture of the row of this id.
    SameAs(String),
    /// The file itself, in base64.
    Base64(String),
    /// The same for several rows, under a name of its own.
    Shared { name: String, base64: Arc<str> },
}

/// A row as its layout reads it.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) id: String,
    /// Values for templates.
    pub(super) values: Vec<(String, String)>,
    pub(super) images: Vec<DraftImage>,
    pub(super) truth: Truth,
    /// Category, task or type of question; empty where the layout has none.
    pub(super) group: String,
    /// What rows about the same picture share.
    pub(super) cluster: String,
    pub(super) path: PathBuf,
    pub(super) place: DataPlace,
}

/// The rows of a data set, before any is taken.
#[derive(Debug, Default)]
pub(super) struct Heads {
    pub(super) rows: Vec<Head>,
    /// The names that templates may use.
    pub(super) columns: Vec<String>,
}

impl Heads {
    pub(super) fn add_columns<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) {
        for name in names {
            if !self.columns.iter().any(|known| known == name) {
                self.columns.push(name.to_owned());
            }
        }
    }
}

pub(super) trait Layout: fmt::Debug + Send + Sync {
    /// All rows, in order, each with its value of the column.
    fn heads(&self, column: Option<&str>) -> Result<Heads, DataError>;

    /// The rows of these ids, in any order.
    fn drafts(&self, wanted: &HashSet<&str>) -> Result<Vec<Draft>, DataError>;

    fn compared(&self) -> Compared;

    /// What an id is called in the file, for messages.
    fn id_name(&self) -> &'static str;

    /// The file whose offsets heads have.
    fn path(&self) -> &std::path::Path;
}

/// How rows stand in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Format {
    /// A JSON object with a list under this key.
    List(&'static str),
    /// A JSON object whose values are the rows.
    Members,
    /// A JSON list, or JSON Lines.
    Rows,
    Table(Separator),
    /// The hub's files, all of which together are the data set.
    Parquet {
        files: Vec<PathBuf>,
        /// A column whose list becomes rows of their own, and what each item is then called.
        one_by_one: Option<(&'static str, &'static str)>,
    },
}

/// What a row is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Id {
    /// The value of the first of these that is there.
    Columns(&'static [&'static str]),
    Named(String),
    /// The key of the row in the object around it.
    Key,
    /// Its number, from 1.
    Number,
}

/// What a layout makes of a row, besides its scalars.
#[derive(Debug)]
pub(super) struct Reading {
    /// Values for templates that are no scalars of the row.
    pub(super) derived: Vec<(String, String)>,
    pub(super) images: Vec<DraftImage>,
    pub(super) truth: Truth,
    pub(super) group: String,
    /// Empty if the first picture's file tells.
    pub(super) cluster: String,
}

impl Reading {
    pub(super) fn new(images: Vec<DraftImage>, truth: Truth) -> Self {
        Self { derived: Vec::new(), images, truth, group: String::new(), cluster: String::new() }
    }
}

type ReadRow = Box<dyn Fn(&Record) -> Result<Reading, DataError> + Send + Sync>;

/// A layout of one file with independent rows.
pub(super) struct RowLayout {
    pub(super) file: PathBuf,
    pub(super) format: Format,
    pub(super) id: Id,
    /// Only rows whose column has this value.
    pub(super) only: Option<(&'static str, String)>,
    pub(super) compared: Compared,
    /// Names of the derived values.
    pub(super) derived: &'static [&'static str],
    pub(super) read: ReadRow,
}

impl fmt::Debug for RowLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowLayout").field("file", &self.file).finish_non_exhaustive()
    }
}

/// A record and what stands around it.
struct Seen {
    record: Record,
    key: String,
    number: usize,
}

impl RowLayout {
    fn for_each(
        &self,
        pictures: PictureColumns,
        visit: &mut dyn FnMut(String, Record) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        let mut number = 0;
        let mut take = |record: Record, key: &str| {
            number += 1;
            let seen = Seen { record, key: key.to_owned(), number };
            if !self.is_taken(&seen.record) {
                return Ok(());
            }
            let id = self.id(&seen)?;
            visit(id, seen.record)
        };
        match &self.format {
            Format::List(key) => json::for_each(&self.file, &mut |element| match element.key {
                found if found == *key => take(Record::parse(&element)?, ""),
                _ => Ok(()),
            }),
            Format::Members => json::for_each(&self.file, &mut |element| {
                take(Record::parse(&element)?, element.key)
            }),
            Format::Rows => {
                json::for_each_row(&self.file, &mut |element| take(Record::parse(&element)?, ""))
            }
            Format::Table(separator) => {
                table::for_each(&self.file, *separator, &mut |record| take(record, ""))
            }
            Format::Parquet { files, one_by_one } => {
                for file in files {
                    parquet::for_each(file, pictures, &mut |record| {
                        let rows = self.split(record, *one_by_one)?;
                        rows.into_iter().try_for_each(|row| take(row, ""))
                    })?;
                }
                Ok(())
            }
        }
    }

    /// A row for each item of a column's list, its id numbered from 1; or the row as it is.
    fn split(
        &self,
        row: Record,
        one_by_one: Option<(&str, &str)>,
    ) -> Result<Vec<Record>, DataError> {
        let (Some((column, name)), Id::Columns(ids)) = (one_by_one, &self.id) else {
            return Ok(vec![row]);
        };
        let id = row.text(ids[0])?;
        let texts = row.texts(column)?.into_iter().zip(1..);
        Ok(texts
            .map(|(text, number)| row.with(ids[0], format!("{id}_{number}")).with(name, text))
            .collect())
    }

    fn is_taken(&self, record: &Record) -> bool {
        self.only.as_ref().is_none_or(|(column, wanted)| {
            record.optional(column).is_some_and(|value| value == *wanted)
        })
    }

    fn id(&self, seen: &Seen) -> Result<String, DataError> {
        match &self.id {
            Id::Columns(names) => {
                let found = names.iter().find_map(|name| seen.record.optional(name));
                found.ok_or_else(|| seen.record.wrong(names[0], "the row's id"))
            }
            Id::Named(name) => seen.record.text(name),
            Id::Key => Ok(seen.key.clone()),
            Id::Number => Ok(seen.number.to_string()),
        }
    }

    fn draft(&self, id: String, record: &Record) -> Result<Draft, DataError> {
        let Reading { derived, images, truth, group, cluster } = (self.read)(record)?;
        let mut values = record.scalars();
        values.extend(derived);
        let cluster = match images.first() {
            Some(DraftImage::File(name)) if cluster.is_empty() => name.clone(),
            _ if cluster.is_empty() => id.clone(),
            _ => cluster,
        };
        let (path, place) = (self.file.clone(), record.place());
        Ok(Draft { id, values, images, truth, group, cluster, path, place })
    }
}

impl Layout for RowLayout {
    fn heads(&self, column: Option<&str>) -> Result<Heads, DataError> {
        let mut heads = Heads::default();
        self.for_each(PictureColumns::Skipped, &mut |id, record| {
            let stratum = column.map(|column| record.text(column)).transpose()?;
            heads.add_columns(record.names());
            let offset = offset(record.place());
            heads.rows.push(Head { id, stratum: stratum.unwrap_or_default(), offset });
            Ok(())
        })?;
        heads.add_columns(self.derived.iter().copied());
        Ok(heads)
    }

    fn drafts(&self, wanted: &HashSet<&str>) -> Result<Vec<Draft>, DataError> {
        let mut drafts = Vec::with_capacity(wanted.len());
        self.for_each(PictureColumns::Read, &mut |id, record| {
            if wanted.contains(id.as_str()) {
                drafts.push(self.draft(id, &record)?);
            }
            Ok(())
        })?;
        Ok(drafts)
    }

    fn compared(&self) -> Compared {
        self.compared
    }

    fn id_name(&self) -> &'static str {
        match &self.id {
            Id::Columns(names) => names[0],
            Id::Named(_) => "the id",
            Id::Key => "the key",
            Id::Number => "row",
        }
    }

    fn path(&self) -> &std::path::Path {
        &self.file
    }
}

pub(super) fn offset(place: DataPlace) -> u64 {
    match place {
        DataPlace::File => 0,
        DataPlace::Text(offset) | DataPlace::Binary(offset) => offset,
    }
}

/// The picture that a template names for a row.
fn one_image(images: &Template, record: &Record) -> Vec<DraftImage> {
    vec![DraftImage::File(images.fill(&record.scalars()))]
}

/// `A. red`, a line an option.
pub(super) fn listed(options: &[String]) -> String {
    let lines = ('A'..='Z').zip(options).filter(|(_, text)| !text.is_empty());
    lines.map(|(letter, text)| format!("{letter}. {text}")).collect::<Vec<_>>().join("\n")
}

/// The letter at a place of a list of options.
fn letter(index: usize) -> Option<String> {
    ('A'..='Z').nth(index).map(|letter| letter.to_string())
}
