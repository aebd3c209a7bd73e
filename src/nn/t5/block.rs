//! What encoder and decoder have in common: the norm, the projections of the attention, attention
//! with a bias, and the gated feed-forward part.

use candle_core::{D, DType, Result, Tensor};
use candle_nn::ops::softmax_last_dim;

use super::T5Config;
use crate::nn::{Activation, Bias, Linear, gated, linear, split_heads};
use crate::weights::{TensorReader, WeightsError};

/// Division by the root of the mean square, computed in f32; gives the type of its weights.
#[derive(Debug)]
pub(super) struct Norm {
    weight: Tensor,
    eps: f64,
}

impl Norm {
    pub(super) fn load(
        config: &T5Config,
        reader: &TensorReader,
    ) -> std::result::Result<Self, WeightsError> {
        Ok(Self { weight: reader.tensor("weight", &[config.hidden])?, eps: config.eps })
    }

    pub(super) fn forward(&self, hidden: &Tensor) -> Result<Tensor> {
        let wide = hidden.to_dtype(DType::F32)?;
        let mean_square = wide.sqr()?.mean_keepdim(D::Minus1)?;
        let normed = wide.broadcast_div(&(mean_square + self.eps)?.sqrt()?)?;
        normed.to_dtype(self.weight.dtype())?.broadcast_mul(&self.weight)
    }
}

/// The sum of the residual stream and what a part adds to it, in the wider type of the two: with f16
/// weights the feed-forward part gives f32, and the stream is f32 from then on.
pub(super) fn add(hidden: &Tensor, part: &Tensor) -> Result<Tensor> {
    match part.dtype() {
        DType::F32 => hidden.to_dtype(DType::F32)? + part,
        _ => hidden + part.to_dtype(hidden.dtype())?,
    }
}

/// The projections of one attention.
#[derive(Debug)]
pub(super) struct Projections {
    queries: Linear,
    keys: Linear,
    values: Linear,
    output: Linear,
    heads: usize,
}

impl Projections {
    pub(super) fn load(
        config: &T5Config,
        reader: &TensorReader,
    ) -> std::result::Result<Self, WeightsError> {
        let (hidden, inner) = (config.hidden, config.heads * config.head_dim);
        let project =
            |name, inputs, outputs| linear(inputs, outputs, Bias::Without, &reader.under(name));
        Ok(Self {
            queries: project("q", hidden, inner)?,
            keys: project("k", hidden, inner)?,
            values: project("v", hidden, inner)?,
            output: project("o", inner, hidden)?,
            heads: config.heads,
        })
    }

    /// `(heads, tokens, d)`
    pub(super) fn queries(&self, hidden: &Tensor) -> Result<Tensor> {
        split_heads(&self.queries.forward(hidden)?, self.heads)
    }

    /// Keys and values, each `(heads, tokens, d)`.
    pub(super) fn keys_and_values(&self, hidden: &Tensor) -> Result<(Tensor, Tensor)> {
        let keys = split_heads(&self.keys.forward(hidden)?, self.heads)?;
        Ok((keys, split_heads(&self.values.forward(hidden)?, self.heads)?))
    }

    /// From `(tokens, heads * d)` back to the residual stream.
    pub(super) fn output(&self, attended: &Tensor) -> Result<Tensor> {
        self.output.forward(attended)
    }
}

/// Attention of `queries` `(heads, t, d)` over all of `keys` and `values` `(heads, s, d)`, unscaled,
/// with `bias` `(heads, t, s)` f32 added to the scores. Returns `(t, heads * d)`.
pub(super) fn attend_biased(
    queries: &Tensor,
    keys: &Tensor,
    values: &Tensor,
    bias: &Tensor,
) -> Result<Tensor> {
    let (heads, count, head_dim) = queries.dims3()?;
    let scores = queries.contiguous()?.matmul(&keys.transpose(1, 2)?)?.to_dtype(DType::F32)?;
    let weights = softmax_last_dim(&(scores + bias)?)?.to_dtype(values.dtype())?;
    let attended = weights.matmul(values)?;
    attended.transpose(0, 1)?.contiguous()?.reshape((count, heads * head_dim))
}

/// `contract(activation(gate(x)) * expand(x))` on the normed stream, added to it.
#[derive(Debug)]
pub(super) struct FeedForward {
    norm: Norm,
    gate: Linear,
    expand: Linear,
    contract: Linear,
    activation: Activation,
}

impl FeedForward {
    pub(super) fn load(
        config: &T5Config,
        reader: &TensorReader,
    ) -> std::result::Result<Self, WeightsError> {
        let (hidden, intermediate) = (config.hidden, config.intermediate);
        let dense = reader.under("DenseReluDense");
        // Its results overflow f16 in Flan-T5; transformers keeps it in f32
        // (`T5PreTrainedModel._keep_in_fp32_modules`).
        let wide = match dense.dtype() {
            DType::F16 => dense.cast_to(DType::F32),
            _ => dense.clone(),
        };
        Ok(Self {
            norm: Norm::load(config, &reader.under("layer_norm"))?,
            gate: linear(hidden, intermediate, Bias::Without, &dense.under("wi_0"))?,
            expand: linear(hidden, intermediate, Bias::Without, &dense.under("wi_1"))?,
            contract: linear(intermediate, hidden, Bias::Without, &wide.under("wo"))?,
            activation: config.activation,
        })
    }

    pub(super) fn forward(&self, hidden: &Tensor) -> Result<Tensor> {
        let normed = self.norm.forward(hidden)?;
        let (gate, expanded) = (self.gate.forward(&normed)?, self.expand.forward(&normed)?);
        let inner = gated(self.activation, gate, &expanded)?;
        let inner = inner.to_dtype(self.contract.dtype())?;
        add(hidden, &self.contract.forward(&inner)?)
    }
}
