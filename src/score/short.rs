//! Verdicts on short answers: texts, patterns, numbers, yes or no, choices.

use super::{Evidence, Reading, Verdict, quoted};
use crate::case::{TextPattern, YesOrNo};
use crate::extract::{self, Extraction, normalize};

/// The answer equals one of the texts after normalisation.
pub(super) fn one_of(texts: &[String], evidence: &Evidence<'_>) -> Verdict {
    let given = normalize(evidence.text);
    if texts.iter().any(|text| normalize(text) == given) {
        return Verdict::right();
    }
    let expected: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
    differing(evidence, format!("expected {}", expected.join(" or ")))
}

/// The answer contains the text after normalisation.
pub(super) fn containing(text: &str, evidence: &Evidence<'_>) -> Verdict {
    if extract::contains(&normalize(evidence.text), &normalize(text)) {
        return Verdict::right();
    }
    differing(evidence, format!("expected a text with {} in it", quoted(text)))
}

/// The answer as it is matches the pattern somewhere.
pub(super) fn matching(TextPattern(pattern): &TextPattern, evidence: &Evidence<'_>) -> Verdict {
    if pattern.is_match(evidence.text) {
        return Verdict::right();
    }
    differing(evidence, format!("expected a text that matches /{pattern}/"))
}

/// A text was expected and another came: it could be read, unless there is a cause.
fn differing(evidence: &Evidence<'_>, expected: String) -> Verdict {
    let reading = evidence.cause_of_absence(Reading::Parsed);
    let note = match reading {
        Reading::Truncated => " (cut off at the token limit)",
        Reading::Refused => " (the model declined)",
        _ => "",
    };
    Verdict::wrong(reading, format!("{expected}, found {}{note}", quoted(evidence.text)))
}

/// The one number in the answer is near enough.
pub(super) fn number(value: f64, tolerance: f64, evidence: &Evidence<'_>) -> Verdict {
    let is_right = |given: &f64| (given - value).abs() <= tolerance;
    let expected = match tolerance {
        0.0 => value.to_string(),
        _ => format!("{value} ± {tolerance}"),
    };
    found(
        extract::number(evidence.text),
        is_right,
        f64::to_string,
        ("a number", &expected),
        evidence,
    )
}

/// The answer says yes, or no, as expected.
pub(super) fn yes_no(expected: YesOrNo, evidence: &Evidence<'_>) -> Verdict {
    let is_right = |given: &YesOrNo| *given == expected;
    let name = |given: &YesOrNo| given.to_string();
    let wanted = ("yes or no", expected.to_string());
    found(extract::yes_no(evidence.text), is_right, name, (wanted.0, &wanted.1), evidence)
}

/// The answer names the right option and no other.
pub(super) fn choice(options: &[String], answer: usize, evidence: &Evidence<'_>) -> Verdict {
    let is_right = |given: &usize| *given == answer;
    let name = |given: &usize| {
        let letter = ('A'..='Z').nth(*given).unwrap_or('?');
        format!("{letter} ({})", options.get(*given).map_or("?", String::as_str))
    };
    let expected = name(&answer);
    found(
        extract::choice(evidence.text, options),
        is_right,
        name,
        ("an option", &expected),
        evidence,
    )
}

/// The verdict on one value that was looked for; `wanted` names its kind and the right one.
fn found<T>(
    extraction: Extraction<T>,
    is_right: impl Fn(&T) -> bool,
    name: impl Fn(&T) -> String,
    (kind, expected): (&str, &str),
    evidence: &Evidence<'_>,
) -> Verdict {
    match extraction {
        Extraction::Found(given) if is_right(&given) => Verdict::right(),
        Extraction::Found(given) => {
            let given = name(&given);
            let text = quoted(evidence.text);
            Verdict::wrong(
                Reading::Parsed,
                format!("expected {expected}, read {given} from {text}"),
            )
        }
        Extraction::Ambiguous(all) => {
            let all: Vec<String> = all.iter().map(name).collect();
            let (all, text) = (all.join(" and "), quoted(evidence.text));
            let reason = format!("expected {expected}, but the answer says both {all}: {text}");
            Verdict::wrong(Reading::Ambiguous, reason)
        }
        Extraction::Denied(all) => {
            let all: Vec<String> = all.iter().map(name).collect();
            let (all, text) = (all.join(" nor "), quoted(evidence.text));
            let reason = format!("expected {expected}, but the answer only denies {all}: {text}");
            Verdict::wrong(Reading::Unparsable, reason)
        }
        Extraction::Absent => evidence.without(kind),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{cut_off, said};
    use super::super::{FULL_MARKS, judge};
    use super::*;
    use crate::case::Expectation;

    fn exact(text: &str) -> Expectation {
        Expectation::Exact(text.to_owned())
    }

    #[test]
    fn short_texts_are_compared_after_normalisation() {
        let verdict = judge(&exact("red car"), said("The Red Car."));
        assert!(verdict.passed);
        assert_eq!(verdict.points, FULL_MARKS);
        assert!(
            judge(&Expectation::AnyOf(vec!["red".into(), "红色".into()]), said("红色的。")).passed
        );
        assert!(judge(&Expectation::Contains("两只".into()), said("图中有 2 只猫")).passed);
        assert!(!judge(&Expectation::Contains("car".into()), said("a carpet")).passed);
        let regex = Expectation::Regex(TextPattern(regex::Regex::new("^[A-Z]{3}$").unwrap()));
        assert!(judge(&regex, said("ABC")).passed);
        assert!(!judge(&regex, said("abc")).passed);
    }

    #[test]
    fn a_wrong_answer_says_what_was_expected_and_found() {
        let verdict = judge(&exact("red"), said("blue"));
        assert_eq!(verdict.reading, Reading::Parsed);
        assert_eq!(verdict.reasons, [r#"expected "red", found "blue""#]);
    }

    #[test]
    fn each_cause_of_absence_has_its_name() {
        let three = Expectation::Number { value: 3.0, tolerance: 0.0 };
        for (evidence, reading) in [
            (said("three"), Reading::Parsed),
            (said("four"), Reading::Parsed),
            (said("2 or 3"), Reading::Ambiguous),
            (said(" \n"), Reading::Empty),
            (said("I'm sorry, I cannot count."), Reading::Refused),
            (said("several"), Reading::Unparsable),
            (cut_off("Let me count the"), Reading::Truncated),
            (cut_off("3"), Reading::Parsed),
        ] {
            assert_eq!(judge(&three, evidence).reading, reading, "of {:?}", evidence.text);
        }
        assert_eq!(judge(&exact("red"), cut_off("The car in the")).reading, Reading::Truncated);
        assert_eq!(judge(&exact("red"), cut_off("red")).reading, Reading::Parsed);
    }

    #[test]
    fn an_answer_without_what_was_asked_for_says_so() {
        let three = Expectation::Number { value: 3.0, tolerance: 0.0 };
        let reason = |evidence| judge(&three, evidence).reasons.remove(0);
        assert_eq!(reason(said("several")), r#"expected a number, found none in "several""#);
        assert_eq!(
            reason(cut_off("I count")),
            "expected a number, but the answer ends at the token limit before it (raise \
             max_new_tokens?): \"I count\""
        );
        assert_eq!(reason(said("")), "the answer is empty");
        assert_eq!(reason(said("抱歉")), "the model declined to answer: \"抱歉\"");
    }

    #[test]
    fn numbers_have_a_tolerance() {
        let about = Expectation::Number { value: 10.0, tolerance: 0.5 };
        assert!(judge(&about, said("10.5")).passed);
        let verdict = judge(&about, said("11"));
        assert_eq!(verdict.reasons, [r#"expected 10 ± 0.5, read 11 from "11""#]);
    }

    #[test]
    fn choices_name_letter_and_text() {
        let choice = Expectation::Choice { options: vec!["red".into(), "blue".into()], answer: 1 };
        assert!(judge(&choice, said("(B)")).passed);
        let verdict = judge(&choice, said("A"));
        assert_eq!(verdict.reasons, [r#"expected B (blue), read A (red) from "A""#]);
        let verdict = judge(&choice, said("red or blue"));
        assert_eq!(
            verdict.reasons,
            [r#"expected B (blue), but the answer says both A (red) and B (blue): "red or blue""#]
        );
    }

    #[test]
    fn yes_and_no_are_named() {
        let verdict = judge(&Expectation::YesNo(YesOrNo::Yes), said("没有"));
        assert_eq!(verdict.reasons, [r#"expected yes, read no from "没有""#]);
    }
}
