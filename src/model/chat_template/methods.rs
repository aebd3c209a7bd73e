//! Python's methods of texts, lists and maps for templates, with fuel taken for what they do.
//!
//! minijinja-contrib has the methods; it charges for the text that comes of one, but not for the work,
//! and only once the text is there.

use std::fmt::{self, Write};

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, State, Value};
use minijinja_contrib::pycompat::unknown_method_callback;

use super::limits::{charge, charge_value};

/// Calls a method that minijinja itself does not know.
pub(super) fn call(
    state: &mut State<'_, '_>,
    value: &Value,
    method: &str,
    arguments: &[Value],
) -> Result<Value, Error> {
    for argument in arguments {
        match (method, argument.kind()) {
            // Taken for what is in it as it is joined.
            ("join", _) => {}
            _ => charge_value(state, argument)?,
        }
    }
    match (value.as_str(), method, arguments) {
        (Some(separator), "join", [values]) => join(state, separator, values),
        (Some(text), ..) => {
            charge(state, bytes_of_work(text, method, arguments))?;
            unknown_method_callback(state, value, method, arguments)
        }
        (None, "count", [wanted]) if value.kind() == ValueKind::Seq => count(state, value, wanted),
        (None, ..) => unknown_method_callback(state, value, method, arguments),
    }
}

/// About how many bytes a method of a text goes over, or makes.
fn bytes_of_work(text: &str, method: &str, arguments: &[Value]) -> usize {
    let argument = |index: usize| arguments.get(index).and_then(Value::as_str).unwrap_or_default();
    let made = match method {
        "replace" => text.matches(argument(0)).count().saturating_mul(argument(1).len()),
        // Each character is compared with each.
        "strip" | "lstrip" | "rstrip" => text.len().saturating_mul(argument(0).len()),
        "format" => bytes_of_format(text, arguments),
        // A value in a list for each part.
        "split" | "splitlines" => text.len().saturating_mul(size_of::<Value>()),
        _ => 0,
    };
    text.len().saturating_add(made)
}

/// At most so much comes of a format: its widths and precisions are numbers in it.
fn bytes_of_format(format: &str, arguments: &[Value]) -> usize {
    let numbers = format.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
    let number = |digits: &str| digits.parse().unwrap_or(usize::MAX);
    let widths = numbers.map(number).fold(0, usize::saturating_add);
    let lengths = arguments.iter().map(|one| one.as_str().map_or(64, str::len));
    let largest = lengths.fold(0, usize::max);
    // A character fills up to four bytes.
    widths.saturating_mul(4).saturating_add(format.matches('{').count().saturating_mul(largest))
}

fn join(state: &State<'_, '_>, separator: &str, values: &Value) -> Result<Value, Error> {
    let mut joined = Limited { text: String::new(), state };
    for (index, value) in values.try_iter()?.checked().enumerate() {
        let value = value?;
        let separator = if index > 0 { separator } else { "" };
        write!(joined, "{separator}{value}").map_err(|_| Error::from(ErrorKind::OutOfFuel))?;
    }
    Ok(Value::from(joined.text))
}

/// A text that grows as long as there is fuel.
struct Limited<'s, 'a, 'b> {
    text: String,
    state: &'s State<'a, 'b>,
}

impl Write for Limited<'_, '_, '_> {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        charge(self.state, more.len()).map_err(|_| fmt::Error)?;
        self.text.push_str(more);
        Ok(())
    }
}

/// How often a value is in a list.
fn count(state: &State<'_, '_>, list: &Value, wanted: &Value) -> Result<Value, Error> {
    let mut count = 0;
    for item in list.try_iter()?.checked() {
        let item = item?;
        charge_value(state, &item)?;
        charge_value(state, wanted)?;
        count += usize::from(item == *wanted);
    }
    Ok(Value::from(count))
}
