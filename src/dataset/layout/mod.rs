/*!
The official layouts: what each file's fields mean.

A layout lists its rows ([`Layout::heads`], which reads as little as it can) and makes drafts of
those that are wanted. Most layouts are one file of independent rows and only say how to read one
([`RowLayout`]). Must not know how rows become cases.
*/

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::{DataError, DataPlace, DataProblem};
use super::json;
use super::parquet;
use super::record::{Picture, PictureColumns, Record};
use super::sample::Head;
use super::table::{self, Separator};
use super::template::Template;
use crate::case::{Metric, PersonAnswer};
use crate::geometry::PixelSize;

pub(super) mod choice;
pub(super) mod coco;
pub(super) mod gqa_hub;
pub(super) mod lmms_lab;
pub(super) mod mapped;
pub(super) mod mme;
pub(super) mod refcoco;
pub(super) mod science_qa;
pub(super) mod seed_bench;
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

impl From<Picture> for DraftImage {
    fn from(picture: Picture) -> Self {
        match picture {
            Picture::File(name) => Self::File(name),
            Picture::Base64(text) => Self::Base64(text),
        }
    }
}

/// A row as its layout reads it.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) id: String,
    /// Values for templates.
    pub(super) values: Vec<(String, String)>,
    pub(super) images: Vec<DraftImage>,
    pub(super) truth: Truth,
    /// The picture's size as the files tell it, for boxes.
    pub(super) size: Option<PixelSize>,
    /// Category, task or type of question; empty where the layout has none.
    pub(super) group: String,
    /// What rows about the same picture share.
    pub(super) cluster: String,
    pub(super) path: PathBuf,
    pub(super) place: DataPlace,
}

/// A row that cannot be asked, which leaves the others as they are.
#[derive(Debug)]
pub(super) struct BadRow {
    pub(super) id: String,
    pub(super) error: DataError,
}

/// Rows that were read, in any order.
pub(super) type Drafts = Vec<Result<Draft, BadRow>>;

/// The rows of a data set, before any is taken.
#[derive(Debug, Default)]
pub(super) struct Heads {
    pub(super) rows: Vec<Head>,
    /// The names that templates may use.
    pub(super) columns: Columns,
    /// Names of lists, one of which a template of pictures may use.
    pub(super) lists: Columns,
}

impl Heads {
    pub(super) fn add_columns<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) {
        self.columns.add(names);
    }
}

/// Names in the order in which they were first seen.
#[derive(Debug, Default)]
pub(super) struct Columns {
    names: Vec<String>,
    known: HashSet<String>,
}

impl Columns {
    fn add<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) {
        for name in names {
            if !self.known.contains(name) {
                self.known.insert(name.to_owned());
                self.names.push(name.to_owned());
            }
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.known.contains(name)
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }
}

pub(super) trait Layout: fmt::Debug + Send + Sync {
    /// All rows, in order, each with its value of the column.
    fn heads(&self, column: Option<&str>) -> Result<Heads, DataError>;

    /// The rows of these ids, in any order.
    fn drafts(&self, wanted: &HashSet<&str>) -> Result<Drafts, DataError>;

    /// What names the pictures of rows, if a template does.
    fn images(&self) -> Option<&Template> {
        None
    }

    /// Whether that template has a picture's own name under this one.
    fn names_images_as(&self, _: &str) -> bool {
        false
    }

    fn compared(&self) -> Compared;

    /// What an id is called in the file, for messages.
    fn id_name(&self) -> &'static str;

    /// The file whose offsets heads have.
    fn path(&self) -> &Path;
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
    /// Either of these, as the file begins.
    RowsOrMembers,
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

/// Which rows of a file are in the data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Only {
    /// Those whose column has this value.
    Value(&'static str, String),
    /// Those that have a picture.
    Pictured(&'static str),
    /// Those whose key is in a list of another file.
    Listed { file: PathBuf, list: String },
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
    pub(super) only: Vec<Only>,
    /// What names the pictures, if a template does.
    pub(super) images: Option<Template>,
    /// What that template calls a picture's own name, which is no scalar of the row.
    pub(super) image_name: Option<&'static str>,
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
        let listed = self.listed()?;
        let mut take = |record: Record, key: &str| {
            number += 1;
            let is_listed = listed.as_ref().is_none_or(|keys| keys.contains(key));
            let seen = Seen { record, key: key.to_owned(), number };
            if !(is_listed && self.is_taken(&seen.record)) {
                return Ok(());
            }
            let id = self.id(&seen)?;
            visit(id, seen.record)
        };
        match self.format()? {
            Format::List(key) => json::for_each(&self.file, &mut |element| match element.key {
                found if found == key => take(Record::parse(&element)?, ""),
                _ => Ok(()),
            }),
            Format::Members => json::for_each(&self.file, &mut |element| {
                let record = Record::parse(&element)?;
                let is_named = record.value(KEY).is_some();
                let record = if is_named { record } else { record.with(KEY, element.key.into()) };
                take(record, element.key)
            }),
            Format::Rows | Format::RowsOrMembers => {
                json::for_each_row(&self.file, &mut |element| take(Record::parse(&element)?, ""))
            }
            Format::Table(separator) => {
                table::for_each(&self.file, separator, &mut |record| take(record, ""))
            }
            Format::Parquet { files, one_by_one } => {
                for file in &files {
                    parquet::for_each(file, pictures, &mut |record| {
                        let rows = self.split(record, one_by_one)?;
                        rows.into_iter().try_for_each(|row| take(row, ""))
                    })?;
                }
                Ok(())
            }
        }
    }

    /// How rows stand in the file at hand.
    fn format(&self) -> Result<Format, DataError> {
        let is_lines = self.file.extension().is_some_and(|ending| ending == "jsonl");
        Ok(match &self.format {
            Format::RowsOrMembers if !is_lines && json::has_members(&self.file)? => Format::Members,
            known => known.clone(),
        })
    }

    /// The keys of rows that another file lists.
    fn listed(&self) -> Result<Option<HashSet<String>>, DataError> {
        let listed = self.only.iter().find_map(|only| match only {
            Only::Listed { file, list } => Some((file, list)),
            _ => None,
        });
        let Some((file, list)) = listed else { return Ok(None) };
        let mut keys = HashSet::new();
        json::for_each(file, &mut |element| {
            if element.key == *list {
                let key: serde_json::Value = element.parse()?;
                keys.extend(super::record::scalar(&key));
            }
            Ok(())
        })?;
        match keys.is_empty() {
            true => {
                let problem = DataProblem::NoRows { expected: "a list of ids under this split" };
                Err(DataError::new(file, DataPlace::File, problem))
            }
            false => Ok(Some(keys)),
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
        self.only.iter().all(|only| match only {
            Only::Value(column, wanted) => {
                record.optional(column).is_some_and(|value| value == *wanted)
            }
            Only::Pictured(column) => {
                record.value(column).is_some_and(|value| value.as_str() != Some(""))
            }
            Only::Listed { .. } => true,
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
        let (path, place) = (record.path().to_owned(), record.place());
        Ok(Draft { id, values, images, truth, size: None, group, cluster, path, place })
    }
}

impl Layout for RowLayout {
    fn heads(&self, column: Option<&str>) -> Result<Heads, DataError> {
        let mut heads = Heads::default();
        self.for_each(PictureColumns::Skipped, &mut |id, record| {
            let stratum = column.map(|column| record.text(column)).transpose()?;
            heads.add_columns(record.names());
            heads.lists.add(record.list_names());
            let offset = offset(record.place());
            heads.rows.push(Head { id, stratum: stratum.unwrap_or_default(), offset });
            Ok(())
        })?;
        heads.add_columns(self.derived.iter().copied());
        Ok(heads)
    }

    fn drafts(&self, wanted: &HashSet<&str>) -> Result<Drafts, DataError> {
        let mut drafts = Vec::with_capacity(wanted.len());
        self.for_each(PictureColumns::Read, &mut |id, record| {
            if wanted.contains(id.as_str()) {
                let draft = self.draft(id.clone(), &record);
                drafts.push(draft.map_err(|error| BadRow { id, error }));
            }
            Ok(())
        })?;
        Ok(drafts)
    }

    fn images(&self) -> Option<&Template> {
        self.images.as_ref()
    }

    fn names_images_as(&self, name: &str) -> bool {
        self.image_name == Some(name)
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

    fn path(&self) -> &Path {
        &self.file
    }
}

pub(super) fn offset(place: DataPlace) -> u64 {
    match place {
        DataPlace::File => 0,
        DataPlace::Text(offset) | DataPlace::Row(offset) | DataPlace::Binary(offset) => offset,
    }
}

/// The name under which a row has its key in the object around it.
const KEY: &str = "id";

/// The pictures that a template names for a row: several, if one of its values is a list.
fn named_images(images: &Template, record: &Record) -> Result<Vec<DraftImage>, DataError> {
    let mut values = record.scalars();
    for name in images.names() {
        let names = match record.value(name) {
            Some(_) => record.texts(name)?,
            None => return Err(record.wrong(name, "a value, since `images` names pictures by it")),
        };
        if names.len() > 1
            || !values.iter().any(|(known, value)| known == name && *value == names[0])
        {
            let named = |item: String| {
                values.push((name.to_owned(), item));
                let filled = images.fill(&values);
                values.pop();
                DraftImage::File(filled)
            };
            return Ok(names.into_iter().map(named).collect());
        }
    }
    Ok(vec![DraftImage::File(images.fill(&values))])
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
