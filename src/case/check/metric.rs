//! Checks of expectations that an official metric marks.

use super::super::error::{CaseError, Problem};
use super::super::place::Place;
use super::super::{Metric, MetricExpectation, PersonAnswer, TruthKind};

/// As the user wrote it.
pub(super) struct Stated {
    pub(super) metric: Metric,
    pub(super) answers: Vec<String>,
    pub(super) options: Option<Vec<String>>,
    pub(super) min: Option<f64>,
}

pub(super) fn check(stated: Stated, place: Place<'_>) -> Result<MetricExpectation, CaseError> {
    let Stated { metric, answers, options, min } = stated;
    let options = options.unwrap_or_default();
    if answers.is_empty() {
        let problem = Problem::Empty { what: "`answers`", remedy: "write at least one" };
        return Err(place.field("answers").error(problem));
    }
    if let Some(expected) = unfit(metric, &answers, &options) {
        let found = format!("{answers:?} with {} options", options.len());
        let problem = Problem::MetricTruth { metric, expected, found };
        return Err(place.field("answers").error(problem));
    }
    if let Some(found) = min.filter(|min| !(*min > 0.0 && *min <= 1.0)) {
        let problem =
            Problem::NumberRange { what: "min", found, expected: "above 0 and at most 1" };
        return Err(place.field("min").error(problem));
    }
    Ok(MetricExpectation { metric, answers: PersonAnswer::of_persons(answers), options, min })
}

/// What the metric wants, if it is not there.
fn unfit(metric: Metric, answers: &[String], options: &[String]) -> Option<&'static str> {
    let is_right = match (metric.truth(), answers) {
        (TruthKind::Answers, _) => options.is_empty(),
        (TruthKind::YesNo, [one]) => options.is_empty() && is_yes_or_no(one),
        (TruthKind::Choice, [one]) => {
            ('A'..='Z').zip(options).any(|(letter, _)| *one == letter.to_string())
        }
        _ => false,
    };
    let wanted = match metric.truth() {
        TruthKind::Answers => "texts and no options",
        TruthKind::YesNo => "one \"yes\" or \"no\"",
        TruthKind::Choice => "the letter of one of the `options`",
    };
    (!is_right).then_some(wanted)
}

fn is_yes_or_no(text: &str) -> bool {
    matches!(text.trim().to_lowercase().as_str(), "yes" | "no")
}
