/*!
`config.json` of Qwen3-VL: what the file says, then what the network may rely on.

Field names and defaults are those of huggingface/transformers v4.57.3
`models/qwen3_vl/configuration_qwen3_vl.py`, those of the experts of
`models/qwen3_vl_moe/configuration_qwen3_vl_moe.py`.
*/

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::model::ModelError;
use crate::model::field_table::names_of;
use crate::model::fields::FieldCheck;
use crate::model::rope_fields::{RopeContext, RopeFields};
use crate::model::saved_by::SavedBy;
use crate::nn::{Activation, Bias, HeadWeights, Rope};
use crate::weights::CheckpointFolder;

/// The sizes of the network, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// The vision tower.
    pub vision: VisionConfig,
    /// The language model.
    pub text: TextConfig,
    /// Id of the image placeholder.
    pub image_token_id: u32,
}

/// The sizes of the vision tower. All are at least 1.
#[derive(Debug, Clone)]
pub struct VisionConfig {
    /// Transformer blocks.
    pub depth: usize,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Width inside the feed-forward part.
    pub intermediate: usize,
    /// Attention heads; `hidden / heads` is a multiple of 4.
    pub heads: usize,
    /// Numbers per patch: channels x temporal x patch x patch.
    pub patch_numbers: usize,
    /// The convolution's weight: hidden, channels, temporal, patch, patch.
    pub patch_weight: [usize; 5],
    /// Patches per merged token along one side.
    pub merge: usize,
    /// Width of the language model.
    pub out_hidden: usize,
    /// Rows (and columns) of the table of learned positions.
    pub position_side: usize,
    /// Blocks whose output goes to the language model's first layers, increasing.
    pub deepstack: Vec<usize>,
    /// Activation of the feed-forward part.
    pub activation: Activation,
}

impl VisionConfig {
    /// Numbers per head.
    pub fn head_dim(&self) -> usize {
        self.hidden / self.heads
    }
}

/// The sizes of the language model. All are at least 1.
#[derive(Debug, Clone)]
pub struct TextConfig {
    /// Size of the vocabulary.
    pub vocabulary: usize,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Width inside the feed-forward part.
    pub intermediate: usize,
    /// Layers.
    pub layers: usize,
    /// Query heads, a multiple of `kv_heads`.
    pub heads: usize,
    /// Key/value heads.
    pub kv_heads: usize,
    /// Numbers per head, even.
    pub head_dim: usize,
    /// Added to the variance in norms.
    pub rms_eps: f64,
    /// The rotary frequencies.
    pub rope: Rope,
    /// Number of frequencies that follow time, row and column.
    pub mrope_section: [usize; 3],
    /// Longest sequence.
    pub max_positions: usize,
    /// Whether projections of the attention add a constant.
    pub attention_bias: Bias,
    /// Where the output head comes from.
    pub head: HeadWeights,
    /// Activation of the feed-forward part.
    pub activation: Activation,
    /// The mixture of experts, if it has one.
    pub experts: Option<ExpertsConfig>,
}

/// The sizes of a mixture of experts. All are at least 1.
#[derive(Debug, Clone)]
pub struct ExpertsConfig {
    /// Experts of a layer.
    pub experts: usize,
    /// How many of them a token goes through.
    pub per_token: usize,
    /// Width inside an expert.
    pub intermediate: usize,
    /// Every how many layers there is a mixture, the last of them.
    pub step: usize,
    /// Layers that have none all the same.
    pub dense_layers: Vec<usize>,
}

impl TextConfig {
    /// The mixture of experts that a layer has in place of the dense feed-forward part.
    pub fn experts_of(&self, layer: usize) -> Option<&ExpertsConfig> {
        let is_mixed = |experts: &&ExpertsConfig| {
            (layer + 1).is_multiple_of(experts.step) && !experts.dense_layers.contains(&layer)
        };
        self.experts.as_ref().filter(is_mixed)
    }
}

/// What transformers 4.57.3 takes where the file has no `rope_theta`; each file has one.
const DEFAULT_THETA: f64 = 5e6;

/// What it takes where the file has no `mrope_section`.
const DEFAULT_SECTION: [usize; 3] = [24, 20, 20];

/// The fields of the file that are read.
pub(super) const READ_OUTER: &[fn() -> &'static [&'static str]] = &[names_of::<RawConfig>];
/// Those of `text_config`.
pub(super) const READ_TEXT: &[fn() -> &'static [&'static str]] = &[names_of::<RawText>];
/// Those of `vision_config`.
pub(super) const READ_VISION: &[fn() -> &'static [&'static str]] = &[names_of::<RawVision>];

#[derive(Deserialize)]
struct RawConfig {
    vision_config: RawVision,
    text_config: RawText,
    #[serde(default = "default_image_token")]
    image_token_id: u32,
    tie_word_embeddings: Option<bool>,
}

fn default_image_token() -> u32 {
    151_655
}

#[derive(Deserialize)]
#[serde(default)]
struct RawVision {
    depth: usize,
    hidden_size: usize,
    hidden_act: String,
    intermediate_size: usize,
    num_heads: usize,
    in_channels: usize,
    patch_size: usize,
    spatial_merge_size: usize,
    temporal_patch_size: usize,
    out_hidden_size: usize,
    num_position_embeddings: usize,
    deepstack_visual_indexes: Vec<usize>,
}

impl Default for RawVision {
    fn default() -> Self {
        Self {
            depth: 27,
            hidden_size: 1152,
            hidden_act: "gelu_pytorch_tanh".to_owned(),
            intermediate_size: 4304,
            num_heads: 16,
            in_channels: 3,
            patch_size: 16,
            spatial_merge_size: 2,
            temporal_patch_size: 2,
            out_hidden_size: 3584,
            num_position_embeddings: 2304,
            deepstack_visual_indexes: vec![8, 16, 24],
        }
    }
}

#[derive(Deserialize)]
#[serde(default)]
struct RawText {
    model_type: String,
    vocab_size: usize,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: usize,
    head_dim: usize,
    hidden_act: String,
    max_position_embeddings: usize,
    rms_norm_eps: f64,
    tie_word_embeddings: Option<bool>,
    rope_theta: Option<f64>,
    rope_scaling: Option<Map<String, Value>>,
    rope_parameters: Option<Map<String, Value>>,
    partial_rotary_factor: Option<f64>,
    original_max_position_embeddings: Option<f64>,
    attention_bias: bool,
    #[serde(alias = "num_local_experts")]
    num_experts: usize,
    num_experts_per_tok: usize,
    moe_intermediate_size: usize,
    decoder_sparse_step: usize,
    mlp_only_layers: Option<Vec<usize>>,
    norm_topk_prob: bool,
}

impl Default for RawText {
    fn default() -> Self {
        Self {
            model_type: "qwen3_vl_text".to_owned(),
            vocab_size: 151_936,
            hidden_size: 4096,
            intermediate_size: 22_016,
            num_hidden_layers: 32,
            num_attention_heads: 32,
            num_key_value_heads: 32,
            head_dim: 128,
            hidden_act: "silu".to_owned(),
            max_position_embeddings: 128_000,
            rms_norm_eps: 1e-6,
            tie_word_embeddings: None,
            rope_theta: None,
            rope_scaling: None,
            rope_parameters: None,
            partial_rotary_factor: None,
            original_max_position_embeddings: None,
            attention_bias: false,
            num_experts: 60,
            num_experts_per_tok: 4,
            moe_intermediate_size: 1408,
            decoder_sparse_step: 1,
            mlp_only_layers: None,
            norm_topk_prob: true,
        }
    }
}

impl RawText {
    fn rope_fields(&self) -> RopeFields<'_> {
        RopeFields {
            rope_theta: self.rope_theta,
            rope_scaling: self.rope_scaling.as_ref(),
            rope_parameters: self.rope_parameters.as_ref(),
            partial_rotary_factor: self.partial_rotary_factor,
            original_max_position_embeddings: self.original_max_position_embeddings,
        }
    }
}

impl Config {
    /// Reads and checks `config.json`.
    pub fn load(folder: &CheckpointFolder) -> Result<Self, ModelError> {
        let raw: RawConfig = folder.required_json("config.json", "the configuration")?;
        let check = FieldCheck::new(folder.path().join("config.json"));
        let vision = check_vision(&raw.vision_config, &check)?;
        let saved_by = SavedBy::of(folder)?;
        let text = check_text(&raw.text_config, raw.tie_word_embeddings, saved_by, &check)?;
        check.that(vision.out_hidden == text.hidden, || {
            let expected = format!("text_config.hidden_size, which is {}", text.hidden);
            ("vision_config.out_hidden_size", vision.out_hidden.to_string(), expected)
        })?;
        check.that(vision.deepstack.len() <= text.layers, || {
            let expected = format!("at most as many blocks as text layers ({})", text.layers);
            ("vision_config.deepstack_visual_indexes", format!("{:?}", vision.deepstack), expected)
        })?;
        Ok(Self { vision, text, image_token_id: raw.image_token_id })
    }
}

fn check_vision(raw: &RawVision, check: &FieldCheck) -> Result<VisionConfig, ModelError> {
    check.sizes(&[
        ("vision_config.depth", raw.depth),
        ("vision_config.hidden_size", raw.hidden_size),
        ("vision_config.intermediate_size", raw.intermediate_size),
        ("vision_config.num_heads", raw.num_heads),
        ("vision_config.in_channels", raw.in_channels),
        ("vision_config.patch_size", raw.patch_size),
        ("vision_config.spatial_merge_size", raw.spatial_merge_size),
        ("vision_config.temporal_patch_size", raw.temporal_patch_size),
        ("vision_config.out_hidden_size", raw.out_hidden_size),
        ("vision_config.num_position_embeddings", raw.num_position_embeddings),
    ])?;
    check.that(raw.hidden_size.is_multiple_of(4 * raw.num_heads), || {
        let found = format!("{} with {} heads", raw.hidden_size, raw.num_heads);
        ("vision_config.hidden_size", found, "a multiple of 4 per head".to_owned())
    })?;
    check.that(raw.in_channels == 3, || {
        ("vision_config.in_channels", raw.in_channels.to_string(), "3 (RGB)".to_owned())
    })?;
    let patch_edges = [raw.patch_size, raw.temporal_patch_size, raw.spatial_merge_size];
    check.that(patch_edges.iter().all(|edge| *edge <= 256), || {
        let found = format!("{patch_edges:?} (with temporal_patch_size, spatial_merge_size)");
        ("vision_config.patch_size", found, "at most 256 each".to_owned())
    })?;
    let position_side = raw.num_position_embeddings.isqrt();
    check.that(position_side * position_side == raw.num_position_embeddings, || {
        let found = raw.num_position_embeddings.to_string();
        ("vision_config.num_position_embeddings", found, "a square number".to_owned())
    })?;
    check_deepstack(raw, check)?;
    let patch_weight =
        [raw.hidden_size, raw.in_channels, raw.temporal_patch_size, raw.patch_size, raw.patch_size];
    Ok(VisionConfig {
        depth: raw.depth,
        hidden: raw.hidden_size,
        intermediate: raw.intermediate_size,
        heads: raw.num_heads,
        patch_numbers: patch_weight[1..].iter().product(),
        patch_weight,
        merge: raw.spatial_merge_size,
        out_hidden: raw.out_hidden_size,
        position_side,
        deepstack: raw.deepstack_visual_indexes.clone(),
        activation: check.activation("vision_config.hidden_act", &raw.hidden_act)?,
    })
}

fn check_deepstack(raw: &RawVision, check: &FieldCheck) -> Result<(), ModelError> {
    let blocks = &raw.deepstack_visual_indexes;
    let increasing = blocks.windows(2).all(|pair| pair[0] < pair[1]);
    let in_range = blocks.iter().all(|block| *block < raw.depth);
    check.that(increasing && in_range, || {
        let expected = format!("increasing numbers below the depth of {}", raw.depth);
        ("vision_config.deepstack_visual_indexes", format!("{blocks:?}"), expected)
    })
}

fn check_text(
    raw: &RawText,
    tied_above: Option<bool>,
    saved_by: SavedBy,
    check: &FieldCheck,
) -> Result<TextConfig, ModelError> {
    check.sizes(&[
        ("text_config.vocab_size", raw.vocab_size),
        ("text_config.hidden_size", raw.hidden_size),
        ("text_config.intermediate_size", raw.intermediate_size),
        ("text_config.num_hidden_layers", raw.num_hidden_layers),
        ("text_config.num_attention_heads", raw.num_attention_heads),
        ("text_config.num_key_value_heads", raw.num_key_value_heads),
        ("text_config.head_dim", raw.head_dim),
        ("text_config.max_position_embeddings", raw.max_position_embeddings),
    ])?;
    check.that(raw.num_attention_heads.is_multiple_of(raw.num_key_value_heads), || {
        let expected = format!("a multiple of num_key_value_heads ({})", raw.num_key_value_heads);
        ("text_config.num_attention_heads", raw.num_attention_heads.to_string(), expected)
    })?;
    check.that(raw.head_dim.is_multiple_of(2), || {
        ("text_config.head_dim", raw.head_dim.to_string(), "an even number".to_owned())
    })?;
    check.that(raw.rms_norm_eps.is_finite() && raw.rms_norm_eps >= 0.0, || {
        ("text_config.rms_norm_eps", raw.rms_norm_eps.to_string(), "0 or more".to_owned())
    })?;
    let inner = check.under("text_config");
    let context =
        RopeContext { default_theta: DEFAULT_THETA, max_positions: raw.max_position_embeddings };
    Ok(TextConfig {
        vocabulary: raw.vocab_size,
        hidden: raw.hidden_size,
        intermediate: raw.intermediate_size,
        layers: raw.num_hidden_layers,
        heads: raw.num_attention_heads,
        kv_heads: raw.num_key_value_heads,
        head_dim: raw.head_dim,
        rms_eps: raw.rms_norm_eps,
        rope: raw.rope_fields().checked(context, &inner)?,
        mrope_section: raw.rope_fields().mrope_section(&inner)?.unwrap_or(DEFAULT_SECTION),
        max_positions: raw.max_position_embeddings,
        attention_bias: raw.attention_bias.into(),
        head: head(raw.tie_word_embeddings, tied_above, saved_by),
        activation: check.activation("text_config.hidden_act", &raw.hidden_act)?,
        experts: check_experts(raw, check)?,
    })
}

/// The inner switch decides in transformers 4 (`PreTrainedModel.tie_weights`), where files that lack it
/// have the outer one; in transformers 5 the outer one does.
fn head(inner: Option<bool>, outer: Option<bool>, saved_by: SavedBy) -> HeadWeights {
    let is_tied = match saved_by {
        SavedBy::Four => inner.or(outer),
        SavedBy::Five => outer,
    };
    saved_by.head(is_tied.unwrap_or(false))
}

fn check_experts(raw: &RawText, check: &FieldCheck) -> Result<Option<ExpertsConfig>, ModelError> {
    if raw.model_type != "qwen3_vl_moe_text" || raw.num_experts == 0 {
        return Ok(None);
    }
    check.sizes(&[
        ("text_config.num_experts_per_tok", raw.num_experts_per_tok),
        ("text_config.moe_intermediate_size", raw.moe_intermediate_size),
        ("text_config.decoder_sparse_step", raw.decoder_sparse_step),
    ])?;
    check.that(raw.num_experts_per_tok <= raw.num_experts, || {
        let expected = format!("at most num_experts ({})", raw.num_experts);
        ("text_config.num_experts_per_tok", raw.num_experts_per_tok.to_string(), expected)
    })?;
    check.that(raw.norm_topk_prob, || {
        let expected = "true (transformers 4.57.3 knows no other)".to_owned();
        ("text_config.norm_topk_prob", "false".to_owned(), expected)
    })?;
    Ok(Some(ExpertsConfig {
        experts: raw.num_experts,
        per_token: raw.num_experts_per_tok,
        intermediate: raw.moe_intermediate_size,
        step: raw.decoder_sparse_step,
        dense_layers: raw.mlp_only_layers.clone().unwrap_or_default(),
    }))
}
