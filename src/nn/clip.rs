/*!
The vision tower of CLIP (Radford et al. 2021, arXiv 2103.00020): learned positions, a norm before the
blocks, and blocks with quick GELU (OpenAI) or GELU (LAION).

Follows huggingface/transformers v4.57.3 `models/clip/modeling_clip.py`, `CLIPVisionTransformer`.
*/

use candle_core::{Result, Tensor};
use candle_nn::{LayerNorm, Module};

use super::square_patches::{PatchSizes, SquarePatches};
use super::{Activation, Bias, VisionBlock, layer_norm, linear, stacked_linear};
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
    /// In the feed-forward parts.
    pub activation: Activation,
    /// Pictures and patches.
    pub sizes: PatchSizes,
}

/// The tower with its weights.
#[derive(Debug)]
pub struct ClipTower {
    patches: SquarePatches,
    norm: LayerNorm,
    blocks: Vec<VisionBlock>,
}

impl ClipTower {
    /// Reads what lies under `vision_model` in a CLIP checkpoint.
    pub fn load(
        config: &ClipConfig,
        reader: &TensorReader,
    ) -> std::result::Result<Self, WeightsError> {
        let (hidden, layers) = (config.hidden, reader.under("encoder.layers"));
        let blocks = (0..config.layers).map(|index| block(config, &layers.under(index)));
        Ok(Self {
            patches: patches(config, &reader.under("embeddings"))?,
            // Misspelt in the checkpoints.
            norm: layer_norm(hidden, CLIP_NORM_EPS, &reader.under("pre_layrnorm"))?,
            blocks: blocks.collect::<std::result::Result<_, _>>()?,
        })
    }

    /// The state after the last layer of pictures `(3, side, side)`:
    /// `(pictures, 1 + patches, hidden)`, the class token first, then the patches row by row.
    pub fn forward(&self, pictures: &[&Tensor]) -> Result<Tensor> {
        let lengths = self.patches.lengths(pictures.len());
        let mut hidden = self.norm.forward(&self.patches.embed(pictures)?)?;
        for block in &self.blocks {
            hidden = block.forward(&hidden, &lengths, None)?;
        }
        let (rows, width) = hidden.dims2()?;
        hidden.reshape((pictures.len(), rows / pictures.len(), width))
    }
}

fn patches(
    config: &ClipConfig,
    reader: &TensorReader,
) -> std::result::Result<SquarePatches, WeightsError> {
    let ClipConfig { hidden, sizes, .. } = *config;
    let class_token = reader.tensor("class_embedding", &[hidden])?.unsqueeze(0);
    let class_token =
        class_token.map_err(|source| reader.convert_error("class_embedding", source))?;
    let table = reader.under("position_embedding").tensor("weight", &[sizes.tokens(), hidden])?;
    let convolution = reader.under("patch_embedding");
    SquarePatches::load(sizes, Bias::Without, class_token, table, &convolution)
}

fn block(
    config: &ClipConfig,
    reader: &TensorReader,
) -> std::result::Result<VisionBlock, WeightsError> {
    let ClipConfig { hidden, intermediate, heads, activation, .. } = *config;
    let (attention, mlp) = (reader.under("self_attn"), reader.under("mlp"));
    let parts = [("q_proj", hidden), ("k_proj", hidden), ("v_proj", hidden)];
    let norm = |name| layer_norm(hidden, CLIP_NORM_EPS, &reader.under(name));
    Ok(VisionBlock {
        attention_norm: norm("layer_norm1")?,
        qkv: stacked_linear(hidden, &parts, Bias::With, &attention)?,
        projection: linear(hidden, hidden, Bias::With, &attention.under("out_proj"))?,
        feed_forward_norm: norm("layer_norm2")?,
        expand: linear(hidden, intermediate, Bias::With, &mlp.under("fc1"))?,
        activation,
        contract: linear(intermediate, hidden, Bias::With, &mlp.under("fc2"))?,
        heads,
    })
}
