/*!
The text tower of CLIP (Radford et al. 2021, arXiv 2103.00020): learned positions, and blocks in which a
token sees itself and those before it.

Follows huggingface/transformers v4.57.3 `models/clip/modeling_clip.py`, `CLIPTextTransformer`.
*/

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{LayerNorm, Module};

use super::{Activation, Bias, CLIP_NORM_EPS, Linear, layer_norm, linear, look_up, split_heads};
use crate::weights::{TensorReader, WeightsError};

/// The sizes of a text tower. All are at least 1.
#[derive(Debug, Clone, Copy)]
pub struct ClipTextConfig {
    /// Ids that it knows.
    pub vocabulary: usize,
    /// Most tokens of a text.
    pub positions: usize,
    /// Width of the residual stream, a multiple of `heads`.
    pub hidden: usize,
    /// Width inside the feed-forward part.
    pub intermediate: usize,
    /// Layers.
    pub layers: usize,
    /// Attention heads.
    pub heads: usize,
    /// In the feed-forward part.
    pub activation: Activation,
}

/// The tower with its weights.
#[derive(Debug)]
pub struct ClipTextTower {
    /// `(vocabulary, hidden)`
    tokens: Tensor,
    /// `(positions, hidden)`
    positions: Tensor,
    blocks: Vec<Block>,
    norm: LayerNorm,
}

#[derive(Debug)]
struct Block {
    attention_norm: LayerNorm,
    queries: Linear,
    keys: Linear,
    values: Linear,
    projection: Linear,
    feed_forward_norm: LayerNorm,
    expand: Linear,
    activation: Activation,
    contract: Linear,
    heads: usize,
}

impl ClipTextTower {
    /// Reads what lies under `text_model` in a CLIP checkpoint.
    pub fn load(
        config: &ClipTextConfig,
        reader: &TensorReader,
    ) -> std::result::Result<Self, WeightsError> {
        let ClipTextConfig { vocabulary, positions, hidden, .. } = *config;
        let (tables, layers) = (reader.under("embeddings"), reader.under("encoder.layers"));
        let table = |name, rows| tables.under(name).tensor("weight", &[rows, hidden]);
        let blocks = (0..config.layers).map(|index| Block::load(config, &layers.under(index)));
        Ok(Self {
            tokens: table("token_embedding", vocabulary)?,
            positions: table("position_embedding", positions)?,
            blocks: blocks.collect::<std::result::Result<_, _>>()?,
            norm: layer_norm(hidden, CLIP_NORM_EPS, &reader.under("final_layer_norm"))?,
        })
    }

    /// The states of a text's tokens, `(tokens, hidden)`, of ids that the tower knows and no more than
    /// it has positions for.
    pub fn forward(&self, ids: &[u32]) -> Result<Tensor> {
        let positions = self.positions.narrow(0, 0, ids.len())?;
        let mut hidden = (look_up(&self.tokens, ids)? + positions)?;
        let mask = later_hidden(ids.len(), hidden.device())?.to_dtype(hidden.dtype())?;
        for block in &self.blocks {
            hidden = block.forward(&hidden, &mask)?;
        }
        self.norm.forward(&hidden)
    }
}

/// What is added to the scores `(tokens, tokens)` so that no token sees a later one.
fn later_hidden(tokens: usize, device: &Device) -> Result<Tensor> {
    let hidden = |query: usize, key: usize| if key > query { f32::NEG_INFINITY } else { 0.0 };
    let rows = (0..tokens).flat_map(|query| (0..tokens).map(move |key| hidden(query, key)));
    Tensor::from_vec(rows.collect(), (tokens, tokens), device)
}

impl Block {
    fn load(
        config: &ClipTextConfig,
        reader: &TensorReader,
    ) -> std::result::Result<Self, WeightsError> {
        let ClipTextConfig { hidden, intermediate, activation, heads, .. } = *config;
        let (attention, mlp) = (reader.under("self_attn"), reader.under("mlp"));
        let norm = |name| layer_norm(hidden, CLIP_NORM_EPS, &reader.under(name));
        let own = |name| linear(hidden, hidden, Bias::With, &attention.under(name));
        Ok(Self {
            attention_norm: norm("layer_norm1")?,
            queries: own("q_proj")?,
            keys: own("k_proj")?,
            values: own("v_proj")?,
            projection: own("out_proj")?,
            feed_forward_norm: norm("layer_norm2")?,
            expand: linear(hidden, intermediate, Bias::With, &mlp.under("fc1"))?,
            activation,
            contract: linear(intermediate, hidden, Bias::With, &mlp.under("fc2"))?,
            heads,
        })
    }

    fn forward(&self, hidden: &Tensor, mask: &Tensor) -> Result<Tensor> {
        let attended = self.attend(&self.attention_norm.forward(hidden)?, mask)?;
        let hidden = self.projection.forward_added(&attended, hidden)?;
        let normed = self.feed_forward_norm.forward(&hidden)?;
        let inner = self.expand.forward_activated(&normed, self.activation)?;
        self.contract.forward_added(&inner, &hidden)
    }

    fn attend(&self, hidden: &Tensor, mask: &Tensor) -> Result<Tensor> {
        let (tokens, width) = hidden.dims2()?;
        let part = |map: &Linear| split_heads(&map.forward(hidden)?, self.heads);
        let (queries, keys, values) =
            (part(&self.queries)?, part(&self.keys)?, part(&self.values)?);
        let scale = ((width / self.heads) as f64).sqrt().recip();
        let scores = (queries.matmul(&keys.transpose(1, 2)?)? * scale)?.broadcast_add(mask)?;
        let shares = candle_nn::ops::softmax_last_dim(&scores.to_dtype(DType::F32)?)?;
        let seen = shares.to_dtype(values.dtype())?.matmul(&values)?;
        seen.transpose(0, 1)?.reshape((tokens, width))
    }
}
