//! Stands in for the reader of parquet files in a build without it.

use std::path::Path;

use super::error::{DataError, DataPlace, DataProblem};
use super::record::{PictureColumns, Record};

/// Always an error, which says what to do.
pub(super) fn for_each(
    path: &Path,
    _: PictureColumns,
    _: &mut dyn FnMut(Record) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let message = "this build reads no parquet; enable eyechart's feature `parquet`";
    Err(DataError::new(path, DataPlace::File, DataProblem::Table(message.to_owned())))
}
