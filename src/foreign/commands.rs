//! Lines that a reader of logs obeys: a test harness's results, and commands to CI servers.
//!
//! GitHub takes `::name::` for a command at the start of a line, white space before it or not
//! (`actions/runner`, `ActionCommand.TryParseV2`), and `##[name]` anywhere, as Azure does
//! `##vso[..]` and TeamCity `##teamcity[..]`. Jenkins and GitLab attach the file that
//! `[[ATTACHMENT|path]]` names in what a test printed.

use std::borrow::Cow;

/// What stands before a line of foreign text that would read as a result or a command.
const MARK: &str = "| ";

/// What names a file to attach, and how it is written where it must name none.
const ATTACHMENT: (&str, &str) = ("[[ATTACHMENT|", "[\\u{5b}ATTACHMENT|");

/// The text, in which no file is named to be attached.
pub(super) fn without_attachments(text: Cow<'_, str>) -> Cow<'_, str> {
    let (named, shown) = ATTACHMENT;
    if text.contains(named) { Cow::Owned(text.replace(named, shown)) } else { text }
}

/// The text, in which such lines are marked.
pub(super) fn marked(text: &str) -> Cow<'_, str> {
    if !text.split('\n').any(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mark = |line: &str| if is_obeyed(line) { format!("{MARK}{line}") } else { line.to_owned() };
    Cow::Owned(text.split('\n').map(mark).collect::<Vec<_>>().join("\n"))
}

/// Whether a `#` before `rest` begins a command that is obeyed wherever it stands.
pub(super) fn begins_inside_a_line(rest: &str) -> bool {
    rest.strip_prefix('#').is_some_and(|name| {
        let letters = name.trim_start_matches(|c: char| c.is_ascii_alphanumeric());
        letters.starts_with('[')
    })
}

fn is_obeyed(line: &str) -> bool {
    let line = line.trim();
    line.starts_with("::") || is_of_libtest(line)
}

/// Whether a line reads as one of libtest's, in any of its formats.
fn is_of_libtest(line: &str) -> bool {
    let counts = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    (line.starts_with("test ") && line.contains(" ..."))
        || line.starts_with("test result:")
        || line.strip_prefix("running ").is_some_and(counts)
        || matches!(line, "failures:" | "successes:")
        || (line.starts_with("---- ") && line.ends_with(" ----"))
        || line.ends_with("--- FAILED")
        || (line.starts_with('{') && line.contains("\"type\"") && line.contains("\"event\""))
}
