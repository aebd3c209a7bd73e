//! Parquet files as records: the form in which the Hugging Face hub keeps data sets.
//!
//! A picture there is a struct of its file's `bytes` and `path`; here it becomes the bytes in base64,
//! as tables have pictures. Only what is uncompressed or compressed by Snappy is read, which is what
//! the hub's own writer makes.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row};
use parquet::schema::types::Type;
use serde_json::{Map, Number, Value};

use super::base64;
use super::error::{DataError, DataPlace, DataProblem};
use super::record::{PictureColumns, Record};

/// Every row of a file, in order.
pub(super) fn for_each(
    path: &Path,
    pictures: PictureColumns,
    visit: &mut dyn FnMut(Record) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let file = File::open(path).map_err(|error| DataError::unreadable(path, &error))?;
    let broken = |error: &dyn std::fmt::Display| {
        let problem = DataProblem::Table(format!("no parquet file that can be read: {error}"));
        DataError::new(path, DataPlace::File, problem)
    };
    let reader = guarded(|| SerializedFileReader::new(file)).map_err(|error| broken(&error))?;
    let rows = guarded(|| RowIter::from_file(projection(&reader, pictures), &reader));
    let mut rows = rows.map_err(|error| broken(&error))?;
    while let Some(row) = guarded(|| rows.next().transpose()).map_err(|error| broken(&error))? {
        let fields = row.get_column_iter().map(|(name, field)| (name.clone(), value(field)));
        visit(Record::new(fields.collect(), path, DataPlace::File))?;
    }
    Ok(())
}

/// The columns that are read; nothing for all of them.
fn projection(reader: &impl FileReader, pictures: PictureColumns) -> Option<Type> {
    if pictures == PictureColumns::Read {
        return None;
    }
    let schema = reader.metadata().file_metadata().schema();
    let kept: Vec<Arc<Type>> =
        schema.get_fields().iter().filter(|field| !holds_picture(field)).cloned().collect();
    let builder = Type::group_type_builder(schema.name()).with_fields(kept);
    builder.build().ok()
}

/// Whether a column is a picture, or a list of them.
fn holds_picture(field: &Type) -> bool {
    let is_picture = |fields: &[Arc<Type>]| fields.iter().any(|field| field.name() == "bytes");
    field.is_group()
        && (is_picture(field.get_fields())
            || field.get_fields().iter().any(|inner| holds_picture(inner)))
}

/// A damaged file must not take the run along: the reader panics on some.
fn guarded<T>(work: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ParquetError> {
    let panicked = |_| Err(ParquetError::General("its content makes no sense".to_owned()));
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(panicked)
}

fn value(field: &Field) -> Value {
    match field {
        Field::Null => Value::Null,
        Field::Bool(truth) => Value::Bool(*truth),
        Field::Byte(number) => Value::from(*number),
        Field::Short(number) => Value::from(*number),
        Field::Int(number) => Value::from(*number),
        Field::Long(number) => Value::from(*number),
        Field::UByte(number) => Value::from(*number),
        Field::UShort(number) => Value::from(*number),
        Field::UInt(number) => Value::from(*number),
        Field::ULong(number) => Value::from(*number),
        Field::Float(number) => float(f64::from(*number)),
        Field::Double(number) => float(*number),
        Field::Str(text) => Value::String(text.clone()),
        Field::Bytes(bytes) => Value::String(base64::encode(bytes.data())),
        Field::Group(row) => group(row),
        Field::ListInternal(list) => list.elements().iter().map(value).collect(),
        other => Value::String(other.to_string()),
    }
}

/// A picture's struct is its bytes; any other one an object.
fn group(row: &Row) -> Value {
    let fields: Map<String, Value> =
        row.get_column_iter().map(|(name, field)| (name.clone(), value(field))).collect();
    match fields.get("bytes") {
        Some(bytes) if fields.keys().all(|name| matches!(name.as_str(), "bytes" | "path")) => {
            bytes.clone()
        }
        _ => Value::Object(fields),
    }
}

fn float(number: f64) -> Value {
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}
