//! Whether a text says a wording, as whole words, and whether it states or denies it.

use std::sync::LazyLock;

use regex::Regex;

use super::clause::{Clause, clauses, fold, simplified};
use super::polarity::{Polarity, Stance};
use super::text::{is_chinese, normalize};

/// Whether the text, normalised as the wording is, has it in it as whole words: "car" is in "red car" but not in
/// "carpet", and 3 is not in 13 or 3.5. Chinese has no spaces, so 红 is in 粉红.
pub fn contains(text: &str, wording: &str) -> bool {
    occurrences(text, wording).next().is_some()
}

/// Whether the text states the wording: has it at least once where its clause neither denies nor doubts
/// it ("no trees", "without any trees", "I see no sign of trees", 没有看到树, "trees are not visible").
///
/// The text is as the answer has it, since its punctuation ends clauses; the wording is normalised.
pub fn affirms(text: &str, wording: &str) -> bool {
    let folded = fold(text);
    let clauses = clauses(&folded);
    let wording: String = wording.chars().map(simplified).collect();
    let wording = wording.as_str();
    let mut is_found = false;
    let mut is_list_denied = false;
    for clause in &clauses {
        let normalized = format!(" {} ", normalize(&clause.raw.replace("'s ", " ")));
        let polarity = Polarity::of(&normalized);
        is_list_denied = match polarity.stance() {
            Stance::Denied => true,
            _ => is_list_denied && continues_list(clause, &normalized),
        };
        let mut places = occurrences(&normalized, wording).peekable();
        if places.peek().is_none() {
            continue;
        }
        is_found = true;
        let continues = is_list_denied && polarity.stance() == Stance::Stated;
        let verdict = &folded[clause.start + clause.raw.len()..];
        if clause.is_asked || continues || is_field_of_no(verdict) {
            continue;
        }
        let is_stated = |start: usize| {
            let after = &normalized[start + wording.len()..];
            let in_front = normalized[..start].trim_end();
            let is_none = in_front.ends_with(" 0") || in_front.ends_with(CROSSES);
            polarity.stance_at(&normalized, start) == Stance::Stated
                && !is_none
                && !is_denied_behind(after)
        };
        if places.any(is_stated) {
            return true;
        }
    }
    // A wording may reach over punctuation ("red, white and blue"); no clause then holds it.
    !is_found && !folded.trim_end().ends_with('?') && {
        let normalized = normalize(&folded);
        contains(&normalized, wording)
            && Polarity::of(&format!(" {normalized} ")).stance() == Stance::Stated
    }
}

/// Marks that say that what follows or precedes is not so.
const CROSSES: [char; 3] = ['✗', '✘', '❌'];

/// Whether what stands behind a label is a field that says no: "ball: no", 球:没有.
fn is_field_of_no(behind: &str) -> bool {
    const NO: [&str; 16] = [
        "no",
        "none",
        "absent",
        "false",
        "missing",
        "0",
        "not present",
        "not visible",
        "not found",
        "not detected",
        "not there",
        "没有",
        "无",
        "否",
        "不存在",
        "未见",
    ];
    let line = behind.lines().next().unwrap_or_default().trim_start_matches(['*', '"', '`', ' ']);
    let Some(field) = line.strip_prefix(':') else { return false };
    let field = field.trim_start_matches(['*', '"', '`', ' ']);
    let end = field.find(['.', ',', ';', '。', '(', '*', '"', '`', '}']).unwrap_or(field.len());
    let value = field[..end].trim().to_lowercase();
    NO.contains(&value.as_str()) || field.starts_with(CROSSES)
}

/// Whether a clause goes on with the list of the one before it: ", bird or cat", 、鸟.
fn continues_list(clause: &Clause<'_>, normalized: &str) -> bool {
    let words = normalized.split_whitespace().count();
    match clause.opened_by {
        Some('、') => true,
        Some(',') => {
            clause.raw.is_ascii()
                && words <= 4
                && !VERBS.iter().any(|verb| normalized.contains(verb))
        }
        _ => false,
    }
}

/// What a clause of its own has.
const VERBS: [&str; 12] = [
    " is ",
    " are ",
    " there ",
    " has ",
    " have ",
    " shows ",
    " i ",
    " it ",
    " just ",
    " only ",
    " instead ",
    " rather ",
];

/// Whether what stands behind a wording says that it is not there.
fn is_denied_behind(after: &str) -> bool {
    static DENIED: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let there = "(?:visible|present|there|seen|shown|found|depicted|in (?:image|picture|photo|scene)|appear|exist|in sight|anywhere|part of)";
        let english = format!(
            r"^ (?:[a-z]+ )?(?:(?:is|are|was|were|do|does|can|could) (?:not|never|no longer)|isnt|arent|doesnt|dont|cannot|cant) (?:be |actually )?{there}|^ (?:is|are|was|were) (?:absent|missing|nowhere|gone|out of (?:view|sight|frame))|^ (?:no|0|absent|false|missing|not (?:present|visible|found|detected|there)|✗|✘|❌) *$"
        );
        let chinese = "^ ?(?:(?:都|也)(?:没有|没)|(?:并|都|也|均)?(?:不存在|不见|没有出现|没出现|未出现|不在(?:图|画)|看不到|看不见|没有被|缺失))";
        Regex::new(&format!("{english}|{chinese}")).ok()
    });
    let mut to = after.len().min(64);
    while !after.is_char_boundary(to) {
        to -= 1;
    }
    DENIED.as_ref().is_some_and(|pattern| pattern.is_match(&after[..to]))
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

    #[test]
    fn denials_far_and_behind_are_seen() {
        for text in [
            "The image shows no sign of a cat.",
            "I don't see a cat.",
            "There are no dogs or cats.",
            "There is neither a dog nor a cat.",
            "It's unlikely that there is a cat.",
            "I am not sure whether there is a cat.",
            "A cat is not visible.",
            "Cat is absent",
            "a dog rather than a cat",
            "Is there a cat?",
        ] {
            assert!(!affirms(&text.replace("cats", "cat"), "cat"), "of {text:?}");
        }
        for text in [
            "There is no doubt that a cat is there.",
            "Not only a dog but also a cat.",
            "no dog, but a cat",
            "The cat is not sleeping.",
            "There is no dog. There is a cat.",
            "no dog on the cat",
        ] {
            assert!(affirms(text, "cat"), "of {text:?}");
        }
        for text in ["没有看到猫", "图中既没有狗也没有猫", "猫不存在", "未发现猫"]
        {
            assert!(!affirms(text, "猫"), "of {text:?}");
        }
        assert!(affirms("图中没有狗，只有一只猫。", "猫"));
        assert!(affirms("red, white and blue", "red white and blue"));
    }
}
