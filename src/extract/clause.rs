/*!
An answer in clauses: the pieces within which a negation or a doubt holds.

Readers look for what an answer says in its clauses and ask of each what it does to it; a denial in one
does not reach into the next. Knows nothing of what is looked for.
*/

use std::sync::LazyLock;

use regex::Regex;
use unicode_normalization::UnicodeNormalization;

use super::text::is_chinese;

/// A clause with its place among the others.
#[derive(Debug, Clone)]
pub(super) struct Clause<'t> {
    /// The clause as written, width and compatibility forms folded.
    pub(super) raw: &'t str,
    /// Where it begins in the folded text.
    pub(super) start: usize,
    /// Whether its sentence is a question, or speaks of what is not so.
    pub(super) is_asked: bool,
    /// The mark in front of it; none for the first one, or where a word begins it.
    pub(super) opened_by: Option<char>,
}

impl Clause<'_> {
    /// The clause in lower-case words, one space between and around them; without apostrophes,
    /// Markdown and other punctuation.
    pub(super) fn words(&self) -> String {
        words(self.raw)
    }
}

/// A text whose width and compatibility forms are folded, without losing what they say: powers become
/// `^2`, fractions keep their slash (U+2044) and stand apart from the whole number before them, thin
/// and fixed spaces between digits become `_`.
pub(super) fn fold(text: &str) -> String {
    with_powers(text).nfkc().map(simplified).collect::<String>().replace("{,}", ",")
}

/// A text whose powers, fractions, signs and fixed spaces are kept apart from what compatibility
/// folding would make of them.
pub(super) fn with_powers(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut in_power = false;
    for c in text.chars() {
        let power = power_digit(c);
        match c {
            _ if power.is_some() => {
                if !in_power {
                    plain.push('^');
                }
                plain.extend(power);
            }
            '\u{BC}'..='\u{BE}' | '\u{2150}'..='\u{215F}' | '\u{2189}' => {
                plain.push(' ');
                plain.push(c);
            }
            '\u{2212}' | '\u{FE63}' => plain.push('-'),
            '\u{2018}' | '\u{2019}' | '\u{02BC}' => plain.push('\''),
            '\u{201C}' | '\u{201D}' => plain.push('"'),
            '\u{A0}' | '\u{2009}' | '\u{202F}' => {
                plain.push(if plain.ends_with(|c: char| c.is_ascii_digit()) { '_' } else { ' ' });
            }
            '\u{200B}'..='\u{200F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' => {}
            c => plain.push(c),
        }
        in_power = power.is_some();
    }
    plain
}

/// The simplified form of the traditional characters that readers know; others stay.
pub(super) fn simplified(c: char) -> char {
    const TRADITIONAL: &str = "選項為確對沒無圖這應該認擇錯誤實當個兩點萬億負張隻條說見並們會還後題問總過來從與區邊裡裏嗎";
    const SIMPLIFIED: &str = "选项为确对没无图这应该认择错误实当个两点万亿负张只条说见并们会还后题问总过来从与区边里里吗";
    let place = if is_chinese(c) { TRADITIONAL.chars().position(|one| one == c) } else { None };
    place.and_then(|place| SIMPLIFIED.chars().nth(place)).unwrap_or(c)
}

fn power_digit(c: char) -> Option<char> {
    Some(match c {
        '⁰' => '0',
        '¹' => '1',
        '²' => '2',
        '³' => '3',
        '⁴'..='⁹' => char::from_digit(u32::from(c) - 0x2070, 10)?,
        '⁻' => '-',
        _ => return None,
    })
}

/// The clauses of a folded text.
pub(super) fn clauses(folded: &str) -> Vec<Clause<'_>> {
    let mut found = Vec::new();
    let (mut start, mut sentence_start, mut first_of_sentence) = (0, 0, 0);
    let mut opened_by = None;
    for cut in cuts(folded) {
        let raw = &folded[start..cut.start];
        if raw.chars().any(char::is_alphanumeric) {
            found.push(Clause { raw, start, is_asked: false, opened_by });
        }
        if cut.ends_sentence {
            let is_unreal = is_unreal(&folded[sentence_start..cut.start]);
            for clause in &mut found[first_of_sentence..] {
                clause.is_asked = cut.asks || is_unreal;
            }
            sentence_start = cut.end;
            first_of_sentence = found.len();
        }
        start = cut.end;
        opened_by = folded[cut.start..cut.end].chars().next();
    }
    found
}

/// Whether a sentence speaks of what is not so: "If there were a dog, it would be visible".
fn is_unreal(sentence: &str) -> bool {
    static ENGLISH: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?is)\bif\b.*\b(?:were|would|had been)\b|\b(?:were|would|had been)\b.*\bif\b")
            .ok()
    });
    // A condition of the picture ("If it shows a dog, choose B"), not of who looks ("If you look closely").
    static OF_THE_PICTURE: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let subject = "(?:the|it|its|it's|there|there's|this|that|they|he|she|a|an)";
        Regex::new(&format!(
            r"(?is)^\W*(?:so |then |but |and )?(?:if|suppose|assuming|provided)(?: that)? {subject}\b|\b(?:choose|select|pick|answer)\b[^,]{{0,24}} if {subject}\b|\b(?:reply|respond|answer) (?:in|with|using) the (?:form|format)\b|^\W*如果(?:图|它|这|那|画|照)"
        ))
        .ok()
    });
    const CHINESE: [&str; 4] = ["如果是", "如果有", "假如", "要是"];
    ENGLISH.as_ref().is_some_and(|pattern| pattern.is_match(sentence))
        || OF_THE_PICTURE.as_ref().is_some_and(|pattern| pattern.is_match(sentence))
        || CHINESE.iter().any(|word| sentence.contains(word))
}

/// A place between two clauses, as wide as the marks that stand there.
struct Cut {
    start: usize,
    end: usize,
    ends_sentence: bool,
    asks: bool,
}

/// Bytes after which a clause ends that no mark ends: nobody writes such, and what is looked for in a
/// clause may cost more than its length.
const LONGEST: usize = 400;

/// Words that begin a clause of their own.
const CONNECTORS: &[&str] = &[
    "but",
    "however",
    "although",
    "though",
    "whereas",
    "while",
    "because",
    "since",
    "therefore",
    "thus",
    "hence",
    "so",
    "yet",
];

const CHINESE_CONNECTORS: &[&str] =
    &["但是", "但", "不过", "然而", "因为", "所以", "因此", "只有", "而是", "只是"];

fn cuts(text: &str) -> Vec<Cut> {
    let mut found = Vec::new();
    let mut before: Option<char> = None;
    let mut word_start = None;
    let mut last = 0;
    let mut places = text.char_indices().peekable();
    while let Some((at, c)) = places.next() {
        let after = places.peek().map(|(_, c)| *c);
        let end = at + c.len_utf8();
        if is_mark(c) && !is_inside(text, at, before, c, after) {
            let ends_sentence = !matches!(c, ',' | '、' | ':' | '—' | ';');
            found.push(Cut { start: at, end, ends_sentence, asks: c == '?' });
            last = end;
        } else if at - last > LONGEST && (c == ' ' || is_chinese(c)) || at - last > 2 * LONGEST {
            found.push(Cut { start: at, end: at, ends_sentence: false, asks: false });
            last = at;
        } else if is_chinese(c) {
            let rest = &text[at..];
            let connects =
                |word: &&&str| rest.starts_with(**word) && at > 0 && before != Some('不');
            if CHINESE_CONNECTORS.iter().find(connects).is_some() {
                found.push(Cut { start: at, end: at, ends_sentence: false, asks: false });
            }
        }
        let is_letter = c.is_ascii_alphabetic();
        match (is_letter, word_start) {
            (true, None) => word_start = Some(at),
            (false, Some(start)) => word_start = cut_before(text, start, at, &mut found),
            _ => {}
        }
        before = Some(c);
    }
    if let Some(start) = word_start {
        cut_before(text, start, text.len(), &mut found);
    }
    found.sort_by_key(|cut| (cut.start, cut.end));
    found.push(Cut { start: text.len(), end: text.len(), ends_sentence: true, asks: false });
    found
}

/// Cuts before the word if it is one that connects.
fn cut_before(text: &str, start: usize, end: usize, found: &mut Vec<Cut>) -> Option<usize> {
    let word = &text[start..end];
    let is_connector = CONNECTORS.iter().any(|one| one.eq_ignore_ascii_case(word));
    let before = text[..start].trim_end();
    let is_idiom =
        ["nothing", "anything", "Anything", "Nothing", "none", "all", "everything", "help", "and"]
            .iter()
            .any(|word| before.ends_with(word));
    if is_connector && !is_idiom && start > 0 {
        found.push(Cut { start, end: start, ends_sentence: false, asks: false });
    }
    None
}

fn is_mark(c: char) -> bool {
    matches!(c, '.' | ',' | ';' | ':' | '!' | '?' | '\n' | '。' | '、' | '—' | '…')
}

/// Whether a mark belongs to a number, an abbreviation or a name.
fn is_inside(text: &str, at: usize, before: Option<char>, mark: char, after: Option<char>) -> bool {
    let is = |c: Option<char>, test: fn(&char) -> bool| c.as_ref().is_some_and(test);
    match mark {
        '.' | ',' | ':' if is(before, char::is_ascii_digit) && is(after, char::is_ascii_digit) => {
            true
        }
        '.' if is(before, char::is_ascii_lowercase) && is(after, char::is_ascii_lowercase) => true,
        '.' => is_number_sign(&text[..at], &text[at + 1..]),
        _ => false,
    }
}

/// Whether it is the point of "No. 5".
fn is_number_sign(before: &str, after: &str) -> bool {
    let is_no = before.ends_with("no") || before.ends_with("No") || before.ends_with("Nr");
    is_no && after.trim_start_matches(' ').starts_with(|c: char| c.is_ascii_digit())
}

/// The lower-case words of a text, one space between and around them.
pub(super) fn words(text: &str) -> String {
    words_with_places(text).0
}

/// The same, and for each byte of the text its place in the words.
pub(super) fn words_with_places(text: &str) -> (String, Vec<usize>) {
    let mut spaced = String::with_capacity(text.len() + 2);
    let mut places = Vec::with_capacity(text.len());
    spaced.push(' ');
    for c in text.chars() {
        places.extend(std::iter::repeat_n(spaced.len(), c.len_utf8()));
        match c {
            '\'' | '`' => {}
            '#' if spaced.ends_with(' ') => {}
            c if c.is_alphanumeric() || matches!(c, '+' | '=' | '$' | '%' | '#' | '^') => {
                spaced.extend(c.to_lowercase());
            }
            _ if spaced.ends_with(' ') => {}
            _ => spaced.push(' '),
        }
    }
    if !spaced.ends_with(' ') {
        spaced.push(' ');
    }
    (spaced, places)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<String> {
        let folded = fold(text);
        clauses(&folded).iter().map(|clause| clause.words().trim().to_owned()).collect()
    }

    #[test]
    fn marks_and_connectors_end_clauses() {
        assert_eq!(split("There's a cat, but no dog."), ["theres a cat", "but no dog"]);
        assert_eq!(split("图中没有狗，只有一只猫。"), ["图中没有狗", "只有一只猫"]);
        assert_eq!(split("Answer: **No**"), ["answer", "no"]);
        assert_eq!(split("B.The sky"), ["b", "the sky"]);
    }

    #[test]
    fn numbers_and_abbreviations_are_whole() {
        assert_eq!(split("1,000.5 at 5:30, e.g. No. 5"), ["1 000 5 at 5 30", "e g", "no 5"]);
    }

    #[test]
    fn powers_and_fractions_keep_their_meaning() {
        assert_eq!(fold("10² ４½ m³ 10⁻³"), "10^2 4 1\u{2044}2 m^3 10^-3");
        assert_eq!(fold("12\u{202F}000"), "12_000");
    }

    #[test]
    fn questions_are_known() {
        let asked: Vec<bool> =
            clauses("Is there a dog? No.").iter().map(|clause| clause.is_asked).collect();
        assert_eq!(asked, [true, false]);
    }
}
