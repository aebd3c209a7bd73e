//! Whether a text says a wording, as whole words, and whether it denies it. Works on normalised
//! text on both sides.

use super::text::is_chinese;

/// Whether the text has the wording in it as whole words: "car" is in "red car" but not in
/// "carpet", and 3 is not in 13 or 3.5. Chinese has no spaces, so 红 is in 粉红.
pub fn contains(text: &str, wording: &str) -> bool {
    occurrences(text, wording).next().is_some()
}

/// Whether the text has the wording at least once without a negation directly before it
/// ("no trees", "without any trees", 没有树).
pub fn affirms(text: &str, wording: &str) -> bool {
    occurrences(text, wording).any(|start| !is_negated(&text[..start]))
}

/// The byte positions at which the wording stands as whole words.
pub(super) fn occurrences<'a>(text: &'a str, wording: &'a str) -> impl Iterator<Item = usize> + 'a {
    text.match_indices(wording).filter(move |_| !wording.is_empty()).map(|(start, _)| start).filter(
        move |start| {
            let (before, after) = (&text[..*start], &text[start + wording.len()..]);
            !continues_backward(before, wording) && !continues_forward(wording, after)
        },
    )
}

fn continues_backward(before: &str, wording: &str) -> bool {
    let Some(first) = wording.chars().next() else { return false };
    let mut previous = before.chars().rev();
    match previous.next() {
        Some('.') if first.is_ascii_digit() => previous.next().is_some_and(|c| c.is_ascii_digit()),
        Some('-') => first.is_ascii_digit(),
        Some(previous) => are_one_word(previous, first),
        None => false,
    }
}

fn continues_forward(wording: &str, after: &str) -> bool {
    let Some(last) = wording.chars().next_back() else { return false };
    let mut next = after.chars();
    match next.next() {
        Some('.') if last.is_ascii_digit() => next.next().is_some_and(|c| c.is_ascii_digit()),
        Some(next) => are_one_word(last, next),
        None => false,
    }
}

/// Whether two neighbouring characters belong to one word.
fn are_one_word(left: char, right: char) -> bool {
    let is_letter = |c: char| c.is_alphanumeric() && !is_chinese(c);
    is_letter(left) && is_letter(right)
}

fn is_negated(before: &str) -> bool {
    let before = before.trim_end();
    let before = before.strip_suffix("any").or(before.strip_suffix("任何")).unwrap_or(before);
    let last_word = before.trim_end().rsplit(' ').next().unwrap_or_default();
    const WORDS: [&str; 8] = ["no", "not", "without", "never", "isnt", "arent", "nor", "neither"];
    const ENDINGS: [&str; 8] = ["没有", "没", "無", "无", "不是", "不", "并非", "沒有"];
    WORDS.contains(&last_word) || ENDINGS.iter().any(|ending| before.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_words_only() {
        assert!(contains("red car", "car"));
        assert!(contains("car", "car"));
        assert!(!contains("carpet", "car"));
        assert!(!contains("scar", "car"));
        assert!(contains("carpet car", "car"));
        assert!(contains("红色car在", "car"));
        assert!(contains("粉红", "红"));
        assert!(!contains("anything", ""));
    }

    #[test]
    fn numbers_are_whole_too() {
        assert!(contains("3只", "3"));
        assert!(!contains("13只", "3"));
        assert!(!contains("3.5", "3"));
        assert!(!contains("0.3", "3"));
        assert!(!contains("-3", "3"));
        assert!(contains("5 3", "3"));
    }

    #[test]
    fn a_negation_directly_before_denies() {
        assert!(affirms("trees and grass", "trees"));
        assert!(!affirms("no trees", "trees"));
        assert!(!affirms("without any trees", "trees"));
        assert!(!affirms("远处没有任何树", "树"));
        assert!(!affirms("没有树", "树"));
        assert!(affirms("没有人只有树", "树"));
        assert!(affirms("no trees here but trees there", "trees"));
    }
}
