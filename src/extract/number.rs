//! The number that an answer gives.

use super::{Extraction, text::normalize};

/// The one number in the text, in digits or words, English or Chinese (see
/// [`normalize`]). A unit may follow ("5kg", 3个); ordinals ("2nd") and digits inside a word
/// ("B2", "1e3") are no numbers. Two different numbers are ambiguous, however the text weighs them.
pub fn number(text: &str) -> Extraction<f64> {
    let text = normalize(text);
    Extraction::from_candidates(numerals(&text).filter_map(|digits| digits.parse().ok()))
}

/// The runs of the text that are a number.
fn numerals(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    let mut previous = None;
    std::iter::from_fn(move || {
        loop {
            let start = rest.find(|c: char| c.is_ascii_digit())?;
            let before = rest[..start].chars().next_back().or(previous);
            let sign = usize::from(before == Some('-') && start > 0);
            let length = numeral_length(&rest[start..]);
            let (found, after) = rest.split_at(start + length);
            rest = after;
            previous = found.chars().next_back();
            let is_in_word = before.is_some_and(|c| c.is_ascii_alphabetic());
            if !is_in_word && !continues_as_word(after) {
                return Some(&found[start - sign..]);
            }
        }
    })
}

/// Bytes of the digits, with at most one point among them, at the start of the text.
fn numeral_length(text: &str) -> usize {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let whole = digits(text);
    match text[whole..].strip_prefix('.').map(digits) {
        Some(decimals) if decimals > 0 => whole + 1 + decimals,
        _ => whole,
    }
}

/// Whether the letters behind the digits make them something else than a count: an ordinal, or a
/// word with digits in it such as "1e3".
fn continues_as_word(after: &str) -> bool {
    let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (suffix, rest) = after.split_at(letters);
    let is_ordinal = matches!(suffix, "st" | "nd" | "rd" | "th");
    is_ordinal || (letters > 0 && rest.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Extraction::{Absent, Ambiguous, Found};

    #[test]
    fn one_number_is_found_however_it_is_written() {
        for (text, value) in [
            ("3", 3.0),
            ("There are three cats.", 3.0),
            ("图中有三只猫。", 3.0),
            ("两个", 2.0),
            ("十二", 12.0),
            ("-2 degrees", -2.0),
            ("about 3.5", 3.5),
            ("1,000", 1000.0),
            ("5kg", 5.0),
            ("No. 5", 5.0),
            ("3 cats; yes, 3", 3.0),
            ("none", 0.0),
            ("50%", 50.0),
            ("2-", 2.0),
        ] {
            assert_eq!(number(text), Found(value), "of {text:?}");
        }
    }

    #[test]
    fn two_different_numbers_are_ambiguous() {
        assert_eq!(number("2 or 3"), Ambiguous(vec![2.0, 3.0]));
        assert_eq!(number("1/2"), Ambiguous(vec![1.0, 2.0]));
    }

    #[test]
    fn what_is_no_number_is_absent() {
        for text in ["", "cats", "the 2nd", "B2", "1e3", "一些"] {
            assert_eq!(number(text), Absent, "of {text:?}");
        }
    }
}
