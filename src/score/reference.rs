/*!
What one answer is worth by an official metric.

Finds the reference implementation that a metric is named after; must not know their formulas.
*/

use super::document::{AnlsRules, RelaxedRules};
use super::exact_match::ExactMatchRules;
use super::multiple_choice::{
    Choice, Inferred, infer_blink_lmms_eval, infer_mmbench, infer_muirbench, is_blink_correct,
    is_muirbench_correct_lmms_eval,
};
use super::vqa::{HumanAnswer, VqaRules};
use super::yes_no::{PopeRules, YesNo, read_mme};
use super::{Evidence, FULL_MARKS, Reading, Verdict, quoted};
use crate::case::{Metric, MetricExpectation, PersonAnswer};
use crate::extract::{Unfinished, after_thought};

/// What an answer is worth, from 0 to 1, and whether there was something to read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MetricScore {
    /// From 0 to 1.
    pub value: f64,
    /// Whether the metric's own reader found a yes, no or letter; always for other metrics.
    pub is_read: bool,
}

/// What an answer is worth by the expectation's metric.
///
/// Thoughts are no part of the answer, as in lmms-eval (`lmms_eval/api/reasoning.py`, before
/// `process_results`); a thought without an end is worth nothing, where lmms-eval reads it. What is left
/// is read as the metric's reference reads it, faults included.
pub fn metric_score(expected: &MetricExpectation, text: &str) -> MetricScore {
    match after_thought(text) {
        Ok(text) => score_of_answer(expected, text),
        Err(Unfinished) => MetricScore { value: 0.0, is_read: false },
    }
}

fn score_of_answer(expected: &MetricExpectation, text: &str) -> MetricScore {
    let MetricExpectation { metric, answers, options, .. } = expected;
    let texts = || -> Vec<&str> { answers.iter().map(|answer| answer.text.as_str()).collect() };
    let read = |value: f64| MetricScore { value, is_read: true };
    match metric {
        Metric::VqaAccuracy => read(vqa(VqaRules::Official, text, answers)),
        Metric::VqaAccuracyLmmsEval => read(vqa(VqaRules::LmmsEval, text, answers)),
        Metric::VqaAccuracyVlmEvalKit => read(vqa(VqaRules::VlmEvalKit, text, answers)),
        Metric::TextVqaAccuracy => read(vqa(VqaRules::TextVqa, text, answers)),
        Metric::TextVqaAccuracyLmmsEval => read(vqa(VqaRules::TextVqaLmmsEval, text, answers)),
        Metric::Anls => read(anls(AnlsRules::Rrc, text, &texts())),
        Metric::AnlsPix2Struct => read(anls(AnlsRules::Pix2Struct, text, &texts())),
        Metric::AnlsMmf => read(anls(AnlsRules::Mmf, text, &texts())),
        Metric::RelaxedAccuracy => read(relaxed(RelaxedRules::Pix2Struct, text, &texts())),
        Metric::RelaxedAccuracyVlmEvalKit => {
            read(relaxed(RelaxedRules::VlmEvalKit, text, &texts()))
        }
        Metric::ExactMatch => read(exact(ExactMatchRules::Strict, text, &texts())),
        Metric::ExactMatchLower => read(exact(ExactMatchRules::IgnoreCase, text, &texts())),
        Metric::ExactMatchVlmEvalKit => read(exact(ExactMatchRules::VlmEvalKit, text, &texts())),
        Metric::ExactMatchLmmsEval => read(exact(ExactMatchRules::LmmsEval, text, &texts())),
        Metric::Pope | Metric::PopeLmmsEval | Metric::Mme => {
            let said = read_yes_no(*metric, text);
            let label = answers.first().and_then(|answer| YesNo::from_label(&answer.text));
            equal(said.is_some() && said == label, said.is_some())
        }
        Metric::MmBench
        | Metric::Blink
        | Metric::BlinkLmmsEval
        | Metric::MuirBench
        | Metric::MuirBenchLmmsEval => {
            choice(*metric, text, options, answers.first().map_or("", |answer| &answer.text))
        }
    }
}

/// What an answer says by a metric of yes and no; nothing for any other metric.
pub fn read_yes_no(metric: Metric, text: &str) -> Option<YesNo> {
    let text = after_thought(text).ok()?;
    match metric {
        Metric::Pope => PopeRules::Official.read(text),
        Metric::PopeLmmsEval => PopeRules::LmmsEval.read(text),
        Metric::Mme => read_mme(text),
        _ => None,
    }
}

fn equal(is_right: bool, is_read: bool) -> MetricScore {
    MetricScore { value: if is_right { 1.0 } else { 0.0 }, is_read }
}

fn vqa(rules: VqaRules, text: &str, answers: &[PersonAnswer]) -> f64 {
    let humans: Vec<HumanAnswer<'_>> = answers.iter().map(human).collect();
    rules.accuracy(text, &humans).unwrap_or(0.0)
}

fn human(PersonAnswer { text, confidence, id }: &PersonAnswer) -> HumanAnswer<'_> {
    HumanAnswer { answer: text, confidence, id: *id }
}

fn anls(rules: AnlsRules, text: &str, answers: &[&str]) -> f64 {
    rules.score(text, answers).unwrap_or(0.0)
}

fn relaxed(rules: RelaxedRules, text: &str, answers: &[&str]) -> f64 {
    f64::from(u8::from(rules.is_correct(text, answers).unwrap_or(false)))
}

fn exact(rules: ExactMatchRules, text: &str, answers: &[&str]) -> f64 {
    f64::from(u8::from(rules.is_match(text, answers)))
}

fn choice(metric: Metric, text: &str, options: &[String], answer: &str) -> MetricScore {
    // An option without a text is not there: MMBench's tables have empty cells for C and D.
    let choices: Vec<Choice<'_>> = ('A'..='Z')
        .zip(options)
        .filter(|(_, text)| !text.is_empty())
        .map(|(letter, text)| Choice { letter, text })
        .collect();
    let by_letter = |found: Option<char>| {
        equal(found.is_some_and(|letter| answer == letter.to_string()), found.is_some())
    };
    match metric {
        Metric::MmBench => by_letter(match infer_mmbench(text, &choices) {
            Inferred::Letter(letter) => Some(letter),
            Inferred::NoneOfThem | Inferred::Unclear => None,
        }),
        Metric::Blink => equal(is_blink_correct(text, &format!("({answer})")), true),
        Metric::BlinkLmmsEval => by_letter(infer_blink_lmms_eval(text)),
        Metric::MuirBench => by_letter(infer_muirbench(text, &choices)),
        _ => equal(is_muirbench_correct_lmms_eval(text, answer), true),
    }
}

pub(super) fn judge(expected: &MetricExpectation, evidence: &Evidence<'_>) -> Verdict {
    let score = metric_score(expected, evidence.text);
    let passed = match expected.min {
        Some(min) => score.value >= min,
        None => score.value > 0.0,
    };
    let parsed = if score.is_read { Reading::Parsed } else { Reading::Unparsable };
    let reading = match evidence.text.trim().is_empty() {
        true => Reading::Empty,
        false if score.is_read => parsed,
        false => evidence.cause_of_absence(parsed),
    };
    let reasons = if passed { Vec::new() } else { vec![reason(expected, score, evidence)] };
    Verdict {
        passed,
        points: FULL_MARKS * score.value,
        iou: None,
        center_accuracy: None,
        reading,
        reasons,
    }
}

fn reason(expected: &MetricExpectation, score: MetricScore, evidence: &Evidence<'_>) -> String {
    let demanded = match expected.min {
        Some(min) => format!("at least {min}"),
        None => "more than 0".to_owned(),
    };
    let mut said: Vec<&str> = expected.answers.iter().map(|answer| answer.text.as_str()).collect();
    said.dedup();
    format!(
        "{} is {}, expected {demanded}: {} against {}",
        expected.metric,
        score.value,
        quoted(evidence.text),
        quoted(&said.join(" | "))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(metric: Metric, answers: &[&str], options: &[&str]) -> MetricExpectation {
        let answers = PersonAnswer::of_persons(answers.iter().map(|text| (*text).to_owned()));
        let options = options.iter().map(|text| (*text).to_owned()).collect();
        MetricExpectation { metric, answers, options, min: None }
    }

    /// Ten persons, `agreeing` of whom say "red".
    fn persons(agreeing: usize) -> Vec<&'static str> {
        (0..10).map(|person| if person < agreeing { "red" } else { "blue" }).collect()
    }

    #[test]
    fn vqa_accuracy_by_hand() {
        for (agreeing, value) in [(0, 0.0), (1, 0.3), (2, 0.6), (3, 0.9), (4, 1.0), (9, 1.0)] {
            let score =
                metric_score(&expected(Metric::VqaAccuracy, &persons(agreeing), &[]), "red");
            assert!((score.value - value).abs() < 1e-12, "{agreeing}: {}", score.value);
        }
    }

    #[test]
    fn every_metric_tells_right_from_wrong() {
        for metric in Metric::ALL {
            let (truth, right, wrong): (&[&str], _, _) = match metric {
                Metric::Blink => (&["B"], "(B)", "(A)"),
                Metric::Pope | Metric::PopeLmmsEval | Metric::Mme => (&["yes"], "yes", "no"),
                _ if metric.truth() == crate::case::TruthKind::Choice => (&["B"], "B", "A"),
                _ => (&["two", "two", "two", "two"], "two", "seventeen"),
            };
            let expected = expected(metric, truth, &["red", "blue", "", ""]);
            assert_eq!(metric_score(&expected, right).value, 1.0, "{metric}");
            assert_eq!(metric_score(&expected, wrong).value, 0.0, "{metric}");
        }
    }

    #[test]
    fn the_least_that_passes_can_be_set() {
        let mut expected = expected(Metric::VqaAccuracy, &persons(2), &[]);
        assert!(judge(&expected, &super::super::testing::said("red")).passed);
        expected.min = Some(0.9);
        let verdict = judge(&expected, &super::super::testing::said("red"));
        assert!(!verdict.passed);
        assert_eq!(
            verdict.reasons,
            ["vqa_accuracy is 0.6, expected at least 0.9: \"red\" against \"red | blue\""]
        );
    }

    #[test]
    fn what_cannot_be_read_is_not_right() {
        let score = metric_score(&expected(Metric::Mme, &["yes"], &[]), "perhaps");
        assert_eq!(score, MetricScore { value: 0.0, is_read: false });
    }
}
