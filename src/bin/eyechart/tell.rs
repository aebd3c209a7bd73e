//! What the program says: results on stdout, problems on stderr, the words of others in both as
//! [`foreign`] shows them.
//!
//! Whoever closed a pipe wants to hear no more; the exit code still tells.

use std::fmt::Display;
use std::io::{self, Write};

use eyechart::foreign;

/// Writes lines to stdout.
pub(crate) fn lines(text: &dyn Display) {
    let text = text.to_string();
    let _ = writeln!(io::stdout().lock(), "{}", foreign::block(text.trim_end_matches('\n')));
}

/// Writes JSON to stdout.
pub(crate) fn json(value: &serde_json::Value) {
    let _ = writeln!(io::stdout().lock(), "{}", foreign::json(&format!("{value:#}")));
}

/// Writes what goes on, or is wrong, to stderr: one line or several.
pub(crate) fn notice(text: &dyn Display) {
    let _ = writeln!(io::stderr().lock(), "{}", foreign::block(&text.to_string()));
}

/// Writes to stderr, in a line, why nothing came of it.
pub(crate) fn error(error: &dyn Display) {
    notice(&format!("error: {}", foreign::shown(error)));
}
