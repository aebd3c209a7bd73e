/*!
`text_config` of BLIP-2 and InstructBLIP: which language model it is, and its sizes.

Field names and defaults are those of huggingface/transformers v4.57.3
`models/opt/configuration_opt.py` and `models/t5/configuration_t5.py`; for Llama see
[`crate::model::llama_config`].
*/

use serde::Deserialize;

use super::config::RawConfig;
use crate::model::field_table::names_of;
use crate::model::fields::FieldCheck;
use crate::model::language_shape::LanguageShape;
use crate::model::llama_config::RawLlama;
use crate::model::saved_by::SavedBy;
use crate::model::{BlockShape, ModelError};
use crate::nn::opt::OptConfig;
use crate::nn::t5::{OutputScale, T5Config};
use crate::nn::{Activation, HeadWeights, LlamaConfig};
use crate::weights::CheckpointFolder;

/// The language model's kind and sizes.
#[derive(Debug, Clone, Copy)]
pub enum LanguageConfig {
    /// Decoder only.
    Opt(OptConfig),
    /// Encoder and decoder.
    T5(T5Config),
    /// Decoder only; Vicuna is one.
    Llama(LlamaConfig),
}

impl LanguageConfig {
    /// The sizes that decide about memory.
    pub(in crate::model) fn shape(&self) -> LanguageShape {
        let shape = |hidden, inner, heads, head_dim, layers| LanguageShape {
            blocks: BlockShape { hidden, inner, projected: 3 * heads * head_dim, heads },
            vocabulary: self.vocabulary(),
            cached_numbers: 2 * layers * heads * head_dim,
        };
        match self {
            Self::Llama(config) => LanguageShape::of_llama(config),
            Self::Opt(OptConfig { hidden, intermediate, heads, layers, .. }) => {
                shape(*hidden, *intermediate, *heads, hidden / heads, *layers)
            }
            Self::T5(T5Config {
                hidden, intermediate, heads, head_dim, decoder_layers, ..
            }) => {
                // The cross-attention has keys and values of as many tokens again.
                let own = shape(*hidden, 2 * intermediate, *heads, *head_dim, *decoder_layers);
                LanguageShape { cached_numbers: 2 * own.cached_numbers, ..own }
            }
        }
    }

    /// Width of the embeddings it reads.
    pub fn hidden(&self) -> usize {
        match self {
            Self::Opt(config) => config.hidden,
            Self::T5(config) => config.hidden,
            Self::Llama(config) => config.hidden,
        }
    }

    /// Number of token ids it knows.
    pub fn vocabulary(&self) -> usize {
        match self {
            Self::Opt(config) => config.vocabulary,
            Self::T5(config) => config.vocabulary,
            Self::Llama(config) => config.vocabulary,
        }
    }
}

/// The language model, and the ids that `text_config` says end an answer.
pub(super) struct CheckedText {
    pub(super) language: LanguageConfig,
    pub(super) end_tokens: Vec<u32>,
}

/// A number or a list of numbers.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum TokenIds {
    One(u32),
    Several(Vec<u32>),
}

impl TokenIds {
    pub(super) fn into_vec(self) -> Vec<u32> {
        match self {
            Self::One(id) => vec![id],
            Self::Several(ids) => ids,
        }
    }
}

/// The fields of an OPT that are read.
pub(super) const READ_OPT: &[fn() -> &'static [&'static str]] =
    &[names_of::<TextKind>, names_of::<RawOpt>];
/// Those of a T5.
pub(super) const READ_T5: &[fn() -> &'static [&'static str]] =
    &[names_of::<TextKind>, names_of::<RawT5>];

/// The fields that decide how the others are read.
#[derive(Deserialize)]
#[serde(default)]
struct TextKind {
    model_type: String,
    eos_token_id: Option<TokenIds>,
}

impl Default for TextKind {
    fn default() -> Self {
        Self { model_type: "opt".to_owned(), eos_token_id: None }
    }
}

/// Reads `text_config` of `config.json` by its `model_type`, which is `opt` if not given.
pub(super) fn load(
    folder: &CheckpointFolder,
    check: &FieldCheck,
) -> Result<CheckedText, ModelError> {
    let TextKind { model_type, eos_token_id } = read(folder)?;
    let check = check.under("text_config");
    let saved_by = SavedBy::of(folder)?;
    let (language, default_end) = match model_type.as_str() {
        "opt" => (LanguageConfig::Opt(read::<RawOpt>(folder)?.checked(saved_by, &check)?), 2),
        "t5" => (LanguageConfig::T5(read::<RawT5>(folder)?.checked(saved_by, &check)?), 1),
        "llama" => {
            let llama = read::<RawLlama>(folder)?.checked(&["llama"], saved_by, &check)?;
            (LanguageConfig::Llama(llama), 2)
        }
        _ => return Err(check.error("model_type", format!("`{model_type}`"), "opt, t5 or llama")),
    };
    let end_tokens = eos_token_id.map_or(vec![default_end], TokenIds::into_vec);
    Ok(CheckedText { language, end_tokens })
}

fn read<T: for<'a> Deserialize<'a> + Default>(folder: &CheckpointFolder) -> Result<T, ModelError> {
    let raw: RawConfig<T> = folder.required_json("config.json", "the configuration")?;
    Ok(raw.text_config)
}

#[derive(Deserialize)]
#[serde(default)]
struct RawOpt {
    vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    ffn_dim: usize,
    max_position_embeddings: usize,
    do_layer_norm_before: bool,
    #[serde(rename = "_remove_final_layer_norm")]
    remove_final_layer_norm: bool,
    word_embed_proj_dim: Option<usize>,
    num_attention_heads: usize,
    activation_function: String,
    enable_bias: bool,
    layer_norm_elementwise_affine: bool,
    tie_word_embeddings: bool,
}

impl Default for RawOpt {
    fn default() -> Self {
        Self {
            vocab_size: 50_272,
            hidden_size: 768,
            num_hidden_layers: 12,
            ffn_dim: 3072,
            max_position_embeddings: 2048,
            do_layer_norm_before: true,
            remove_final_layer_norm: false,
            word_embed_proj_dim: None,
            num_attention_heads: 12,
            activation_function: "relu".to_owned(),
            enable_bias: true,
            layer_norm_elementwise_affine: true,
            tie_word_embeddings: true,
        }
    }
}

impl RawOpt {
    fn checked(&self, saved_by: SavedBy, check: &FieldCheck) -> Result<OptConfig, ModelError> {
        check.sizes(&[
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("ffn_dim", self.ffn_dim),
            ("max_position_embeddings", self.max_position_embeddings),
            ("num_attention_heads", self.num_attention_heads),
        ])?;
        check_heads("hidden_size", self.hidden_size, self.num_attention_heads, check)?;
        self.check_form(check)?;
        Ok(OptConfig {
            vocabulary: self.vocab_size,
            hidden: self.hidden_size,
            intermediate: self.ffn_dim,
            layers: self.num_hidden_layers,
            heads: self.num_attention_heads,
            max_positions: self.max_position_embeddings,
            activation: check.activation("activation_function", &self.activation_function)?,
            bias: self.enable_bias.into(),
            head: saved_by.head(self.tie_word_embeddings),
        })
    }

    /// The switches of OPT's other sizes, which no published checkpoint of the family has.
    fn check_form(&self, check: &FieldCheck) -> Result<(), ModelError> {
        for (field, found, expected) in [
            ("do_layer_norm_before", self.do_layer_norm_before, true),
            ("_remove_final_layer_norm", self.remove_final_layer_norm, false),
            ("layer_norm_elementwise_affine", self.layer_norm_elementwise_affine, true),
        ] {
            check.that(found == expected, || {
                (field, found.to_string(), format!("{expected} (no other form is implemented)"))
            })?;
        }
        let embedded = self.word_embed_proj_dim.unwrap_or(self.hidden_size);
        check.that(embedded == self.hidden_size, || {
            let expected = format!("hidden_size, which is {}", self.hidden_size);
            ("word_embed_proj_dim", embedded.to_string(), expected)
        })
    }
}

#[derive(Deserialize)]
#[serde(default)]
struct RawT5 {
    vocab_size: usize,
    d_model: usize,
    d_kv: usize,
    d_ff: usize,
    num_layers: usize,
    num_decoder_layers: Option<usize>,
    num_heads: usize,
    relative_attention_num_buckets: usize,
    relative_attention_max_distance: usize,
    layer_norm_epsilon: f64,
    feed_forward_proj: String,
    is_gated_act: Option<bool>,
    dense_act_fn: Option<String>,
    tie_word_embeddings: bool,
    scale_decoder_outputs: Option<bool>,
    pad_token_id: u32,
    bos_token_id: Option<u32>,
    decoder_start_token_id: Option<u32>,
}

impl Default for RawT5 {
    fn default() -> Self {
        Self {
            vocab_size: 32_128,
            d_model: 512,
            d_kv: 64,
            d_ff: 2048,
            num_layers: 6,
            num_decoder_layers: None,
            num_heads: 8,
            relative_attention_num_buckets: 32,
            relative_attention_max_distance: 128,
            layer_norm_epsilon: 1e-6,
            feed_forward_proj: "relu".to_owned(),
            is_gated_act: None,
            dense_act_fn: None,
            tie_word_embeddings: true,
            scale_decoder_outputs: None,
            pad_token_id: 0,
            bos_token_id: None,
            decoder_start_token_id: None,
        }
    }
}

impl RawT5 {
    fn checked(&self, saved_by: SavedBy, check: &FieldCheck) -> Result<T5Config, ModelError> {
        let decoder_layers = self.num_decoder_layers.unwrap_or(self.num_layers);
        check.sizes(&[
            ("vocab_size", self.vocab_size),
            ("d_model", self.d_model),
            ("d_kv", self.d_kv),
            ("d_ff", self.d_ff),
            ("num_layers", self.num_layers),
            ("num_decoder_layers", decoder_layers),
            ("num_heads", self.num_heads),
            ("relative_attention_num_buckets", self.relative_attention_num_buckets),
            ("relative_attention_max_distance", self.relative_attention_max_distance),
        ])?;
        check_eps("layer_norm_epsilon", self.layer_norm_epsilon, check)?;
        self.check_buckets(check)?;
        // `GenerationMixin._get_decoder_start_token_id`; T5's own is the padding token.
        let start_token =
            self.decoder_start_token_id.or(self.bos_token_id).unwrap_or(self.pad_token_id);
        check.that((start_token as usize) < self.vocab_size, || {
            let expected = format!("an id below vocab_size ({})", self.vocab_size);
            ("decoder_start_token_id", start_token.to_string(), expected)
        })?;
        Ok(T5Config {
            vocabulary: self.vocab_size,
            hidden: self.d_model,
            intermediate: self.d_ff,
            encoder_layers: self.num_layers,
            decoder_layers,
            heads: self.num_heads,
            head_dim: self.d_kv,
            buckets: self.relative_attention_num_buckets,
            max_distance: self.relative_attention_max_distance,
            eps: self.layer_norm_epsilon,
            activation: self.activation(check)?,
            head: self.head(saved_by),
            output_scale: self.output_scale(),
            start_token,
        })
    }

    /// Transformers 5 writes `tie_word_embeddings: true` whatever the tensors are, and beside it
    /// `scale_decoder_outputs`, which no other version does.
    fn head(&self, saved_by: SavedBy) -> HeadWeights {
        match self.scale_decoder_outputs {
            Some(_) => SavedBy::Five.head(self.tie_word_embeddings),
            None => saved_by.head(self.tie_word_embeddings),
        }
    }

    /// Before transformers 5 a head of its own meant that nothing is scaled (`T5Config.__init__`).
    fn output_scale(&self) -> OutputScale {
        match self.scale_decoder_outputs.unwrap_or(self.tie_word_embeddings) {
            true => OutputScale::InverseRoot,
            false => OutputScale::One,
        }
    }

    fn check_buckets(&self, check: &FieldCheck) -> Result<(), ModelError> {
        let buckets = self.relative_attention_num_buckets;
        check.that(buckets >= 4 && buckets.is_multiple_of(2), || {
            let expected = "an even number from 4".to_owned();
            ("relative_attention_num_buckets", buckets.to_string(), expected)
        })?;
        let distance = self.relative_attention_max_distance;
        check.that(distance > buckets / 2, || {
            let expected = format!("more than half of the buckets ({buckets})");
            ("relative_attention_max_distance", distance.to_string(), expected)
        })
    }

    /// `dense_act_fn` decides, which BLIP-2 sets to the exact GELU although `feed_forward_proj` says
    /// `gated-gelu`, whose own meaning is the approximation by tanh (`T5Config.__init__`).
    fn activation(&self, check: &FieldCheck) -> Result<Activation, ModelError> {
        let projection = self.feed_forward_proj.as_str();
        let gate = projection.strip_prefix("gated-");
        check.that(self.is_gated_act.unwrap_or(gate.is_some()), || {
            let expected = "`gated-gelu` or another gated one (T5 1.1)".to_owned();
            ("feed_forward_proj", format!("`{projection}`"), expected)
        })?;
        let named = match (self.dense_act_fn.as_deref(), gate) {
            (Some(named), _) => named,
            (None, Some("gelu")) => "gelu_new",
            (None, gate) => gate.unwrap_or(projection),
        };
        check.activation("dense_act_fn", named)
    }
}

/// Refuses a width that the heads cannot share.
pub(super) fn check_heads(
    field: &'static str,
    width: usize,
    heads: usize,
    check: &FieldCheck,
) -> Result<(), ModelError> {
    check.that(width.is_multiple_of(heads), || {
        (field, width.to_string(), format!("a multiple of {heads} heads"))
    })
}

/// Refuses a number that cannot be added to a variance.
pub(super) fn check_eps(
    field: &'static str,
    eps: f64,
    check: &FieldCheck,
) -> Result<(), ModelError> {
    check.that(eps.is_finite() && eps >= 0.0, || (field, eps.to_string(), "0 or more".to_owned()))
}
