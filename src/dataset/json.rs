/*!
JSON files of any size, row by row.

The file is read in pieces, and only the row at hand is in memory. A row is an element of a list
at the top of the file or under one of its keys, a value under a key, or a line (JSON Lines). Must
not know what rows mean.
*/

use std::collections::HashSet;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;

use super::error::{DataError, DataPlace, DataProblem};
use super::text_file::{self, TextFile};

/// The longest value that is read as one row, in bytes: several pictures of many megabytes in base64.
const LONGEST_ROW: usize = 256 << 20;

/// How much is read at once, in bytes.
const PIECE: usize = 256 * 1024;

/// A value of a file, as text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element<'a> {
    pub(super) path: &'a Path,
    /// The key of the value, or of the list it is in; empty for a list at the top and for lines.
    pub(super) key: &'a str,
    /// The value.
    pub(super) text: &'a str,
    /// Where it begins in the file, in bytes.
    pub(super) offset: u64,
}

impl<'a> Element<'a> {
    pub(super) fn parse<T: Deserialize<'a>>(&self) -> Result<T, DataError> {
        serde_json::from_str(self.text).map_err(|error| {
            let place = self.offset + byte_at(self.text, error.line(), error.column()) as u64;
            let message = message(&error);
            DataError::new(self.path, DataPlace::Text(place), DataProblem::Json(message))
        })
    }

    pub(super) fn place(&self) -> DataPlace {
        DataPlace::Text(self.offset)
    }
}

/// The byte that serde_json calls so; it counts bytes in columns, and stands behind the culprit.
fn byte_at(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.max(1) - 1).map(str::len).sum();
    (start + column.max(1) - 1).min(text.len())
}

/// The message without the place, which is told apart.
fn message(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}

type Visit<'v> = &'v mut dyn FnMut(Element<'_>) -> Result<(), DataError>;

/// Every element of every list under a key of the top object or at the top, and every other value
/// under a key of it, in order.
pub(super) fn for_each(path: &Path, visit: Visit<'_>) -> Result<(), DataError> {
    let mut scanner = Scanner::open(path)?;
    match scanner.next_token()? {
        Some(b'[') => scanner.list("", visit)?,
        Some(b'{') => scanner.object(visit)?,
        found => return Err(scanner.expected("a JSON list or object", found)),
    }
    match scanner.next_token()? {
        None => Ok(()),
        found => Err(scanner.expected("the end of the file", found)),
    }
}

/// Every element of a list at the top of a file, or every line of a file that begins otherwise.
pub(super) fn for_each_row(path: &Path, visit: Visit<'_>) -> Result<(), DataError> {
    let mut scanner = Scanner::open(path)?;
    match scanner.next_token()? {
        Some(b'[') => scanner.list("", visit),
        Some(_) => scanner.lines(visit),
        None => Ok(()),
    }
}

/// Whether a file is an object of objects by key, as GQA's and ScienceQA's: its first value is an object.
pub(super) fn has_members(path: &Path) -> Result<bool, DataError> {
    let mut scanner = Scanner::open(path)?;
    if scanner.next_token()? != Some(b'{') {
        return Ok(false);
    }
    scanner.position += 1;
    Ok(scanner.next_token()? == Some(b'"')
        && scanner.key().is_ok()
        && scanner.next_token()? == Some(b'{'))
}

struct Scanner<'p> {
    path: &'p Path,
    file: TextFile,
    buffer: Vec<u8>,
    /// Offset of the buffer's first byte in the file.
    start: u64,
    position: usize,
}

impl<'p> Scanner<'p> {
    fn open(path: &'p Path) -> Result<Self, DataError> {
        let file = text_file::open(path)?;
        let start = file.skipped;
        let mut scanner = Self { path, file, buffer: Vec::new(), start, position: 0 };
        scanner.fill()?;
        Ok(scanner)
    }

    /// Reads the next piece; false at the end of the file.
    fn fill(&mut self) -> Result<bool, DataError> {
        let length = self.buffer.len();
        if length > LONGEST_ROW + PIECE {
            let message = format!("this value is longer than {} MiB", LONGEST_ROW >> 20);
            let place = DataPlace::Text(self.start);
            return Err(DataError::new(self.path, place, DataProblem::Json(message)));
        }
        self.buffer.resize(length + PIECE, 0);
        let read = self.file.bytes.read(&mut self.buffer[length..]);
        let read = read.map_err(|error| DataError::unreadable(self.path, &error))?;
        self.buffer.truncate(length + read);
        Ok(read > 0)
    }

    /// Forgets what lies behind.
    fn discard(&mut self) {
        if self.position >= PIECE {
            self.buffer.drain(..self.position);
            self.start += self.position as u64;
            self.position = 0;
        }
    }

    fn offset(&self) -> u64 {
        self.start + self.position as u64
    }

    /// The next byte that is no white space, which is not passed.
    fn next_token(&mut self) -> Result<Option<u8>, DataError> {
        loop {
            let rest = &self.buffer[self.position..];
            match rest.iter().position(|byte| !byte.is_ascii_whitespace()) {
                Some(skipped) => {
                    self.position += skipped;
                    return Ok(Some(self.buffer[self.position]));
                }
                None => {
                    self.position = self.buffer.len();
                    if !self.fill()? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    fn expected(&self, expected: &str, found: Option<u8>) -> DataError {
        let found = match found {
            None => "the end of the file".to_owned(),
            Some(byte) if byte.is_ascii_graphic() => format!("`{}`", char::from(byte)),
            Some(byte) => format!("byte {byte:#04x}"),
        };
        let problem = DataProblem::Json(format!("expected {expected}, found {found}"));
        DataError::new(self.path, DataPlace::Text(self.offset()), problem)
    }

    fn list(&mut self, key: &str, visit: Visit<'_>) -> Result<(), DataError> {
        self.position += 1;
        if self.next_token()? == Some(b']') {
            self.position += 1;
            return Ok(());
        }
        loop {
            self.visit_value(key, visit)?;
            match self.next_token()? {
                Some(b',') => self.position += 1,
                Some(b']') => {
                    self.position += 1;
                    return Ok(());
                }
                found => return Err(self.expected("`,` or `]`", found)),
            }
        }
    }

    fn object(&mut self, visit: Visit<'_>) -> Result<(), DataError> {
        self.position += 1;
        if self.next_token()? == Some(b'}') {
            self.position += 1;
            return Ok(());
        }
        let mut lists = HashSet::new();
        loop {
            self.next_token()?;
            let place = DataPlace::Text(self.offset());
            let key = self.key()?;
            match self.next_token()? {
                Some(b'[') if !lists.insert(key.clone()) => {
                    let problem = DataProblem::Duplicate { what: "the key", id: key };
                    return Err(DataError::new(self.path, place, problem));
                }
                Some(b'[') => self.list(&key, visit)?,
                _ => self.visit_value(&key, visit)?,
            }
            match self.next_token()? {
                Some(b',') => self.position += 1,
                Some(b'}') => {
                    self.position += 1;
                    return Ok(());
                }
                found => return Err(self.expected("`,` or `}`", found)),
            }
        }
    }

    fn key(&mut self) -> Result<String, DataError> {
        let found = self.next_token()?;
        if found != Some(b'"') {
            return Err(self.expected("a key in quotes", found));
        }
        let mut key = String::new();
        self.visit_value("", &mut |element| {
            key = element.parse()?;
            Ok(())
        })?;
        match self.next_token()? {
            Some(b':') => self.position += 1,
            found => return Err(self.expected("`:`", found)),
        }
        Ok(key)
    }

    fn visit_value(&mut self, key: &str, visit: Visit<'_>) -> Result<(), DataError> {
        let first = self.next_token()?;
        self.discard();
        let (start, offset) = (self.position, self.offset());
        match first {
            Some(b'[' | b'{') => self.skip_brackets()?,
            Some(b'"') => self.skip_string()?,
            Some(byte) if byte.is_ascii_alphanumeric() || byte == b'-' => self.skip_scalar()?,
            found => return Err(self.expected("a value", found)),
        }
        visit(self.element(key, start, offset)?)
    }

    fn element<'s>(
        &'s self,
        key: &'s str,
        start: usize,
        offset: u64,
    ) -> Result<Element<'s>, DataError> {
        let bytes = &self.buffer[start..self.position];
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let place = DataPlace::Text(offset + error.valid_up_to() as u64);
            DataError::new(self.path, place, DataProblem::NotUtf8)
        })?;
        Ok(Element { path: self.path, key, text, offset })
    }

    /// The next byte, passed; an error at the end of the file.
    fn advance(&mut self) -> Result<u8, DataError> {
        if self.position == self.buffer.len() && !self.fill()? {
            return Err(self.expected("the end of the value", None));
        }
        self.position += 1;
        Ok(self.buffer[self.position - 1])
    }

    fn skip_string(&mut self) -> Result<(), DataError> {
        self.position += 1;
        loop {
            let rest = &self.buffer[self.position..];
            match rest.iter().position(|byte| matches!(byte, b'"' | b'\\')) {
                Some(length) => self.position += length,
                None => self.position = self.buffer.len(),
            }
            match self.advance()? {
                b'"' => return Ok(()),
                b'\\' => drop(self.advance()?),
                _ => {}
            }
        }
    }

    fn skip_brackets(&mut self) -> Result<(), DataError> {
        let mut depth = 0_usize;
        loop {
            match self.advance()? {
                b'[' | b'{' => depth += 1,
                b'"' => {
                    self.position -= 1;
                    self.skip_string()?;
                }
                b']' | b'}' if depth == 1 => return Ok(()),
                b']' | b'}' => depth -= 1,
                _ => {}
            }
        }
    }

    fn skip_scalar(&mut self) -> Result<(), DataError> {
        loop {
            if self.position == self.buffer.len() && !self.fill()? {
                return Ok(());
            }
            let byte = self.buffer[self.position];
            if !(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')) {
                return Ok(());
            }
            self.position += 1;
        }
    }

    fn lines(&mut self, visit: Visit<'_>) -> Result<(), DataError> {
        while self.next_token()?.is_some() {
            self.discard();
            let (start, offset) = (self.position, self.offset());
            loop {
                if self.position == self.buffer.len() && !self.fill()? {
                    break;
                }
                let rest = &self.buffer[self.position..];
                match rest.iter().position(|byte| *byte == b'\n') {
                    Some(length) => {
                        self.position += length;
                        break;
                    }
                    None => self.position = self.buffer.len(),
                }
            }
            visit(self.element("", start, offset)?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `key=text@offset` of every element.
    fn elements(
        text: &str,
        read: fn(&Path, Visit<'_>) -> Result<(), DataError>,
    ) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        std::fs::write(&path, text).unwrap();
        let mut seen = Vec::new();
        let result = read(&path, &mut |element| {
            seen.push(format!("{}={}@{}", element.key, element.text, element.offset));
            Ok(())
        });
        result.map_err(|error| crate::case::CaseError::from(error).headline())?;
        Ok(seen)
    }

    #[test]
    fn lists_under_keys_and_other_values() {
        let text =
            "{\"a\": [1, {\"x\": \"]\\\"\"}], \"b\": {\"c\": []}, \"d\": [] , \"e\": -1.5e3}";
        assert_eq!(
            elements(text, for_each).unwrap(),
            ["a=1@7", "a={\"x\": \"]\\\"\"}@10", "b={\"c\": []}@30", "e=-1.5e3@56"]
        );
        assert_eq!(elements(" [ true,\n\"x\" ] ", for_each).unwrap(), ["=true@3", "=\"x\"@9"]);
    }

    #[test]
    fn lines_and_lists_are_rows() {
        assert_eq!(elements("{\"a\":1}\n\n {}\r\n", for_each_row).unwrap().len(), 2);
        assert_eq!(elements("[{\"a\":1}, {}]", for_each_row).unwrap().len(), 2);
        assert_eq!(elements("", for_each_row).unwrap().len(), 0);
    }

    #[test]
    fn pieces_end_anywhere() {
        let row = format!("{{\"text\": \"{}\\\\\\\"é\"}}", "x".repeat(1000));
        let text = format!("{{\"rows\": [{}]}}", vec![row.clone(); 1000].join(", "));
        let seen = elements(&text, for_each).unwrap();
        assert_eq!(seen.len(), 1000);
        assert!(seen.iter().all(|one| one.starts_with(&format!("rows={row}@"))));
    }

    #[test]
    fn broken_files_have_a_place() {
        for (text, place) in [
            ("", ":1:1: expected a JSON list or object, found the end of the file"),
            ("{\"a\": [1 2]}", ":1:10: expected `,` or `]`, found `2`"),
            ("{\"a\": [1,\n{\"b\": 1}", ":2:9: expected `,` or `]`, found the end of the file"),
            ("{\"a\": \"x", ":1:9: expected the end of the value, found the end of the file"),
            ("[1] x", ":1:5: expected the end of the file, found `x`"),
            ("{a: 1}", ":1:2: expected a key in quotes, found `a`"),
            ("[1, ]", ":1:5: expected a value, found `]`"),
        ] {
            let error = elements(text, for_each).unwrap_err();
            assert!(error.ends_with(place), "{text}: {error}");
        }
    }

    #[test]
    fn a_value_of_the_wrong_form_has_a_place_inside_the_row() {
        let element =
            Element { path: Path::new("a"), key: "", text: "{\"a\":\n tru}", offset: 100 };
        let error = element.parse::<serde_json::Value>().unwrap_err();
        assert!(error.to_string().contains("expected ident"), "{error}");
        assert_eq!(byte_at(element.text, 2, 4), 9);
    }
}
