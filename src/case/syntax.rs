//! What [`ron`] says of a text, in words that name what was found and what would be right.

use ron::Options;
use ron::error::{Error, SpannedError};
use ron::extensions::Extensions;
use serde::de::DeserializeOwned;

use super::error::{CaseError, Position, Problem};
use super::lookalike;
use super::source::Source;
use super::suggestion::nearest;

/// Deepest nesting of a text. A case needs about a dozen levels; the parser recurses, and a test's
/// thread has a small stack.
const DEEPEST: usize = 64;

/// Fills a structure from the text. `Some` may be left out.
pub(crate) fn parse<T: DeserializeOwned>(source: &Source) -> Result<T, CaseError> {
    let options = Options::default()
        .with_default_extension(Extensions::IMPLICIT_SOME)
        .with_recursion_limit(DEEPEST);
    options.from_str(source.text()).map_err(|error| reword(&error, source))
}

fn reword(error: &SpannedError, source: &Source) -> CaseError {
    let start = offset(source, error.span.start);
    let end = offset(source, error.span.end);
    match &error.code {
        Error::MissingStructField { field, outer } => {
            missing_field(source, end, field, outer.as_deref())
        }
        code => {
            let offset = if is_at_end(code) { end } else { start };
            let message = match code {
                Error::InvalidEscape(_) => json_escape(source.text(), offset),
                _ => None,
            }
            .unwrap_or_else(|| message(code, &found(source.text(), offset)));
            let field = source.outline().field_around(source.outline().innermost(offset));
            let message = match field.map(|key| &source.text()[key]) {
                Some("xyxy") => format!("`xyxy`: {message}; {XYXY}"),
                Some("expect") if matches!(code, Error::ExpectedIdentifier) => {
                    format!("`expect`: {message}; {EXPECT}")
                }
                Some(field) if is_about_value(code) => format!("`{field}`: {message}"),
                _ => message,
            };
            source.error_at(offset, Problem::Syntax(message))
        }
    }
}

/// How a box is written.
const XYXY: &str = "write four numbers in round brackets, (x1, y1, x2, y2)";

/// How an expectation is written.
const EXPECT: &str = "write it such as Contains(\"cat\") or YesNo(Yes)";

fn offset(source: &Source, position: ron::error::Position) -> usize {
    source.offset_of(Position { line: position.line, column: position.col })
}

/// Whether the parser stands before what it could not use, rather than behind it.
fn is_at_end(code: &Error) -> bool {
    !matches!(
        code,
        Error::NoSuchStructField { .. }
            | Error::NoSuchEnumVariant { .. }
            | Error::DuplicateStructField { .. }
            | Error::InvalidValueForType { .. }
            | Error::ExpectedDifferentLength { .. }
            | Error::ExpectedDifferentStructName { .. }
            | Error::ExpectedStringEnd
            | Error::IntegerOutOfBounds
    )
}

/// Whether the error is that a value has another type than its field.
fn is_about_value(code: &Error) -> bool {
    matches!(
        code,
        Error::ExpectedArray
            | Error::ExpectedMap
            | Error::ExpectedString
            | Error::ExpectedInteger
            | Error::ExpectedFloat
            | Error::ExpectedStructLike
            | Error::ExpectedNamedStructLike(_)
            | Error::ExpectedIdentifier
            | Error::ExpectedDifferentLength { .. }
            | Error::InvalidValueForType { .. }
            | Error::IntegerOutOfBounds
    )
}

/// A missing field, shown where its structure opens and not where it closes.
fn missing_field(source: &Source, offset: usize, field: &str, outer: Option<&str>) -> CaseError {
    let outline = source.outline();
    let start = outline.span(outline.innermost(offset)).start;
    let of = outer.map_or_else(String::new, |outer| format!(" of {outer}"));
    let example = example(field).map_or_else(String::new, |text| format!("; write {text}"));
    source.error_at(start, Problem::Syntax(format!("the field `{field}`{of} is missing{example}")))
}

fn example(field: &str) -> Option<&'static str> {
    Some(match field {
        "images" => "images: [\"a.png\"]",
        "value" => "value: 3",
        "options" => "options: [\"red\", \"blue\"]",
        "answer" => "answer: \"A\"",
        "facts" => "facts: [(any: [\"cat\", \"猫\"])]",
        "any" => "any: [\"cat\", \"猫\"]",
        "cost" => "cost: 1.0",
        "truth" => "truth: [(label: \"car\", xyxy: (31, 120, 98, 160))]",
        "label" => "label: \"car\"",
        "xyxy" => "xyxy: (31, 120, 98, 160)",
        _ => return None,
    })
}

fn message(code: &Error, found: &str) -> String {
    let expected = |what: &str| match found {
        END => format!("expected {what}, but the file ends; is a bracket not closed?"),
        _ => format!("expected {what}, found {found}"),
    };
    match code {
        Error::Eof => "the file ends too early; is a bracket not closed?".to_owned(),
        Error::ExpectedStringEnd => "this text is not closed by a quote".to_owned(),
        Error::UnclosedBlockComment => "this comment is not closed by `*/`".to_owned(),
        Error::ExpectedArray => expected("a list in square brackets, such as [\"a\", \"b\"]"),
        Error::ExpectedArrayEnd => expected("a comma or `]`"),
        Error::ExpectedMap => expected("a map, such as {\"blip2-*\": \"has no box output\"}"),
        Error::ExpectedMapColon => expected("`:`"),
        Error::ExpectedMapEnd => expected("a comma or `}`"),
        Error::ExpectedString => expected("a text in quotes"),
        Error::ExpectedIdentifier => expected("a name without quotes"),
        Error::ExpectedInteger => expected("a whole number"),
        Error::ExpectedFloat => expected("a number"),
        Error::ExpectedComma => expected("a comma"),
        Error::ExpectedStructLikeEnd | Error::ExpectedOptionEnd => expected("a comma or `)`"),
        Error::ExpectedStructLike => expected("`(`"),
        Error::ExpectedNamedStructLike(name) => expected(&format!("`(`, which opens a {name}")),
        Error::TrailingCharacters => expected("the end of the file"),
        Error::ExceededRecursionLimit => "brackets are nested too deeply".to_owned(),
        Error::ExpectedDifferentStructName { expected, found } => {
            format!("expected `(` or `{expected}(`, found `{found}`")
        }
        Error::NoSuchStructField { expected, found, outer } => {
            unknown(&format!("field `{found}`{}", of(outer.as_deref())), found, expected)
        }
        Error::NoSuchEnumVariant { expected, found, outer } => {
            unknown(&format!("`{found}`{}", of(outer.as_deref())), found, expected)
        }
        Error::DuplicateStructField { field, .. } => format!("the field `{field}` is there twice"),
        Error::InvalidValueForType { expected, found } => {
            format!("expected {expected}, found {found}")
        }
        Error::ExpectedDifferentLength { found, .. } => {
            format!("found {found} values")
        }
        Error::IntegerOutOfBounds => {
            "expected a whole number that is neither negative nor beyond all measure".to_owned()
        }
        Error::InvalidEscape(what) => {
            format!("{}; write \\\\ for a backslash", lower_first(what))
        }
        other => lower_first(&other.to_string()),
    }
}

/// What to say of a character that is escaped as JSON does it, just before a byte of the text.
fn json_escape(text: &str, offset: usize) -> Option<String> {
    let start = text.get(..text.ceil_char_boundary(offset))?.rfind("\\u")?;
    let unit = |start: usize| {
        let digits = text.get(start..)?.strip_prefix("\\u")?.get(..4)?;
        u16::from_str_radix(digits, 16).ok()
    };
    let first = unit(start)?;
    // Characters beyond U+FFFF are pairs.
    let units: Vec<u16> = [Some(first), unit(start + 6)].into_iter().flatten().collect();
    let character = char::decode_utf16(units).next()?.ok()?;
    let length = character.len_utf16() * 6;
    Some(format!(
        "{} is JSON's way; write \\u{{{:x}}}, or \\\\u if a backslash is meant",
        &text[start..start + length],
        u32::from(character)
    ))
}

fn of(outer: Option<&str>) -> String {
    outer.map_or_else(String::new, |outer| format!(" of {outer}"))
}

fn unknown(what: &str, found: &str, known: &[&str]) -> String {
    let suggestion = nearest(found, known.iter().copied())
        .map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
    format!("unknown {what}{suggestion} (known: {})", known.join(", "))
}

fn lower_first(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |c| c.to_lowercase().chain(characters).collect())
}

const END: &str = "the end of the file";

/// What stands at a byte of the text, in words.
fn found(text: &str, offset: usize) -> String {
    let rest = text.get(offset..).unwrap_or_default();
    let rest = rest.trim_start_matches(lookalike::is_white_space);
    match rest.chars().next() {
        None => END.to_owned(),
        Some(c) if let Some(words) = lookalike::words(c) => words,
        Some('"') => "a text in quotes".to_owned(),
        Some('[') => "a list in square brackets".to_owned(),
        Some('{') => "a map in curly brackets".to_owned(),
        Some(c) if c.is_alphanumeric() || matches!(c, '-' | '+' | '_' | '.') => {
            let is_part = |c: &char| c.is_alphanumeric() || matches!(c, '-' | '+' | '_' | '.');
            format!("`{}`", rest.chars().take_while(is_part).take(40).collect::<String>())
        }
        Some(c) => format!("`{c}`"),
    }
}
