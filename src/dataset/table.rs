//! CSV and TSV files as records: the first line names the columns.

use std::cell::Cell;
use std::io::{self, Read};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::error::{DataError, DataPlace, DataProblem};
use super::record::Record;
use super::text_file;

/// What stands between cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Separator {
    Comma,
    Tab,
}

impl Separator {
    fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Tab => b'\t',
        }
    }

    fn plural(self) -> &'static str {
        match self {
            Self::Comma => "commas",
            Self::Tab => "tabs",
        }
    }
}

/// The longest row that is read, in bytes: several pictures of many megabytes in base64.
const LONGEST_ROW: u64 = 256 << 20;

/// How far the csv reader reads ahead, in bytes, at most.
const READ_AHEAD: u64 = 1 << 20;

/// A row that is put behind the file's last one. A quote that is never closed swallows it, and nothing
/// else can tell.
const END: &str = "\u{1}the end of the table\u{1}";

/// Every row, in order. Cells are texts; an empty one is a value that is not there.
pub(crate) fn for_each(
    path: &Path,
    separator: Separator,
    visit: &mut dyn FnMut(Record) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let file = text_file::open(path)?;
    let shift = file.skipped;
    let read = Rc::new(Cell::new(0));
    let end = io::Cursor::new(format!("\n{END}\n"));
    let source = Counted { source: file.bytes.chain(end), read: Rc::clone(&read) };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator.byte())
        .flexible(true)
        .has_headers(false)
        .from_reader(source);
    let shared: Arc<Path> = path.into();
    let mut row = csv::StringRecord::new();
    let mut names: Option<Vec<String>> = None;
    loop {
        let start = reader.position().byte();
        read.set(0);
        let is_row = reader.read_record(&mut row);
        let place = DataPlace::Row(start + shift);
        let error = |problem| DataError::new(path, place, problem);
        match is_row {
            Err(broken) => return Err(error(problem(&broken))),
            Ok(false) => return Err(error(DataProblem::Table(UNCLOSED.to_owned()))),
            Ok(true) if row.len() == 1 && &row[0] == END => break,
            Ok(true) => {}
        }
        match &names {
            None => names = Some(header(&row, separator).map_err(error)?),
            Some(names) if names.len() != row.len() => {
                let is_unclosed = row.iter().next_back().is_some_and(|last| last.contains(END));
                let message = match is_unclosed {
                    true => UNCLOSED.to_owned(),
                    false => format!(
                        "{} cells in this row, expected {} as in the first line",
                        row.len(),
                        names.len()
                    ),
                };
                return Err(error(DataProblem::Table(message)));
            }
            Some(_) if row.iter().next_back().is_some_and(|last| last.contains(END)) => {
                return Err(error(DataProblem::Table(UNCLOSED.to_owned())));
            }
            Some(names) => {
                let fields: Map<String, Value> = names
                    .iter()
                    .zip(&row)
                    .map(|(name, cell)| (name.clone(), value(cell)))
                    .collect();
                visit(Record::new(fields, &shared, place))?;
            }
        }
    }
    Ok(())
}

const UNCLOSED: &str = "a quote (\") of this row is never closed, so that the rows behind it would be \
                        part of its cell; close it, or write a quote that is meant as such twice";

/// The names of the columns, each of which can be meant.
fn header(row: &csv::StringRecord, separator: Separator) -> Result<Vec<String>, DataProblem> {
    let names: Vec<String> = row.iter().map(|name| name.trim().to_owned()).collect();
    if names
        .first()
        .is_some_and(|name| name.trim_matches('"').to_ascii_lowercase().starts_with("sep="))
    {
        let message = "the first line is Excel's `sep=`, expected the names of the columns; \
                       delete that line";
        return Err(DataProblem::Table(message.to_owned()));
    }
    if let [only] = &names[..] {
        let other = [(';', "semicolons"), ('\t', "tabs"), (',', "commas"), ('|', "bars")];
        if let Some((_, found)) = other.iter().find(|(sign, _)| only.contains(*sign)) {
            let shown: String = only.chars().take(80).collect();
            let expected = separator.plural();
            return Err(DataProblem::Table(format!(
                "the first line is one column, `{shown}`: its separator seems to be {found}, \
                 expected {expected}; write the table again with {expected} between cells"
            )));
        }
    }
    let mut places = std::collections::HashMap::with_capacity(names.len());
    for (place, name) in names.iter().enumerate() {
        if let Some(first) = places.insert(name.as_str(), place).filter(|_| !name.is_empty()) {
            return Err(DataProblem::Table(format!(
                "two columns are named `{name}`, number {} and {}; rename or drop one",
                first + 1,
                place + 1
            )));
        }
    }
    Ok(names)
}

fn value(cell: &str) -> Value {
    if cell.is_empty() { Value::Null } else { Value::String(cell.to_owned()) }
}

fn problem(error: &csv::Error) -> DataProblem {
    match error.kind() {
        csv::ErrorKind::Utf8 { .. } => DataProblem::NotUtf8,
        _ => DataProblem::Table(error.to_string()),
    }
}

/// Counts what is read since a row began, and ends a row that is longer than any can be.
struct Counted<R> {
    source: R,
    read: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read.get() > LONGEST_ROW + READ_AHEAD {
            let limit = LONGEST_ROW >> 20;
            return Err(io::Error::other(format!("this row is longer than {limit} MiB")));
        }
        let count = self.source.read(buffer)?;
        self.read.set(self.read.get() + count as u64);
        Ok(count)
    }
}
