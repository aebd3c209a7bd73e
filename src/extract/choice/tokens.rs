//! A text in tokens that are compared: words without case, Chinese characters, signs.

use std::ops::Range;

use super::super::numerals::{chinese_numeral, english_numeral};
use super::super::text::is_chinese;

/// A word, a Chinese character or a sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// Lower-case; small numbers in words are digits.
    pub(super) text: String,
    /// Where it stands in the folded text.
    pub(super) place: Range<usize>,
}

/// The tokens of a folded text.
pub(super) fn tokens(folded: &str) -> Vec<Token> {
    let mut found: Vec<Token> = Vec::new();
    let mut word: Option<Range<usize>> = None;
    let mut places = folded.char_indices().peekable();
    while let Some((at, c)) = places.next() {
        let after = places.peek().map(|(_, c)| *c);
        let end = at + c.len_utf8();
        if belongs_to_word(c, word.is_some(), after) {
            word = Some(word.map_or(at, |word| word.start)..end);
            continue;
        }
        found.extend(word.take().map(|place| token(folded, place)));
        if is_chinese(c) || is_sign(c) {
            found.push(token(folded, at..end));
        }
    }
    found.extend(word.map(|place| token(folded, place)));
    found
}

/// The tokens of an option, without an article in front.
pub(super) fn option_tokens(folded: &str) -> Vec<String> {
    let mut texts: Vec<String> = tokens(folded).into_iter().map(|token| token.text).collect();
    let has_space = folded.trim_start().split_once(' ').is_some_and(|(first, _)| first.len() <= 3);
    let is_article = has_space
        && texts.first().is_some_and(|first| matches!(first.as_str(), "a" | "an" | "the"));
    if is_article && texts.len() > 1 {
        texts.remove(0);
    }
    texts
}

fn belongs_to_word(c: char, in_word: bool, after: Option<char>) -> bool {
    let is_digit_after = after.is_some_and(|c| c.is_ascii_digit());
    match c {
        '\'' => in_word && after.is_some_and(char::is_alphanumeric),
        '.' | ',' => in_word && is_digit_after,
        '-' => !in_word && is_digit_after,
        c => c.is_alphanumeric() && !is_chinese(c),
    }
}

/// Signs that carry meaning.
fn is_sign(c: char) -> bool {
    match c {
        '#' | '+' | '=' | '$' | '%' | '^' | '&' => true,
        c if c.is_ascii() => false,
        c => !c.is_whitespace() && !is_foreign_punctuation(c),
    }
}

fn is_foreign_punctuation(c: char) -> bool {
    matches!(u32::from(c), 0xA1 | 0xA7 | 0xAB | 0xB6 | 0xB7 | 0xBB | 0xBF | 0x2010..=0x2043
        | 0x2045..=0x205E | 0x2190 | 0x2192 | 0x3001..=0x3003 | 0x3008..=0x3011 | 0x3014..=0x301F)
}

fn token(folded: &str, place: Range<usize>) -> Token {
    let lower = folded[place.clone()].to_lowercase().replace(['\'', ','], "");
    let text = english_numeral(&lower).or_else(|| chinese_numeral(&lower)).unwrap_or(lower);
    Token { text, place }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_characters_and_signs() {
        let texts: Vec<String> =
            tokens("It's Two, C# at -3.5: 红色 ∠A").into_iter().map(|token| token.text).collect();
        assert_eq!(texts, ["its", "2", "c", "#", "at", "-3.5", "红", "色", "∠", "a"]);
        assert_eq!(option_tokens("a dog"), ["dog"]);
        assert_eq!(option_tokens("A"), ["a"]);
    }
}
