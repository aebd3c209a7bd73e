//! Whether an answer says yes or no.

use super::{Extraction, text::normalize};
use crate::case::YesOrNo::{self, No, Yes};

/// Openings that look like a yes or a no but are neither.
const UNDECIDED: [&str; 18] = [
    "不确定",
    "不知道",
    "不清楚",
    "不好说",
    "不太确定",
    "不能确定",
    "无法",
    "没法",
    "没办法",
    "是否",
    "是不是",
    "有没有",
    "有可能",
    "有时",
    "对不起",
    "对面",
    "对于",
    "对象",
];

/// Longer ones first: 不是 is a no although it ends in 是.
const OPENINGS: [(&str, YesOrNo); 14] = [
    ("没错", Yes),
    ("不是", No),
    ("不对", No),
    ("不存在", No),
    ("没有", No),
    ("没", No),
    ("否", No),
    ("不", No),
    ("无", No),
    ("是", Yes),
    ("对", Yes),
    ("有", Yes),
    ("正确", Yes),
    ("存在", Yes),
];

/// Statements that something is not so.
const DENIALS: [&str; 9] = [
    " is not ",
    " are not ",
    " does not ",
    " isnt ",
    " arent ",
    " doesnt ",
    "没有",
    "不是",
    "不存在",
];

/// Statements that something is so.
const AFFIRMATIONS: [&str; 5] = [" yes ", "中有", "里有", "上有", "内有"];

/// Phrases after which no statement counts.
const HEDGES: [&str; 10] = [
    " not sure ",
    " unsure ",
    " not clear ",
    " unclear ",
    " not possible ",
    " cannot ",
    " cant ",
    " not know ",
    " dont know ",
    "无法",
];

/// What the text says, in English or Chinese.
///
/// The opening decides ("No, I mean yes" is no; 没有 and 是的 likewise), after "the answer is" or 答案是
/// if that stands there. Without such an opening the words yes and no anywhere decide, and the plain
/// statements "there is a dog", 图中有狗 (yes), "it is not red", 没有狗, 不是 (no); if both kinds
/// occur the text is ambiguous, and if it hedges ("it is not clear") it says nothing. "No. 5" is no
/// no.
pub fn yes_no(text: &str) -> Extraction<YesOrNo> {
    let text = normalize(text);
    let answer = without_preamble(&text);
    let opening =
        english_opening(answer).or_else(|| chinese_opening(answer).map(Extraction::Found));
    opening.unwrap_or_else(|| Extraction::from_candidates(mentions(answer)))
}

fn without_preamble(text: &str) -> &str {
    let english = text.strip_prefix("answer is ").or(text.strip_prefix("answer "));
    let Some(rest) = text.strip_prefix("答案").or(text.strip_prefix("回答")) else {
        return english.unwrap_or(text);
    };
    match rest.strip_prefix('是') {
        Some(after) if chinese_opening(after).is_some() => after,
        _ => rest,
    }
}

fn english_opening(text: &str) -> Option<Extraction<YesOrNo>> {
    let mut words = text.split(' ');
    let first = english_word(words.next()?)?;
    let second = words.next();
    let compared = match second {
        Some("or" | "and") => words.next(),
        second => second,
    };
    match compared.and_then(english_word) {
        Some(other) if other != first => Some(Extraction::Ambiguous(vec![first, other])),
        _ if first == No && second.is_some_and(starts_with_digit) => None,
        _ => Some(Extraction::Found(first)),
    }
}

fn english_word(word: &str) -> Option<YesOrNo> {
    match word {
        "yes" | "yeah" | "yep" | "yup" | "true" => Some(Yes),
        "no" | "nope" | "nah" | "false" => Some(No),
        _ => None,
    }
}

fn starts_with_digit(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit())
}

fn chinese_opening(text: &str) -> Option<YesOrNo> {
    if UNDECIDED.iter().any(|opening| text.starts_with(opening)) {
        return None;
    }
    OPENINGS.iter().find(|(opening, _)| text.starts_with(opening)).map(|(_, meaning)| *meaning)
}

/// Every yes and no that the text mentions anywhere, as a word or by a statement.
fn mentions(text: &str) -> Vec<YesOrNo> {
    let text = format!(" {text} ");
    if HEDGES.iter().any(|hedge| text.contains(hedge)) {
        return Vec::new();
    }
    let stated = text.replace("有没有", "").replace("是不是", "").replace("是否", "");
    let has = |marks: &[&str]| marks.iter().any(|mark| stated.contains(mark));
    let no = has(&DENIALS) || has_no(&text);
    let yes = has(&AFFIRMATIONS) || exists(&text);
    [(no, No), (yes, Yes)].into_iter().filter(|(said, _)| *said).map(|(_, which)| which).collect()
}

/// Whether the word "no" stands there, other than in "no. 5".
fn has_no(text: &str) -> bool {
    text.match_indices(" no ").any(|(start, no)| !starts_with_digit(&text[start + no.len()..]))
}

/// Whether the text says that there is something.
fn exists(text: &str) -> bool {
    ["there is ", "there are "].iter().any(|opening| {
        text.match_indices(opening).any(|(start, _)| {
            let next = text[start + opening.len()..].split(' ').next();
            !matches!(next, Some("no" | "not" | "never" | "0"))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Extraction::{Absent, Ambiguous, Found};

    #[test]
    fn openings_decide() {
        for text in
            ["Yes", "yes, there is no dog", "Yeah.", "是的。", "对", "有", "有一只猫", "正确"]
        {
            assert_eq!(yes_no(text), Found(Yes), "of {text:?}");
        }
        for text in ["No", "No.", "no, yes", "Nope!", "不是", "没有猫", "否", "不，是狗"]
        {
            let expected = if text == "no, yes" { Ambiguous(vec![No, Yes]) } else { Found(No) };
            assert_eq!(yes_no(text), expected, "of {text:?}");
        }
    }

    #[test]
    fn a_preamble_is_skipped() {
        assert_eq!(yes_no("The answer is yes."), Found(Yes));
        assert_eq!(yes_no("Answer: No"), Found(No));
        assert_eq!(yes_no("答案：是"), Found(Yes));
        assert_eq!(yes_no("答案是没有"), Found(No));
        assert_eq!(yes_no("答案是：否"), Found(No));
    }

    #[test]
    fn mentions_decide_without_an_opening() {
        assert_eq!(yes_no("There is no dog."), Found(No));
        assert_eq!(yes_no("I would say yes"), Found(Yes));
        assert_eq!(yes_no("There is a dog."), Found(Yes));
        assert_eq!(yes_no("The car is not red."), Found(No));
        assert_eq!(yes_no("The image doesn't show a dog"), Found(No));
        assert_eq!(yes_no("图中没有狗"), Found(No));
        assert_eq!(yes_no("图中有一只狗"), Found(Yes));
    }

    #[test]
    fn both_or_neither() {
        assert_eq!(yes_no("yes or no"), Ambiguous(vec![Yes, No]));
        assert_eq!(yes_no("Yes/No"), Ambiguous(vec![Yes, No]));
        assert_eq!(yes_no("maybe yes, maybe no"), Ambiguous(vec![No, Yes]));
        assert_eq!(yes_no("There is a cat but there is no dog"), Ambiguous(vec![No, Yes]));
        for text in [
            "",
            "No. 5",
            "Bus no. 5",
            "a cat",
            "不确定",
            "是否",
            "对不起",
            "not sure",
            "It is not clear whether there is a dog",
        ] {
            assert_eq!(yes_no(text), Absent, "of {text:?}");
        }
    }
}
