//! Checks of expectations that another network helps to judge.

use super::super::error::{CaseError, Problem};
use super::super::place::Place;
use super::super::{
    ClipScoreExpectation, JudgeExpectation, KnownNames, PreferenceExpectation,
    SimilarityExpectation, suggestion,
};
use super::expectation::{in_range, not_empty, wordings};
use crate::opinion::JudgedPictures;

/// Fewest marks for a pass where a case does not say: more than half, and more than a draw.
const DEFAULT_MIN_POINTS: f64 = 3.0;

/// What a judge is asked, as the user wrote it.
pub(super) struct Judged {
    pub(super) model: String,
    pub(super) rubric: String,
    pub(super) min: Option<f64>,
    pub(super) pictures: Option<JudgedPictures>,
}

/// What a scorer is asked, as the user wrote it.
pub(super) struct Scored {
    pub(super) scorer: String,
    pub(super) references: Vec<String>,
    pub(super) min: Option<f64>,
}

pub(super) fn judge(
    stated: Judged,
    place: Place<'_>,
    known: &KnownNames,
) -> Result<JudgeExpectation, CaseError> {
    Ok(JudgeExpectation {
        judge: known_name(stated.model, &known.models, "model", place)?,
        rubric: said(stated.rubric, "`rubric`", place.field("rubric"))?,
        min_points: min_points(stated.min, place)?,
        pictures: stated.pictures.unwrap_or_default(),
    })
}

pub(super) fn preferred(
    stated: Judged,
    over: String,
    place: Place<'_>,
    known: &KnownNames,
) -> Result<PreferenceExpectation, CaseError> {
    let over = said(over, "`over`", place.field("over"))?;
    let JudgeExpectation { judge, rubric, min_points, pictures } = judge(stated, place, known)?;
    Ok(PreferenceExpectation { judge, rubric, over, min_points, pictures })
}

pub(super) fn clip_score(
    stated: Scored,
    place: Place<'_>,
    known: &KnownNames,
) -> Result<ClipScoreExpectation, CaseError> {
    let Scored { scorer, references, min } = stated;
    let references = match references.is_empty() {
        true => references,
        false => wordings(references, "`references`", place.field("references"))?,
    };
    let scorer = known_name(scorer, &known.scorers, "scorer", place)?;
    let min = least(min, 2.5, "above 0 and at most 2.5", place)?;
    Ok(ClipScoreExpectation { scorer, references, min: Some(min) })
}

pub(super) fn similarity(
    stated: Scored,
    place: Place<'_>,
    known: &KnownNames,
) -> Result<SimilarityExpectation, CaseError> {
    let Scored { scorer, references, min } = stated;
    let references = wordings(references, "`references`", place.field("references"))?;
    let scorer = known_name(scorer, &known.scorers, "scorer", place)?;
    let min = least(min, 1.0, "above 0 and at most 1", place)?;
    Ok(SimilarityExpectation { scorer, references, min: Some(min) })
}

/// A name that the registry has, where the registry is known.
fn known_name(
    name: String,
    known: &[String],
    field: &'static str,
    place: Place<'_>,
) -> Result<String, CaseError> {
    if known.is_empty() || known.contains(&name) {
        return Ok(name);
    }
    let nearest = suggestion::nearest(&name, known.iter().map(String::as_str));
    let problem = Problem::NoSuchName {
        field,
        suggestion: nearest.map(str::to_owned),
        known: known.to_vec(),
        name,
    };
    Err(place.field(field).error(problem))
}

fn said(text: String, what: &'static str, place: Place<'_>) -> Result<String, CaseError> {
    not_empty(text.trim().as_bytes(), what, "write what it should say", place)?;
    Ok(text)
}

fn min_points(min: Option<f64>, place: Place<'_>) -> Result<f64, CaseError> {
    let min = min.unwrap_or(DEFAULT_MIN_POINTS);
    let is_valid = min > 0.0 && min <= 5.0;
    in_range("min", min, is_valid, "above 0 and at most 5", place.field("min"))
}

/// A figure has no usual least value: what is good depends on the checkpoint.
fn least(
    min: Option<f64>,
    most: f64,
    expected: &'static str,
    place: Place<'_>,
) -> Result<f64, CaseError> {
    let min = min.ok_or_else(|| place.error(Problem::NoLeast))?;
    in_range("min", min, min > 0.0 && min <= most, expected, place.field("min"))
}
