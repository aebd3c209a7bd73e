//! CLIP (Radford et al. 2021, arXiv 2103.00020): features of pictures and of texts in one space.
//!
//! Equal to huggingface/transformers v4.57.3 `models/clip` (`get_image_features`,
//! `get_text_features`), for OpenAI's checkpoints (quick GELU) and LAION's (GELU).

use ::image::RgbImage;
use candle_core::{DType, Device, Result as TensorResult, Tensor};
use candle_nn::{LayerNorm, Module};
use serde::Deserialize;

use super::fitted;
use crate::model::ModelError;
use crate::model::clip_config::{RawClipTower, clip_activation};
use crate::model::clip_image::{ClipImage, RawClipImage, check_aspect};
use crate::model::fields::FieldCheck;
use crate::model::picture_settings::PictureSettings;
use crate::model::square_image::size_of;
use crate::model::tokenizer::TextTokenizer;
use crate::nn::{CLIP_NORM_EPS, ClipTextConfig, ClipTextTower, ClipTower, layer_norm};
use crate::weights::CheckpointFolder;

/// Ids of configurations before the end token's was right in them: there the largest id is the end.
const LEGACY_END: u32 = 2;

#[derive(Deserialize)]
struct RawConfig {
    #[serde(default)]
    text_config: RawTextConfig,
    #[serde(default)]
    vision_config: RawClipTower,
    /// Older files have these too, and they overrule the ones above.
    text_config_dict: Option<RawTextConfig>,
    vision_config_dict: Option<RawClipTower>,
    projection_dim: usize,
}

impl RawConfig {
    fn text(&self) -> (&RawTextConfig, &'static str) {
        match &self.text_config_dict {
            Some(text) => (text, "text_config_dict"),
            None => (&self.text_config, "text_config"),
        }
    }

    fn vision(&self) -> (&RawClipTower, &'static str) {
        match &self.vision_config_dict {
            Some(vision) => (vision, "vision_config_dict"),
            None => (&self.vision_config, "vision_config"),
        }
    }
}

/// With the defaults of `configuration_clip.py`.
#[derive(Deserialize)]
#[serde(default)]
struct RawTextConfig {
    vocab_size: usize,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    max_position_embeddings: usize,
    hidden_act: String,
    layer_norm_eps: f64,
    eos_token_id: u32,
}

impl Default for RawTextConfig {
    fn default() -> Self {
        Self {
            vocab_size: 49_408,
            hidden_size: 512,
            intermediate_size: 2048,
            num_hidden_layers: 12,
            num_attention_heads: 8,
            max_position_embeddings: 77,
            hidden_act: "quick_gelu".to_owned(),
            layer_norm_eps: CLIP_NORM_EPS,
            eos_token_id: 49_407,
        }
    }
}

/// Both towers and what leads into them.
pub struct ClipScorer {
    picture: ClipImage,
    tokenizer: TextTokenizer,
    end: EndOfText,
    longest: usize,
    vocabulary: usize,
    vision: ClipTower,
    /// After the last layer, of the class token.
    vision_norm: LayerNorm,
    text: ClipTextTower,
    visual_projection: Tensor,
    text_projection: Tensor,
    device: Device,
}

/// Which token's state stands for the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EndOfText {
    /// The first one of the largest id.
    LargestId,
    /// The first one of this id.
    Id(u32),
}

impl EndOfText {
    fn place(self, ids: &[u32]) -> usize {
        let end = match self {
            Self::LargestId => ids.iter().max().copied(),
            Self::Id(id) => Some(id),
        };
        ids.iter().position(|id| Some(*id) == end).unwrap_or(0)
    }
}

impl ClipScorer {
    /// Loads `config.json`, `preprocessor_config.json`, `tokenizer.json` and the weights, in f32.
    ///
    /// # Errors
    /// A file is missing or cannot be used.
    pub fn load(folder: &CheckpointFolder, device: &Device) -> Result<Self, ModelError> {
        let raw: RawConfig = folder.required_json("config.json", "the sizes of the towers")?;
        let check = FieldCheck::new(folder.path().join("config.json"));
        let (text, section) = raw.text();
        let text_config = checked_text(text, &check.under(section))?;
        let (vision, section) = raw.vision();
        let vision = vision.checked(&check.under(section))?;
        check.sizes(&[("projection_dim", raw.projection_dim)])?;
        let settings = PictureSettings::find(folder)?;
        let (steps, steps_check): (RawClipImage, _) = (settings.read()?, settings.check());
        let reader = folder.weights()?.reader(device, DType::F32);
        let projection =
            |name: &str, width| reader.under(name).tensor("weight", &[raw.projection_dim, width]);
        Ok(Self {
            picture: ClipImage::check(&steps, vision.sizes.image_side, &steps_check)?,
            tokenizer: TextTokenizer::without_stop_tokens(folder, "tokenizer.json")?,
            end: match text.eos_token_id {
                LEGACY_END => EndOfText::LargestId,
                id => EndOfText::Id(id),
            },
            longest: text.max_position_embeddings,
            vocabulary: text.vocab_size,
            visual_projection: projection("visual_projection", vision.hidden)?,
            text_projection: projection("text_projection", text.hidden_size)?,
            vision: ClipTower::load(&vision, &reader.under("vision_model"))?,
            vision_norm: layer_norm(
                vision.hidden,
                CLIP_NORM_EPS,
                &reader.under("vision_model.post_layernorm"),
            )?,
            text: ClipTextTower::load(&text_config, &reader.under("text_model"))?,
            device: device.clone(),
        })
    }

    /// The features of a picture, not normalised.
    ///
    /// # Errors
    /// The picture has no pixels or is a thread, or the network failed.
    pub fn image_features(&self, picture: &RgbImage) -> Result<Vec<f32>, ModelError> {
        check_aspect(size_of(picture)?)?;
        let pixels = self.picture.normalise(&self.picture.centre(picture))?;
        let states = self.vision.forward(&[&pixels.to_device(&self.device)?])?;
        let pooled = self.vision_norm.forward(&states.narrow(1, 0, 1)?.squeeze(1)?)?;
        Ok(projected(&pooled, &self.visual_projection)?)
    }

    /// The features of a text, not normalised; what is beyond the tower's length is cut off before
    /// the end token.
    ///
    /// # Errors
    /// The text has no tokens or one that the tower does not know, or the network failed.
    pub fn text_features(&self, text: &str) -> Result<Vec<f32>, ModelError> {
        let ids = self.text_ids(text)?;
        let place = self.end.place(&ids);
        let states = self.text.forward(&ids)?;
        Ok(projected(&states.narrow(0, place, 1)?, &self.text_projection)?)
    }

    /// The ids that the text tower reads.
    ///
    /// # Errors
    /// As [`Self::text_features`].
    pub fn text_ids(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        fitted(self.tokenizer.encode(text)?, self.longest, self.vocabulary)
    }
}

fn projected(pooled: &Tensor, projection: &Tensor) -> TensorResult<Vec<f32>> {
    pooled.matmul(&projection.t()?)?.squeeze(0)?.to_vec1()
}

fn checked_text(raw: &RawTextConfig, check: &FieldCheck) -> Result<ClipTextConfig, ModelError> {
    check.sizes(&[
        ("vocab_size", raw.vocab_size),
        ("hidden_size", raw.hidden_size),
        ("intermediate_size", raw.intermediate_size),
        ("num_hidden_layers", raw.num_hidden_layers),
        ("num_attention_heads", raw.num_attention_heads),
        ("max_position_embeddings", raw.max_position_embeddings),
    ])?;
    check.that(raw.hidden_size.is_multiple_of(raw.num_attention_heads), || {
        let expected = format!("a multiple of the {} heads", raw.num_attention_heads);
        ("hidden_size", raw.hidden_size.to_string(), expected)
    })?;
    check.that((raw.layer_norm_eps - CLIP_NORM_EPS).abs() < 1e-12, || {
        ("layer_norm_eps", raw.layer_norm_eps.to_string(), CLIP_NORM_EPS.to_string())
    })?;
    Ok(ClipTextConfig {
        vocabulary: raw.vocab_size,
        positions: raw.max_position_embeddings,
        hidden: raw.hidden_size,
        intermediate: raw.intermediate_size,
        layers: raw.num_hidden_layers,
        heads: raw.num_attention_heads,
        activation: clip_activation(&raw.hidden_act, check)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_the_first_of_its_kind() {
        assert_eq!(EndOfText::LargestId.place(&[49_406, 7, 49_407, 49_407]), 2);
        assert_eq!(EndOfText::Id(5).place(&[9, 5, 7, 5]), 1);
        // transformers' argmax over nothing found is the first place.
        assert_eq!(EndOfText::Id(5).place(&[9, 7]), 0);
    }
}
