//! Which of the lettered options an answer names.

use unicode_normalization::UnicodeNormalization;

use super::{Extraction, occurrence::occurrences, text::normalize};

/// Phrases after which the letter is the answer, lower-case.
const ANNOUNCEMENTS: [&str; 9] =
    ["answer is", "answer:", "answer", "option", "choice is", "答案是", "答案:", "答案为", "选"];

/// The index of the option that the answer names.
///
/// Read in this order, and the first that finds something decides:
/// 1. the answer is letters alone ("b", "(B)", "A or B"), or opens with a marked one ("B. red",
///    "(b) red");
/// 2. letters that are announced ("The answer is B", 选B), small ones only as the last word;
/// 3. capital letters that stand alone or in brackets ("I think (B)"), not counting the words "A"
///    and "I" of a sentence;
/// 4. options whose text is in the answer; the text of an option within that of a longer one
///    ("red" in "dark red") does not count there.
///
/// If that finds more than one option, or an opening letter whose text contradicts it
/// ("A. blue" where blue is B), the answer is ambiguous. None is ever drawn at random.
pub fn choice(text: &str, options: &[String]) -> Extraction<usize> {
    let folded: String = text.nfkc().collect();
    let words = Words { all: split_words(&folded), option_count: options.len() };
    if let Some(letters) = words.only_letters() {
        return Extraction::from_candidates(letters);
    }
    if let Some((letter, rest)) = words.opening() {
        return confirmed(letter, &rest, options);
    }
    let announced = words.announced();
    let named = if announced.is_empty() { words.standing_alone() } else { announced };
    if named.is_empty() {
        return Extraction::from_candidates(texts_in(&normalize(&folded), options));
    }
    Extraction::from_candidates(named)
}

/// An opening letter, unless the text after it is another option's.
fn confirmed(letter: usize, rest: &str, options: &[String]) -> Extraction<usize> {
    let rest = normalize(rest);
    let stated = options.iter().position(|option| normalize(option) == rest);
    Extraction::from_candidates([Some(letter), stated].into_iter().flatten())
}

/// The options whose text is in the normalised answer, longest first, each place counted once.
fn texts_in(answer: &str, options: &[String]) -> Vec<usize> {
    let mut by_length: Vec<(usize, String)> =
        options.iter().map(|o| normalize(o)).enumerate().collect();
    by_length.sort_by_key(|(_, option)| std::cmp::Reverse(option.len()));
    let mut taken: Vec<std::ops::Range<usize>> = Vec::new();
    let mut found = Vec::new();
    for (index, option) in by_length {
        let free: Vec<_> = occurrences(answer, &option)
            .map(|start| start..start + option.len())
            .filter(|place| !taken.iter().any(|t| t.start < place.end && place.start < t.end))
            .collect();
        if !free.is_empty() {
            found.push(index);
        }
        taken.extend(free);
    }
    found.sort_unstable();
    found
}

/// A word of the answer with what marks it.
struct Word<'a> {
    /// The letters and digits.
    text: &'a str,
    /// Everything from this word on.
    tail: &'a str,
    /// What stands directly before and after it.
    neighbours: (Option<char>, Option<char>),
}

struct Words<'a> {
    all: Vec<Word<'a>>,
    option_count: usize,
}

impl<'a> Words<'a> {
    /// The index that a word names if it is a letter of an option.
    fn letter(&self, word: &Word<'_>) -> Option<usize> {
        let [byte] = word.text.as_bytes() else { return None };
        let index = byte.to_ascii_uppercase().checked_sub(b'A').map(usize::from)?;
        (index < self.option_count).then_some(index)
    }

    /// The letters of an answer that is nothing else.
    fn only_letters(&self) -> Option<Vec<usize>> {
        let named = self.all.iter().filter(|word| !matches!(word.text, "and" | "or"));
        let letters: Vec<usize> = named.map(|word| self.letter(word)).collect::<Option<_>>()?;
        (!letters.is_empty()).then_some(letters)
    }

    /// A letter that is marked as the answer's heading, and the text after it.
    fn opening(&self) -> Option<(usize, String)> {
        let (first, rest) = self.all.split_first()?;
        let letter = self.letter(first)?;
        let is_bracketed = is_in_brackets(first);
        let is_capital = first.text.bytes().all(|b| b.is_ascii_uppercase());
        let is_heading =
            is_capital && matches!(first.neighbours.1, Some('.' | ')' | ':' | '、' | '。'));
        let tail = rest.first().map_or("", |word| word.tail);
        (is_bracketed || is_heading).then(|| (letter, tail.to_owned()))
    }

    /// The letters directly after an announcement.
    fn announced(&self) -> Vec<usize> {
        self.all
            .iter()
            .enumerate()
            .filter_map(|(index, word)| self.announced_at(index, word))
            .collect()
    }

    fn announced_at(&self, index: usize, word: &Word<'_>) -> Option<usize> {
        let is_last = index + 1 == self.all.len();
        let letter = self.letter(word).filter(|_| is_last || is_capital_letter(word))?;
        let start = self.all[0].tail.len() - word.tail.len();
        let before = self.all[0].tail[..start].trim_end_matches([' ', '*', '(', '"', '\'', '[']);
        let before = before.to_lowercase();
        let is_announced = ANNOUNCEMENTS.iter().any(|phrase| before.ends_with(phrase));
        (is_announced && !self.is_article(index)).then_some(letter)
    }

    /// The capital letters that stand alone.
    fn standing_alone(&self) -> Vec<usize> {
        self.all
            .iter()
            .enumerate()
            .filter(|(index, word)| is_capital_letter(word) && !self.is_article(*index))
            .filter_map(|(_, word)| self.letter(word))
            .collect()
    }

    /// Whether the word is "A" or "I" as a sentence uses them: before a further word.
    fn is_article(&self, index: usize) -> bool {
        let word = &self.all[index];
        let is_followed = word.neighbours.1 == Some(' ')
            && self
                .all
                .get(index + 1)
                .is_some_and(|next| !matches!(next.text, "or" | "and" | "is"));
        matches!(word.text, "A" | "I") && is_followed && !is_in_brackets(word)
    }
}

fn is_capital_letter(word: &Word<'_>) -> bool {
    word.text.len() == 1 && word.text.bytes().all(|b| b.is_ascii_uppercase())
}

fn is_in_brackets(word: &Word<'_>) -> bool {
    matches!(word.neighbours, (Some('(' | '['), Some(')' | ']')))
}

/// Runs of ASCII letters and digits; apostrophes belong to them ("I'm" is one word). Everything
/// else, Chinese included, separates.
fn split_words(text: &str) -> Vec<Word<'_>> {
    let is_in_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '\'' | '\u{2019}' | '_');
    let mut words = Vec::new();
    let mut position = 0;
    while let Some(offset) = text[position..].find(is_in_word) {
        let start = position + offset;
        let length = text[start..].find(|c| !is_in_word(c)).unwrap_or(text.len() - start);
        position = start + length;
        let neighbours = (text[..start].chars().next_back(), text[position..].chars().next());
        words.push(Word { text: &text[start..position], tail: &text[start..], neighbours });
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use Extraction::{Absent, Ambiguous, Found};

    fn read(text: &str) -> Extraction<usize> {
        choice(text, &["red", "blue", "dark red", "绿色"].map(String::from))
    }

    #[test]
    fn letters() {
        for text in ["B", "b", "(B)", "(b)", "B.", "B) blue", "B: it is", "Ｂ。", "**B**", "[B]"]
        {
            assert_eq!(read(text), Found(1), "of {text:?}");
        }
        for text in [
            "The answer is B",
            "Answer: B",
            "the answer is **B**.",
            "答案是B",
            "选B",
            "我选 B。",
            "I think (B)",
            "Option B is right",
            "the answer is b",
            "It is B",
            "The answer is B because A is wrong",
        ] {
            assert_eq!(read(text), Found(1), "of {text:?}");
        }
    }

    #[test]
    fn texts() {
        assert_eq!(read("blue"), Found(1));
        assert_eq!(read("The car is blue."), Found(1));
        assert_eq!(read("dark red"), Found(2));
        assert_eq!(read("A red car"), Found(0));
        assert_eq!(read("绿色的"), Found(3));
        assert_eq!(read("I'm sure it is blue"), Found(1));
    }

    #[test]
    fn several_options_are_ambiguous() {
        assert_eq!(read("A or B"), Ambiguous(vec![0, 1]));
        assert_eq!(read("A and B"), Ambiguous(vec![0, 1]));
        assert_eq!(read("A, B"), Ambiguous(vec![0, 1]));
        assert_eq!(read("(A) (C)"), Ambiguous(vec![0, 2]));
        assert_eq!(read("A和B"), Ambiguous(vec![0, 1]));
        assert_eq!(read("red or blue"), Ambiguous(vec![0, 1]));
        assert_eq!(read("dark red and red"), Ambiguous(vec![0, 2]));
        assert_eq!(read("A. blue"), Ambiguous(vec![0, 1]));
    }

    #[test]
    fn nothing_is_drawn_at_random() {
        for text in [
            "",
            "E",
            "A cat sat on the mat",
            "I see nothing",
            "reddish",
            "a dog",
            "the answer is a dog",
        ] {
            assert_eq!(read(text), Absent, "of {text:?}");
        }
    }

    /// Where VLMEvalKit infers an option, we find the same one or say that it is ambiguous; where
    /// we find one and it does not, we must have read a text or a lower-case letter.
    #[test]
    fn never_contradicts_vlmevalkit() {
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../../fixtures/golden/mmbench.json")).unwrap();
        let mut agreed = 0;
        for row in golden["matching"].as_array().unwrap() {
            let options: Vec<String> = row["choices"]
                .as_object()
                .unwrap()
                .values()
                .map(|v| v.as_str().unwrap().to_owned())
                .collect();
            let text = row["prediction"].as_str().unwrap();
            let Some(theirs) = row["can_infer"].as_str().filter(|letter| *letter != "Z") else {
                continue;
            };
            let theirs = usize::from(theirs.as_bytes()[0] - b'A');
            match choice(text, &options) {
                Found(ours) => {
                    assert_eq!(ours, theirs, "of {text:?} with {options:?}");
                    agreed += 1;
                }
                other => eprintln!("{text:?}: {other:?}, theirs {theirs}"),
            }
        }
        assert!(agreed > 20, "only {agreed}");
    }
}
