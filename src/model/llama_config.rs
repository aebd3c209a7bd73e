/*!
The configuration of a Llama: what the file says, then what the network may rely on.

Field names and defaults are those of huggingface/transformers v4.57.3
`models/llama/configuration_llama.py`. LLaVA-1.5 and InstructBLIP have these fields in `text_config`,
where files leave out what equals a default; MiniGPT-v2 reads a Llama's own `config.json`.
*/

use serde::Deserialize;
use serde_json::{Map, Value};

use super::ModelError;
use super::field_table::names_of;
use super::fields::FieldCheck;
use super::rope_fields::{RopeContext, RopeFields};
use super::saved_by::SavedBy;
use crate::nn::LlamaConfig;

/// The fields that are read.
pub(super) const READ: &[fn() -> &'static [&'static str]] = &[names_of::<RawLlama>];

/// A Llama's fields as a file gives them.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct RawLlama {
    model_type: String,
    vocab_size: usize,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    hidden_act: String,
    max_position_embeddings: usize,
    rms_norm_eps: f64,
    tie_word_embeddings: bool,
    rope_theta: Option<f64>,
    rope_scaling: Option<Map<String, Value>>,
    rope_parameters: Option<Map<String, Value>>,
    partial_rotary_factor: Option<f64>,
    original_max_position_embeddings: Option<f64>,
    attention_bias: bool,
    mlp_bias: bool,
}

impl Default for RawLlama {
    fn default() -> Self {
        Self {
            model_type: "llama".to_owned(),
            vocab_size: 32_000,
            hidden_size: 4096,
            intermediate_size: 11_008,
            num_hidden_layers: 32,
            num_attention_heads: 32,
            num_key_value_heads: None,
            head_dim: None,
            hidden_act: "silu".to_owned(),
            max_position_embeddings: 2048,
            rms_norm_eps: 1e-6,
            tie_word_embeddings: false,
            rope_theta: None,
            rope_scaling: None,
            rope_parameters: None,
            partial_rotary_factor: None,
            original_max_position_embeddings: None,
            attention_bias: false,
            mlp_bias: false,
        }
    }
}

impl RawLlama {
    fn rope_fields(&self) -> RopeFields<'_> {
        RopeFields {
            rope_theta: self.rope_theta,
            rope_scaling: self.rope_scaling.as_ref(),
            rope_parameters: self.rope_parameters.as_ref(),
            partial_rotary_factor: self.partial_rotary_factor,
            original_max_position_embeddings: self.original_max_position_embeddings,
        }
    }

    /// The sizes, checked; `check` names the file and the object that holds the fields, whose
    /// `model_type` must be one of those given.
    pub(super) fn checked(
        &self,
        model_types: &[&str],
        saved_by: SavedBy,
        check: &FieldCheck,
    ) -> Result<LlamaConfig, ModelError> {
        let kv_heads = self.num_key_value_heads.unwrap_or(self.num_attention_heads);
        check.sizes(&[
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("num_key_value_heads", kv_heads),
            ("max_position_embeddings", self.max_position_embeddings),
        ])?;
        check.that(self.num_attention_heads.is_multiple_of(kv_heads), || {
            let expected = format!("a multiple of num_key_value_heads ({kv_heads})");
            ("num_attention_heads", self.num_attention_heads.to_string(), expected)
        })?;
        self.check_kind(model_types, check)?;
        self.check_numbers(check)?;
        let max_positions = self.max_position_embeddings;
        let context = RopeContext { default_theta: 10_000.0, max_positions };
        Ok(LlamaConfig {
            vocabulary: self.vocab_size,
            hidden: self.hidden_size,
            intermediate: self.intermediate_size,
            layers: self.num_hidden_layers,
            heads: self.num_attention_heads,
            kv_heads,
            head_dim: self.head_dim(check)?,
            rms_eps: self.rms_norm_eps,
            rope: self.rope_fields().checked(context, check)?,
            max_positions: self.max_position_embeddings,
            attention_bias: self.attention_bias.into(),
            mlp_bias: self.mlp_bias.into(),
            head: saved_by.head(self.tie_word_embeddings),
            activation: check.activation("hidden_act", &self.hidden_act)?,
        })
    }

    fn check_kind(&self, model_types: &[&str], check: &FieldCheck) -> Result<(), ModelError> {
        check.that(model_types.contains(&self.model_type.as_str()), || {
            let expected = format!("`{}`", model_types.join("` or `"));
            ("model_type", format!("`{}`", self.model_type), expected)
        })
    }

    fn check_numbers(&self, check: &FieldCheck) -> Result<(), ModelError> {
        check.that(self.rms_norm_eps.is_finite() && self.rms_norm_eps >= 0.0, || {
            ("rms_norm_eps", self.rms_norm_eps.to_string(), "0 or more".to_owned())
        })
    }

    fn head_dim(&self, check: &FieldCheck) -> Result<usize, ModelError> {
        let head_dim = match self.head_dim {
            Some(head_dim) => head_dim,
            None => {
                check.that(self.hidden_size.is_multiple_of(self.num_attention_heads), || {
                    let expected = format!("a multiple of {} heads", self.num_attention_heads);
                    ("hidden_size", self.hidden_size.to_string(), expected)
                })?;
                self.hidden_size / self.num_attention_heads
            }
        };
        check.sizes(&[("head_dim", head_dim)])?;
        check.that(head_dim.is_multiple_of(2), || {
            ("head_dim", head_dim.to_string(), "an even number".to_owned())
        })?;
        Ok(head_dim)
    }
}
