//! What a template may cost. It is a checkpoint's code: it may loop without end, double a text sixty
//! times, or nest so deep that no stack holds it, on purpose or not.
//!
//! minijinja's fuel bounds time and memory of what it does itself: a unit is an instruction or about 64
//! bytes of data, and what is too large is refused before it is made. [`super::methods`] does the same for
//! Python's methods. It does not look into lists: one that holds the list before twice, thirty times
//! over, is small in memory and larger than any when it is written or compared. So what is written or
//! kept by `{% set %}` is paid for with all that is in it, each time it is in it.
//!
//! Nesting is bounded before parsing, since the parser recurses, and the rest of it
//! has a stack of its own that is large enough for what a template of this fuel can nest.

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Output, State, Value, escape_formatter};

use super::tags;

/// Longest template. Published ones have 1 to 50 KB.
const LONGEST_BYTES: usize = 256 * 1024;

/// Longest `{{ .. }}` or `{% .. %}`: each of its bytes may nest an expression deeper.
const LONGEST_TAG_BYTES: usize = 16 * 1024;

/// Fuel of one rendering, worth 26 MB of text. The shipped checkpoint's template takes under 200 for a
/// question, and one or two more for each 64 bytes of it.
pub(super) const FUEL: u64 = 400_000;

/// The stack of a parse or a rendering. Only what is used of it is ever in memory.
const STACK_BYTES: usize = 256 * 1024 * 1024;

/// Longest time of a parse or a rendering, for what fuel does not see.
const LONGEST_TIME: Duration = Duration::from_secs(60);

/// Deepest nesting of a value that a function of ours takes.
const DEEPEST_VALUE: usize = 100;

/// Most characters of a template's error message; it may raise one of any length.
const LONGEST_MESSAGE: usize = 2_000;

/// Says what is too long about a template.
pub(super) fn check(source: &str) -> Result<(), String> {
    if source.len() > LONGEST_BYTES {
        return Err(format!(
            "the template is {} bytes long, expected {LONGEST_BYTES} at most",
            source.len()
        ));
    }
    match tags::longest(source) {
        length if length > LONGEST_TAG_BYTES => Err(format!(
            "a tag of the template is {length} bytes long, expected {LONGEST_TAG_BYTES} at most"
        )),
        _ => Ok(()),
    }
}

/// Does work that may nest deep, on a stack for that, and waits for it for a while. No thread can be
/// ended from outside: one that takes longer is left behind.
pub(super) fn on_large_stack<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    let (sender, receiver) = channel();
    let run = move || {
        // Whoever waited may have gone.
        let _ = sender.send(catch_unwind(AssertUnwindSafe(work)));
    };
    let thread = thread::Builder::new().stack_size(STACK_BYTES).spawn(run);
    thread.map_err(|error| format!("no thread to render it: {error}"))?;
    match receiver.recv_timeout(LONGEST_TIME) {
        // A panic is the trial's, as if there were no thread.
        Ok(done) => Ok(done.unwrap_or_else(|panic| resume_unwind(panic))),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            Err(format!("the template was not done after {} s", LONGEST_TIME.as_secs()))
        }
    }
}

/// Writes a value, paid for before if it has others in it.
pub(super) fn write_value(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), Error> {
    if value.as_object().is_some() {
        charge_value(state, value)?;
    }
    escape_formatter(out, state, value)
}

/// The filter of values that are kept.
pub(super) fn charged(state: &State<'_, '_>, value: Value) -> Result<Value, Error> {
    if value.as_object().is_some() {
        charge_value(state, &value)?;
    }
    Ok(value)
}

/// The message of a template's error.
pub(super) fn message(error: &Error) -> String {
    match error.kind() {
        ErrorKind::OutOfFuel => format!(
            "the template does more than any prompt needs and was stopped (limit: {FUEL} steps, of an \
             instruction or 64 bytes of text each)"
        ),
        _ => cut(error),
    }
}

/// A text of the template's in an error of ours.
pub(super) fn cut(text: &dyn Display) -> String {
    crate::foreign::cut(&text.to_string(), LONGEST_MESSAGE).into_owned()
}

/// Takes fuel for work on so many bytes.
pub(super) fn charge(state: &State<'_, '_>, bytes: usize) -> Result<(), Error> {
    state.consume_fuel(bytes as u64 / 64 + 1)
}

/// Takes fuel for all that is in a value, each time it is in it.
pub(super) fn charge_value(state: &State<'_, '_>, value: &Value) -> Result<(), Error> {
    charge_nested(state, value, 0)
}

fn charge_nested(state: &State<'_, '_>, value: &Value, depth: usize) -> Result<(), Error> {
    if depth > DEEPEST_VALUE {
        let words = format!("a value is nested more than {DEEPEST_VALUE} deep");
        return Err(Error::new(ErrorKind::InvalidOperation, words));
    }
    charge(state, value.as_str().map_or(0, str::len))?;
    if !matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable | ValueKind::Map) {
        return Ok(());
    }
    for item in value.try_iter()?.checked() {
        let item = item?;
        if value.kind() == ValueKind::Map {
            charge_nested(state, &value.get_item(&item)?, depth + 1)?;
        }
        charge_nested(state, &item, depth + 1)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_says_by_how_much() {
        let long = "a".repeat(LONGEST_BYTES + 1);
        assert!(check(&long).unwrap_err().contains("262145 bytes long, expected 262144 at most"));
        let tag = format!("{{{{ {}1 }}}}", "not ".repeat(5000));
        assert!(check(&tag).unwrap_err().contains("20007 bytes long, expected 16384 at most"));
        assert_eq!(check(&"{{ a }}".repeat(10_000)), Ok(()));
    }
}
