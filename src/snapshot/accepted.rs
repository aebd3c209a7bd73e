//! The file of an accepted snapshot, before insta reads it: whether it is one.
//!
//! insta takes what it cannot read for a snapshot that is not there yet, and an empty file for one of
//! an empty text.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// Most bytes that are read of a snapshot's file; the longest answers have some hundred kilobytes.
const MOST_BYTES: u64 = 16 << 20;

/// What begins and ends the head of a snapshot.
const FENCE: &str = "---";

/// What is in the place of a snapshot.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Accepted {
    /// Nothing.
    Nothing,
    /// A snapshot, as far as its form tells.
    Text(String),
    /// Something else, for this reason.
    Damaged(String),
}

impl Accepted {
    pub(super) fn read(path: &Path) -> Self {
        match content(path) {
            Ok(bytes) => match text(bytes) {
                Ok(text) => Self::Text(text),
                Err(reason) => Self::Damaged(reason),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::Nothing,
            Err(error) => Self::Damaged(format!("cannot be read: {error}")),
        }
    }
}

/// The line, from 1, on which a merge conflict begins.
pub(super) fn conflict(text: &str) -> Option<usize> {
    let mut marks = ["<<<<<<<", "=======", ">>>>>>>"].into_iter().peekable();
    let mut begin = None;
    for (number, line) in (1..).zip(text.lines()) {
        let is_mark = marks.peek().is_some_and(|mark| {
            line.strip_prefix(mark).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        });
        if is_mark {
            marks.next();
            begin = begin.or(Some(number));
        }
    }
    if marks.peek().is_none() { begin } else { None }
}

pub(super) fn conflict_words(line: usize) -> String {
    format!("holds a merge conflict from line {line} on; resolve it, or accept the answer anew")
}

fn content(path: &Path) -> io::Result<Vec<u8>> {
    // What is opened must have an end.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > MOST_BYTES {
        true => Err(io::Error::other(format!("it has more than {MOST_BYTES} bytes"))),
        false => Ok(bytes),
    }
}

/// The text of a snapshot's file, or what it is in place of one.
fn text(bytes: Vec<u8>) -> Result<String, String> {
    let cut_off = |place: &str| Err(format!("is cut off {place}; restore it, or delete it"));
    match bytes.as_slice() {
        [] => return Err("is empty; restore it, or delete it".into()),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            return Err("is UTF-16; save it as UTF-8, or restore it".into());
        }
        [0xef, 0xbb, 0xbf, ..] => {
            return Err("begins with a byte order mark; save it as UTF-8 without one".into());
        }
        _ => {}
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        format!("is not UTF-8 from byte {valid} on; restore it, or delete it")
    })?;
    if let Some(place) = text.find('\0') {
        return Err(format!("holds a NUL at byte {place}; restore it, or delete it"));
    }
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    if first.trim_end() != FENCE {
        return Err(match conflict(&text) {
            Some(line) => conflict_words(line),
            None => format!(
                "is no snapshot: its first line is {:?} where {FENCE} is expected; restore it, or \
                 delete it",
                first.chars().take(40).collect::<String>()
            ),
        });
    }
    if !lines.any(|line| line.trim_end() == FENCE) {
        return cut_off("in its head");
    }
    // No text that is kept is empty: that of an empty answer is a pair of quotes.
    if lines.all(|line| line.trim().is_empty()) {
        return cut_off("behind its head");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn damage(bytes: &[u8]) -> String {
        match text(bytes.to_vec()) {
            Err(reason) => reason,
            Ok(text) => panic!("{text:?} is taken for a snapshot"),
        }
    }

    #[test]
    fn what_is_no_snapshot_is_told_by_what_it_is() {
        let whole = "---\nsource: a\n---\na cat\n";
        for cut in 0..whole.find("a cat").unwrap() {
            assert!(text(whole.as_bytes()[..cut].to_vec()).is_err(), "{cut}");
        }
        assert_eq!(damage(b""), "is empty; restore it, or delete it");
        assert!(damage(b"---\nsource: a\n").starts_with("is cut off in its head"));
        assert!(damage(b"---\nsource: a\n---\n").starts_with("is cut off behind its head"));
        assert!(damage(b"\xef\xbb\xbf---\n---\na\n").starts_with("begins with a byte order mark"));
        assert!(damage(b"\xff\xfe-\0-\0").starts_with("is UTF-16"));
        assert!(damage(b"---\n---\ncaf\xe9\n").starts_with("is not UTF-8 from byte 11 on"));
        assert!(damage(b"---\n---\na\0\0").starts_with("holds a NUL at byte 9"));
        assert!(damage(b"a cat\n").starts_with("is no snapshot: its first line is \"a cat\""));
        let conflict = b"<<<<<<< HEAD\n---\n=======\n---\n>>>>>>> other\n";
        assert!(damage(conflict).starts_with("holds a merge conflict from line 1 on"));
    }

    #[test]
    fn snapshots_of_every_checkout_are_taken() {
        for whole in
            ["---\nsource: a\n---\na\n", "---\r\nsource: a\r\n---\r\na\r\n", "---\n---\n\n\"\""]
        {
            assert_eq!(text(whole.as_bytes().to_vec()).as_deref(), Ok(whole));
        }
    }

    #[test]
    fn a_conflict_has_all_three_marks_in_their_order() {
        assert_eq!(conflict("a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> d\n"), Some(2));
        assert_eq!(conflict("a\n=======\nb\n"), None);
        assert_eq!(conflict("<<<<<<<<\n=======\n>>>>>>> d\n"), None);
    }

    #[cfg(unix)]
    #[test]
    fn nothing_without_an_end_is_opened() {
        assert!(matches!(Accepted::read(Path::new("/dev/zero")), Accepted::Damaged(_)));
        assert!(matches!(Accepted::read(Path::new("/")), Accepted::Damaged(_)));
        assert_eq!(Accepted::read(Path::new("/no/such/file")), Accepted::Nothing);
    }
}
