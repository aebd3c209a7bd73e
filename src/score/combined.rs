//! Verdicts on expectations made of others.

use super::{Evidence, FULL_MARKS, Reading, Verdict, judge};
use crate::case::Expectation;

/// Passes if all parts do; the marks are the lowest.
pub(super) fn all(parts: &[Expectation], evidence: Evidence<'_>) -> Verdict {
    let verdicts = judge_each(parts, evidence);
    Verdict {
        passed: verdicts.iter().all(|verdict| verdict.passed),
        points: verdicts.iter().map(|verdict| verdict.points).fold(FULL_MARKS, f64::min),
        iou: verdicts.iter().find_map(|verdict| verdict.iou),
        center_accuracy: verdicts.iter().find_map(|verdict| verdict.center_accuracy),
        reading: first_trouble(&verdicts),
        reasons: verdicts.into_iter().flat_map(|verdict| verdict.reasons).collect(),
    }
}

/// Passes if a part does; the marks are the highest. What the other parts say matters only if
/// none passes.
pub(super) fn any(parts: &[Expectation], evidence: Evidence<'_>) -> Verdict {
    let verdicts = judge_each(parts, evidence);
    let points = verdicts.iter().map(|verdict| verdict.points).fold(0.0, f64::max);
    let iou = verdicts.iter().find_map(|verdict| verdict.iou);
    let center_accuracy = verdicts.iter().find_map(|verdict| verdict.center_accuracy);
    match verdicts.iter().find(|verdict| verdict.passed) {
        Some(passing) => Verdict { points, iou, center_accuracy, ..passing.clone() },
        None => Verdict {
            passed: false,
            points,
            iou,
            center_accuracy,
            reading: first_trouble(&verdicts),
            reasons: verdicts.into_iter().flat_map(|verdict| verdict.reasons).collect(),
        },
    }
}

/// Passes if the answer could be read and the inner expectation does not hold. An answer that is
/// empty, refused, cut off or unreadable does not pass: it shows nothing.
pub(super) fn not(inner: &Expectation, evidence: Evidence<'_>) -> Verdict {
    let verdict = judge(inner, evidence);
    let Verdict { iou, center_accuracy, .. } = verdict;
    match (verdict.passed, verdict.reading) {
        (true, reading) => {
            let reason = "what must not hold does: ".to_owned() + &describe(inner);
            Verdict { iou, center_accuracy, ..Verdict::wrong(reading, reason) }
        }
        (false, Reading::Parsed) => Verdict { iou, center_accuracy, ..Verdict::right() },
        (false, reading) => {
            let mut reasons = vec!["it cannot be told that this does not hold:".to_owned()];
            reasons.extend(verdict.reasons);
            Verdict { reasons, iou, center_accuracy, ..Verdict::wrong(reading, String::new()) }
        }
    }
}

fn judge_each(parts: &[Expectation], evidence: Evidence<'_>) -> Vec<Verdict> {
    parts.iter().map(|part| judge(part, evidence)).collect()
}

/// The first reading that did not go well.
fn first_trouble(verdicts: &[Verdict]) -> Reading {
    let mut readings = verdicts.iter().map(|verdict| verdict.reading);
    readings.find(|reading| *reading != Reading::Parsed).unwrap_or(Reading::Parsed)
}

fn describe(expectation: &Expectation) -> String {
    match expectation {
        Expectation::Exact(text) => format!("Exact({text:?})"),
        Expectation::AnyOf(texts) => format!("AnyOf({texts:?})"),
        Expectation::Contains(text) => format!("Contains({text:?})"),
        Expectation::Regex(pattern) => format!("Regex({:?})", pattern.0.as_str()),
        Expectation::Number { value, .. } => format!("Number({value})"),
        Expectation::YesNo(expected) => format!("YesNo({expected})"),
        Expectation::Choice { answer, .. } => format!("Choice(option {})", answer + 1),
        Expectation::Facts(_) => "Facts".to_owned(),
        Expectation::Boxes { .. } => "Boxes".to_owned(),
        Expectation::Metric(expected) => format!("Metric({})", expected.metric),
        Expectation::Judge(expected) => format!("Judge({})", expected.judge),
        Expectation::Preferred(expected) => format!("Preferred({})", expected.judge),
        Expectation::ClipScore(expected) => format!("ClipScore({})", expected.scorer),
        Expectation::Similarity(expected) => format!("Similarity({})", expected.scorer),
        Expectation::All(_) => "All".to_owned(),
        Expectation::Any(_) => "Any".to_owned(),
        Expectation::Not(_) => "Not".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{cut_off, said};
    use super::*;

    fn contains(text: &str) -> Expectation {
        Expectation::Contains(text.to_owned())
    }

    #[test]
    fn all_takes_the_lowest_and_any_the_highest() {
        let parts = vec![contains("cat"), contains("dog")];
        let both = Expectation::All(parts.clone());
        let either = Expectation::Any(parts);
        assert!(judge(&both, said("cat and dog")).passed);
        assert!(judge(&either, said("cat")).passed);
        let verdict = judge(&both, said("cat"));
        assert_eq!((verdict.passed, verdict.points), (false, 0.0));
        assert_eq!(verdict.reasons, [r#"expected a text with "dog" in it, found "cat""#]);
        let verdict = judge(&either, said("cow"));
        assert_eq!((verdict.passed, verdict.reasons.len()), (false, 2));
    }

    #[test]
    fn not_needs_an_answer_that_could_be_read() {
        let no_dog = Expectation::Not(Box::new(contains("dog")));
        assert!(judge(&no_dog, said("a cat")).passed);
        let verdict = judge(&no_dog, said("a dog"));
        assert_eq!(verdict.reasons, [r#"what must not hold does: Contains("dog")"#]);
        for (evidence, reading) in [
            (said(""), Reading::Empty),
            (said("I cannot see"), Reading::Refused),
            (cut_off("a cat and a"), Reading::Truncated),
        ] {
            let verdict = judge(&no_dog, evidence);
            assert_eq!((verdict.passed, verdict.reading), (false, reading));
        }
        let not_three =
            Expectation::Not(Box::new(Expectation::Number { value: 3.0, tolerance: 0.0 }));
        assert!(!judge(&not_three, said("3 or 4")).passed);
        assert!(judge(&not_three, said("4")).passed);
    }
}
