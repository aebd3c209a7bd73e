/*!
Whether an answer says yes or no.

Each clause may say it by a word of its own ("No", 是的, "The answer is yes") or by a statement ("there
is a dog", 图中没有狗). Words outweigh statements, since what follows a "yes" explains it.
*/

use std::sync::LazyLock;

use regex::Regex;

use super::Extraction;
use super::clause::{Clause, clauses, fold};
use super::final_answer::boxed;
use super::polarity::{Polarity, Stance};
use super::thought::answer_of;
use super::vocabulary::{
    CHINESE_EXISTENCE, CHINESE_NO, CHINESE_PREAMBLES, CHINESE_YES, CONDITIONS, CORRECTIONS,
    EXISTENCE, NO, NO_EXISTENCE, PREAMBLES, YES,
};
use crate::case::YesOrNo::{self, No, Yes};

/// What the text says, in English or Chinese.
///
/// A word that stands for the answer decides: "Yes", "Definitely not", 是的, 没有, also after "the answer
/// is", in a box or as a field of JSON. Without one the statements of all clauses count: "there is a
/// dog", 图中有狗 (yes), "no sign of a dog", 没有看到狗 (no). If both are said the text is ambiguous, unless
/// a correction ("no, wait") takes back the first. A clause that doubts, a question and "No. 5" say
/// nothing. Two negations in one clause are not resolved and make it ambiguous.
pub fn yes_no(text: &str) -> Extraction<YesOrNo> {
    let folded = fold(answer_of(text));
    if let Some(inside) = boxed(&folded) {
        return read(inside);
    }
    read(&folded)
}

fn read(folded: &str) -> Extraction<YesOrNo> {
    let clauses = clauses(folded);
    let mut said: Vec<Said> = clauses.iter().map(Said::by).collect();
    for at in 1..clauses.len() {
        if counts_anew(&clauses[at - 1].words(), &clauses[at].words()) {
            said[at - 1].statement = None;
        }
    }
    let words = since_correction(&said, |one| one.word);
    let says = |wanted| said.iter().any(|one| one.statement == Some(Statement::Says(wanted)));
    let agreed_at = said.iter().position(|one| one.agrees);
    let denies = |one: &Said| one.statement == Some(Statement::Says(No));
    let agrees = agreed_at.is_some_and(|at| said[at..].iter().any(denies));
    if agrees && words.iter().all(|word| *word == Yes) && says(No) && !says(Yes) {
        return Extraction::Ambiguous(vec![Yes, No]);
    }
    if said.iter().any(|one| one.statement == Some(Statement::Both)) && words.is_empty() {
        return Extraction::Ambiguous(vec![Yes, No]);
    }
    if !words.is_empty() {
        return Extraction::from_candidates(words);
    }
    if said.iter().any(|one| one.statement == Some(Statement::Doubt)) {
        return Extraction::Absent;
    }
    let stated = |wanted: Statement| said.iter().any(|one| one.statement == Some(wanted));
    let tangled = stated(Statement::Tangle);
    let no = (stated(Statement::Says(No)) || tangled).then_some(No);
    let yes = (stated(Statement::Says(Yes)) || tangled).then_some(Yes);
    Extraction::from_candidates(no.into_iter().chain(yes))
}

/// The words in their order, from the last correction on that a word follows.
fn since_correction(said: &[Said], word: impl Fn(&Said) -> Option<YesOrNo>) -> Vec<YesOrNo> {
    let corrects = |one: &Said| one.corrects;
    let start = said.iter().rposition(corrects).unwrap_or(0);
    let after: Vec<YesOrNo> = said[start..].iter().filter_map(&word).collect();
    if after.is_empty() { said.iter().filter_map(word).collect() } else { after }
}

/// What one clause says.
#[derive(Debug, Clone, Copy)]
struct Said {
    word: Option<YesOrNo>,
    statement: Option<Statement>,
    /// Whether the word is a Chinese yes, which may agree with a denial: 对，没有狗.
    agrees: bool,
    corrects: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Statement {
    Says(YesOrNo),
    /// "Yes or no".
    Both,
    Tangle,
    Doubt,
}

impl Said {
    fn by(clause: &Clause<'_>) -> Self {
        let words = clause.words();
        let text = words.trim();
        let corrects = corrects(text);
        if clause.is_asked {
            return Self { word: None, statement: None, agrees: false, corrects };
        }
        let stripped = without_preamble(text);
        let word = word(stripped);
        let statement = if word.is_some() { None } else { statement(&words) };
        // What only might be so is not said: "if there is a dog, it is hidden".
        let statement =
            statement.map(|said| if is_conditional(text) { Statement::Doubt } else { said });
        let agrees = word == Some(Yes) && !stripped.is_ascii();
        Self { word, statement, agrees, corrects }
    }
}

/// Whether a clause is the condition of another one.
fn is_conditional(text: &str) -> bool {
    CONDITIONS.iter().any(|opening| {
        text.strip_prefix(opening).is_some_and(|rest| rest.starts_with(' ') || !opening.is_ascii())
    })
}

/// Whether a clause takes back a value that was given before it: a correction, or a "no" of its own.
pub(super) fn takes_back(clause: &Clause<'_>) -> bool {
    let words = clause.words();
    let text = words.trim();
    corrects(text) || (text == "no" && clause.opened_by == Some(','))
}

/// Whether a clause takes back what was said before it.
pub(super) fn corrects(text: &str) -> bool {
    let text = text.strip_prefix("no ").unwrap_or(text);
    CORRECTIONS.iter().any(|opening| {
        let rest = text.strip_prefix(opening);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' ') || !opening.is_ascii())
    })
}

/// What is left of a clause behind all its preambles.
fn without_preamble(text: &str) -> &str {
    let mut rest = text;
    loop {
        let english = PREAMBLES.iter().find_map(|one| rest.strip_prefix(one)?.strip_prefix(' '));
        let chinese = || CHINESE_PREAMBLES.iter().find_map(|one| rest.strip_prefix(one));
        match english.or_else(chinese).map(str::trim_start) {
            Some(shorter) if !shorter.is_empty() => rest = shorter,
            _ => return rest,
        }
    }
}

/// A clause that is a yes or a no, or opens with one.
fn word(text: &str) -> Option<YesOrNo> {
    let chinese = text.trim_end_matches(['啊', '呢', '的', '了']);
    if YES.contains(&text) || CHINESE_YES.contains(&text) || CHINESE_YES.contains(&chinese) {
        return Some(Yes);
    }
    if NO.contains(&text) || CHINESE_NO.contains(&text) || CHINESE_NO.contains(&chinese) {
        return Some(No);
    }
    let mut words = text.split(' ');
    let (first, second) = (words.next()?, words.next()?);
    match (first, second) {
        ("yes" | "no", "or" | "and" | "no" | "yes") => None,
        ("yes" | "yeah" | "yep" | "yup" | "true", _) => Some(Yes),
        ("nope" | "nah" | "false", _) => Some(No),
        (
            "no",
            "it" | "there" | "this" | "that" | "they" | "he" | "she" | "i" | "the" | "we" | "you"
            | "these" | "those" | "its" | "theres" | "not" | "sir" | "im",
        ) => Some(No),
        _ => None,
    }
}

fn statement(words: &str) -> Option<Statement> {
    let text = words.trim();
    if EITHER.iter().any(|one| text.contains(one)) {
        return Some(Statement::Both);
    }
    let opening = ["是", "有", "对"].iter().any(|one| text.starts_with(one));
    match Polarity::of(words).stance() {
        Stance::Doubted => Some(Statement::Doubt),
        Stance::Denied if words.contains(" yes ") => Some(Statement::Both),
        Stance::Denied => Some(Statement::Says(No)),
        Stance::Stated if counts_none(words) => Some(Statement::Says(No)),
        Stance::Tangled => Some(Statement::Tangle),
        Stance::Stated if words.contains(" yes ") || states_existence(words) => {
            Some(Statement::Says(Yes))
        }
        Stance::Stated if opening && !NO_EXISTENCE.iter().any(|one| text.starts_with(one)) => {
            (!OTHER_WORDS.iter().any(|one| text.starts_with(one))).then_some(Statement::Says(Yes))
        }
        Stance::Stated => None,
    }
}

/// Whether a clause counts none of what is asked for: "there are zero dogs", 有0只狗.
fn counts_none(words: &str) -> bool {
    static NONE: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let english = r"\b(?:is|are|see|find|count|counted|contains?|shows?|has|have|depicts?|features?|includes?) (?:zero|0) [a-z]";
        let chinese = r"有(?:0|零) ?[个只条辆名位头张匹座把件]|数量?(?:是|为) ?(?:0|零)\b";
        Regex::new(&format!("{english}|{chinese}")).ok()
    });
    NONE.as_ref().is_some_and(|pattern| pattern.is_match(words))
}

/// Whether only a number is denied, and the next clause has the right one: "not one dog but two".
fn counts_anew(denied: &str, next: &str) -> bool {
    const NUMBER: &str = r"(?:\d+|one|two|three|four|five|six|seven|eight|nine|ten|several|many|a few|a single|just one|only one)";
    static DENIED: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(&format!(r"\b(?:not|isnt|arent) {NUMBER}\b")).ok());
    static NEXT: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(&format!(r"^ but {NUMBER}\b")).ok());
    let fits = |pattern: &LazyLock<Option<Regex>>, text: &str| {
        pattern.as_ref().is_some_and(|pattern| pattern.is_match(text))
    };
    fits(&DENIED, denied) && fits(&NEXT, next)
}

/// Both at once.
const EITHER: [&str; 8] =
    ["是或否", "是 否", "有或没有", "有 没有", "是或不是", "是 不是", "对或错", "是还是不是"];

/// Words that open with 是, 有 or 对 and affirm nothing.
const OTHER_WORDS: [&str; 9] =
    ["是否", "是不是", "有没有", "对不起", "对面", "对于", "对象", "对比", "对方"];

fn states_existence(words: &str) -> bool {
    EXISTENCE.iter().any(|phrase| {
        words.match_indices(phrase).any(|(at, _)| {
            words[..at].ends_with(' ') && words[at + phrase.len()..].starts_with(' ')
        })
    }) || states_existence_in_chinese(words)
}

fn states_existence_in_chinese(words: &str) -> bool {
    if ["不仅有", "不但有", "不只有", "不光有", "不单有"].iter().any(|one| words.contains(one))
    {
        return true;
    }
    let mut plain = words.to_owned();
    for idiom in NO_EXISTENCE.iter().chain(&["是否有", "有没有", "是否"]) {
        plain = plain.replace(idiom, " ");
    }
    CHINESE_EXISTENCE.iter().any(|phrase| plain.contains(phrase))
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

    #[test]
    fn denials_near_and_far_are_a_no() {
        for text in [
            "I don't think there is a dog in the image.",
            "There are neither dogs nor cats.",
            "I do not believe there is a dog.",
            "It is false that there is a dog.",
            "There is nothing that looks like a dog.",
            "There is an absence of dogs.",
            "The picture is devoid of dogs.",
            "The scene lacks a dog.",
            "I see no sign of a dog.",
            "There isn't any dog here.",
            "None of the animals is a dog.",
            "I cannot see any dog.",
            "Is there a dog? No.",
            "Definitely not.",
            "I don't think so.",
            "未发现图中有狗。",
            "我不认为图中有狗。",
            "图中看不到狗。",
            "图中不存在狗。",
            "有误，图中是猫。",
            "没有看到狗",
            "图中既没有狗，也没有猫。",
            "{\"answer\": \"no\"}",
            "\\boxed{No}",
            "<think>yes, there is</think>No",
        ] {
            assert_eq!(yes_no(text), Found(No), "of {text:?}");
        }
    }

    #[test]
    fn idioms_with_a_negation_are_a_yes() {
        for text in [
            "No doubt there is a dog.",
            "There is not only a dog but also a cat.",
            "Without a doubt, there is a dog.",
            "There is no question that there is a dog.",
            "不仅有狗，还有猫。",
            "不错，图中有狗。",
            "无疑，图中有一只狗。",
            "毫无疑问，图中有狗。",
            "没错",
            "**Yes**",
            "Sure! Yes. Hope that helps.",
        ] {
            assert_eq!(yes_no(text), Found(Yes), "of {text:?}");
        }
    }

    #[test]
    fn doubts_and_double_negations_are_unread() {
        for text in [
            "I am not sure whether there is a dog.",
            "I can't tell if there is a dog.",
            "It is hard to say.",
            "I don't think there is no dog.",
            "It is not true that there is no dog.",
            "Is there a dog?",
            "Yes and no.",
            "无法判断图中有没有狗",
            "很难说有没有狗。",
            "<think>Yes",
        ] {
            assert!(!matches!(yes_no(text), Found(_)), "of {text:?}: {:?}", yes_no(text));
        }
    }

    #[test]
    fn a_correction_takes_back_what_stood_before() {
        assert_eq!(yes_no("No, wait, yes, there is a dog."), Found(Yes));
        assert_eq!(yes_no("Yes... sorry, actually no."), Found(No));
    }
}
