//! Whether generation options can be had, each by itself and together.

use crate::model::{GenerationRules, ModelError};
use crate::request::limits::{self, Bounds};
use crate::request::{GenerationOptions, Sampling};

/// Checks that the options are in their ranges and do not contradict each other.
pub(super) fn check(options: &GenerationOptions) -> Result<(), ModelError> {
    let error = |option, found: &dyn ToString, expected| {
        Err(ModelError::Option { option, found: found.to_string(), expected })
    };
    let within = |option, found: f64, bounds: Bounds| match bounds.holds(found) {
        true => Ok(()),
        false => error(option, &found, bounds.words),
    };
    let GenerationOptions {
        max_new_tokens,
        min_new_tokens,
        sampling,
        repetition_penalty,
        num_beams,
        length_penalty,
        early_stopping: _,
    } = options;
    if *max_new_tokens == 0 {
        return error("max_new_tokens", max_new_tokens, "at least 1");
    }
    if min_new_tokens > max_new_tokens {
        return error("min_new_tokens", min_new_tokens, "at most max_new_tokens");
    }
    if !(repetition_penalty.is_finite() && *repetition_penalty > 0.0) {
        return error("repetition_penalty", repetition_penalty, "a number above 0");
    }
    if *num_beams == 0 {
        return error("num_beams", num_beams, "at least 1");
    }
    if !length_penalty.is_finite() {
        return error("length_penalty", length_penalty, "a number");
    }
    within("max_new_tokens", *max_new_tokens as f64, limits::NEW_TOKENS)?;
    within("repetition_penalty", f64::from(*repetition_penalty), limits::REPETITION_PENALTY)?;
    within("num_beams", *num_beams as f64, limits::BEAMS)?;
    within("length_penalty", *length_penalty, limits::LENGTH_PENALTY)?;
    let Sampling::Seeded { temperature, top_p, top_k: _, seed: _ } = sampling else {
        return Ok(());
    };
    if *num_beams > 1 {
        return error("num_beams", num_beams, "1 when drawing (or temperature 0)");
    }
    if !(temperature.is_finite() && *temperature > 0.0) {
        return error("temperature", temperature, "a number above 0 (or greedy decoding)");
    }
    within("temperature", *temperature, limits::TEMPERATURE)?;
    if !(0.0..=1.0).contains(top_p) {
        return error("top_p", top_p, "a number from 0 to 1");
    }
    Ok(())
}

/// The options of an answer under the rules of its checkpoint, which count where a case asks for no
/// penalty and no length.
pub(super) fn under(options: &GenerationOptions, rules: &GenerationRules) -> GenerationOptions {
    let mut options = options.clone();
    if options.repetition_penalty == 1.0 {
        options.repetition_penalty = rules.repetition_penalty;
    }
    if options.min_new_tokens == 0 {
        options.min_new_tokens = rules.min_new_tokens.min(options.max_new_tokens);
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(change: fn(&mut GenerationOptions)) -> String {
        let mut options = GenerationOptions::default();
        change(&mut options);
        check(&options).unwrap_err().to_string()
    }

    #[test]
    fn options_out_of_range_are_errors() {
        let drawn = |temperature| Sampling::Seeded { temperature, top_p: 1.0, top_k: 0, seed: 1 };
        let options = GenerationOptions { sampling: drawn(0.0), ..GenerationOptions::default() };
        assert_eq!(
            check(&options).unwrap_err().to_string(),
            "generation option temperature is 0, expected a number above 0 (or greedy decoding)"
        );
        let sampling = drawn(0.7);
        let options = GenerationOptions { sampling, num_beams: 2, ..GenerationOptions::default() };
        assert_eq!(
            check(&options).unwrap_err().to_string(),
            "generation option num_beams is 2, expected 1 when drawing (or temperature 0)"
        );
    }

    #[test]
    fn numbers_that_logits_cannot_be_divided_by_are_errors() {
        let cold = |options: &mut GenerationOptions| {
            options.sampling =
                Sampling::Seeded { temperature: 1e-40, top_p: 1.0, top_k: 0, seed: 1 };
        };
        assert_eq!(
            message(cold),
            "generation option temperature is 0.0000000000000000000000000000000000000001, expected 0 \
             (greedy), or from 0.000001 to 1000000"
        );
        assert!(message(|options| options.repetition_penalty = 1e-40).contains("0.01 to 100"));
        assert!(message(|options| options.num_beams = 1_000_000).contains("to 100"));
        assert!(message(|options| options.max_new_tokens = usize::MAX).contains("1 to 1000000"));
    }

    #[test]
    fn contradictions_are_errors() {
        assert_eq!(
            message(|options| options.min_new_tokens = 513),
            "generation option min_new_tokens is 513, expected at most max_new_tokens"
        );
        assert_eq!(
            message(|options| options.num_beams = 0),
            "generation option num_beams is 0, expected at least 1"
        );
        assert_eq!(
            message(|options| options.length_penalty = f64::NAN),
            "generation option length_penalty is NaN, expected a number"
        );
    }
}
