//! Checks of what a case and a folder set alike.

use std::collections::HashSet;
use std::sync::Arc;

use super::super::error::{CaseError, Problem};
use super::super::place::Place;
use super::super::{GenerationOverrides, KnownFailure, ModelPattern};
use crate::ordered_map::OrderedMap;
use crate::request::limits::{self, Bounds};

/// As the user wrote it.
pub(super) struct Stated {
    pub(super) models: Option<Vec<String>>,
    pub(super) generation: Option<GenerationOverrides>,
    pub(super) tags: Option<Vec<String>>,
    pub(super) ignore: Option<String>,
    pub(super) xfail: Option<OrderedMap<String>>,
}

/// As it may be trusted.
pub(super) struct Settings {
    pub(super) models: Option<Arc<[ModelPattern]>>,
    pub(super) generation: GenerationOverrides,
    pub(super) tags: Vec<String>,
    pub(super) ignore: Option<String>,
    pub(super) xfail: Option<Vec<KnownFailure>>,
}

/// Most models that a message names.
const MOST_NAMED: usize = 30;

pub(super) fn check(
    stated: Stated,
    known: &[String],
    place: Place<'_>,
) -> Result<Settings, CaseError> {
    let Stated { models, generation, tags, ignore, xfail } = stated;
    let generation = generation.unwrap_or_default();
    check_generation(&generation, place.field("generation"))?;
    let reason = |text| reason(text, place.field("ignore"));
    Ok(Settings {
        models: models.map(|raw| patterns(&raw, known, place.field("models"))).transpose()?,
        generation,
        tags: check_tags(tags.unwrap_or_default(), place.field("tags"))?,
        ignore: ignore.map(reason).transpose()?,
        xfail: xfail.map(|raw| known_failures(raw, known, place.field("xfail"))).transpose()?,
    })
}

fn patterns(
    globs: &[String],
    known: &[String],
    place: Place<'_>,
) -> Result<Arc<[ModelPattern]>, CaseError> {
    if globs.is_empty() {
        let remedy = "leave the field out for all models";
        return Err(place.error(Problem::Empty { what: "`models`", remedy }));
    }
    let check = |(index, glob): (usize, &String)| {
        pattern(glob, known).map_err(|problem| place.item(index).error(problem))
    };
    globs.iter().enumerate().map(check).collect()
}

fn pattern(glob: &str, known: &[String]) -> Result<ModelPattern, Problem> {
    if glob.trim().is_empty() {
        return Err(Problem::Empty { what: "the glob", remedy: "write \"*\" for all models" });
    }
    let pattern = ModelPattern::new(glob).map_err(Problem::Glob)?;
    if known.is_empty() || known.iter().any(|model| pattern.matches(model)) {
        return Ok(pattern);
    }
    let known = known.iter().take(MOST_NAMED).cloned().collect();
    Err(Problem::NoSuchModel { glob: glob.to_owned(), known })
}

fn known_failures(
    OrderedMap(entries): OrderedMap<String>,
    known: &[String],
    place: Place<'_>,
) -> Result<Vec<KnownFailure>, CaseError> {
    let mut failures = Vec::with_capacity(entries.len());
    let mut globs = HashSet::with_capacity(entries.len());
    for (index, (glob, why)) in entries.into_iter().enumerate() {
        let place = place.item(index);
        let models = pattern(&glob, known).map_err(|problem| place.key_error(problem))?;
        if !globs.insert(glob.clone()) {
            return Err(place.key_error(Problem::RepeatedGlob(glob)));
        }
        failures.push(KnownFailure { models, reason: reason(why, place)? });
    }
    Ok(failures)
}

fn reason(text: String, place: Place<'_>) -> Result<String, CaseError> {
    if text.trim().is_empty() {
        let problem =
            Problem::Empty { what: "the reason", remedy: "say why, for those who come later" };
        return Err(place.error(problem));
    }
    Ok(text)
}

fn check_tags(tags: Vec<String>, place: Place<'_>) -> Result<Vec<String>, CaseError> {
    match tags.iter().position(|tag| tag.trim().is_empty()) {
        Some(index) => {
            let problem = Problem::Empty { what: "the tag", remedy: "write a word, or drop it" };
            Err(place.item(index).error(problem))
        }
        None => Ok(tags),
    }
}

fn check_generation(options: &GenerationOverrides, place: Place<'_>) -> Result<(), CaseError> {
    let GenerationOverrides {
        max_new_tokens,
        temperature,
        top_p,
        top_k: _,
        seed: _,
        repetition_penalty,
        min_new_tokens,
        num_beams,
        length_penalty,
        early_stopping: _,
    } = options;
    let check = |what, value: Option<f64>, bounds: Bounds| match value {
        Some(found) if !bounds.holds(found) => {
            let expected = bounds.words;
            Err(place.field(what).error(Problem::NumberRange { what, found, expected }))
        }
        _ => Ok(()),
    };
    let count = |count: &Option<usize>| count.map(|count| count as f64);
    check("max_new_tokens", count(max_new_tokens), limits::NEW_TOKENS)?;
    check("min_new_tokens", count(min_new_tokens), limits::MIN_NEW_TOKENS)?;
    check("temperature", *temperature, limits::TEMPERATURE)?;
    check("top_p", *top_p, limits::TOP_P)?;
    check("repetition_penalty", repetition_penalty.map(f64::from), limits::REPETITION_PENALTY)?;
    check("num_beams", count(num_beams), limits::BEAMS)?;
    check("length_penalty", *length_penalty, limits::LENGTH_PENALTY)
}

/// Checks that the options of a case, those of its folder included, can be had together.
pub(super) fn check_together(
    options: &GenerationOverrides,
    place: Place<'_>,
) -> Result<(), CaseError> {
    let beams = options.num_beams.unwrap_or(1);
    if let Some(temperature) = options.temperature.filter(|value| *value > 0.0 && beams > 1) {
        return Err(place.error(Problem::BeamsAndDraws { beams, temperature }));
    }
    match (options.min_new_tokens, options.max_new_tokens) {
        (Some(min), Some(max)) if min > max => Err(place.error(Problem::TokenLimits { min, max })),
        _ => Ok(()),
    }
}
