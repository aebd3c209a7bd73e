/*!
What Python means by white space, lower case and digits: the references' text rules, which Rust's
own only nearly equal.

Owns those rules; must not know any metric.
*/

/// Whether Python's `str.split()` and `str.strip()` take a character for white space: Unicode's
/// `White_Space` and the four ASCII separators.
pub(crate) fn is_whitespace(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{1C}'..='\u{1F}')
}

/// `text.strip()`.
pub(crate) fn strip(text: &str) -> &str {
    // Most texts have nothing to strip, which their end bytes tell.
    match text.as_bytes() {
        [b'!'..=b'~'] | [b'!'..=b'~', .., b'!'..=b'~'] => text,
        _ => text.trim_matches(is_whitespace),
    }
}

/// `text.split()`.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_whitespace).filter(|word| !word.is_empty())
}

/// The zeros of all scripts (Unicode 14, as CPython 3.11); the digits 1 to 9 follow each.
#[rustfmt::skip]
const ZEROS: [char; 66] = [
    '\u{30}', '\u{660}', '\u{6F0}', '\u{7C0}', '\u{966}', '\u{9E6}',
    '\u{A66}', '\u{AE6}', '\u{B66}', '\u{BE6}', '\u{C66}', '\u{CE6}',
    '\u{D66}', '\u{DE6}', '\u{E50}', '\u{ED0}', '\u{F20}', '\u{1040}',
    '\u{1090}', '\u{17E0}', '\u{1810}', '\u{1946}', '\u{19D0}', '\u{1A80}',
    '\u{1A90}', '\u{1B50}', '\u{1BB0}', '\u{1C40}', '\u{1C50}', '\u{A620}',
    '\u{A8D0}', '\u{A900}', '\u{A9D0}', '\u{A9F0}', '\u{AA50}', '\u{ABF0}',
    '\u{FF10}', '\u{104A0}', '\u{10D30}', '\u{11066}', '\u{110F0}', '\u{11136}',
    '\u{111D0}', '\u{112F0}', '\u{11450}', '\u{114D0}', '\u{11650}', '\u{116C0}',
    '\u{11730}', '\u{118E0}', '\u{11950}', '\u{11C50}', '\u{11D50}', '\u{11DA0}',
    '\u{16A60}', '\u{16AC0}', '\u{16B50}', '\u{1D7CE}', '\u{1D7D8}', '\u{1D7E2}',
    '\u{1D7EC}', '\u{1D7F6}', '\u{1E140}', '\u{1E2F0}', '\u{1E950}', '\u{1FBF0}',
];

/// The value of a decimal digit of any script: what `\d` matches and `float()` reads.
pub(crate) fn decimal_value(character: char) -> Option<u32> {
    if character.is_ascii() {
        return character.to_digit(10);
    }
    let after = ZEROS.partition_point(|zero| *zero <= character);
    let value = u32::from(character) - u32::from(ZEROS[after - 1]);
    (value < 10).then_some(value)
}

/// Whether Python's `\d` matches a character.
pub(crate) fn is_decimal(character: char) -> bool {
    decimal_value(character).is_some()
}

/// A text with the decimal digits of all scripts in ASCII.
pub(crate) fn decimals_to_ascii(text: &str) -> String {
    let digit = |character| decimal_value(character).and_then(|value| char::from_digit(value, 10));
    text.chars().map(|character| digit(character).unwrap_or(character)).collect()
}

/// `float(text)`: surrounding white space, digits of any script, single underscores between
/// digits, exponents, infinities and NaN; nothing where Python raises `ValueError`.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    let ascii = decimals_to_ascii(strip_around_number(text));
    let number = remove_underscores(&ascii)?;
    let unsigned = number.strip_prefix(['+', '-']).unwrap_or(&number);
    let named = ["inf", "infinity", "nan"].iter().any(|name| unsigned.eq_ignore_ascii_case(name));
    let starts_well = unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.');
    // What Rust reads beyond this is what Python reads, "5." and ".5" and "1e5" included.
    (named || starts_well).then(|| number.parse().ok()).flatten()
}

/// `float()` leaves the ASCII separators (U+001C to U+001F) alone in a text that is all ASCII.
fn strip_around_number(text: &str) -> &str {
    if text.is_ascii() {
        text.trim_matches(|character| matches!(character, '\t'..='\r' | ' '))
    } else {
        strip(text)
    }
}

/// Underscores are allowed between two digits only.
fn remove_underscores(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let is_digit = |index: Option<usize>| {
        index.and_then(|index| bytes.get(index)).is_some_and(u8::is_ascii_digit)
    };
    let misplaced = bytes.iter().enumerate().any(|(index, byte)| {
        *byte == b'_' && !(is_digit(index.checked_sub(1)) && is_digit(Some(index + 1)))
    });
    (!misplaced).then(|| text.replace('_', ""))
}

/// `" ".join(text.split())`.
pub(crate) fn collapse_whitespace(text: &str) -> String {
    words(text).collect::<Vec<_>>().join(" ")
}
