//! What a judge's reply says: a mark from 0 to 5, or which of two answers it prefers.
//!
//! The prompts ([`crate::score::advised`]) ask for one line, `Score: 4` or `Better: A`; models also
//! write JSON, `4/5`, or the bare value, which are taken too. Whatever says two things, or a mark on
//! another scale, is not read at all, nor what the same line qualifies ("A or B", "3 or 4", "1,5"): a
//! mark is never guessed. A judge's thoughts are no part of its reply.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::clause::{clauses, words};
use super::figures::figures;
use super::final_answer::boxed;
use super::polarity::{Polarity, Stance};
use super::thought::answer_of;
use super::yes_no::corrects;

/// The highest mark.
const MOST: f64 = 5.0;

/// Which of two answers a judge prefers, by their positions in its prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Preference {
    /// The first one, A.
    First,
    /// The second one, B.
    Second,
    /// Neither.
    Neither,
}

/// Why a judge's reply says nothing.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum JudgementError {
    /// Nothing of the kind is in it.
    #[error("it holds no {wanted}")]
    Absent {
        /// A mark, or a preference.
        wanted: &'static str,
    },
    /// It says several things.
    #[error("it says both {first} and {second}")]
    Ambiguous {
        /// What it says first.
        first: String,
        /// What it says else.
        second: String,
    },
    /// A number that is no mark.
    #[error("{0} is not from 0 to 5")]
    OutOfRange(f64),
    /// What stands behind a value adds to it or takes it back.
    #[error("it says {value}, but goes on {rest:?}")]
    Qualified {
        /// The value.
        value: String,
        /// What stands behind it.
        rest: String,
    },
    /// A mark out of something else than 5.
    #[error("the mark is out of {0}, not out of 5")]
    OtherScale(String),
}

type Pattern = LazyLock<Option<Regex>>;

/// `Score: 4`, `**Score:** 4.5 / 5`, `"score": 4`, `得分：4`; 1 is the mark, 2 the end of a range of
/// marks, 3 the scale.
static NAMED_MARK: Pattern = LazyLock::new(|| {
    let name = r#"(?:\b(?:score|mark|marks|points|rating|grade)\b|得分|分数|评分)"#;
    let scale = r"(?:\s*\(?(?:0\s*(?:-|–|to)\s*5|out\s+of\s+5|/\s*5)\)?)?";
    let between = r#"["'*`_\s]*(?:is|of|=|:|：)?["'*`_\s\[(<]*"#;
    Regex::new(&format!("(?i){name}{scale}{between}{NUMBER}")).ok()
});

/// The reply is a number and no more: `4`, `4/5`, `4 points.`, `4分`.
static BARE_MARK: Pattern = LazyLock::new(|| {
    Regex::new(&format!(r"(?i)^[*`\s]*{NUMBER}\s*(?:points?|marks?|分)?[.。*`\s]*$")).ok()
});

/// A number, then perhaps `-4` or `to 4`, then perhaps `/5` or `out of 5`.
const NUMBER: &str = r"([-−]?\d+(?:\.\d+)?)(?:\s*(?:-|–|~|to|or|或|到|至)\s*(\d+(?:\.\d+)?))?(?:[\]*)>\s]*\(?\s*(?:/|out\s+of|on\s+a\s+scale\s+of)\s*(\d+(?:\.\d+)?)\)?)?";

/// `Better: A`, `"better": "tie"`, `Winner: Answer B`; 1 is the choice.
static NAMED_PREFERENCE: Pattern = LazyLock::new(|| {
    let name =
        r"(?:\b(?:better|winner|verdict|preferred|preference)\b|更好(?:的)?(?:是)?|胜者|优胜)";
    let between = r#"["'*`_\s]*(?:is|=|:|：)?["'*`_\s]*(?:answer\s+)?[\[("'*`]*"#;
    Regex::new(&format!(r"(?i){name}{between}(A|B|tie|neither|both|equal|平局)(?:\b|$)")).ok()
});

/// The reply is the choice and no more: `A`, `Answer B.`, `[[A]]`, `tie`.
static BARE_PREFERENCE: Pattern = LazyLock::new(|| {
    Regex::new(r"(?i)^[\s\[(*`]*(?:answer\s+)?(A|B|tie|neither|both|equal)[\s\])*`.。]*$").ok()
});

/// The mark out of 5 that a judge's reply gives.
///
/// ```
/// use eyechart::extract::mark;
/// assert_eq!(mark("Score: 4"), Ok(4.0));
/// assert_eq!(mark("{\"score\": 4.5}"), Ok(4.5));
/// assert!(mark("Somewhere between 3 and 4.").is_err());
/// ```
///
/// # Errors
/// There is none, there are several, or it is on another scale.
pub fn mark(reply: &str) -> Result<f64, JudgementError> {
    let reply = value_of(reply);
    let mut marks = Vec::new();
    for found in found(&NAMED_MARK, &BARE_MARK, reply) {
        let start = found.get(0).map_or(0, |whole| whole.start());
        if is_denied(&reply[..start]) {
            return Err(JudgementError::Absent { wanted: "mark" });
        }
        marks.push(one_mark(&found)?);
        let end = found.get(0).map_or(0, |whole| whole.end());
        let rest = sentence(&reply[end..]);
        let is_plain = MARK_ENDS.as_ref().is_some_and(|pattern| pattern.is_match(rest));
        unqualified(is_plain && !names_further_mark(rest), found.get(1), rest)?;
        unqualified(!is_taken_back(&reply[end..]), found.get(1), &reply[end..])?;
    }
    only(marks, "mark").and_then(|mark: f64| match (0.0..=MOST).contains(&mark) {
        true => Ok(mark),
        false => Err(JudgementError::OutOfRange(mark)),
    })
}

/// The part of a reply that is its answer.
fn value_of(reply: &str) -> &str {
    let reply = answer_of(reply);
    boxed(reply).unwrap_or(reply)
}

/// What may stand behind a mark: an end, or a reason.
static MARK_ENDS: Pattern = LazyLock::new(|| {
    Regex::new(
        r#"(?ix)^[\]*_"'`)}>\s]*(?:$|[.。;!](?:\D|$)|[,:，：；—–-]\s*(?:\D|$)|\(|points?\b|marks?\b|分|because\b|since\b|as\b|for\b|due\b|\#|<)"#,
    )
    .ok()
});

/// What may stand behind a choice: an end, or a reason.
static CHOICE_ENDS: Pattern = LazyLock::new(|| {
    Regex::new(
        r#"(?ix)^[\]*_"'`)}>\s]*(?:$|[.。;!,:，：；—–-]|\(|because\b|since\b|as\b|for\b|due\b|is\ (?:clearly\ |much\ |slightly\ )?(?:better|best|the\ better|preferred|more)\b|更好|<)"#,
    )
    .ok()
});

static OTHER_THAN_A: Pattern = LazyLock::new(|| other_choice("B"));
static OTHER_THAN_B: Pattern = LazyLock::new(|| other_choice("A"));

fn other_choice(letter: &str) -> Option<Regex> {
    Regex::new(&format!(r"\b(?:{letter}|(?i:tie|neither|not|wrong|worse|no|wait))\b")).ok()
}

/// Whether what stands behind a choice names another one or takes it back.
fn names_other(choice: &str, rest: &str) -> bool {
    let pattern = match choice {
        "A" | "a" => &OTHER_THAN_A,
        "B" | "b" => &OTHER_THAN_B,
        _ => return false,
    };
    pattern.as_ref().is_some_and(|pattern| pattern.is_match(before_reason(rest)))
}

/// A text up to the end of its sentence or line.
fn sentence(text: &str) -> &str {
    static END: Pattern = LazyLock::new(|| Regex::new(r"[.!](?:\s|$)|[。！\n]").ok());
    let end =
        END.as_ref().and_then(|pattern| pattern.find(text)).map_or(text.len(), |end| end.end());
    &text[..end]
}

/// A text up to where it begins to give reasons.
fn before_reason(text: &str) -> &str {
    static REASON: Pattern =
        LazyLock::new(|| Regex::new(r"(?i)\b(?:because|since|as|for|due)\b|因为|—|: ").ok());
    let end =
        REASON.as_ref().and_then(|pattern| pattern.find(text)).map_or(text.len(), |at| at.start());
    &text[..end]
}

/// Whether another number stands behind a mark that is none of its reasons: "4, no, 3".
fn names_further_mark(rest: &str) -> bool {
    let rest = before_reason(rest);
    let is_share = |at: usize| rest[..at].trim_end().ends_with("of");
    figures(rest).iter().any(|figure| !is_share(figure.place.start))
}

/// Whether the clause that leads to a value denies it: "I would not give it a score of 4".
fn is_denied(before: &str) -> bool {
    let start = before.rfind(['.', ',', ';', ':', '!', '\n', '。', '，']).unwrap_or(0);
    Polarity::of(&words(&before[start..])).stance() != Stance::Stated
}

/// Whether a correction follows.
fn is_taken_back(rest: &str) -> bool {
    clauses(rest).iter().any(|clause| corrects(clause.words().trim()))
}

fn unqualified(
    is_plain: bool,
    value: Option<regex::Match<'_>>,
    rest: &str,
) -> Result<(), JudgementError> {
    const LONGEST: usize = 60;
    if is_plain {
        return Ok(());
    }
    let value = value.map_or("", |value| value.as_str()).to_owned();
    Err(JudgementError::Qualified { value, rest: rest.chars().take(LONGEST).collect() })
}

fn one_mark(found: &Captures<'_>) -> Result<f64, JudgementError> {
    let text = |group| found.get(group).map(|text: regex::Match<'_>| text.as_str());
    if let (Some(first), Some(second)) = (text(1), text(2)) {
        let (first, second) = (first.to_owned(), second.to_owned());
        return Err(JudgementError::Ambiguous { first, second });
    }
    if let Some(scale) = text(3).filter(|scale| scale.parse() != Ok(MOST)) {
        return Err(JudgementError::OtherScale(scale.to_owned()));
    }
    let number = text(1).and_then(|text| text.replace('−', "-").parse().ok());
    number.ok_or(JudgementError::Absent { wanted: "mark" })
}

/// The answer that a judge's reply prefers.
///
/// # Errors
/// It says nothing of the kind, or two things.
pub fn preference(reply: &str) -> Result<Preference, JudgementError> {
    let reply = value_of(reply);
    let found = found(&NAMED_PREFERENCE, &BARE_PREFERENCE, reply);
    for one in &found {
        let end = one.get(0).map_or(0, |whole| whole.end());
        let rest = sentence(&reply[end..]);
        let is_plain = CHOICE_ENDS.as_ref().is_some_and(|pattern| pattern.is_match(rest));
        unqualified(is_plain && !names_other(&one[1], rest), one.get(1), rest)?;
        unqualified(!is_taken_back(&reply[end..]), one.get(1), &reply[end..])?;
    }
    let choices = found.iter().map(|found| match found[1].to_ascii_uppercase().as_str() {
        "A" => Preference::First,
        "B" => Preference::Second,
        _ => Preference::Neither,
    });
    only(choices.collect(), "preference")
}

/// What the pattern with a name finds, or else that of the whole reply.
fn found<'r>(named: &Pattern, bare: &Pattern, reply: &'r str) -> Vec<Captures<'r>> {
    let all = |pattern: &Pattern| -> Vec<Captures<'r>> {
        pattern
            .iter()
            .flat_map(|pattern| pattern.captures_iter(reply).collect::<Vec<_>>())
            .collect()
    };
    let named = all(named);
    if named.is_empty() { all(bare) } else { named }
}

/// The one value that was found; equal ones are one.
fn only<T: PartialEq + std::fmt::Debug>(
    mut values: Vec<T>,
    wanted: &'static str,
) -> Result<T, JudgementError> {
    values.dedup();
    let shown = |value: &T| format!("{value:?}").to_lowercase();
    match (values.pop(), values.pop()) {
        (Some(one), None) => Ok(one),
        (Some(second), Some(first)) => {
            Err(JudgementError::Ambiguous { first: shown(&first), second: shown(&second) })
        }
        (None, _) => Err(JudgementError::Absent { wanted }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_read_as_asked_for_and_as_models_write_them() {
        for (reply, expected) in [
            ("Score: 4", 4.0),
            ("score: 0\n", 0.0),
            ("**Score:** 4.5 / 5", 4.5),
            ("{\"pred\": \"yes\", \"score\": 5}", 5.0),
            ("```json\n{'score': 3}\n```", 3.0),
            ("The answer names the dog. Score: 2\nFinal score: 2", 2.0),
            ("4", 4.0),
            ("5/5", 5.0),
            (" 3 points.", 3.0),
            ("得分：4", 4.0),
            ("4分", 4.0),
            ("I rate it: rating is 1", 1.0),
            ("3 out of 5", 3.0),
            ("<think>Score: 1?</think>Score: 4", 4.0),
            ("Score (0-5): 4", 4.0),
            ("Score: [4]", 4.0),
            ("\\boxed{4}", 4.0),
            ("Score: 4. The answer names 1 of 1 animals.", 4.0),
            ("Score: 4, because 3 of 4 facts are right", 4.0),
            ("Score: 4 - it names the animal", 4.0),
        ] {
            assert_eq!(mark(reply), Ok(expected), "{reply:?}");
        }
    }

    #[test]
    fn a_mark_is_never_guessed() {
        for (reply, reason) in [
            ("", "it holds no mark"),
            ("There are 3 cats.", "it holds no mark"),
            ("good", "it holds no mark"),
            ("Score: four", "it holds no mark"),
            ("Score: 4 ... no, score: 3", "it says both 4.0 and 3.0"),
            ("Score: 3-4", "it says both 3 and 4"),
            ("8", "8 is not from 0 to 5"),
            ("Score: -1", "-1 is not from 0 to 5"),
            ("Score: 8/10", "the mark is out of 10, not out of 5"),
            ("4 of 5 facts are right", "it holds no mark"),
            ("Score: 3 or 4", "it says both 3 and 4"),
            ("Score: 1,5", "it says 1, but goes on \",5\""),
            ("Score: 4½", "it says 4, but goes on \"½\""),
            ("Score: 4 (out of 10)", "the mark is out of 10, not out of 5"),
            ("Score: 4%", "it says 4, but goes on \"%\""),
            ("Score: 4, no, 3", "it says 4, but goes on \", no, 3\""),
            ("Score: 4. Wait, it is 3.", "it says 4, but goes on \". Wait, it is 3.\""),
            ("<think>Score: 4", "it holds no mark"),
            ("Score: 4+", "it says 4, but goes on \"+\""),
        ] {
            assert_eq!(mark(reply).unwrap_err().to_string(), reason, "{reply:?}");
        }
    }

    #[test]
    fn preferences_are_read_by_position() {
        for (reply, expected) in [
            ("Better: A", Preference::First),
            ("better: answer B.", Preference::Second),
            ("**Better:** tie", Preference::Neither),
            ("{\"better\": \"B\"}", Preference::Second),
            ("[[A]]", Preference::First),
            ("B", Preference::Second),
            ("Answer A", Preference::First),
            ("Both name it. Winner: Both", Preference::Neither),
            ("<think>Better: B</think>Better: A", Preference::First),
            ("Better: A. It names the animal, B does not.", Preference::First),
            ("Better: B, because A is wrong", Preference::Second),
            ("**Better: A**", Preference::First),
            ("更好：B", Preference::Second),
        ] {
            assert_eq!(preference(reply), Ok(expected), "{reply:?}");
        }
        for (reply, reason) in [
            ("A cat is better than a dog", "it holds no preference"),
            ("Better: A\nBetter: B", "it says both first and second"),
            ("Better: A or B", "it says A, but goes on \" or B\""),
            ("Better: A/B", "it says A, but goes on \"/B\""),
            ("Better: A is wrong, so B", "it says A, but goes on \" is wrong, so B\""),
            ("Better: A cat sleeps", "it says A, but goes on \" cat sleeps\""),
            ("Better: A, no, B", "it says A, but goes on \", no, B\""),
            ("Better: A. Wait, B is.", "it says A, but goes on \". Wait, B is.\""),
            ("", "it holds no preference"),
        ] {
            assert_eq!(preference(reply).unwrap_err().to_string(), reason, "{reply:?}");
        }
    }
}
