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
const OPENINGS: [(&str, YesOrNo); 13] = [
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

/// What the text says, in English or Chinese.
///
/// The opening decides ("No, yes-men ..." is no; 没有 and 是的 likewise), after "the answer is" or
/// 答案是 if that stands there. Without such an opening the words yes and no anywhere decide, and in
/// Chinese that something 没有 or is 不是 (no) or that the picture 中有 it (yes); if both occur the
/// text is ambiguous. "No. 5" is no no.
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

/// Every yes and no that the text mentions anywhere.
fn mentions(text: &str) -> Vec<YesOrNo> {
    let words: Vec<&str> = text.split(' ').collect();
    let mut found: Vec<YesOrNo> = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let is_abbreviation = words.get(index + 1).copied().is_some_and(starts_with_digit);
        match *word {
            "yes" => found.push(Yes),
            "no" if !is_abbreviation => found.push(No),
            _ => {}
        }
    }
    let stated = text.replace("有没有", "").replace("是不是", "").replace("是否", "");
    let has = |marks: &[&str]| marks.iter().any(|mark| stated.contains(mark));
    if has(&["没有", "不是", "不存在"]) {
        found.push(No);
    }
    if has(&["中有", "里有", "上有", "内有"]) {
        found.push(Yes);
    }
    found
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
        assert_eq!(yes_no("图中没有狗"), Found(No));
        assert_eq!(yes_no("图中有一只狗"), Found(Yes));
    }

    #[test]
    fn both_or_neither() {
        assert_eq!(yes_no("yes or no"), Ambiguous(vec![Yes, No]));
        assert_eq!(yes_no("Yes/No"), Ambiguous(vec![Yes, No]));
        assert_eq!(yes_no("maybe yes, maybe no"), Ambiguous(vec![Yes, No]));
        for text in ["", "No. 5", "Bus no. 5", "a cat", "不确定", "是否", "对不起", "not sure"]
        {
            assert_eq!(yes_no(text), Absent, "of {text:?}");
        }
    }
}
