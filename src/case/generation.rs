//! The generation options that a case or folder sets.

use serde::Deserialize;

use crate::request::{EarlyStopping, GenerationOptions, Sampling};

/// Generation options that a case or folder sets; the rest comes from the run.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(rename = "Generation", deny_unknown_fields, default)]
pub struct GenerationOverrides {
    /// See [`crate::request::GenerationOptions::max_new_tokens`].
    pub max_new_tokens: Option<usize>,
    /// 0 is greedy; above 0 draws.
    pub temperature: Option<f64>,
    /// See [`crate::request::Sampling::Seeded`].
    pub top_p: Option<f64>,
    /// See [`crate::request::Sampling::Seeded`].
    pub top_k: Option<usize>,
    /// Start of the random stream; 0 if not given.
    pub seed: Option<u64>,
    /// See [`crate::request::GenerationOptions::repetition_penalty`].
    pub repetition_penalty: Option<f32>,
    /// See [`crate::request::GenerationOptions::min_new_tokens`].
    pub min_new_tokens: Option<usize>,
    /// See [`crate::request::GenerationOptions::num_beams`].
    pub num_beams: Option<usize>,
    /// See [`crate::request::GenerationOptions::length_penalty`].
    pub length_penalty: Option<f64>,
    /// See [`crate::request::GenerationOptions::early_stopping`].
    pub early_stopping: Option<EarlyStopping>,
}

impl GenerationOverrides {
    /// The options of a run with these in place of its own.
    ///
    /// `top_p`, `top_k` and `seed` matter only where something is drawn: where neither these
    /// overrides nor the run set a temperature above 0, generation stays greedy. Likewise
    /// `length_penalty` and `early_stopping` matter only where there are several beams.
    pub fn apply(&self, base: GenerationOptions) -> GenerationOptions {
        GenerationOptions {
            max_new_tokens: self.max_new_tokens.unwrap_or(base.max_new_tokens),
            sampling: self.sampling(base.sampling),
            repetition_penalty: self.repetition_penalty.unwrap_or(base.repetition_penalty),
            min_new_tokens: self.min_new_tokens.unwrap_or(base.min_new_tokens),
            num_beams: self.num_beams.unwrap_or(base.num_beams),
            length_penalty: self.length_penalty.unwrap_or(base.length_penalty),
            early_stopping: self.early_stopping.unwrap_or(base.early_stopping),
        }
    }

    fn sampling(&self, base: Sampling) -> Sampling {
        let (base_temperature, base_top_p, base_top_k, base_seed) = match base {
            Sampling::Greedy => (0.0, 1.0, 0, 0),
            Sampling::Seeded { temperature, top_p, top_k, seed } => {
                (temperature, top_p, top_k, seed)
            }
        };
        let temperature = self.temperature.unwrap_or(base_temperature);
        if temperature == 0.0 {
            return Sampling::Greedy;
        }
        Sampling::Seeded {
            temperature,
            top_p: self.top_p.unwrap_or(base_top_p),
            top_k: self.top_k.unwrap_or(base_top_k),
            seed: self.seed.unwrap_or(base_seed),
        }
    }

    /// These, with the options of `outer` where these set none.
    pub(super) fn or(self, outer: Self) -> Self {
        Self {
            max_new_tokens: self.max_new_tokens.or(outer.max_new_tokens),
            temperature: self.temperature.or(outer.temperature),
            top_p: self.top_p.or(outer.top_p),
            top_k: self.top_k.or(outer.top_k),
            seed: self.seed.or(outer.seed),
            repetition_penalty: self.repetition_penalty.or(outer.repetition_penalty),
            min_new_tokens: self.min_new_tokens.or(outer.min_new_tokens),
            num_beams: self.num_beams.or(outer.num_beams),
            length_penalty: self.length_penalty.or(outer.length_penalty),
            early_stopping: self.early_stopping.or(outer.early_stopping),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_set_comes_from_the_run() {
        let base = GenerationOptions::default();
        assert_eq!(GenerationOverrides::default().apply(base.clone()), base);
        let overrides = GenerationOverrides { max_new_tokens: Some(7), ..Default::default() };
        assert_eq!(overrides.apply(base.clone()), GenerationOptions { max_new_tokens: 7, ..base });
    }

    #[test]
    fn a_temperature_turns_drawing_on_and_zero_turns_it_off() {
        let warm =
            GenerationOverrides { temperature: Some(0.7), top_k: Some(20), ..Default::default() };
        let drawn = warm.apply(GenerationOptions::default());
        let expected = Sampling::Seeded { temperature: 0.7, top_p: 1.0, top_k: 20, seed: 0 };
        assert_eq!(drawn.sampling, expected);
        let seeded = GenerationOverrides { seed: Some(3), ..Default::default() };
        let expected = Sampling::Seeded { temperature: 0.7, top_p: 1.0, top_k: 20, seed: 3 };
        assert_eq!(seeded.apply(drawn.clone()).sampling, expected);
        assert_eq!(seeded.apply(GenerationOptions::default()).sampling, Sampling::Greedy);
        let cold = GenerationOverrides { temperature: Some(0.0), ..Default::default() };
        assert_eq!(cold.apply(drawn).sampling, Sampling::Greedy);
    }
}
