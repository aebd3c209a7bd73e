/*!
`json.dumps` of Python for the values of a template: the order of keys is kept, text stays as it is
unless ASCII is asked for, floats are written as Python writes them.
*/

use std::fmt::Write;

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Error, ErrorKind, Value};

/// Longest text that is written; templates are code of others, and an indent multiplies.
const LONGEST_BYTES: usize = 16 * 1024 * 1024;

/// Longest indent of a level, and longest separator. Python writes four spaces and two signs.
const LONGEST_FILLER_BYTES: usize = 64;

/// The options of a call.
pub(super) struct Dumps {
    only_ascii: bool,
    sorted: bool,
    /// What a level is indented by.
    indent: Option<String>,
    /// Between items, and between key and value.
    separators: (String, String),
}

impl Dumps {
    /// What transformers' filter takes (`tojson(x, ensure_ascii=False, indent=None, separators=None,
    /// sort_keys=False)`).
    pub(super) fn of(options: &Kwargs) -> Result<Self, Error> {
        let indent = match options.get::<Option<Value>>("indent")? {
            None => None,
            Some(value) if value.is_none() => None,
            Some(value) => Some(match value.as_str() {
                Some(text) => text.to_owned(),
                None => " ".repeat(usize::try_from(value)?.min(LONGEST_FILLER_BYTES + 1)),
            }),
        };
        let between = if indent.is_some() { "," } else { ", " };
        let separators = match options.get::<Option<Vec<String>>>("separators")?.as_deref() {
            Some([items, keys]) => (items.clone(), keys.clone()),
            _ => (between.to_owned(), ": ".to_owned()),
        };
        let fillers = indent.iter().chain([&separators.0, &separators.1]);
        if fillers.map(String::len).any(|length| length > LONGEST_FILLER_BYTES) {
            return Err(too_long("indent or separator of tojson", LONGEST_FILLER_BYTES));
        }
        let is_set = |name| Ok::<_, Error>(options.get::<Option<bool>>(name)?.unwrap_or(false));
        let (only_ascii, sorted) = (is_set("ensure_ascii")?, is_set("sort_keys")?);
        Ok(Self { only_ascii, sorted, indent, separators })
    }

    /// Writes a value at a depth of nesting.
    pub(super) fn write(&self, out: &mut String, value: &Value, depth: usize) -> Result<(), Error> {
        if out.len() > LONGEST_BYTES {
            return Err(too_long("JSON of tojson", LONGEST_BYTES));
        }
        match value.kind() {
            ValueKind::None => out.push_str("null"),
            ValueKind::Bool => out.push_str(if value.is_true() { "true" } else { "false" }),
            ValueKind::Number => out.push_str(&number(value)),
            ValueKind::String => self.text(out, value.as_str().unwrap_or_default()),
            ValueKind::Seq | ValueKind::Iterable => {
                let items: Vec<Value> = value.try_iter()?.collect();
                let write = |out: &mut String, item: &Value| self.write(out, item, depth + 1);
                self.items(out, depth, ['[', ']'], &items, write)?;
            }
            ValueKind::Map => {
                let mut keys: Vec<Value> = value.try_iter()?.collect();
                if self.sorted {
                    keys.sort();
                }
                let write = |out: &mut String, key: &Value| {
                    self.text(out, &key.to_string());
                    out.push_str(&self.separators.1);
                    self.write(out, &value.get_item(key)?, depth + 1)
                };
                self.items(out, depth, ['{', '}'], &keys, write)?;
            }
            kind => {
                let message = format!("a value of kind {kind} is not JSON serializable");
                return Err(Error::new(ErrorKind::BadSerialization, message));
            }
        }
        Ok(())
    }

    fn items(
        &self,
        out: &mut String,
        depth: usize,
        [open, close]: [char; 2],
        items: &[Value],
        write: impl Fn(&mut String, &Value) -> Result<(), Error>,
    ) -> Result<(), Error> {
        out.push(open);
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                out.push_str(&self.separators.0);
            }
            self.new_line(out, depth + 1);
            write(out, item)?;
        }
        if !items.is_empty() {
            self.new_line(out, depth);
        }
        out.push(close);
        Ok(())
    }

    fn new_line(&self, out: &mut String, depth: usize) {
        if let Some(indent) = &self.indent {
            out.push('\n');
            out.push_str(&indent.repeat(depth));
        }
    }

    fn text(&self, out: &mut String, text: &str) {
        out.push('"');
        for character in text.chars() {
            match character {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                _ if character < ' ' || (self.only_ascii && !character.is_ascii()) => {
                    for unit in character.encode_utf16(&mut [0; 2]) {
                        let _ = write!(out, "\\u{unit:04x}");
                    }
                }
                _ => out.push(character),
            }
        }
        out.push('"');
    }
}

/// Python's `repr` of a number.
fn number(value: &Value) -> String {
    if value.is_integer() {
        return value.to_string();
    }
    let Ok(number) = f64::try_from(value.clone()) else { return value.to_string() };
    let magnitude = number.abs();
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    if number == 0.0 || (1e-4..1e16).contains(&magnitude) {
        return format!("{number:?}");
    }
    // Python writes a sign and two digits at least.
    let text = format!("{number:e}");
    match text.split_once('e') {
        Some((digits, exponent)) => {
            let (sign, digits_of) = match exponent.strip_prefix('-') {
                Some(positive) => ('-', positive),
                None => ('+', exponent),
            };
            format!("{digits}e{sign}{digits_of:0>2}")
        }
        None => text,
    }
}

fn too_long(what: &str, most: usize) -> Error {
    let message = format!("the {what} is longer than {most} bytes");
    Error::new(ErrorKind::InvalidOperation, message)
}
