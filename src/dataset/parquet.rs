/*!
Parquet files as records: the form in which the Hugging Face hub keeps data sets.

A picture there is a struct of its file's `bytes` and `path`, and stays one: its bytes are in base64, as
tables have pictures. Whatever a file claims about sizes and numbers is held to a budget before it is
believed (`pages`), and what its rows come to is held to another one here. Must not know what columns mean.
*/

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, ConvertedType};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::schema::types::Type;
use serde_json::{Map, Value};

use super::error::{DataError, DataPlace, DataProblem};
use super::record::{BYTES, PictureColumns, Record};
use super::text_file;
use crate::foreign::unless_it_panics;

mod pages;
mod value;

/// What a value costs besides its text, in bytes.
const VALUE_COST: u64 = 64;

/// The most that all rows of a file may come to: so much, and so many times the file's length. Dictionaries
/// and run lengths make some kilobytes into millions of rows; the hub's sets come to twice their length.
const MOST_BYTES: u64 = 64 << 20;
const MOST_PER_BYTE: u64 = 256;

/// How many rows are decoded at once: pictures are large.
const BATCH: usize = 64;

/// Every row of a file, in order.
pub(super) fn for_each(
    path: &Path,
    pictures: PictureColumns,
    visit: &mut dyn FnMut(Record) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let unreadable = |error: std::io::Error| DataError::unreadable(path, &error);
    if text_file::is_lfs_pointer(path) {
        return Err(DataError::new(path, DataPlace::File, DataProblem::LfsPointer));
    }
    let file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    let error =
        |message: String| DataError::new(path, DataPlace::File, DataProblem::Table(message));
    let broken =
        |cause: &dyn std::fmt::Display| error(format!("no parquet file that can be read: {cause}"));
    let pages = file.try_clone().map_err(unreadable)?;
    let reader = guarded(|| SerializedFileReader::new(file)).map_err(|cause| broken(&cause))?;
    if let Some(codec) = unread_codec(reader.metadata()) {
        let message =
            format!("compressed by {codec}, which is not read; write it again with snappy");
        return Err(error(message));
    }
    pages::check(pages, length, reader.metadata()).map_err(|cause| broken(&cause))?;
    let kept = projection(&reader, pictures);
    let schema = kept.clone().unwrap_or_else(|| reader.metadata().file_metadata().schema().clone());
    let rows =
        guarded(|| RowIter::from_file(kept, &reader).map(|rows| rows.with_batch_size(BATCH)));
    let mut rows = rows.map_err(|cause| broken(&cause))?;
    let shared: Arc<Path> = path.into();
    let mut number = 0;
    let mut budget = MOST_BYTES.saturating_add(length.saturating_mul(MOST_PER_BYTE));
    while let Some(row) = guarded(|| rows.next().transpose()).map_err(|cause| broken(&cause))? {
        let columns = row.get_column_iter().zip(schema.get_fields());
        let fields: Map<String, Value> = columns
            .map(|((name, field), column)| (name.clone(), value::of(field, column)))
            .collect();
        budget = budget.checked_sub(fields.values().map(cost).sum()).ok_or_else(|| {
            let factor = MOST_PER_BYTE;
            error(format!("its rows come to more than {factor} times its length"))
        })?;
        number += 1;
        visit(Record::new(fields, &shared, DataPlace::Numbered(number)))?;
    }
    Ok(())
}

/// What a value takes, in bytes.
fn cost(value: &Value) -> u64 {
    VALUE_COST
        + match value {
            Value::String(text) => text.len() as u64,
            Value::Array(items) => items.iter().map(cost).sum(),
            Value::Object(fields) => fields.values().map(cost).sum(),
            _ => 0,
        }
}

/// The name of a codec in the file that is none of those that are read.
fn unread_codec(metadata: &ParquetMetaData) -> Option<String> {
    let mut columns = metadata.row_groups().iter().flat_map(|group| group.columns());
    columns.find_map(|column| match column.compression() {
        Compression::LZO => Some("lzo".to_owned()),
        _ => None,
    })
}

/// The columns that are read; nothing for all of them.
fn projection(reader: &impl FileReader, pictures: PictureColumns) -> Option<Type> {
    let schema = reader.metadata().file_metadata().schema();
    let is_left_out =
        |field: &Type| is_unread(field) || (pictures == PictureColumns::Skipped && is_bytes(field));
    let kept = |field: &Arc<Type>| match field.is_primitive() {
        true => Some(Arc::clone(field)).filter(|field| !is_unread(field)),
        false => without(&is_left_out, field),
    };
    let kept = schema.get_fields().iter().filter_map(kept).collect();
    let builder = Type::group_type_builder(schema.name()).with_fields(kept);
    builder.build().ok()
}

/// The bytes of pictures, which are most of a file: their paths still tell whether there is one.
fn is_bytes(field: &Type) -> bool {
    field.name() == BYTES && field.is_primitive()
}

/// What the reader cannot read, which must not take the other columns along: spans of time in months, days and
/// milliseconds.
fn is_unread(field: &Type) -> bool {
    field.get_basic_info().converted_type() == ConvertedType::INTERVAL
}

/// A column without some of its fields. Nothing if none is left.
fn without(is_left_out: &impl Fn(&Type) -> bool, field: &Arc<Type>) -> Option<Arc<Type>> {
    if is_left_out(field) {
        return None;
    }
    if field.is_primitive() {
        return Some(Arc::clone(field));
    }
    let fields = field.get_fields().iter();
    let kept: Vec<Arc<Type>> = fields.filter_map(|inner| without(is_left_out, inner)).collect();
    if kept.len() == field.get_fields().len() {
        return Some(Arc::clone(field));
    }
    if kept.is_empty() {
        return None;
    }
    let info = field.get_basic_info();
    let mut builder = Type::group_type_builder(field.name())
        .with_converted_type(info.converted_type())
        .with_logical_type(info.logical_type_ref().cloned())
        .with_fields(kept);
    if info.has_repetition() {
        builder = builder.with_repetition(info.repetition());
    }
    builder.build().ok().map(Arc::new)
}

/// A damaged file must not take the run along: the reader panics on some.
fn guarded<T>(work: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ParquetError> {
    let panicked = || Err(ParquetError::General("its content makes no sense".to_owned()));
    unless_it_panics(work).unwrap_or_else(panicked)
}
