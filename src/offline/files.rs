/*!
Reading whole files of JSON or JSON Lines, with the place of every error.

Must not know any official format.
*/

use std::path::Path;

use serde::Deserialize;

use super::OfflineError;
use crate::dataset::Encoding;

/// How zip archives begin, and Excel's workbooks, which are such.
const ZIP: &[u8] = b"PK\x03\x04";

/// The text of a file.
///
/// The whole of it is checked to be UTF-8 here, which is much faster than string by string.
pub(super) fn read(path: &Path) -> Result<String, OfflineError> {
    let mut bytes = std::fs::read(path)
        .map_err(|source| OfflineError::Read { path: path.to_owned(), source })?;
    let refused = |message: &str| OfflineError::Json {
        path: path.to_owned(),
        line: 1,
        column: 1,
        message: message.to_owned(),
    };
    match Encoding::of(&bytes) {
        Encoding::Utf16 => {
            return Err(refused(
                "the text is UTF-16, as its byte order mark says; save it as UTF-8",
            ));
        }
        // RFC 8259, section 8.1: a reader may pass over the mark.
        Encoding::Utf8 { mark } => drop(bytes.drain(..mark)),
    }
    if bytes.starts_with(ZIP) {
        return Err(refused("this is a zip archive or an Excel workbook; save it as TSV or JSON"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        OfflineError::Json {
            path: path.to_owned(),
            line: 1 + before.iter().filter(|byte| **byte == b'\n').count(),
            column: 1 + before.len() - line_start,
            message: "the text is not UTF-8 here".to_owned(),
        }
    })
}

/// One JSON value, which may borrow from the text.
pub(super) fn parse<'b, T: Deserialize<'b>>(path: &Path, text: &'b str) -> Result<T, OfflineError> {
    serde_json::from_str(text).map_err(|error| json_error(path, &error))
}

/// Rows: a JSON array, or one JSON value on each line.
pub(super) fn parse_rows<T: for<'b> Deserialize<'b>>(
    path: &Path,
    text: &str,
) -> Result<Vec<T>, OfflineError> {
    if text.trim_ascii_start().starts_with('[') {
        return parse(path, text);
    }
    let filled = text.lines().enumerate().filter(|(_, line)| !line.trim_ascii().is_empty());
    filled.map(|(number, line)| parse_line(path, number + 1, line)).collect()
}

fn parse_line<T: for<'b> Deserialize<'b>>(
    path: &Path,
    number: usize,
    line: &str,
) -> Result<T, OfflineError> {
    serde_json::from_str(line).map_err(|error| OfflineError::Json {
        path: path.to_owned(),
        line: number,
        column: error.column(),
        message: message(&error),
    })
}

pub(super) fn json_error(path: &Path, error: &serde_json::Error) -> OfflineError {
    OfflineError::Json {
        path: path.to_owned(),
        line: error.line(),
        column: error.column(),
        message: message(error),
    }
}

/// The message without the place, which stands before it already.
fn message(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}
