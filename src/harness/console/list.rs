//! `--list`: the names of tests.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::foreign;

use super::super::arguments::{Format, TestArguments};
use super::{json, open_log};

/// A test in a list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listed<'p> {
    pub(crate) name: &'p str,
    /// Why it is ignored, if it is.
    pub(crate) ignored: Option<&'p str>,
}

/// Writes the list to stdout, and its log if one is asked for.
///
/// # Errors
/// Neither can be written.
pub(crate) fn list(arguments: &TestArguments, tests: &[Listed<'_>]) -> io::Result<()> {
    let text = match arguments.format() {
        Format::Json => json_list(tests),
        Format::Terse => lines(tests, |name| format!("{name}: test")),
        Format::Pretty | Format::Junit => pretty(tests),
    };
    if let Some(mut log) = open_log(arguments)? {
        log.write_all(lines(tests, |name| format!("test {name}")).as_bytes())?;
    }
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Whoever closed the pipe has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

fn lines(tests: &[Listed<'_>], line: impl Fn(&str) -> String) -> String {
    tests.iter().map(|test| line(&foreign::line(test.name)) + "\n").collect()
}

fn pretty(tests: &[Listed<'_>]) -> String {
    let mut text = lines(tests, |name| format!("{name}: test"));
    if !tests.is_empty() {
        text.push('\n');
    }
    let noun = if tests.len() == 1 { "test" } else { "tests" };
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{} {noun}, 0 benchmarks", tests.len());
    text
}

fn json_list(tests: &[Listed<'_>]) -> String {
    let total = tests.len();
    let ignored = tests.iter().filter(|test| test.ignored.is_some()).count();
    let mut text = r#"{ "type": "suite", "event": "discovery" }"#.to_owned() + "\n";
    for test in tests {
        let name = json::string(test.name);
        let reason = json::string(test.ignored.unwrap_or_default());
        let is_ignored = test.ignored.is_some();
        text += &format!(
            r#"{{ "type": "test", "event": "discovered", "name": {name}, "ignore": {is_ignored}, "ignore_message": {reason} }}"#
        );
        text.push('\n');
    }
    text += &format!(
        r#"{{ "type": "suite", "event": "completed", "tests": {total}, "benchmarks": 0, "total": {total}, "ignored": {ignored} }}"#
    );
    text + "\n"
}
