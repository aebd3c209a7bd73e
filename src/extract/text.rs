/*!
Normalisation of short answers, so that "The car." equals "car" and "３个" equals "三个".

The rules, in the order in which they are applied, to the expected and to the given text alike:

1. **Width**: Unicode NFKC, so full-width letters, digits and punctuation become ordinary ones.
2. **Case**: everything is lower-cased.
3. **Numbers**: a comma between groups of three digits goes ("1,000" is "1000"). A point between
   digits ("3.5"), a slash there ("1/2", and "½" is that), a minus directly before a number or a letter
   alone ("-2", "-x"), powers ("10²" is "10^2"), bounds ("<5") and a percent sign stay.
4. **Apostrophes** go without leaving a space ("don't" is "dont").
5. **Punctuation**, brackets, quotes, dashes and Markdown marks become spaces; so "T-shirt" is
   "t shirt". Symbols that carry meaning (`+ = $ € ° %`, the `#` of "C#") stay.
6. **Spaces**: runs of white space are one space; none is left at the ends or beside a Chinese
   character.
7. **English number words** become digits: "none" and "zero" to "ninety nine". "No. 5" is "no 5".
8. **Articles**: the words a, an, the go before another word ("A" and "Vitamin A" keep theirs).
9. **Chinese numerals** become digits where they are the whole answer, stand before a measure
   word or after 第: "三" is "3", "十二只猫" is "12只猫", "两辆" is "2辆", "第一" is "第1"; "一起",
   "十分" and "三角形" stay.
10. **A closing 的** goes after at least two characters: "红色的" is "红色". It only turns the
    describing word into a noun, and models add it at will to answers about colour and material.

Not done, on purpose: stemming ("cats" is not "cat"), synonyms, simplified against traditional
characters, spelling, and other closing particles. Write the variants with `AnyOf`.
*/

use unicode_normalization::UnicodeNormalization;

use super::clause::with_powers;
use super::numerals;

/// The text after all rules of this module; equal texts are equal answers.
pub fn normalize(text: &str) -> String {
    let folded: Vec<char> =
        with_powers(text).nfkc().collect::<String>().to_lowercase().chars().collect();
    let words = collapse_spaces(&without_punctuation(&folded));
    let numbered = numerals::replace_english(&words);
    let bare = tighten_chinese(&without_articles(&numbered));
    without_closing_particle(numerals::replace_chinese(&bare))
}

/// Whether a character belongs to a script that is written without spaces between words.
pub(super) fn is_chinese(c: char) -> bool {
    matches!(u32::from(c),
        0x3007 | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x3FFFD)
}

fn without_punctuation(chars: &[char]) -> String {
    let mut kept = String::with_capacity(chars.len());
    for (index, &c) in chars.iter().enumerate() {
        match c {
            '.' if is_decimal_point(chars, index) => kept.push('.'),
            '/' | '\u{2044}' if is_decimal_point(chars, index) => kept.push('/'),
            '#' if is_behind_letter(chars, index) => kept.push('#'),
            '^' if is_digit_at(chars, index + 1) || chars.get(index + 1) == Some(&'-') => {
                kept.push('^')
            }
            '-' if index > 0 && chars[index - 1] == '^' => kept.push('-'),
            '-' if is_minus_of_letter(chars, index) => kept.push('-'),
            '<' | '>' if is_bound(chars, index) => kept.push(c),
            ',' if is_group_comma(chars, index) => {}
            '-' | '\u{2212}' if is_minus(chars, index) => kept.push('-'),
            '\'' | '\u{2018}' | '\u{2019}' | '\u{02BC}' if is_inside_word(chars, index) => {}
            '\u{200B}'..='\u{200F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' => {}
            c if is_punctuation(c) => kept.push(' '),
            c => kept.push(c),
        }
    }
    kept
}

/// Punctuation as left by NFKC, without the marks that carry meaning: `+ = $ %`.
fn is_punctuation(c: char) -> bool {
    match c {
        '+' | '=' | '$' | '%' => false,
        c if c.is_ascii() => c.is_ascii_punctuation() || c.is_ascii_control(),
        c => matches!(u32::from(c),
            0xA1 | 0xA7 | 0xAB | 0xB6 | 0xB7 | 0xBB | 0xBF | 0x2010..=0x205E | 0x2212
            | 0x3001..=0x3003 | 0x3008..=0x3011 | 0x3014..=0x301F | 0x3030 | 0x30FB),
    }
}

fn is_decimal_point(chars: &[char], index: usize) -> bool {
    is_digit_at(chars, index.wrapping_sub(1)) && is_digit_at(chars, index + 1)
}

/// Whether exactly three digits follow the comma and one to three stand before it.
fn is_group_comma(chars: &[char], index: usize) -> bool {
    let before = chars[..index].iter().rev().take_while(|c| c.is_ascii_digit()).count();
    let after = chars[index + 1..].iter().take_while(|c| c.is_ascii_digit()).count();
    (1..=3).contains(&before) && after == 3
}

fn is_minus(chars: &[char], index: usize) -> bool {
    let starts_word = index == 0 || !chars[index - 1].is_alphanumeric();
    starts_word && is_digit_at(chars, index + 1)
}

/// Whether a `#` belongs to the letter in front ("C#") and to nothing behind.
fn is_behind_letter(chars: &[char], index: usize) -> bool {
    let ends = !chars.get(index + 1).is_some_and(|c| c.is_alphanumeric());
    index > 0 && chars[index - 1].is_ascii_alphabetic() && ends
}

/// Whether it is the minus of a letter that stands for a number ("-x").
fn is_minus_of_letter(chars: &[char], index: usize) -> bool {
    let starts_word = index == 0 || chars[index - 1] == ' ' || chars[index - 1] == '=';
    let letter = chars.get(index + 1).is_some_and(char::is_ascii_alphabetic);
    starts_word && letter && !chars.get(index + 2).is_some_and(|c| c.is_alphanumeric())
}

/// Whether it says that a number is a bound ("<5"), and is no part of a tag.
fn is_bound(chars: &[char], index: usize) -> bool {
    let stands_free = index == 0 || chars[index - 1] == ' ';
    let next = chars[index + 1..].iter().find(|c| **c != ' ' && **c != '=');
    stands_free && next.is_some_and(char::is_ascii_digit)
}

fn is_inside_word(chars: &[char], index: usize) -> bool {
    let is_letter = |index: usize| chars.get(index).is_some_and(|c| c.is_alphanumeric());
    is_letter(index.wrapping_sub(1)) && is_letter(index + 1)
}

fn is_digit_at(chars: &[char], index: usize) -> bool {
    chars.get(index).is_some_and(char::is_ascii_digit)
}

fn collapse_spaces(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn without_articles(text: &str) -> String {
    let mut words = text.split(' ').peekable();
    let mut bare = Vec::new();
    while let Some(word) = words.next() {
        let is_article = matches!(word, "a" | "an" | "the") && words.peek().is_some();
        if !is_article {
            bare.push(word);
        }
    }
    bare.join(" ")
}

/// Drops the spaces beside Chinese characters.
fn tighten_chinese(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let is_chinese_at = |index: usize| chars.get(index).copied().is_some_and(is_chinese);
    let is_kept = |&(index, c): &(usize, &char)| {
        *c != ' ' || !(is_chinese_at(index.wrapping_sub(1)) || is_chinese_at(index + 1))
    };
    chars.iter().enumerate().filter(is_kept).map(|(_, c)| c).collect()
}

fn without_closing_particle(text: String) -> String {
    match text.strip_suffix('的') {
        Some(rest) if rest.chars().count() >= 2 => rest.to_owned(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pairs: &[(&str, &str)]) {
        for (text, expected) in pairs {
            assert_eq!(normalize(text), *expected, "of {text:?}");
        }
    }

    #[test]
    fn width_case_and_spaces() {
        check(&[
            ("ＲＥＤ　Car", "red car"),
            ("  red \n\t car ", "red car"),
            ("", ""),
            ("红色 汽车", "红色汽车"),
            ("一辆 BMW 汽车", "1辆bmw汽车"),
        ]);
    }

    #[test]
    fn punctuation() {
        check(&[
            ("Red.", "red"),
            ("**Red**!", "red"),
            ("“红色”。", "红色"),
            ("It's a T-shirt", "its t shirt"),
            ("don’t", "dont"),
            ("No. 5", "no 5"),
            ("50%", "50%"),
            ("$5", "$5"),
            ("《红楼梦》", "红楼梦"),
            ("...", ""),
        ]);
    }

    #[test]
    fn digits_keep_their_points_and_signs_but_not_their_groups() {
        check(&[
            ("3.5", "3.5"),
            ("3.", "3"),
            ("1,000", "1000"),
            ("1,234,567.8", "1234567.8"),
            ("１，０００", "1000"),
            ("1,2", "1 2"),
            ("12345,678", "12345 678"),
            ("-2", "-2"),
            ("2-3", "2 3"),
            ("(−2)", "-2"),
        ]);
    }

    #[test]
    fn articles_go_unless_nothing_else_is_there() {
        check(&[("The cat", "cat"), ("an apple a day", "apple day"), ("A", "a"), ("A.", "a")]);
    }

    #[test]
    fn numbers_in_words() {
        check(&[
            ("two dogs", "2 dogs"),
            ("Twenty-one", "21"),
            ("one hundred and five", "105"),
            ("none", "0"),
            ("一", "1"),
            ("三只猫", "3只猫"),
            ("两个", "2个"),
            ("３个", "3个"),
            ("一起", "一起"),
            ("十分", "十分"),
            ("三角形", "三角形"),
        ]);
    }

    #[test]
    fn a_closing_particle_goes_after_two_characters() {
        check(&[("红色的。", "红色"), ("目的", "目的"), ("是的", "是的"), ("的", "的")]);
    }

    #[test]
    fn normalising_twice_changes_nothing() {
        for text in
            ["The T-shirt's 1,000 dots.", "一百零五 个红色的", "Twenty-one, maybe", "的的的"]
        {
            let once = normalize(text);
            if !once.ends_with('的') {
                assert_eq!(normalize(&once), once);
            }
        }
    }
}
