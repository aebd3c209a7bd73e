//! InstructBLIP's tower and Q-Former, which looks at the picture with the prompt in mind.

use candle_core::Tensor;

use crate::model::blip2::{Config, Connector, load_tower};
use crate::model::joined::Vision;
use crate::model::{ImageFeatures, ModelError, PreparedImage, PreparedPrompt};
use crate::nn::eva_vit::EvaVit;
use crate::weights::{TensorReader, WeightsError};

/// The tower's features are the picture's; the Q-Former's depend on the prompt.
#[derive(Debug)]
pub(super) struct InstructBlipVision {
    tower: EvaVit,
    connector: Connector,
}

impl InstructBlipVision {
    /// All parts are of the reader's type, the Q-Former included, as transformers has it.
    pub(super) fn load(config: &Config, root: &TensorReader) -> Result<Self, WeightsError> {
        Ok(Self {
            tower: load_tower(config, root)?,
            connector: Connector::load(config, root.dtype(), root)?,
        })
    }
}

impl Vision for InstructBlipVision {
    fn encode(&self, image: &PreparedImage) -> Result<ImageFeatures, ModelError> {
        Ok(ImageFeatures { tokens: self.tower.encode(&image.pixels)?, deep: Vec::new() })
    }

    fn connect(
        &self,
        features: &ImageFeatures,
        prompt: &PreparedPrompt,
    ) -> Result<Tensor, ModelError> {
        self.connector.forward(&features.tokens, &prompt.connector_ids)
    }
}
