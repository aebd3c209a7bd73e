//! CSV and TSV files as records: the first line names the columns.

use std::fs::File;
use std::path::Path;

use serde_json::{Map, Value};

use super::error::{DataError, DataPlace, DataProblem};
use super::record::Record;

/// What stands between cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Separator {
    Comma,
    Tab,
}

/// Every row, in order. Cells are texts; an empty one is a value that is not there.
pub(super) fn for_each(
    path: &Path,
    separator: Separator,
    visit: &mut dyn FnMut(Record) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let file = File::open(path).map_err(|error| DataError::unreadable(path, &error))?;
    let delimiter = match separator {
        Separator::Comma => b',',
        Separator::Tab => b'\t',
    };
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(file);
    let broken = |error: csv::Error| {
        let place = error.position().map_or(DataPlace::File, |at| DataPlace::Text(at.byte()));
        DataError::new(path, place, problem(&error))
    };
    let names: Vec<String> =
        reader.headers().map_err(broken)?.iter().map(|name| clean(name).to_owned()).collect();
    let mut row = csv::StringRecord::new();
    while reader.read_record(&mut row).map_err(broken)? {
        let place = row.position().map_or(DataPlace::File, |at| DataPlace::Text(at.byte()));
        let fields: Map<String, Value> =
            names.iter().zip(&row).map(|(name, cell)| (name.clone(), value(cell))).collect();
        visit(Record::new(fields, path, place))?;
    }
    Ok(())
}

fn value(cell: &str) -> Value {
    if cell.is_empty() { Value::Null } else { Value::String(cell.to_owned()) }
}

/// The first name, without a byte order mark.
fn clean(name: &str) -> &str {
    name.trim_start_matches('\u{FEFF}').trim()
}

fn problem(error: &csv::Error) -> DataProblem {
    match error.kind() {
        csv::ErrorKind::Utf8 { .. } => DataProblem::NotUtf8,
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => DataProblem::Table(format!(
            "{len} cells in this row, expected {expected_len} as in the first line"
        )),
        _ => DataProblem::Table(error.to_string()),
    }
}
