/*!
The text rules of the VQA evaluation: punctuation, number words, articles, contractions.

`processPunctuation` and `processDigitArticle` of `GT-Vision-Lab/VQA vqaEval.py` (2021), and what
lmms-eval and VLMEvalKit do differently. Must not know how answers are compared.
*/

use std::borrow::Cow;

use super::contractions::CONTRACTIONS;
use crate::score::python_text::{is_decimal, words};

const PUNCTUATION: &str = ";/[]\"{}()=+\\_-><@`,?!";

/// The reference passes `re.UNICODE`, which is 32, where `sub` takes a count.
const MOST_PERIODS: usize = 32;

const NUMBERS: [(&str, &str); 12] = [
    ("none", "0"),
    ("zero", "0"),
    ("one", "1"),
    ("two", "2"),
    ("three", "3"),
    ("four", "4"),
    ("five", "5"),
    ("six", "6"),
    ("seven", "7"),
    ("eight", "8"),
    ("nine", "9"),
    ("ten", "10"),
];

/// Which commas between digits make all punctuation disappear instead of becoming spaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CommaTest {
    /// A digit, one comma, a digit.
    One,
    /// A digit, commas, a digit (mmf and lmms-eval).
    Several,
}

/// Which periods are deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PeriodTest {
    /// Those with no digit after them: the look-behind of the reference's pattern is mistyped.
    NoDigitAfter,
    /// Those with no digit before or after them (VLMEvalKit).
    NoDigitAround,
}

/// `processPunctuation`: each mark is deleted or becomes a space, then periods are deleted.
pub(super) fn process_punctuation(
    text: &str,
    commas: CommaTest,
    periods: PeriodTest,
) -> Cow<'_, str> {
    if !text.bytes().any(|byte| byte == b'.' || PUNCTUATION.as_bytes().contains(&byte)) {
        return text.into();
    }
    let deletes_all = has_comma_in_number(text, commas);
    let touching = marks_that_touch_spaces(text);
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match PUNCTUATION.find(character) {
            None => out.push(character),
            Some(mark) if !deletes_all && !touching[mark] => out.push(' '),
            Some(_) => {}
        }
    }
    strip_periods(&out, periods).into()
}

fn has_comma_in_number(text: &str, commas: CommaTest) -> bool {
    text.match_indices(',').any(|(position, _)| {
        // Asked first, since a run of commas is then walked over once, and not from each of them.
        if !text[..position].chars().next_back().is_some_and(is_decimal) {
            return false;
        }
        let rest = &text[position..];
        let rest = match commas {
            CommaTest::One => &rest[1..],
            CommaTest::Several => rest.trim_start_matches(','),
        };
        rest.chars().next().is_some_and(is_decimal)
    })
}

/// Which of the marks stand next to a space anywhere in the text, found in one pass: the reference
/// searches the text again for each mark that it meets.
fn marks_that_touch_spaces(text: &str) -> [bool; PUNCTUATION.len()] {
    let mut touching = [false; PUNCTUATION.len()];
    let mark = |byte: u8| PUNCTUATION.bytes().position(|mark| mark == byte);
    for two in text.as_bytes().windows(2) {
        let beside_space = match two {
            [b' ', other] | [other, b' '] => mark(*other),
            _ => None,
        };
        if let Some(mark) = beside_space {
            touching[mark] = true;
        }
    }
    touching
}

fn strip_periods(text: &str, periods: PeriodTest) -> String {
    let mut out = String::with_capacity(text.len());
    let mut deleted = 0;
    let mut before = None;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let digit_after = characters.peek().is_some_and(|next| is_decimal(*next));
        let digit_before = periods == PeriodTest::NoDigitAround && before.is_some_and(is_decimal);
        if character == '.' && !digit_after && !digit_before && deleted < MOST_PERIODS {
            deleted += 1;
        } else {
            out.push(character);
        }
        before = Some(character);
    }
    out
}

/// `processDigitArticle`: lower case, number words as digits, no articles, contractions restored.
pub(super) fn process_digit_article(text: &str) -> Cow<'_, str> {
    if is_plain_word(text) {
        return match replace_word(text) {
            Some(word) => word.into(),
            None => "".into(),
        };
    }
    let lower = lower_case(text);
    let mut out = String::with_capacity(lower.len());
    for word in words(&lower).filter_map(replace_word) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out.into()
}

/// Whether a text is one word of lower-case letters and digits, as most answers are.
fn is_plain_word(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// What a lower-case word becomes; nothing if it is an article.
fn replace_word(word: &str) -> Option<&str> {
    let word = look_up_number(word);
    (!matches!(word, "a" | "an" | "the")).then(|| look_up_contraction(word))
}

fn lower_case(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        text.into()
    } else {
        text.to_lowercase().into()
    }
}

fn look_up_number(word: &str) -> &str {
    let found = NUMBERS.iter().find(|(name, _)| *name == word);
    found.map_or(word, |(_, digits)| digits)
}

fn look_up_contraction(word: &str) -> &str {
    let found = CONTRACTIONS.binary_search_by(|(key, _)| (*key).cmp(word));
    found.map_or(word, |index| CONTRACTIONS[index].1)
}

/// Line breaks and tabs become spaces, and white space at the ends goes.
pub(super) fn strip_lines(text: &str) -> Cow<'_, str> {
    let stripped = crate::score::python_text::strip(text);
    if stripped.bytes().any(|byte| matches!(byte, b'\n' | b'\t')) {
        stripped.replace(['\n', '\t'], " ").into()
    } else {
        stripped.into()
    }
}

/// `word_tokenize` of mmf: lower case, no commas and question marks, possessives split off.
pub(super) fn word_tokenize(text: &str) -> String {
    let lower = text.to_lowercase().replace([',', '?'], "").replace("'s", " 's");
    crate::score::python_text::strip(&lower).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn golden_rows(key: &str) -> Vec<[String; 4]> {
        let json = include_str!("../../../fixtures/golden/vqa_normalize.json");
        let golden: serde_json::Value = serde_json::from_str(json).unwrap();
        serde_json::from_value(golden[key].clone()).unwrap()
    }

    fn official(text: &str) -> Cow<'_, str> {
        process_punctuation(text, CommaTest::One, PeriodTest::NoDigitAfter)
    }

    #[test]
    fn equals_the_reference_on_every_golden_string() {
        for [input, punctuation, digits, both] in golden_rows("rows") {
            assert_eq!(official(&input), punctuation, "{input:?}");
            assert_eq!(process_digit_article(&input), digits, "{input:?}");
            assert_eq!(process_digit_article(&official(&input)), both, "{input:?}");
        }
    }

    #[test]
    fn variants_differ_where_they_should() {
        let period = "U.S.A. 5. x";
        assert_eq!(
            process_punctuation(period, CommaTest::One, PeriodTest::NoDigitAround),
            "USA 5. x"
        );
        assert_eq!(official(period), "USA 5 x");
        assert_eq!(
            process_punctuation("1,,2-x", CommaTest::Several, PeriodTest::NoDigitAfter),
            "12x"
        );
        assert_eq!(official("1,,2-x"), "1  2 x");
        assert_eq!(word_tokenize(" The Dog's, bone? "), "the dog 's bone");
    }
}
