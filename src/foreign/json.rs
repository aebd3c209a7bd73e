//! JSON that is written where a terminal may show it: serde_json leaves DEL, C1 controls and
//! direction marks as they are, and a terminal obeys them.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;

use super::commands;
use super::hidden::Context;

/// A JSON text in which hidden characters are escapes. Its value stays the same.
///
/// Outside of strings JSON has none of the characters that are replaced.
pub fn json(serialized: &str) -> Cow<'_, str> {
    if serialized.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n') && byte != b'#') {
        return Cow::Borrowed(serialized);
    }
    let mut shown = String::with_capacity(serialized.len());
    let mut context = Context::default();
    for (start, c) in serialized.char_indices() {
        let rest = &serialized[start + c.len_utf8()..];
        let is_shown = match c {
            // Those that are part of strings are escaped already.
            '\n' | '\t' => true,
            '#' => !commands::begins_inside_a_line(rest),
            _ => context.shows(c, rest.chars().next()),
        };
        context.follow(c, is_shown);
        if is_shown {
            shown.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a string cannot fail.
            let _ = write!(shown, "\\u{unit:04x}");
        }
    }
    Cow::Owned(shown)
}

/// Writes compact JSON with such strings, for values that are too many to be one text.
#[derive(Debug, Clone, Copy, Default)]
pub struct JsonStrings;

impl serde_json::ser::Formatter for JsonStrings {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        writer.write_all(json(fragment).as_bytes())
    }
}
