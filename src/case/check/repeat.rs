//! Checks of how often a case is run.

use super::super::error::{CaseError, Problem};
use super::super::place::Place;
use super::super::{Expectation, GenerationOverrides, Runs};

/// Most runs of a case; what is more is a data set's business.
const MOST: usize = 1000;

/// Checks what a case or a folder says.
pub(super) fn check(runs: Option<Runs>, place: Place<'_>) -> Result<Option<Runs>, CaseError> {
    let Some(Runs { times, need }) = runs else { return Ok(None) };
    let place = place.field("runs");
    let error = |what, found: usize, expected| {
        let problem = Problem::NumberRange { what, found: found as f64, expected };
        Err(place.field(what).error(problem))
    };
    match (times, need) {
        (times, _) if !(1..=MOST).contains(&times) => error("times", times, "1 to 1000"),
        (times, need) if !(1..=times).contains(&need) => {
            error("need", need, "at least 1 and at most `times`")
        }
        _ => Ok(runs),
    }
}

/// Checks that several runs can differ and that something can be counted.
pub(super) fn check_together(
    runs: Runs,
    generation: &GenerationOverrides,
    expectation: Option<&Expectation>,
    place: Place<'_>,
) -> Result<(), CaseError> {
    if !runs.are_several() {
        return Ok(());
    }
    if expectation.is_none() {
        return Err(place.error(Problem::RunsWithoutExpectation));
    }
    match generation.temperature {
        Some(temperature) if temperature > 0.0 => Ok(()),
        _ => Err(place.error(Problem::RunsWithoutDraws { times: runs.times })),
    }
}
