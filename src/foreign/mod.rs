/*!
Text from outside, as it may be shown: model answers, names, reasons, paths, other programs' messages.

A terminal obeys escape sequences, a log's reader takes a forged line for a result, and direction
marks make a text read otherwise than it compares. So every place that shows text to a person shows it
through one of these:

| function | for | line breaks |
|---|---|---|
| [`line()`] | what stands within a line: a name, a reason, a message | written `\n` |
| [`block`] | several lines: a test's message, a table, a diff | stay, but none begins as a test's line does |
| [`reversible`] | cells of tables: [`restored`] gives the text back | stay |
| [`json`] | JSON that is written out | are `\n` already |

Characters that are hidden ([`is_hidden`]) are written `\u{1b}`, in JSON `\u001b`. What letters of some
script or an emoji need (joiners, variation selectors) stays where it has something to join or vary.
Knows nothing of what it shows.
*/

use std::borrow::Cow;
use std::fmt::{self, Display, Write as _};
use std::path::Path;

mod commands;
mod cut;
mod hidden;
mod json;
mod panics;

pub use cut::cut;
pub use hidden::is_hidden;
pub(crate) use hidden::is_plain;
pub use json::{JsonStrings, json};
pub use panics::show_panics_harmlessly;
pub(crate) use panics::unless_it_panics;

use hidden::Context;

/// Text for a place within a line: line breaks are shown as `\n`.
pub fn line(text: &str) -> Cow<'_, str> {
    commands::without_attachments(escaped(text, LineBreaks::Escaped, Backslashes::Stay))
}

/// Text whose hidden characters are escaped, and nothing else: for formats that have rules of their own.
pub fn visible(text: &str) -> Cow<'_, str> {
    escaped(text, LineBreaks::Stay, Backslashes::Stay)
}

/// Text that names no file which a report's reader would attach.
pub fn without_attachments(text: &str) -> Cow<'_, str> {
    commands::without_attachments(Cow::Borrowed(text))
}

/// Text of several lines, none of which begins as a line of a test's results or a command to a CI
/// server does.
pub fn block(text: &str) -> Cow<'_, str> {
    match commands::without_attachments(visible(text)) {
        Cow::Borrowed(text) => commands::marked(text),
        Cow::Owned(text) => Cow::Owned(commands::marked(&text).into_owned()),
    }
}

/// Text of which nothing is lost: `\u{` in it is written `\u{5c}u{`, so that [`restored`] knows what
/// was escaped.
pub fn reversible(text: &str) -> Cow<'_, str> {
    escaped(text, LineBreaks::Stay, Backslashes::OfEscapesEscaped)
}

/// The text that [`reversible`] made this of.
pub fn restored(text: &str) -> String {
    let mut restored = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("\\u{") {
        let (before, escape) = rest.split_at(start);
        restored.push_str(before);
        let character = escape.find('}').and_then(|end| {
            let code = u32::from_str_radix(escape.get(3..end)?, 16).ok()?;
            Some((char::from_u32(code)?, end + 1))
        });
        let (character, length) = character.unwrap_or(('\\', 1));
        restored.push(character);
        rest = &escape[length..];
    }
    restored + rest
}

/// A text in quotes, as Rust writes it, but with emoji and scripts that need joiners left whole.
pub fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    let escaped = escaped.replace('\t', "\\t").replace('\r', "\\r");
    format!("\"{}\"", line(&escaped))
}

/// A path for a place within a line.
pub fn path(path: &Path) -> String {
    line(&path.to_string_lossy()).into_owned()
}

/// What is shown of a value within a line.
pub fn shown(value: &dyn Display) -> String {
    line(&value.to_string()).into_owned()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineBreaks {
    Stay,
    Escaped,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Backslashes {
    Stay,
    /// Those that would read as the start of an escape.
    OfEscapesEscaped,
}

fn escaped(text: &str, line_breaks: LineBreaks, backslashes: Backslashes) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'\\' && byte != b'#') {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + text.len() / 8);
    let mut context = Context::default();
    for (start, c) in text.char_indices() {
        let rest = &text[start + c.len_utf8()..];
        let is_shown = match c {
            '\n' => line_breaks == LineBreaks::Stay,
            '\t' => true,
            '\\' => backslashes == Backslashes::Stay || !rest.starts_with("u{"),
            '#' => !commands::begins_inside_a_line(rest),
            _ => context.shows(c, rest.chars().next()),
        };
        context.follow(c, is_shown);
        match (c, is_shown) {
            (_, true) => shown.push(c),
            ('\n', false) => shown.push_str("\\n"),
            // Writing to a string cannot fail.
            (_, false) => drop(write_escape(&mut shown, c)),
        }
    }
    Cow::Owned(shown)
}

fn write_escape(out: &mut String, c: char) -> fmt::Result {
    write!(out, "\\u{{{:x}}}", u32::from(c))
}

#[cfg(test)]
mod tests;
