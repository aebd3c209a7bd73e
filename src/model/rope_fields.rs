/*!
How a configuration tells its rotary positions: `rope_parameters` (transformers 5) or `rope_theta` with
`rope_scaling` (before).

Follows huggingface/transformers v5.24.0 `modeling_rope_utils.py`
(`RotaryEmbeddingConfigMixin.convert_rope_params_to_dict`, `standardize_rope_params`): `rope_scaling`
counts over `rope_parameters`, and what stands inside of either over what stands beside it. Scalings
that are not implemented are refused by name, and so are dictionaries of one for each kind of layer.
*/

use serde_json::{Map, Value};

use super::ModelError;
use super::fields::FieldCheck;
use crate::nn::{RampEnds, Rope, RopeScaling};

/// Fields of a scaling that belong to it whatever its kind, and those that only name a default.
const SHARED: [&str; 7] = [
    "rope_type",
    "type",
    "rope_theta",
    "partial_rotary_factor",
    "mrope_section",
    "mrope_interleaved",
    "original_max_position_embeddings",
];

/// The fields of a language model that tell of positions, as a file gives them.
#[derive(Debug, Clone, Copy)]
pub(super) struct RopeFields<'a> {
    pub(super) rope_theta: Option<f64>,
    pub(super) rope_scaling: Option<&'a Map<String, Value>>,
    pub(super) rope_parameters: Option<&'a Map<String, Value>>,
    pub(super) partial_rotary_factor: Option<f64>,
    pub(super) original_max_position_embeddings: Option<f64>,
}

/// What the family and the model say beside.
#[derive(Debug, Clone, Copy)]
pub(super) struct RopeContext {
    /// The base if no field gives one.
    pub(super) default_theta: f64,
    /// The model's longest sequence.
    pub(super) max_positions: usize,
}

/// One dictionary of parameters, and the name of the field that holds it.
struct Parameters<'a> {
    field: &'static str,
    of: &'a Map<String, Value>,
}

impl RopeFields<'_> {
    /// The frequencies that the fields ask for.
    pub(super) fn checked(
        &self,
        context: RopeContext,
        check: &FieldCheck,
    ) -> Result<Rope, ModelError> {
        let empty = Map::new();
        let parameters = self.parameters(&empty);
        parameters.check_flat(check)?;
        let theta = match parameters.number("rope_theta", check)? {
            Some(theta) => theta,
            None => self.rope_theta.unwrap_or(context.default_theta),
        };
        check.that(theta.is_finite() && theta > 0.0, || {
            ("rope_theta", theta.to_string(), "a positive number".to_owned())
        })?;
        self.check_whole(&parameters, check)?;
        #[expect(clippy::cast_possible_truncation, reason = "the reference computes in f32")]
        let theta = theta as f32;
        let scaling = self.scaling(&parameters, context, check)?;
        Ok(Rope { theta, scaling })
    }

    /// The numbers of frequencies that follow time, row and column, if there are such.
    pub(super) fn mrope_section(
        &self,
        check: &FieldCheck,
    ) -> Result<Option<[usize; 3]>, ModelError> {
        let empty = Map::new();
        let parameters = self.parameters(&empty);
        let interleaved = parameters.of.get("mrope_interleaved").unwrap_or(&Value::Null);
        if *interleaved == Value::Bool(false) {
            let expected = "true (sections one behind the other are not implemented)";
            return Err(parameters.error("mrope_interleaved", check, expected));
        }
        let Some(section) = parameters.of.get("mrope_section").filter(|it| !it.is_null()) else {
            return Ok(None);
        };
        let numbers = serde_json::from_value::<[usize; 3]>(section.clone());
        numbers.map(Some).map_err(|_| parameters.error("mrope_section", check, "three numbers"))
    }

    fn parameters<'a>(&'a self, empty: &'a Map<String, Value>) -> Parameters<'a> {
        let filled = |map: Option<&'a Map<String, Value>>| map.filter(|it| !it.is_empty());
        match (filled(self.rope_scaling), filled(self.rope_parameters)) {
            (Some(of), _) => Parameters { field: "rope_scaling", of },
            (None, Some(of)) => Parameters { field: "rope_parameters", of },
            (None, None) => Parameters { field: "rope_parameters", of: empty },
        }
    }

    /// Refuses to rotate a part of a head alone.
    fn check_whole(
        &self,
        parameters: &Parameters<'_>,
        check: &FieldCheck,
    ) -> Result<(), ModelError> {
        let inner = parameters.number("partial_rotary_factor", check)?;
        let factor = inner.or(self.partial_rotary_factor).unwrap_or(1.0);
        check.that(factor == 1.0, || {
            let expected = "1 (rotating a part of each head is not implemented)".to_owned();
            ("partial_rotary_factor", factor.to_string(), expected)
        })
    }

    fn scaling(
        &self,
        parameters: &Parameters<'_>,
        context: RopeContext,
        check: &FieldCheck,
    ) -> Result<RopeScaling, ModelError> {
        let kind = parameters.kind(check)?;
        parameters.check_keys(kind, check)?;
        let factor = || parameters.required("factor", check);
        let trained = || -> Result<f64, ModelError> {
            let inner = parameters.number("original_max_position_embeddings", check)?;
            let outer = self.original_max_position_embeddings;
            Ok(outer.or(inner).unwrap_or(context.max_positions as f64))
        };
        Ok(match kind {
            "default" | "mrope" => RopeScaling::Plain,
            "linear" => RopeScaling::Linear { factor: factor()? },
            "llama3" => RopeScaling::Llama3 {
                factor: factor()?,
                low_freq_factor: parameters.required("low_freq_factor", check)?,
                high_freq_factor: parameters.required("high_freq_factor", check)?,
                trained_length: trained()?,
            },
            "yarn" => parameters.yarn(factor()?, trained()?, check)?,
            _ => {
                let expected = "`default`, `linear`, `llama3` or `yarn` (no other is implemented)";
                return Err(parameters.error("rope_type", check, expected));
            }
        })
    }
}

impl Parameters<'_> {
    /// What `rope_type` says, or `type` in old files.
    fn kind(&self, check: &FieldCheck) -> Result<&str, ModelError> {
        let kind = ["rope_type", "type"].into_iter().find_map(|key| self.of.get(key));
        match kind {
            None | Some(Value::Null) => Ok("default"),
            Some(Value::String(kind)) => Ok(kind),
            Some(_) => Err(self.error("rope_type", check, "a name")),
        }
    }

    /// Refuses fields that a known kind does not have.
    fn check_keys(&self, kind: &str, check: &FieldCheck) -> Result<(), ModelError> {
        let own: &[&str] = match kind {
            "linear" => &["factor"],
            "llama3" => &["factor", "low_freq_factor", "high_freq_factor"],
            "yarn" => &[
                "factor",
                "attention_factor",
                "beta_fast",
                "beta_slow",
                "mscale",
                "mscale_all_dim",
                "truncate",
            ],
            "default" | "mrope" => &[],
            // Refused as a whole.
            _ => return Ok(()),
        };
        let is_known = |key: &str| own.contains(&key) || SHARED.contains(&key);
        match self.of.keys().find(|key| !is_known(key)) {
            Some(key) => {
                let expected = format!("no such field with rope_type `{kind}`");
                Err(self.error(key, check, &expected))
            }
            None => Ok(()),
        }
    }

    /// Refuses a dictionary of one dictionary for each kind of layer.
    fn check_flat(&self, check: &FieldCheck) -> Result<(), ModelError> {
        match self.of.iter().find(|(_, value)| value.is_object()) {
            Some((key, _)) => {
                let expected = "one set of parameters for all layers (one for each kind of layer \
                                is not implemented)";
                Err(self.error(key, check, expected))
            }
            None => Ok(()),
        }
    }

    /// YaRN's, with the attention factor of its paper where none is given.
    fn yarn(
        &self,
        factor: f64,
        trained_length: f64,
        check: &FieldCheck,
    ) -> Result<RopeScaling, ModelError> {
        let loudness = |mscale: f64| match factor > 1.0 {
            true => 0.1 * mscale * factor.ln() + 1.0,
            false => 1.0,
        };
        let given = |key| Ok::<_, ModelError>(self.number(key, check)?.filter(|it| *it != 0.0));
        let attention_factor = match self.number("attention_factor", check)? {
            Some(attention_factor) => attention_factor,
            None => match (given("mscale")?, given("mscale_all_dim")?) {
                (Some(mscale), Some(all)) => loudness(mscale) / loudness(all),
                _ => loudness(1.0),
            },
        };
        let ends = match self.of.get("truncate") {
            Some(Value::Bool(false)) => RampEnds::Exact,
            Some(Value::Bool(true)) | None => RampEnds::Rounded,
            Some(_) => return Err(self.error("truncate", check, "true or false")),
        };
        Ok(RopeScaling::Yarn {
            factor,
            attention_factor,
            beta_fast: given("beta_fast")?.unwrap_or(32.0),
            beta_slow: given("beta_slow")?.unwrap_or(1.0),
            trained_length,
            ends,
        })
    }

    fn required(&self, key: &str, check: &FieldCheck) -> Result<f64, ModelError> {
        match self.number(key, check)? {
            Some(number) if number > 0.0 => Ok(number),
            _ => Err(self.error(key, check, "a number above 0")),
        }
    }

    fn number(&self, key: &str, check: &FieldCheck) -> Result<Option<f64>, ModelError> {
        match self.of.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_f64() {
                Some(number) => Ok(Some(number)),
                None => Err(self.error(key, check, "a number")),
            },
        }
    }

    fn error(&self, key: &str, check: &FieldCheck, expected: &str) -> ModelError {
        let found = match self.of.get(key).or_else(|| self.of.get("type")) {
            Some(Value::String(text)) => format!("`{text}`"),
            Some(value) => value.to_string(),
            None => "missing".to_owned(),
        };
        check.error(&format!("{}.{key}", self.field), found, expected)
    }
}
