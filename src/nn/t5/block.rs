//! What encoder and decoder have in common: the norm, the projections of the attention, attention
//! with a bias, and the gated feed-forward part.

use candle_core::{D, DType, Result, Tensor};
use candle_nn::ops::softmax_last_dim;

use super::T5Config;
use crate::nn::{
    self, Activation, Bias, Linear, Phase, Rows, gated, linear, split_heads, stacked_linear,
};
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
        if hidden.dtype() == self.weight.dtype() {
            #[expect(clippy::cast_possible_truncation, reason = "norms compute in f32")]
            return candle_nn::ops::rms_norm(hidden, &self.weight, self.eps as f32);
        }
        let wide = hidden.to_dtype(DType::F32)?;
        let mean_square = wide.sqr()?.mean_keepdim(D::Minus1)?;
        let normed = wide.broadcast_div(&(mean_square + self.eps)?.sqrt()?)?;
        normed.to_dtype(self.weight.dtype())?.broadcast_mul(&self.weight)
    }
}

/// The sum of the residual stream and what a part adds to it, in the wider type of the two: with f16
/// weights the feed-forward part gives f32, and the stream is f32 from then on.
fn add(hidden: &Tensor, part: &Tensor) -> Result<Tensor> {
    match part.dtype() {
        DType::F32 => nn::add(&hidden.to_dtype(DType::F32)?, part),
        _ => nn::add(hidden, &part.to_dtype(hidden.dtype())?),
    }
}

/// The projections of one attention.
#[derive(Debug)]
pub(super) struct Projections {
    /// Queries, keys and values, one behind the other.
    qkv: Linear,
    output: Linear,
    heads: usize,
}

/// The projections of an attention whose queries and keys come from different streams.
#[derive(Debug)]
pub(super) struct CrossProjections {
    queries: Linear,
    /// Keys and values, one behind the other.
    keys_values: Linear,
    output: Linear,
    heads: usize,
}

impl Projections {
    pub(super) fn load(
        config: &T5Config,
        reader: &TensorReader,
    ) -> std::result::Result<Self, WeightsError> {
        let (hidden, inner) = (config.hidden, config.heads * config.head_dim);
        let parts = [("q", inner), ("k", inner), ("v", inner)];
        Ok(Self {
            qkv: stacked_linear(hidden, &parts, Bias::Without, reader)?,
            output: linear(inner, hidden, Bias::Without, &reader.under("o"))?,
            heads: config.heads,
        })
    }

    /// `(tokens, 3 * heads * d)`
    pub(super) fn together(&self, hidden: Rows<'_>) -> Result<Tensor> {
        self.qkv.forward(hidden)
    }

    /// Queries, keys and values, each `(heads, tokens, d)`.
    pub(super) fn apart(&self, hidden: Rows<'_>) -> Result<[Tensor; 3]> {
        let qkv = self.qkv.forward(hidden)?;
        Ok([
            part(&qkv, 0, 3, self.heads)?,
            part(&qkv, 1, 3, self.heads)?,
            part(&qkv, 2, 3, self.heads)?,
        ])
    }

    /// From `(tokens, heads * d)` back to the residual stream, and added to it.
    pub(super) fn add_output(&self, attended: Rows<'_>, hidden: &Tensor) -> Result<Tensor> {
        add_mapped(&self.output, attended, hidden)
    }
}

impl CrossProjections {
    pub(super) fn load(
        config: &T5Config,
        reader: &TensorReader,
    ) -> std::result::Result<Self, WeightsError> {
        let (hidden, inner) = (config.hidden, config.heads * config.head_dim);
        let parts = [("k", inner), ("v", inner)];
        Ok(Self {
            queries: linear(hidden, inner, Bias::Without, &reader.under("q"))?,
            keys_values: stacked_linear(hidden, &parts, Bias::Without, reader)?,
            output: linear(inner, hidden, Bias::Without, &reader.under("o"))?,
            heads: config.heads,
        })
    }

    /// `(tokens, heads * d)`
    pub(super) fn queries(&self, hidden: Rows<'_>) -> Result<Tensor> {
        self.queries.forward(hidden)
    }

    /// Keys and values, each `(heads, tokens, d)`.
    pub(super) fn keys_and_values(&self, hidden: &Tensor) -> Result<(Tensor, Tensor)> {
        let both = self.keys_values.forward(hidden)?;
        Ok((part(&both, 0, 2, self.heads)?, part(&both, 1, 2, self.heads)?))
    }

    /// From `(tokens, heads * d)` back to the residual stream, and added to it.
    pub(super) fn add_output(&self, attended: Rows<'_>, hidden: &Tensor) -> Result<Tensor> {
        add_mapped(&self.output, attended, hidden)
    }
}

/// One of `parts` equal parts of each row, `(heads, tokens, d)`.
fn part(rows: &Tensor, index: usize, parts: usize, heads: usize) -> Result<Tensor> {
    let width = rows.dim(1)? / parts;
    split_heads(&rows.narrow(1, index * width, width)?, heads)
}

/// `hidden` and what `map` makes of `input`, summed in the wider type of the two.
fn add_mapped(map: &Linear, input: Rows<'_>, hidden: &Tensor) -> Result<Tensor> {
    match map.dtype() == hidden.dtype() {
        true => map.forward_added(input, hidden),
        false => add(hidden, &map.forward(input)?),
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
    let weights = softmax_last_dim(&nn::add(&scores, bias)?)?.to_dtype(values.dtype())?;
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

    pub(super) fn forward(&self, hidden: &Tensor, phase: Phase) -> Result<Tensor> {
        let normed = self.norm.forward(hidden)?;
        let normed = phase.rows(&normed);
        let (gate, expanded) = (self.gate.forward(normed)?, self.expand.forward(normed)?);
        let inner = gated(self.activation, gate, &expanded)?;
        let inner = inner.to_dtype(self.contract.dtype())?;
        add_mapped(&self.contract, phase.rows(&inner), hidden)
    }
}
