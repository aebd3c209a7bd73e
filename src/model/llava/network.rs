//! The half of LLaVA-1.5 with weights: where the tensors of each layout are, and the vision part.

use candle_core::{DType, Device};
use candle_nn::{Activation, Linear, Module};

use super::config::{Config, FeatureTokens, Layout};
use crate::model::joined::Vision;
use crate::model::{ImageFeatures, ModelError, PreparedImage};
use crate::nn::{ClipTower, Llama, activate, linear};
use crate::weights::{CheckpointFolder, TensorReader, WeightsError};

/// Reads the weights and puts them on `device` as `dtype`.
pub(super) fn load(
    folder: &CheckpointFolder,
    config: &Config,
    device: &Device,
    dtype: DType,
) -> Result<(LlavaVision, Llama), ModelError> {
    let root = folder.weights()?.reader(device, dtype);
    let places = match &config.layout {
        Layout::Hub { .. } => Places::of_hub(&root),
        Layout::Original { tower, .. } => {
            Places::of_original(&root, &tower.weights()?.reader(device, dtype))
        }
    };
    let vision = LlavaVision::load(config, &places)?;
    Ok((vision, Llama::load(config.text, &places.body, &places.head)?))
}

/// Where the parts lie in a checkpoint.
struct Places {
    tower: TensorReader,
    /// The two linear maps.
    projector: [TensorReader; 2],
    /// The language model without its head.
    body: TensorReader,
    head: TensorReader,
}

impl Places {
    /// transformers renamed its parts in 4.52; published files have the old names.
    fn of_hub(root: &TensorReader) -> Self {
        let renamed = root.contains("model.language_model.embed_tokens.weight");
        let (outer, body, head) = match renamed {
            true => (root.under("model"), "model.language_model", "lm_head"),
            false => (root.clone(), "language_model.model", "language_model.lm_head"),
        };
        let projector = outer.under("multi_modal_projector");
        Self {
            tower: outer.under("vision_tower.vision_model"),
            projector: [projector.under("linear_1"), projector.under("linear_2")],
            body: root.under(body),
            head: root.under(head),
        }
    }

    fn of_original(root: &TensorReader, tower: &TensorReader) -> Self {
        let body = root.under("model");
        let projector = body.under("mm_projector");
        Self {
            tower: tower.under("vision_model"),
            projector: [projector.under(0), projector.under(2)],
            body,
            head: root.under("lm_head"),
        }
    }
}

/// The tower and the two linear maps that lead to the language model.
#[derive(Debug)]
pub(super) struct LlavaVision {
    tower: ClipTower,
    feature_tokens: FeatureTokens,
    project_in: Linear,
    activation: Activation,
    project_out: Linear,
    image_side: usize,
}

impl LlavaVision {
    fn load(config: &Config, places: &Places) -> Result<Self, WeightsError> {
        let (seen, text) = (config.clip.hidden, config.text.hidden);
        let [first, second] = &places.projector;
        Ok(Self {
            tower: ClipTower::load(&config.clip, &places.tower)?,
            feature_tokens: config.feature_tokens,
            project_in: linear(seen, text, config.projector_bias, first)?,
            activation: config.projector_activation,
            project_out: linear(text, text, config.projector_bias, second)?,
            image_side: config.clip.image_side,
        })
    }
}

impl Vision for LlavaVision {
    fn encode(&self, image: &PreparedImage) -> Result<ImageFeatures, ModelError> {
        let (found, expected) = (image.pixels.dims3()?, (3, self.image_side, self.image_side));
        if found != expected {
            let what = "the side of the square";
            return Err(ModelError::ImageMismatch {
                index: 0,
                what,
                found: found.1,
                expected: expected.1,
            });
        }
        let state = self.tower.forward(&image.pixels)?;
        let features = match self.feature_tokens {
            FeatureTokens::Patches => state.narrow(0, 1, state.dim(0)? - 1)?.contiguous()?,
            FeatureTokens::ClassAndPatches => state,
        };
        let inner = activate(self.activation, self.project_in.forward(&features)?)?;
        let tokens = self.project_out.forward(&inner)?;
        Ok(ImageFeatures { tokens, deep: Vec::new() })
    }
}
