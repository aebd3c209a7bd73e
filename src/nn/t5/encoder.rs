//! The encoder: every token sees every other one.

use candle_core::{Result, Tensor};

use super::T5Config;
use super::block::{FeedForward, Norm, Projections, attend_biased};
use super::relative::{Direction, RelativeBias};
use crate::nn::Phase;
use crate::weights::{TensorReader, WeightsError};

#[derive(Debug)]
pub(super) struct Encoder {
    bias: RelativeBias,
    layers: Vec<Layer>,
    norm: Norm,
}

impl Encoder {
    pub(super) fn load(
        config: &T5Config,
        reader: &TensorReader,
    ) -> std::result::Result<Self, WeightsError> {
        let blocks = reader.under("block");
        let layer = |index| Layer::load(config, &blocks.under(index).under("layer"));
        let layers = (0..config.encoder_layers).map(layer);
        // The first layer's bias serves all.
        let bias = blocks.under("0.layer.0.SelfAttention");
        Ok(Self {
            bias: RelativeBias::load(config, Direction::Both, &bias)?,
            layers: layers.collect::<std::result::Result<_, _>>()?,
            norm: Norm::load(config, &reader.under("final_layer_norm"))?,
        })
    }

    /// `(tokens, hidden)` to as many.
    pub(super) fn forward(&self, embedded: &Tensor) -> Result<Tensor> {
        let count = embedded.dim(0)?;
        let bias = self.bias.scores(count, count)?;
        let mut hidden = embedded.clone();
        for layer in &self.layers {
            hidden = layer.forward(&hidden, &bias)?;
        }
        self.norm.forward(&hidden)
    }
}

#[derive(Debug)]
struct Layer {
    norm: Norm,
    attention: Projections,
    feed_forward: FeedForward,
}

impl Layer {
    fn load(config: &T5Config, reader: &TensorReader) -> std::result::Result<Self, WeightsError> {
        let attention = reader.under(0);
        Ok(Self {
            norm: Norm::load(config, &attention.under("layer_norm"))?,
            attention: Projections::load(config, &attention.under("SelfAttention"))?,
            feed_forward: FeedForward::load(config, &reader.under(1))?,
        })
    }

    fn forward(&self, hidden: &Tensor, bias: &Tensor) -> Result<Tensor> {
        let normed = self.norm.forward(hidden)?;
        let [queries, keys, values] = self.attention.apart((&normed).into())?;
        let attended = attend_biased(&queries, &keys, &values, bias)?;
        let hidden = self.attention.add_output((&attended).into(), hidden)?;
        self.feed_forward.forward(&hidden, Phase::Prefill)
    }
}
