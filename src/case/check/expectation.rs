//! Checks of what is expected.

use super::super::error::{CaseError, Problem};
use super::super::place::Place;
use super::super::schema::{RawBox, RawExpectation, RawFact, RawForbidden, RawYesNo};
use super::super::{
    Expectation, Fact, FactSheet, ForbiddenFact, KnownNames, LabelledBox, TextPattern, YesOrNo,
};
use crate::extract::normalize;
use crate::geometry::{PixelBox, PixelSize};

use super::{advised, metric};

/// Fewest points for a pass where a fact sheet does not say: four out of five.
const DEFAULT_MIN_POINTS: f64 = 4.0;

/// The IoU at which a box counts as found where a case does not say, as in RefCOCO evaluations.
const DEFAULT_MIN_IOU: f64 = 0.5;

/// Longest regular expression.
const LONGEST_REGEX_BYTES: usize = 10_000;

/// What an expectation may refer to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    /// The first picture's size, within which boxes must lie.
    pub(super) size: Option<PixelSize>,
    /// The names of the registry.
    pub(super) names: &'a KnownNames,
}

/// An expectation whose value stands at `place`.
pub(super) fn check(
    raw: RawExpectation,
    place: Place<'_>,
    known: Known<'_>,
) -> Result<Expectation, CaseError> {
    let inside = place.item(0);
    Ok(match raw {
        RawExpectation::Exact(text) => Expectation::Exact(wording(text, inside)?),
        RawExpectation::Contains(text) => Expectation::Contains(wording(text, inside)?),
        RawExpectation::AnyOf(texts) => Expectation::AnyOf(wordings(texts, "AnyOf", inside)?),
        RawExpectation::Regex(pattern) => Expectation::Regex(regex(&pattern, inside)?),
        RawExpectation::Number { value, tolerance } => number(value, tolerance, place)?,
        RawExpectation::YesNo(RawYesNo::Yes) => Expectation::YesNo(YesOrNo::Yes),
        RawExpectation::YesNo(RawYesNo::No) => Expectation::YesNo(YesOrNo::No),
        RawExpectation::Choice { options, answer } => choice(options, &answer, place)?,
        RawExpectation::Facts { facts, forbidden, min } => {
            Expectation::Facts(fact_sheet(facts, forbidden.unwrap_or_default(), min, place)?)
        }
        RawExpectation::Boxes { truth, min_iou } => boxes(truth, min_iou, place, known.size)?,
        RawExpectation::Metric { name, answers, options, min } => {
            let stated = metric::Stated { metric: name, answers, options, min };
            Expectation::Metric(metric::check(stated, place)?)
        }
        RawExpectation::Judge { model, rubric, min, pictures } => {
            let stated = advised::Judged { model, rubric, min, pictures };
            Expectation::Judge(advised::judge(stated, place, known.names)?)
        }
        RawExpectation::Preferred { model, rubric, over, min, pictures } => {
            let stated = advised::Judged { model, rubric, min, pictures };
            Expectation::Preferred(advised::preferred(stated, over, place, known.names)?)
        }
        RawExpectation::ClipScore { scorer, references, min } => {
            let references = references.unwrap_or_default();
            let stated = advised::Scored { scorer, references, min };
            Expectation::ClipScore(advised::clip_score(stated, place, known.names)?)
        }
        RawExpectation::Similarity { scorer, references, min } => {
            let stated = advised::Scored { scorer, references, min };
            Expectation::Similarity(advised::similarity(stated, place, known.names)?)
        }
        RawExpectation::All(raw) => Expectation::All(parts(raw, "All", inside, known)?),
        RawExpectation::Any(raw) => Expectation::Any(parts(raw, "Any", inside, known)?),
        RawExpectation::Not(raw) => Expectation::Not(Box::new(check(*raw, inside, known)?)),
    })
}

fn parts(
    raw: Vec<RawExpectation>,
    what: &'static str,
    place: Place<'_>,
    known: Known<'_>,
) -> Result<Vec<Expectation>, CaseError> {
    not_empty(&raw, what, "name at least one expectation", place)?;
    let check = |(index, raw)| check(raw, place.item(index), known);
    raw.into_iter().enumerate().map(check).collect()
}

pub(super) fn not_empty<T>(
    list: &[T],
    what: &'static str,
    remedy: &'static str,
    place: Place<'_>,
) -> Result<(), CaseError> {
    if list.is_empty() { Err(place.error(Problem::Empty { what, remedy })) } else { Ok(()) }
}

/// A text of which something is left to compare.
pub(super) fn wording(text: String, place: Place<'_>) -> Result<String, CaseError> {
    if text.trim().is_empty() {
        let remedy = "write what the answer should say";
        return Err(place.error(Problem::Empty { what: "the expected text", remedy }));
    }
    if normalize(&text).is_empty() {
        return Err(place.error(Problem::NothingLeft(text)));
    }
    Ok(text)
}

pub(super) fn wordings(
    texts: Vec<String>,
    what: &'static str,
    place: Place<'_>,
) -> Result<Vec<String>, CaseError> {
    not_empty(&texts, what, "name at least one text", place)?;
    texts.into_iter().enumerate().map(|(index, text)| wording(text, place.item(index))).collect()
}

fn regex(pattern: &str, place: Place<'_>) -> Result<TextPattern, CaseError> {
    if pattern.len() > LONGEST_REGEX_BYTES {
        let found = pattern.len();
        let problem = Problem::RegexLength { found, limit: LONGEST_REGEX_BYTES };
        return Err(place.error(problem));
    }
    let compiled = TextPattern::shared(pattern).map_err(|error| {
        let last_line = error.to_string().lines().last().unwrap_or_default().trim().to_owned();
        let reason = last_line.strip_prefix("error: ").unwrap_or(&last_line).to_owned();
        place.error(Problem::Regex(reason))
    })?;
    // Neither of these says anything: what matches both has no opinion.
    if compiled.0.is_match("") && compiled.0.is_match("\u{E000}") {
        return Err(place.error(Problem::RegexMatchesAll(pattern.to_owned())));
    }
    Ok(compiled)
}

pub(super) fn in_range(
    what: &'static str,
    found: f64,
    is_valid: bool,
    expected: &'static str,
    place: Place<'_>,
) -> Result<f64, CaseError> {
    if is_valid {
        Ok(found)
    } else {
        Err(place.error(Problem::NumberRange { what, found, expected }))
    }
}

fn number(value: f64, tolerance: Option<f64>, place: Place<'_>) -> Result<Expectation, CaseError> {
    let tolerance = tolerance.unwrap_or(0.0);
    let value =
        in_range("value", value, value.is_finite(), "a finite number", place.field("value"))?;
    let is_valid = tolerance.is_finite() && tolerance >= 0.0;
    let tolerance =
        in_range("tolerance", tolerance, is_valid, "0 or more", place.field("tolerance"))?;
    Ok(Expectation::Number { value, tolerance })
}

fn choice(options: Vec<String>, answer: &str, place: Place<'_>) -> Result<Expectation, CaseError> {
    let options_place = place.field("options");
    let Some(last) = ('A'..='Z').nth(options.len().wrapping_sub(1)).filter(|last| *last > 'A')
    else {
        return Err(options_place.error(Problem::ChoiceCount(options.len())));
    };
    let options = wordings(options, "options", options_place)?;
    let normalized: Vec<String> = options.iter().map(|option| normalize(option)).collect();
    for (index, option) in normalized.iter().enumerate() {
        if normalized[..index].contains(option) {
            let problem = Problem::Repeated(options[index].clone());
            return Err(options_place.item(index).error(problem));
        }
    }
    let letter = answer.trim().to_ascii_uppercase();
    match ('A'..=last).position(|option| letter == option.to_string()) {
        Some(answer) => Ok(Expectation::Choice { options, answer }),
        None => {
            let problem = Problem::ChoiceAnswer { found: answer.to_owned(), last };
            Err(place.field("answer").error(problem))
        }
    }
}

fn fact_sheet(
    facts: Vec<RawFact>,
    forbidden: Vec<RawForbidden>,
    min: Option<f64>,
    place: Place<'_>,
) -> Result<FactSheet, CaseError> {
    let facts_place = place.field("facts");
    not_empty(&facts, "`facts`", "state at least one fact", facts_place)?;
    let min_points = min.unwrap_or(DEFAULT_MIN_POINTS);
    let is_valid = (0.0..=5.0).contains(&min_points);
    Ok(FactSheet {
        facts: facts
            .into_iter()
            .enumerate()
            .map(|(index, raw)| fact(raw, facts_place.item(index)))
            .collect::<Result<_, _>>()?,
        forbidden: forbidden
            .into_iter()
            .enumerate()
            .map(|(index, raw)| forbidden_fact(raw, place.field("forbidden").item(index)))
            .collect::<Result<_, _>>()?,
        min_points: in_range("min", min_points, is_valid, "from 0 to 5", place.field("min"))?,
    })
}

fn fact(raw: RawFact, place: Place<'_>) -> Result<Fact, CaseError> {
    let partial_place = place.field("partial");
    let partial = raw.partial.unwrap_or_default().into_iter().enumerate();
    let weight = raw.weight.unwrap_or(1.0);
    // Sums of weights stay numbers.
    let is_valid = (1e-6..=1e6).contains(&weight);
    Ok(Fact {
        any: wordings(raw.any, "`any`", place.field("any"))?,
        partial: partial
            .map(|(index, text)| wording(text, partial_place.item(index)))
            .collect::<Result<_, _>>()?,
        weight: in_range(
            "weight",
            weight,
            is_valid,
            "from 0.000001 to 1000000",
            place.field("weight"),
        )?,
    })
}

fn forbidden_fact(raw: RawForbidden, place: Place<'_>) -> Result<ForbiddenFact, CaseError> {
    let is_valid = raw.cost > 0.0 && raw.cost <= 5.0;
    Ok(ForbiddenFact {
        any: wordings(raw.any, "`any`", place.field("any"))?,
        cost: in_range("cost", raw.cost, is_valid, "above 0 and at most 5", place.field("cost"))?,
    })
}

fn boxes(
    truth: Vec<RawBox>,
    min_iou: Option<f64>,
    place: Place<'_>,
    size: Option<PixelSize>,
) -> Result<Expectation, CaseError> {
    let truth_place = place.field("truth");
    not_empty(&truth, "`truth`", "name at least one box", truth_place)?;
    let min_iou = min_iou.unwrap_or(DEFAULT_MIN_IOU);
    let is_valid = min_iou > 0.0 && min_iou <= 1.0;
    let check = |(index, raw)| labelled_box(raw, truth_place.item(index), size);
    Ok(Expectation::Boxes {
        truth: truth.into_iter().enumerate().map(check).collect::<Result<_, _>>()?,
        min_iou: in_range(
            "min_iou",
            min_iou,
            is_valid,
            "above 0 and at most 1",
            place.field("min_iou"),
        )?,
    })
}

fn labelled_box(
    raw: RawBox,
    place: Place<'_>,
    size: Option<PixelSize>,
) -> Result<LabelledBox, CaseError> {
    let (x1, y1, x2, y2) = raw.xyxy;
    let error = |problem| place.field("xyxy").error(problem);
    let bounds = PixelBox::new(x1, y1, x2, y2).map_err(|geometry| error(Problem::Box(geometry)))?;
    match size {
        Some(size) if !bounds.is_within(size) => {
            Err(error(Problem::BoxBeyondPicture { bounds, size }))
        }
        _ => Ok(LabelledBox { label: raw.label, bounds }),
    }
}
