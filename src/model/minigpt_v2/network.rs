//! The half of MiniGPT-v2 with weights: its three parts, joined.

use candle_core::{DType, Device, Tensor};
use candle_nn::LayerNorm;

use super::config::{Config, JOINED_PATCHES};
use super::lora;
use crate::model::joined::Vision;
use crate::model::{ImageFeatures, ModelError, PreparedImage};
use crate::nn::eva_vit::{EvaNames, EvaVit};
use crate::nn::{Bias, Linear, Llama, linear};
use crate::weights::{TensorReader, Weights};

/// Added to the variance in the norm behind the tower (`minigpt4/models/base_model.py`, `LayerNorm`).
const NORM_EPS: f64 = 1e-5;

/// The key under which the trained file has its tensors, beside the optimizer's.
const TRAINED: &str = "model";

/// Reads the parts and puts them on `device` as `dtype`.
pub(super) fn load(
    config: &Config,
    device: &Device,
    dtype: DType,
) -> Result<(MiniGptV2Vision, Llama), ModelError> {
    let trained = Weights::open_file(&config.trained_file)?.reader(device, dtype).under(TRAINED);
    trained.refuse_others(is_known)?;
    let vision = MiniGptV2Vision::load(config, &trained)?;
    let llama = config.llama.weights()?.reader(device, dtype);
    let mut llama = Llama::load(config.text, &llama.under("model"), &llama.under("lm_head"))?;
    lora::merge(&mut llama, config, &trained)?;
    Ok((vision, llama))
}

/// What the trained file may hold. The reference keeps the parameters that it trained, and buffers.
fn is_known(name: &str) -> bool {
    name.starts_with("llama_proj.")
        || name.starts_with("ln_vision.")
        || name.ends_with(".rotary_emb.inv_freq")
        || lora::is_change(name)
}

/// The tower and the linear map that leads to the language model.
#[derive(Debug)]
pub(super) struct MiniGptV2Vision {
    tower: EvaVit,
    projection: Linear,
    dtype: DType,
}

impl MiniGptV2Vision {
    fn load(config: &Config, trained: &TensorReader) -> Result<Self, ModelError> {
        let tower = Weights::open_file(&config.vit_file)?;
        let tower = tower.reader(trained.device(), trained.dtype());
        let norm = norm(config.vit.hidden, trained)?;
        let joined = config.vit.hidden * JOINED_PATCHES;
        let projection = trained.under("llama_proj");
        Ok(Self {
            tower: EvaVit::load(&config.vit, EvaNames::Lavis, norm, &tower)?,
            projection: linear(joined, config.text.hidden, Bias::With, &projection)?,
            dtype: trained.dtype(),
        })
    }
}

/// The norm behind the tower, in f32 as in the reference. It was not trained, so that a trained file
/// without it means the identity with which it began.
fn norm(width: usize, trained: &TensorReader) -> Result<LayerNorm, ModelError> {
    let reader = trained.under("ln_vision").cast_to(DType::F32);
    let (weight, bias) = match reader.contains("weight") {
        true => (reader.tensor("weight", &[width])?, reader.tensor("bias", &[width])?),
        false => {
            let device = reader.device();
            (Tensor::ones(width, DType::F32, device)?, Tensor::zeros(width, DType::F32, device)?)
        }
    };
    Ok(LayerNorm::new(weight, bias, NORM_EPS))
}

impl Vision for MiniGptV2Vision {
    fn encode(&self, images: &[&PreparedImage]) -> Result<Vec<ImageFeatures>, ModelError> {
        let pixels: Vec<&Tensor> = images.iter().map(|image| &image.pixels).collect();
        let features = self.tower.encode(&pixels)?;
        let (pictures, tokens, width) = features.dims3()?;
        // Without the class token; patches of a row follow each other.
        let patches = features.narrow(1, 1, tokens - 1)?.contiguous()?.to_dtype(self.dtype)?;
        let joined = patches.reshape(((), width * JOINED_PATCHES))?;
        let projected = self.projection.forward(&joined)?;
        let count = (tokens - 1) / JOINED_PATCHES;
        let tokens = (0..pictures).map(|picture| projected.narrow(0, picture * count, count));
        tokens.map(|tokens| Ok(ImageFeatures { tokens: tokens?, deep: Vec::new() })).collect()
    }
}
