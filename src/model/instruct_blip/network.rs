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
    fn encode(&self, images: &[&PreparedImage]) -> Result<Vec<ImageFeatures>, ModelError> {
        let pixels: Vec<&Tensor> = images.iter().map(|image| &image.pixels).collect();
        let features = self.tower.encode(&pixels)?;
        let of_picture =
            |picture| Ok(ImageFeatures { tokens: features.get(picture)?, deep: Vec::new() });
        (0..images.len()).map(of_picture).collect()
    }

    fn connect(
        &self,
        shown: &[(&ImageFeatures, &PreparedPrompt)],
    ) -> Result<Vec<Tensor>, ModelError> {
        if shown.is_empty() {
            return Ok(Vec::new());
        }
        let features: Vec<&Tensor> = shown.iter().map(|(features, _)| &features.tokens).collect();
        let prompts: Vec<&[u32]> =
            shown.iter().map(|(_, prompt)| prompt.connector_ids.as_slice()).collect();
        self.connector.forward(&Tensor::stack(&features, 0)?, &prompts)
    }
}
