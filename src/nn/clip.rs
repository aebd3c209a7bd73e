/*!
The vision tower of CLIP (Radford et al. 2021, arXiv 2103.00020), from candle-transformers.

candle's tower runs all its layers and leaves the embeddings out of the states that it lists, so
that indices count differently than in transformers
(huggingface/transformers v4.57.3 `models/clip/modeling_clip.py`). Here it is built with only as
many layers as are wanted, and its last state is the one. Its activation (quick GELU) and the eps of
its norms (1e-5) are fixed, which the configuration's reader must check.
*/

use std::sync::{Arc, Mutex};

use candle_core::{DType, Device, Error, Result as TensorResult, Shape, Tensor};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use candle_transformers::models::clip::text_model::Activation;
use candle_transformers::models::clip::vision_model::{ClipVisionConfig, ClipVisionTransformer};

use crate::weights::{TensorReader, WeightsError};

/// The eps of all norms.
pub const CLIP_NORM_EPS: f64 = 1e-5;

/// The sizes of a CLIP tower. All are at least 1.
#[derive(Debug, Clone, Copy)]
pub struct ClipConfig {
    /// Width of the residual stream, a multiple of `heads`.
    pub hidden: usize,
    /// Width inside the feed-forward part.
    pub intermediate: usize,
    /// Layers to run: transformers' `hidden_states[layers]` comes out.
    pub layers: usize,
    /// Attention heads.
    pub heads: usize,
    /// Side of the picture in pixels.
    pub image_side: usize,
    /// Side of a patch in pixels.
    pub patch_side: usize,
}

impl ClipConfig {
    /// Patches of a picture.
    pub fn patches(&self) -> usize {
        (self.image_side / self.patch_side).pow(2)
    }
}

/// The tower with its weights.
#[derive(Debug)]
pub struct ClipTower {
    tower: ClipVisionTransformer,
    device: Device,
    dtype: DType,
    output: DType,
}

impl ClipTower {
    /// Reads what lies under `vision_model` in a CLIP checkpoint.
    pub fn load(config: &ClipConfig, reader: &TensorReader) -> Result<Self, WeightsError> {
        let (device, output) = (reader.device().clone(), reader.dtype());
        let dtype = convolved(output, &device);
        let reader = &reader.cast_to(dtype);
        // candle invents a class embedding if there is none.
        reader.under("embeddings").tensor("class_embedding", &[config.hidden])?;
        let failure = Arc::new(Mutex::new(None));
        let tensors = Tensors { reader: reader.clone(), failure: Arc::clone(&failure) };
        let tensors = VarBuilder::from_backend(Box::new(tensors), dtype, device.clone());
        match ClipVisionTransformer::new(tensors, &candle_config(config)) {
            Ok(tower) => Ok(Self { tower, device, dtype, output }),
            Err(source) => Err(taken(&failure).unwrap_or_else(|| reader.convert_error("", source))),
        }
    }

    /// The state after the last layer of `pixels` `(3, side, side)`:
    /// `(1 + patches, hidden)`, the class token first, then the patches row by row.
    pub fn forward(&self, pixels: &Tensor) -> TensorResult<Tensor> {
        let pixels = pixels.to_device(&self.device)?.to_dtype(self.dtype)?.unsqueeze(0)?;
        let mut states = self.tower.output_hidden_states(&pixels)?;
        // The last one is the pooled vector.
        states.pop();
        match states.pop() {
            Some(state) => state.squeeze(0)?.to_dtype(self.output),
            None => candle_core::bail!("a tower without layers"),
        }
    }
}

/// The type to run in: candle has no convolution of bf16 on a CPU.
fn convolved(dtype: DType, device: &Device) -> DType {
    if device.is_cpu() && dtype == DType::BF16 { DType::F32 } else { dtype }
}

fn candle_config(config: &ClipConfig) -> ClipVisionConfig {
    ClipVisionConfig {
        embed_dim: config.hidden,
        activation: Activation::QuickGelu,
        intermediate_size: config.intermediate,
        num_hidden_layers: config.layers,
        num_attention_heads: config.heads,
        // Not read by the tower.
        projection_dim: 0,
        num_channels: 3,
        image_size: config.image_side,
        patch_size: config.patch_side,
    }
}

/// Gives candle the tensors of a reader, and keeps what was wrong with one, which candle's error
/// would only hold as text.
struct Tensors {
    reader: TensorReader,
    failure: Failure,
}

type Failure = Arc<Mutex<Option<WeightsError>>>;

fn taken(failure: &Failure) -> Option<WeightsError> {
    failure.lock().ok().and_then(|mut failure| failure.take())
}

impl SimpleBackend for Tensors {
    fn get(&self, shape: Shape, name: &str, _: Init, _: DType, _: &Device) -> TensorResult<Tensor> {
        self.reader.tensor(name, shape.dims()).map_err(|error| {
            let message = Error::Msg(error.to_string());
            if let Ok(mut failure) = self.failure.lock() {
                *failure = Some(error);
            }
            message
        })
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> TensorResult<Tensor> {
        candle_core::bail!("tensor `{name}` asked for without a shape")
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.reader.contains(name)
    }
}
