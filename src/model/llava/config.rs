/*!
`config.json` of LLaVA-1.5 in both layouts: what the file says, then what the network may rely on.

Field names and defaults are those of huggingface/transformers v4.57.3
`models/llava/configuration_llava.py` and `models/clip/configuration_clip.py`, and of
haotian-liu/LLaVA `llava/model/` (`mm_*`).
*/

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::model::ModelError;
use crate::model::clip_config::RawClipTower;
use crate::model::field_table::names_of;
use crate::model::fields::FieldCheck;
use crate::model::llama_config::RawLlama;
use crate::model::saved_by::SavedBy;
use crate::nn::{Activation, Bias, ClipConfig, LlamaConfig};
use crate::weights::CheckpointFolder;

const NAME: &str = "config.json";

/// The sizes of the network, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// The vision tower, with only as many layers as are used.
    pub clip: ClipConfig,
    /// Which of the tower's tokens are used.
    pub feature_tokens: FeatureTokens,
    /// Activation between the two linear maps of the projector.
    pub projector_activation: Activation,
    /// Whether these add constants.
    pub projector_bias: Bias,
    /// The language model.
    pub text: LlamaConfig,
    /// How the checkpoint is laid out.
    pub layout: Layout,
}

/// Which of the tower's tokens the language model gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeatureTokens {
    /// One for each patch.
    Patches,
    /// The class token and one for each patch.
    ClassAndPatches,
}

/// How a checkpoint is laid out, and what depends on that.
#[derive(Debug, Clone)]
pub enum Layout {
    /// `llava-hf/*`: everything in one folder, the placeholder in the vocabulary.
    Hub {
        /// Id of the placeholder.
        image_token_id: u32,
    },
    /// `liuhaotian/*`: the tower in a folder of its own, no placeholder in the vocabulary.
    Original {
        /// The tower's checkpoint.
        tower: CheckpointFolder,
        /// `image_aspect_ratio`.
        squaring: Squaring,
    },
}

/// How a picture that is no square becomes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Squaring {
    /// Bars in the mean colour beside it, the picture in the middle: nothing is lost.
    Pad,
    /// The middle is cut out: what lies beside it is lost.
    Crop,
}

impl Config {
    /// Reads and checks `config.json`, and that of the tower where it has one.
    pub fn load(folder: &CheckpointFolder) -> Result<Self, ModelError> {
        let kind: LayoutField = folder.required_json(NAME, "the configuration")?;
        match kind.mm_vision_tower {
            Some(tower) => load_original(folder, &tower),
            None => load_hub(folder),
        }
    }

    /// Tokens that stand for a picture in the prompt.
    pub fn visual_tokens(&self) -> usize {
        match self.feature_tokens {
            FeatureTokens::Patches => self.clip.sizes.patches(),
            FeatureTokens::ClassAndPatches => self.clip.sizes.tokens(),
        }
    }
}

/// The fields of the hub's file that are read.
pub(super) const READ_HUB: &[fn() -> &'static [&'static str]] = &[names_of::<RawHub>];
/// Those of the original's.
pub(super) const READ_ORIGINAL: &[fn() -> &'static [&'static str]] =
    &[names_of::<LayoutField>, names_of::<RawOriginal>, names_of::<RawLlama>];
/// Those of the tower's.
pub(super) const READ_TOWER: &[fn() -> &'static [&'static str]] = &[names_of::<RawClipTower>];

/// Whether the folder has the original layout.
pub(super) fn is_original(folder: &CheckpointFolder) -> Result<bool, ModelError> {
    let kind: LayoutField = folder.required_json(NAME, "the configuration")?;
    Ok(kind.mm_vision_tower.is_some())
}

/// The field that only the original layout has.
#[derive(Deserialize)]
struct LayoutField {
    mm_vision_tower: Option<String>,
}

#[derive(Deserialize)]
#[serde(default)]
struct RawHub {
    #[serde(default = "default_tower")]
    vision_config: RawClipTower,
    text_config: RawLlama,
    #[serde(alias = "image_token_id")]
    image_token_index: u32,
    projector_hidden_act: String,
    vision_feature_select_strategy: String,
    vision_feature_layer: FeatureLayers,
    multimodal_projector_bias: bool,
    tie_word_embeddings: bool,
}

/// Which of the tower's layers the projector reads: a number, or a list of them.
#[derive(Deserialize)]
#[serde(untagged)]
enum FeatureLayers {
    One(i64),
    Several(Vec<i64>),
}

impl FeatureLayers {
    /// The only one. (transformers puts the features of several side by side.)
    fn only(&self, check: &FieldCheck) -> Result<i64, ModelError> {
        match self {
            Self::One(layer) => Ok(*layer),
            Self::Several(layers) => match layers[..] {
                [layer] => Ok(layer),
                _ => {
                    let expected =
                        "one layer (features of several side by side are not implemented)";
                    Err(check.error("vision_feature_layer", format!("{layers:?}"), expected))
                }
            },
        }
    }
}

impl Default for RawHub {
    fn default() -> Self {
        Self {
            vision_config: default_tower(),
            text_config: RawLlama::default(),
            image_token_index: 32_000,
            projector_hidden_act: "gelu".to_owned(),
            vision_feature_select_strategy: "default".to_owned(),
            vision_feature_layer: FeatureLayers::One(-2),
            multimodal_projector_bias: true,
            tie_word_embeddings: false,
        }
    }
}

/// The fields that the original layout has beside those of a Llama.
#[derive(Deserialize)]
struct RawOriginal {
    #[serde(default)]
    mm_projector_type: Option<String>,
    #[serde(default = "last_but_one")]
    mm_vision_select_layer: i64,
    #[serde(default = "patch")]
    mm_vision_select_feature: String,
    #[serde(default)]
    mm_use_im_start_end: bool,
    image_aspect_ratio: Option<String>,
}

fn last_but_one() -> i64 {
    -2
}

fn patch() -> String {
    "patch".to_owned()
}

/// The tower's `config.json`: the whole CLIP's, or the tower's alone.
#[derive(Deserialize)]
struct TowerFile {
    vision_config: Option<RawClipTower>,
}

/// What LLaVA's configuration takes if it says nothing of the tower: ViT-L/14 at 336 pixels.
fn default_tower() -> RawClipTower {
    RawClipTower {
        hidden_size: 1024,
        intermediate_size: 4096,
        num_hidden_layers: 24,
        num_attention_heads: 16,
        image_size: 336,
        patch_size: 14,
        ..RawClipTower::default()
    }
}

/// The tower, checked, as far as the feature layer that is wanted.
fn tower_up_to(
    feature: i64,
    tower: &RawClipTower,
    check: &FieldCheck,
) -> Result<ClipConfig, ModelError> {
    check.that(tower.model_type == "clip_vision_model", || {
        ("model_type", format!("`{}`", tower.model_type), "`clip_vision_model`".to_owned())
    })?;
    let whole = tower.checked(check)?;
    Ok(ClipConfig { layers: used_layers(feature, whole.layers, check)?, ..whole })
}

/// The layers to run for transformers' `hidden_states[feature]`, where -1 is the last of
/// `num_hidden_layers + 1`.
fn used_layers(feature: i64, all: usize, check: &FieldCheck) -> Result<usize, ModelError> {
    let states = all as i64 + 1;
    let layers = if feature < 0 { states + feature } else { feature };
    match usize::try_from(layers) {
        Ok(layers) if (1..=all).contains(&layers) => Ok(layers),
        _ => {
            let field = "num_hidden_layers";
            let expected = format!("enough layers for feature layer {feature}");
            Err(check.error(field, all.to_string(), expected))
        }
    }
}

fn load_hub(folder: &CheckpointFolder) -> Result<Config, ModelError> {
    let raw: RawHub = folder.required_json(NAME, "the configuration")?;
    let check = FieldCheck::new(folder.path().join(NAME));
    let saved_by = SavedBy::of(folder)?;
    let mut text = raw.text_config.checked(&["llama"], saved_by, &check.under("text_config"))?;
    if saved_by == SavedBy::Five && raw.tie_word_embeddings {
        text.head = saved_by.head(true);
    }
    let feature = raw.vision_feature_layer.only(&check)?;
    let clip = tower_up_to(feature, &raw.vision_config, &check.under("vision_config"))?;
    let strategy = raw.vision_feature_select_strategy;
    let feature_tokens = match strategy.as_str() {
        "default" => FeatureTokens::Patches,
        "full" => FeatureTokens::ClassAndPatches,
        _ => {
            let field = "vision_feature_select_strategy";
            return Err(check.error(field, format!("`{strategy}`"), "`default` or `full`"));
        }
    };
    let activation = check.activation("projector_hidden_act", &raw.projector_hidden_act)?;
    let bias = raw.multimodal_projector_bias.into();
    let layout = Layout::Hub { image_token_id: raw.image_token_index };
    let (projector_activation, projector_bias) = (activation, bias);
    Ok(Config { clip, feature_tokens, projector_activation, projector_bias, text, layout })
}

fn load_original(folder: &CheckpointFolder, tower: &str) -> Result<Config, ModelError> {
    let raw: RawOriginal = folder.required_json(NAME, "the configuration")?;
    let llama: RawLlama = folder.required_json(NAME, "the configuration")?;
    let check = FieldCheck::new(folder.path().join(NAME));
    let text = llama.checked(&["llava", "llava_llama"], SavedBy::of(folder)?, &check)?;
    let projector = raw.mm_projector_type.as_deref().unwrap_or("linear");
    check.that(projector == "mlp2x_gelu", || {
        ("mm_projector_type", format!("`{projector}`"), "`mlp2x_gelu`".to_owned())
    })?;
    check.that(!raw.mm_use_im_start_end, || {
        let expected = "false (LLaVA-1.5 marks no start and end of a picture)";
        ("mm_use_im_start_end", "true".to_owned(), expected.to_owned())
    })?;
    let squaring = squaring(raw.image_aspect_ratio.as_deref(), &check)?;
    let feature = raw.mm_vision_select_feature;
    let feature_tokens = match feature.as_str() {
        "patch" => FeatureTokens::Patches,
        "cls_patch" => FeatureTokens::ClassAndPatches,
        _ => {
            let field = "mm_vision_select_feature";
            return Err(check.error(field, format!("`{feature}`"), "`patch` or `cls_patch`"));
        }
    };
    let tower = find_tower(folder, tower, &check)?;
    Ok(Config {
        clip: load_tower(&tower, raw.mm_vision_select_layer)?,
        feature_tokens,
        projector_activation: Activation::Gelu,
        projector_bias: Bias::With,
        text,
        layout: Layout::Original { tower, squaring },
    })
}

/// What `process_images` of the original does with a picture; LLaVA-1.6 would cut it to tiles.
fn squaring(aspect_ratio: Option<&str>, check: &FieldCheck) -> Result<Squaring, ModelError> {
    match aspect_ratio {
        Some("pad") => Ok(Squaring::Pad),
        Some("square") | None => Ok(Squaring::Crop),
        Some(other) => {
            let expected = "`pad` or `square` (LLaVA-1.6 is not supported)";
            Err(check.error("image_aspect_ratio", format!("`{other}`"), expected))
        }
    }
}

fn load_tower(tower: &CheckpointFolder, feature: i64) -> Result<ClipConfig, ModelError> {
    let check = FieldCheck::new(tower.path().join(NAME));
    let file: TowerFile = tower.required_json(NAME, "the tower's configuration")?;
    match file.vision_config {
        Some(raw) => tower_up_to(feature, &raw, &check.under("vision_config")),
        None => {
            let raw: RawClipTower = tower.required_json(NAME, "the tower's configuration")?;
            tower_up_to(feature, &raw, &check)
        }
    }
}

/// The folder that `mm_vision_tower` names: a path, or a hub repository of which there is a copy
/// in or beside the checkpoint's folder.
fn find_tower(
    folder: &CheckpointFolder,
    name: &str,
    check: &FieldCheck,
) -> Result<CheckpointFolder, ModelError> {
    let last = Path::new(name).file_name().map(PathBuf::from).unwrap_or_default();
    let beside = folder.path().join("..");
    let places = [
        folder.path().join(name),
        folder.path().join(&last),
        beside.join(name),
        beside.join(&last),
    ];
    match places.iter().find(|place| place.join(NAME).is_file()) {
        Some(place) => Ok(CheckpointFolder::open(place)?),
        None => Err(check.error(
            "mm_vision_tower",
            format!("`{name}`"),
            format!(
                "the path of a CLIP checkpoint, or a repository of which a copy lies in or beside \
                 this folder: put its files into {}",
                beside_of(folder.path()).join(&last).display()
            ),
        )),
    }
}

fn beside_of(folder: &Path) -> PathBuf {
    folder.parent().map_or_else(|| folder.join(".."), Path::to_owned)
}
