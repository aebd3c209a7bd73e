//! The sizes of CLIP's vision tower as `config.json` has them, with the defaults of
//! huggingface/transformers v4.57.3 `models/clip/configuration_clip.py`.

use serde::Deserialize;

use super::ModelError;
use super::fields::FieldCheck;
use crate::nn::{Activation, CLIP_NORM_EPS, ClipConfig, PatchSizes};

/// A `vision_config`, not checked yet.
#[derive(Deserialize)]
#[serde(default)]
pub(crate) struct RawClipTower {
    pub(crate) model_type: String,
    pub(crate) hidden_size: usize,
    pub(crate) intermediate_size: usize,
    pub(crate) num_hidden_layers: usize,
    pub(crate) num_attention_heads: usize,
    pub(crate) num_channels: usize,
    pub(crate) image_size: usize,
    pub(crate) patch_size: usize,
    pub(crate) hidden_act: String,
    pub(crate) layer_norm_eps: f64,
}

impl Default for RawClipTower {
    fn default() -> Self {
        Self {
            model_type: "clip_vision_model".to_owned(),
            hidden_size: 768,
            intermediate_size: 3072,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            num_channels: 3,
            image_size: 224,
            patch_size: 32,
            hidden_act: "quick_gelu".to_owned(),
            layer_norm_eps: CLIP_NORM_EPS,
        }
    }
}

impl RawClipTower {
    /// The tower with all its layers.
    pub(crate) fn checked(&self, check: &FieldCheck) -> Result<ClipConfig, ModelError> {
        check.sizes(&[
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("image_size", self.image_size),
            ("patch_size", self.patch_size),
        ])?;
        self.check_kind(check)?;
        check.that(self.hidden_size.is_multiple_of(self.num_attention_heads), || {
            let expected = format!("a multiple of {} heads", self.num_attention_heads);
            ("hidden_size", self.hidden_size.to_string(), expected)
        })?;
        check.that(self.patch_size <= self.image_size && self.image_size <= 1 << 14, || {
            let found = format!("{} with patches of {}", self.image_size, self.patch_size);
            ("image_size", found, format!("at least one patch and at most {}", 1 << 14))
        })?;
        Ok(ClipConfig {
            hidden: self.hidden_size,
            intermediate: self.intermediate_size,
            layers: self.num_hidden_layers,
            heads: self.num_attention_heads,
            activation: clip_activation(&self.hidden_act, check)?,
            sizes: PatchSizes { image_side: self.image_size, patch_side: self.patch_size },
        })
    }

    /// The tower has no choice here.
    fn check_kind(&self, check: &FieldCheck) -> Result<(), ModelError> {
        check.that(self.layer_norm_eps == CLIP_NORM_EPS, || {
            ("layer_norm_eps", self.layer_norm_eps.to_string(), CLIP_NORM_EPS.to_string())
        })?;
        check.that(self.num_channels == 3, || {
            ("num_channels", self.num_channels.to_string(), "3 (RGB)".to_owned())
        })
    }
}

/// The activation of a tower: OpenAI's checkpoints have quick GELU, LAION's GELU.
pub(crate) fn clip_activation(name: &str, check: &FieldCheck) -> Result<Activation, ModelError> {
    match name {
        "quick_gelu" => Ok(Activation::QuickGelu),
        "gelu" => Ok(Activation::Gelu),
        _ => Err(check.error("hidden_act", format!("`{name}`"), "`quick_gelu` or `gelu`")),
    }
}
