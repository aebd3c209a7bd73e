/*!
The numbers that a text writes, in digits or words, with sign, scale and power.

A figure that is there but whose value is not certain (a bound, a range's "±", a time, "5M") is
[`Value::Vague`]: it is told apart from no figure at all, so that no other number is taken for the
answer in its place. Knows nothing of what is asked.
*/

use std::ops::Range;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::numerals::{is_numeral, replace_chinese, replace_english};
use super::text::is_chinese;

/// What a figure is worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value {
    /// This number.
    Exactly(f64),
    /// A number that cannot be told.
    Vague,
}

/// A number in a text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Figure {
    pub(super) value: Value,
    /// Where, with sign and scale.
    pub(super) place: Range<usize>,
}

/// A folded text in which number words are digits; "one" as a pronoun stays a word.
pub(super) fn with_digits(folded: &str) -> String {
    let english = NUMBER_WORDS.as_ref().map_or_else(
        || folded.to_owned(),
        |pattern| {
            pattern
                .replace_all(folded, |found: &Captures<'_>| digits_of(folded, found))
                .into_owned()
        },
    );
    let mut replaced = String::with_capacity(english.len());
    for piece in english.split_inclusive(|c: char| !c.is_alphanumeric()) {
        let end = piece.char_indices().next_back().filter(|(_, c)| !c.is_alphanumeric());
        let (words, mark) = piece.split_at(end.map_or(piece.len(), |(at, _)| at));
        replaced.push_str(&if words.is_ascii() {
            words.to_owned()
        } else {
            replace_chinese(words)
        });
        replaced.push_str(mark);
    }
    replaced
}

static NUMBER_WORDS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let word = "(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|\
        fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|\
        hundred|thousand|none)";
    let article = r"\ban? (?:hundred|thousand|million|billion|trillion|dozen)\b";
    let half = r"\bhalf (?:a|an) (?:hundred|thousand|million|billion|trillion|dozen)\b";
    Regex::new(&format!(r"(?i){half}|{article}|\b{word}(?:(?:[ -]and[ -]|[ -]){word})*\b")).ok()
});

fn digits_of(text: &str, found: &Captures<'_>) -> String {
    let whole = found.get(0).map_or("", |whole| whole.as_str());
    let lower = whole.to_lowercase();
    let place = found.get(0).map_or(0..0, |whole| whole.range());
    if let Some(scale) = lower.strip_prefix("half a ").or(lower.strip_prefix("half an ")) {
        return format!("0.5 {scale}");
    }
    if let Some(scale) = lower.strip_prefix("a ").or(lower.strip_prefix("an ")) {
        return format!("1 {scale}");
    }
    let is_pronoun = lower == "one" && !counts(&text[..place.start], &text[place.end..]);
    let is_idiom = lower == "none" && text[place.end..].starts_with(" of");
    if is_pronoun || is_idiom || matches!(lower.as_str(), "hundred" | "thousand") {
        return whole.to_owned();
    }
    replace_english(&lower.replace('-', " "))
}

/// Whether "one" is a number between these texts.
fn counts(before: &str, after: &str) -> bool {
    const NOT_BEHIND: [&str; 26] = [
        "of", "on", "in", "at", "with", "that", "which", "who", "whose", "another", "by", "is",
        "day", "side", "should", "would", "could", "may", "might", "must", "has", "to", "or",
        "from", "was", "next",
    ];
    const IN_FRONT: [&str; 28] = [
        "is", "are", "only", "just", "exactly", "see", "has", "have", "contains", "shows", "count",
        "be", "counted", "least", "minus", "of", "and", "about", "with", "was", "to", "than",
        "includes", "equals", "or", "answer", "say", "point",
    ];
    let next = after
        .trim_start_matches(' ')
        .split(|c: char| !c.is_alphabetic())
        .next()
        .unwrap_or_default();
    let tail = before.trim_end_matches([' ', '*', '"', '\'', '(']);
    let starts = tail.is_empty() || tail.ends_with(|c: char| !c.is_alphanumeric());
    let previous =
        tail.rsplit(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default().to_lowercase();
    let in_front = starts || IN_FRONT.contains(&previous.as_str()) || tail.ends_with(is_chinese);
    in_front && !NOT_BEHIND.contains(&next) && !after.starts_with("'s")
}

/// Digits with their separators; the first alternative that fits is taken.
static DIGITS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?x)
        \d{1,3}(?:[,_']\d{3})+(?:\.\d+)?      # 1,234,567.8
        | \d{1,2}(?:,\d{2})+,\d{3}            # 12,34,567
        | \d{1,3}(?:\.\d{3}){2,}(?:,\d+)?     # 1.234.567,8
        | \d{1,3}\.\d{3},\d+                  # 1.234,5
        | \d+(?:\.\d+)?",
    )
    .ok()
});

/// The figures of a text in which number words are digits, from left to right.
pub(super) fn figures(text: &str) -> Vec<Figure> {
    let list = list_markers(text);
    let mut found: Vec<Figure> = Vec::new();
    let mut read_to = 0;
    for digits in DIGITS.iter().flat_map(|pattern| pattern.find_iter(text)) {
        let place = digits.range();
        if place.start < read_to || list.binary_search(&place.start).is_ok() {
            continue;
        }
        let scene = Scene { text, digits: place };
        if let Some(figure) = scene.figure() {
            read_to = figure.place.end;
            found.push(figure);
        }
    }
    join_fractions(text, &mut found);
    found
}

/// The starts of numbers that count the items of a list.
fn list_markers(text: &str) -> Vec<usize> {
    static MARKER: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"(?m)^[ \t*#>-]*(\d{1,2})(?:[.)][ \t]+|、)\S").ok());
    let found: Vec<usize> = MARKER
        .iter()
        .flat_map(|pattern| pattern.captures_iter(text))
        .filter_map(|marker| marker.get(1).map(|digits| digits.start()))
        .collect();
    let is_single_first = found.len() == 1 && text.trim_start().starts_with("1.");
    if found.len() > 1 || is_single_first { found } else { Vec::new() }
}

/// Digits in their surroundings.
struct Scene<'t> {
    text: &'t str,
    digits: Range<usize>,
}

impl Scene<'_> {
    /// The figure, if the digits are one and no part of a word or an ordinal.
    fn figure(&self) -> Option<Figure> {
        let (before, after) = (&self.text[..self.digits.start], &self.text[self.digits.end..]);
        if is_in_word(before) || is_ordinal(before, after) {
            return None;
        }
        let (before, is_share) = match before.strip_suffix('.') {
            Some(shorter) if !shorter.ends_with(char::is_alphanumeric) => (shorter, true),
            _ => (before, false),
        };
        let (sign, start) = sign(before);
        let written = &self.text[before.len()..self.digits.end];
        let written = if is_share { &format!("0{written}") } else { written };
        let scaled = Scaled::read(written, before, after);
        let vague = || {
            is_bounded(&before[..start])
                || is_transformed(&before[..start])
                || is_joined(before, &after[scaled.length..])
                || scaled.factor.is_none()
                || is_attached(&after[scaled.length..])
                || is_followed_by_bound(&after[scaled.length..])
                || is_near_numeral(before, &after[scaled.length..])
        };
        let number = (!vague()).then(|| Some(sign * value(written)? * scaled.factor?)).flatten();
        let value = number.filter(|one| one.is_finite()).map_or(Value::Vague, Value::Exactly);
        Some(Figure { value, place: start..self.digits.end + scaled.length })
    }
}

/// Whether the digits belong to a word in front of them: "B2", "COVID-19".
fn is_in_word(before: &str) -> bool {
    let mut previous = before.chars().rev();
    match previous.next() {
        Some(c) if c.is_ascii_alphabetic() || c == '^' => true,
        Some('-') => previous.next().is_some_and(|c| c.is_ascii_alphabetic()),
        Some('_') => true,
        _ => false,
    }
}

/// Whether letters behind the digits make them no count: an ordinal, a decade, a word such as "1e3", "3D".
fn is_ordinal(before: &str, after: &str) -> bool {
    let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (suffix, rest) = after.split_at(letters);
    let is_word = letters > 0 && suffix != "x" && rest.starts_with(|c: char| c.is_ascii_digit());
    matches!(suffix, "st" | "nd" | "rd" | "th" | "s" | "D" | "G" | "p" | "K")
        && !(suffix == "K" && has_currency(before))
        || is_word
        || before.ends_with('第')
}

fn has_currency(before: &str) -> bool {
    before.trim_end_matches([' ', '-']).ends_with(['$', '€', '£', '¥', '￥'])
}

/// The sign, and where it begins.
fn sign(before: &str) -> (f64, usize) {
    static WORD: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"(?i)(?:\b(?:minus|negative) |负|零下)\s*$").ok());
    if let Some(dash) = before.strip_suffix(['-', '–']) {
        let joins = dash.ends_with(|c: char| c.is_alphanumeric() || matches!(c, ')' | '%' | '°'))
            || dash.trim_end_matches(' ').ends_with(|c: char| c.is_ascii_digit());
        return if joins { (1.0, before.len()) } else { (-1.0, dash.len()) };
    }
    // A word of sign is near: what is far in front is not searched for it.
    let from = tail_start(before, 16);
    match WORD.as_ref().and_then(|pattern| pattern.find(&before[from..])) {
        Some(word) => (-1.0, from + word.start()),
        None => (1.0, before.len()),
    }
}

fn tail_start(text: &str, bytes: usize) -> usize {
    let mut at = text.len().saturating_sub(bytes);
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
}

/// Digits with separators as a number. One group of three behind a point that ends in 0 ("1.500")
/// may be either and is none.
fn value(written: &str) -> Option<f64> {
    let points = written.matches('.').count();
    let commas = written.matches(',').count();
    let plain: String = match (points, commas) {
        (1, 0) if has_doubtful_group(written) => return None,
        (2.., _) => written.replace('.', "").replace(',', "."),
        (1, 1) if written.find('.') < written.find(',') => {
            written.replace('.', "").replace(',', ".")
        }
        _ => written.replace([',', '_', '\''], ""),
    };
    plain.parse().ok()
}

fn has_doubtful_group(written: &str) -> bool {
    let (whole, decimals) = written.split_once('.').unwrap_or((written, ""));
    decimals.len() == 3 && decimals.ends_with('0') && whole.len() <= 3 && !whole.starts_with('0')
}

/// What multiplies the digits, and how long it is.
struct Scaled {
    /// None if it is there but cannot be told.
    factor: Option<f64>,
    length: usize,
}

impl Scaled {
    fn read(written: &str, before: &str, after: &str) -> Self {
        let mut scaled = Self { factor: Some(1.0), length: 0 };
        if let Some(power) = POWER.as_ref().and_then(|pattern| pattern.captures(after)) {
            let base_is_ten = written == "10";
            let exponent = power.get(1).and_then(|digits| digits.as_str().parse::<i32>().ok());
            let length = power.get(0).map_or(0, |whole| whole.end());
            let factor = exponent.filter(|one| base_is_ten && one.abs() <= 300);
            // The digits in front are the base, so that one of ten is to be taken off.
            return Self { factor: factor.map(|one| 10f64.powi(one - 1)), length };
        }
        if let Some(times) = TIMES_TEN.as_ref().and_then(|pattern| pattern.captures(after)) {
            let exponent = times.get(1).and_then(|digits| digits.as_str().parse::<i32>().ok());
            let factor = exponent.filter(|one| one.abs() <= 300).map(|one| 10f64.powi(one));
            return Self { factor, length: times.get(0).map_or(0, |whole| whole.end()) };
        }
        while let Some((factor, length)) = scale(before, &after[scaled.length..]) {
            scaled.factor = scaled.factor.zip(factor).map(|(one, other)| one * other);
            scaled.length += length;
        }
        scaled
    }
}

/// `^6` or `**6` behind the digits.
static POWER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^\s?(?:\^|\*\*)\s?[{(]?(-?\d{1,4})[})]?").ok());

/// `× 10^6` behind the digits, in plain text or LaTeX.
static TIMES_TEN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^\s?(?:×|x|X|\*|·|\\times|\\cdot)\s?10\s?(?:\^|\*\*)\s?[{(]?(-?\d{1,4})[})]?").ok()
});

/// The length of a factor behind the digits that is no decimal number: "4π", `2\sqrt{3}`.
fn irrational_factor(after: &str) -> Option<usize> {
    static FACTOR: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^\s?(?:π|\\pi\b|pi\b|√|\\sqrt\b)").ok());
    FACTOR.as_ref()?.find(after).map(|found| found.len())
}

/// Whether what stands in front makes another number of the digits: a root's sign, "twice 3".
fn is_transformed(before: &str) -> bool {
    let before = before.trim_end_matches(['{', '(', ' ']);
    ["√", "\\sqrt", " twice", "Twice", " double", "Double", " triple", "Triple", "half of"]
        .iter()
        .any(|word| before.ends_with(word) || before == word.trim())
}

/// One scale behind the digits: its factor, none if it cannot be told, and its length.
fn scale(before: &str, after: &str) -> Option<(Option<f64>, usize)> {
    static WORD: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?i)^\)?[ -]?(hundred|thousand|million|billion|trillion|dozen|lakh|crore|mln|mio|bn|mn|tn)s?\b").ok()
    });
    if let Some(word) = WORD.as_ref().and_then(|pattern| pattern.captures(after)) {
        let length = word.get(0).map_or(0, |whole| whole.end());
        return Some((Some(factor_of(&word[1].to_lowercase())), length));
    }
    if let Some(length) = irrational_factor(after) {
        return Some((None, length));
    }
    let mut characters = after.chars();
    let (first, second) = (characters.next()?, characters.next());
    let ends = second.is_none_or(|c| !c.is_ascii_alphanumeric());
    let chinese = match first {
        '十' => Some(10.0),
        '百' => Some(1e2),
        '千' if !matches!(second, Some('米' | '克' | '瓦' | '卡' | '赫')) => Some(1e3),
        '万' | '萬' => Some(1e4),
        '亿' | '億' => Some(1e8),
        _ => None,
    };
    match first {
        _ if chinese.is_some() => Some((chinese, first.len_utf8())),
        'k' if ends => Some((Some(1e3), 1)),
        'K' if ends && has_currency(before) => Some((Some(1e3), 1)),
        'm' | 'M' if ends && has_currency(before) => Some((Some(1e6), 1)),
        'b' | 'B' if ends && has_currency(before) => Some((Some(1e9), 1)),
        // A pair is two of what is counted, or one.
        '对' | '双' => Some((None, first.len_utf8())),
        'M' | 'B' | 'T' | '‰' | '兆' if ends => Some((None, first.len_utf8())),
        _ => None,
    }
}

fn factor_of(word: &str) -> f64 {
    match word {
        "dozen" => 12.0,
        "hundred" => 1e2,
        "thousand" => 1e3,
        "lakh" => 1e5,
        "million" | "mln" | "mio" | "mn" => 1e6,
        "crore" => 1e7,
        "billion" | "bn" => 1e9,
        _ => 1e12,
    }
}

/// Whether letters stand right behind the digits that are no unit: "42abc", "5pm".
fn is_attached(after: &str) -> bool {
    const UNITS: [&str; 60] = [
        "kg", "g", "mg", "t", "km", "m", "cm", "mm", "nm", "l", "ml", "cl", "lb", "lbs", "oz",
        "ft", "in", "inch", "mi", "yd", "mph", "kmh", "kph", "h", "hr", "hrs", "hour", "hours",
        "min", "mins", "sec", "ms", "px", "kb", "mb", "gb", "tb", "w", "kw", "kwh", "v", "a", "ma",
        "hz", "khz", "mhz", "ghz", "c", "f", "usd", "eur", "rmb", "x", "pt", "pts", "pcs", "deg",
        "years", "days", "times",
    ];
    let letters = after.bytes().take_while(u8::is_ascii_alphabetic).take(16).count();
    // "1.5m people" counts millions, "1.5m long" metres.
    let measured = [
        "", "tall", "long", "high", "wide", "deep", "away", "x", "in", "and", "by", "from", "or",
        "to",
    ];
    let next = after[letters..].trim_start_matches(' ').split(|c: char| !c.is_alphabetic()).next();
    let counts_millions =
        &after[..letters] == "m" && !next.is_some_and(|next| measured.contains(&next));
    counts_millions || letters > 0 && !UNITS.contains(&after[..letters].to_lowercase().as_str())
}

/// Whether words in front make the number a bound and no value.
fn is_bounded(before: &str) -> bool {
    static BOUND: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"(?ix)(?:\b(?:more|less|fewer|greater|larger|smaller|higher|lower|other|earlier|later)\ than
            |\b(?:at\ least|at\ most|over|under|up\ to|above|below|beyond|nearly|almost|exceeds?|exceeding|minimum\ of|maximum\ of|or\ more|not\ even|upwards\ of|just\ shy\ of)
            |[<>≤≥±]=?|至少|最多|至多|超过|不到|不足|多于|少于|大于|小于|高于|低于|将近|接近|近|上|几|数|好几|不止|起码)\s*(?:a\ |the\ )?[\s*$€£¥]*$",
        )
        .ok()
    });
    let tail = &before[tail_start(before, 32)..];
    BOUND.as_ref().is_some_and(|pattern| pattern.is_match(tail))
}

fn is_followed_by_bound(after: &str) -> bool {
    static BOUND: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"(?ix)^(?:\+|\s?±|(?:\s?[a-z]+)?\ or\ (?:more|less|fewer|higher|lower|over|above)\b|\ plus\b|\ and\ (?:a\ |one\ )?(?:half|quarter|third|three)|\s(?:half|halves|quarters?|thirds?|fourths?|fifths?)\b
            |(?:\s?[a-z]+)?\ (?:at\ least|at\ most|below\ zero)\b|[多余几来半]|\p{Han}?半|\p{Han}?(?:多|以上|以下|以内|之多|不到|开外))",
        )
        .ok()
    });
    let mut to = after.len().min(48);
    while !after.is_char_boundary(to) {
        to -= 1;
    }
    BOUND.as_ref().is_some_and(|pattern| pattern.is_match(&after[..to]))
}

/// Whether the digits are one part of a time, a version, a size: "5:30", "1.2.3", "3x4".
fn is_joined(before: &str, after: &str) -> bool {
    let digit_at_end = |text: &str| text.ends_with(|c: char| c.is_ascii_digit());
    let digit_at_start = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    let behind = [":", ".", "x", "×", "_", "'"]
        .iter()
        .any(|mark| after.strip_prefix(mark).is_some_and(digit_at_start));
    let in_front = [":", ".", "x", "×", "'"]
        .iter()
        .any(|mark| before.strip_suffix(mark).is_some_and(digit_at_end));
    behind || in_front
}

/// Whether Chinese numerals that were not read stand beside: 三、4个, 三点5.
fn is_near_numeral(before: &str, after: &str) -> bool {
    let is_left = |c: char| is_numeral(c) || matches!(c, '半' | '亿');
    let joined = |c: char| matches!(c, '、' | '点' | '到' | '至' | '或' | '~' | '-' | ',');
    let mut left = before.chars().rev();
    let in_front = match left.next() {
        Some(c) if joined(c) => left.next().is_some_and(is_left),
        Some(c) => is_left(c),
        None => false,
    };
    let is_unit =
        ["千米", "千克", "千瓦", "千卡", "千赫"].iter().any(|unit| after.starts_with(unit));
    in_front || (after.starts_with(is_left) && !is_unit)
}

/// Joins `3 1⁄2` and `1⁄2` to one figure each.
fn join_fractions(text: &str, found: &mut Vec<Figure>) {
    let mut joined: Vec<Figure> = Vec::with_capacity(found.len());
    let mut rest = std::mem::take(found).into_iter().peekable();
    while let Some(figure) = rest.next() {
        let is_over =
            |next: &Figure| text.get(figure.place.end..next.place.start) == Some("\u{2044}");
        let Some(bottom) = rest.next_if(is_over) else {
            joined.push(figure);
            continue;
        };
        let share = quotient(figure.value, bottom.value);
        let whole = joined.pop_if(|one| {
            text.get(one.place.end..figure.place.start) == Some(" ")
                && text[..one.place.end].ends_with(|c: char| c.is_ascii_digit())
        });
        let (start, value) = match whole {
            Some(whole) => (whole.place.start, sum(whole.value, share)),
            None => (figure.place.start, share),
        };
        joined.push(Figure { value, place: start..bottom.place.end });
    }
    *found = joined;
}

fn quotient(top: Value, bottom: Value) -> Value {
    match (top, bottom) {
        (Value::Exactly(top), Value::Exactly(bottom)) if bottom != 0.0 => {
            Value::Exactly(top / bottom)
        }
        _ => Value::Vague,
    }
}

fn sum(whole: Value, share: Value) -> Value {
    match (whole, share) {
        (Value::Exactly(whole), Value::Exactly(share)) if whole >= 0.0 => {
            Value::Exactly(whole + share)
        }
        (Value::Exactly(whole), Value::Exactly(share)) => Value::Exactly(whole - share),
        _ => Value::Vague,
    }
}
