/*!
`config.json` of BLIP-2 and InstructBLIP: what the file says, then what the network may rely on.

Field names and defaults are those of huggingface/transformers v4.57.3
`models/blip_2/configuration_blip_2.py` and `models/instructblip/configuration_instructblip.py`,
which agree. Files from before transformers 4.47 have no `image_token_index`; nothing but the
placeholder's id depends on it.
*/

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::text_config::{self, CheckedText, LanguageConfig, check_eps, check_heads};
use crate::model::ModelError;
use crate::model::field_table::names_of;
use crate::model::fields::FieldCheck;
use crate::nn::PatchSizes;
use crate::nn::eva_vit::{EvaVitConfig, QkvBias};
use crate::nn::qformer::{QFormerConfig, TextConfig};
use crate::weights::CheckpointFolder;

/// What the Q-Former reads beside the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QFormerInput {
    /// Nothing (BLIP-2).
    Queries,
    /// The prompt (InstructBLIP).
    QueriesAndPrompt,
}

/// The sizes of the network, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// The vision tower.
    pub vision: EvaVitConfig,
    /// The Q-Former; its queries are the tokens of a picture.
    pub qformer: QFormerConfig,
    /// The language model.
    pub language: LanguageConfig,
    /// Id of the image placeholder, if the file gives one.
    pub image_token: Option<u32>,
    /// Ids that end an answer, as `text_config` says.
    pub end_tokens: Vec<u32>,
}

/// The file, with `text_config` read as a `T`.
#[derive(Deserialize)]
pub(super) struct RawConfig<T: Default> {
    #[serde(default)]
    vision_config: RawVision,
    #[serde(default)]
    qformer_config: RawQFormer,
    #[serde(default)]
    pub(super) text_config: T,
    #[serde(default = "default_queries")]
    num_query_tokens: usize,
    #[serde(alias = "image_token_id")]
    image_token_index: Option<u32>,
}

/// The fields of the file that are read.
pub(super) const READ_OUTER: &[fn() -> &'static [&'static str]] =
    &[names_of::<RawConfig<IgnoredAny>>];
/// Those of `vision_config`.
pub(super) const READ_VISION: &[fn() -> &'static [&'static str]] = &[names_of::<RawVision>];
/// Those of `qformer_config`.
pub(super) const READ_QFORMER: &[fn() -> &'static [&'static str]] = &[names_of::<RawQFormer>];

fn default_queries() -> usize {
    32
}

#[derive(Deserialize)]
#[serde(default)]
struct RawVision {
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    image_size: usize,
    patch_size: usize,
    hidden_act: String,
    layer_norm_eps: f64,
    qkv_bias: bool,
}

impl Default for RawVision {
    fn default() -> Self {
        Self {
            hidden_size: 1408,
            intermediate_size: 6144,
            num_hidden_layers: 39,
            num_attention_heads: 16,
            image_size: 224,
            patch_size: 14,
            hidden_act: "gelu".to_owned(),
            layer_norm_eps: 1e-6,
            qkv_bias: true,
        }
    }
}

#[derive(Deserialize)]
#[serde(default)]
struct RawQFormer {
    vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    hidden_act: String,
    max_position_embeddings: usize,
    layer_norm_eps: f64,
    position_embedding_type: String,
    cross_attention_frequency: usize,
    use_qformer_text_input: bool,
}

impl Default for RawQFormer {
    fn default() -> Self {
        Self {
            vocab_size: 30_522,
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            intermediate_size: 3072,
            hidden_act: "gelu".to_owned(),
            max_position_embeddings: 512,
            layer_norm_eps: 1e-12,
            position_embedding_type: "absolute".to_owned(),
            cross_attention_frequency: 2,
            use_qformer_text_input: false,
        }
    }
}

impl Config {
    /// Reads and checks `config.json`.
    pub fn load(folder: &CheckpointFolder, input: QFormerInput) -> Result<Self, ModelError> {
        let raw: RawConfig<IgnoredAny> =
            folder.required_json("config.json", "the configuration")?;
        let check = FieldCheck::new(folder.path().join("config.json"));
        let vision = check_vision(&raw.vision_config, &check.under("vision_config"))?;
        check.sizes(&[("num_query_tokens", raw.num_query_tokens)])?;
        let mut qformer =
            check_qformer(&raw.qformer_config, input, &check.under("qformer_config"))?;
        qformer.queries = raw.num_query_tokens;
        qformer.features = vision.hidden;
        let CheckedText { language, end_tokens } = text_config::load(folder, &check)?;
        Ok(Self { vision, qformer, language, image_token: raw.image_token_index, end_tokens })
    }
}

fn check_vision(raw: &RawVision, check: &FieldCheck) -> Result<EvaVitConfig, ModelError> {
    check.sizes(&[
        ("hidden_size", raw.hidden_size),
        ("intermediate_size", raw.intermediate_size),
        ("num_hidden_layers", raw.num_hidden_layers),
        ("num_attention_heads", raw.num_attention_heads),
        ("image_size", raw.image_size),
        ("patch_size", raw.patch_size),
    ])?;
    check_heads("hidden_size", raw.hidden_size, raw.num_attention_heads, check)?;
    check_eps("layer_norm_eps", raw.layer_norm_eps, check)?;
    check.that(raw.image_size <= 4096, || {
        ("image_size", raw.image_size.to_string(), "at most 4096 pixels".to_owned())
    })?;
    check.that(raw.image_size.is_multiple_of(raw.patch_size), || {
        let expected = format!("a multiple of patch_size ({})", raw.patch_size);
        ("image_size", raw.image_size.to_string(), expected)
    })?;
    Ok(EvaVitConfig {
        depth: raw.num_hidden_layers,
        hidden: raw.hidden_size,
        intermediate: raw.intermediate_size,
        heads: raw.num_attention_heads,
        sizes: PatchSizes { image_side: raw.image_size, patch_side: raw.patch_size },
        position_side: raw.image_size / raw.patch_size,
        eps: raw.layer_norm_eps,
        activation: check.activation("hidden_act", &raw.hidden_act)?,
        qkv_bias: if raw.qkv_bias { QkvBias::Fused } else { QkvBias::Absent },
    })
}

/// The number of queries and the width of the picture's features stand elsewhere in the file.
fn check_qformer(
    raw: &RawQFormer,
    input: QFormerInput,
    check: &FieldCheck,
) -> Result<QFormerConfig, ModelError> {
    check.sizes(&[
        ("vocab_size", raw.vocab_size),
        ("hidden_size", raw.hidden_size),
        ("num_hidden_layers", raw.num_hidden_layers),
        ("num_attention_heads", raw.num_attention_heads),
        ("intermediate_size", raw.intermediate_size),
        ("max_position_embeddings", raw.max_position_embeddings),
        ("cross_attention_frequency", raw.cross_attention_frequency),
    ])?;
    check_heads("hidden_size", raw.hidden_size, raw.num_attention_heads, check)?;
    check_eps("layer_norm_eps", raw.layer_norm_eps, check)?;
    check.that(raw.position_embedding_type == "absolute", || {
        let found = format!("`{}`", raw.position_embedding_type);
        ("position_embedding_type", found, "`absolute`".to_owned())
    })?;
    check.that(!raw.use_qformer_text_input, || {
        let expected = "false (checkpoints for retrieval do not generate)".to_owned();
        ("use_qformer_text_input", "true".to_owned(), expected)
    })?;
    let text = TextConfig { vocabulary: raw.vocab_size, max_tokens: raw.max_position_embeddings };
    Ok(QFormerConfig {
        queries: 0,
        hidden: raw.hidden_size,
        layers: raw.num_hidden_layers,
        heads: raw.num_attention_heads,
        intermediate: raw.intermediate_size,
        cross_attention_every: raw.cross_attention_frequency,
        features: 0,
        eps: raw.layer_norm_eps,
        activation: check.activation("hidden_act", &raw.hidden_act)?,
        text: (input == QFormerInput::QueriesAndPrompt).then_some(text),
    })
}
