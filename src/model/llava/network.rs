//! The half of LLaVA-1.5 with weights: where the tensors of each layout are, and the vision part.

use candle_core::{DType, Device, Tensor};

use super::config::{Config, FeatureTokens, Layout};
use crate::model::joined::Vision;
use crate::model::{ImageFeatures, ModelError, PreparedImage};
use crate::nn::{Activation, ClipTower, Linear, Llama, linear};
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
    /// transformers renamed its parts in 4.52; published files have the old names. Since version 5 it
    /// writes the tower without an inner name.
    fn of_hub(root: &TensorReader) -> Self {
        let renamed = root.contains("model.language_model.embed_tokens.weight");
        let (outer, body, head) = match renamed {
            true => (root.under("model"), "model.language_model", "lm_head"),
            false => (root.clone(), "language_model.model", "language_model.lm_head"),
        };
        let projector = outer.under("multi_modal_projector");
        Self {
            tower: match outer.contains("vision_tower.embeddings.class_embedding") {
                true => outer.under("vision_tower"),
                false => outer.under("vision_tower.vision_model"),
            },
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
            image_side: config.clip.sizes.image_side,
        })
    }
}

impl Vision for LlavaVision {
    fn encode(&self, images: &[&PreparedImage]) -> Result<Vec<ImageFeatures>, ModelError> {
        for (index, image) in images.iter().enumerate() {
            self.check_side(index, image)?;
        }
        let pixels: Vec<&Tensor> = images.iter().map(|image| &image.pixels).collect();
        let states = self.tower.forward(&pixels)?;
        let (pictures, tokens, width) = states.dims3()?;
        let (states, kept) = match self.feature_tokens {
            FeatureTokens::Patches => (states.narrow(1, 1, tokens - 1)?, tokens - 1),
            FeatureTokens::ClassAndPatches => (states, tokens),
        };
        let rows = states.reshape((pictures * kept, width))?;
        let inner = self.project_in.forward_activated(&rows, self.activation)?;
        let projected = self.project_out.forward(&inner)?;
        let tokens = (0..pictures).map(|picture| projected.narrow(0, picture * kept, kept));
        tokens.map(|tokens| Ok(ImageFeatures { tokens: tokens?, deep: Vec::new() })).collect()
    }
}

impl LlavaVision {
    fn check_side(&self, index: usize, image: &PreparedImage) -> Result<(), ModelError> {
        let (found, expected) = (image.pixels.dims3()?, (3, self.image_side, self.image_side));
        if found == expected {
            return Ok(());
        }
        let what = "the side of the square";
        Err(ModelError::ImageMismatch { index, what, found: found.1, expected: expected.1 })
    }
}
