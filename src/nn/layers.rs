//! Layers as checkpoints store them: a linear map, a norm, and a table of embeddings.

use candle_core::{Result as TensorResult, Tensor};
use candle_nn::LayerNorm;

use super::{Linear, choose_rows};
use crate::weights::{TensorReader, WeightsError};

/// Whether a linear map adds a constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bias {
    /// `bias` is in the checkpoint.
    With,
    /// There is only `weight`.
    Without,
}

impl From<bool> for Bias {
    /// What a configuration's flag says.
    fn from(has_bias: bool) -> Self {
        if has_bias { Self::With } else { Self::Without }
    }
}

/// `y = x W^T + b` from `weight` `(outputs, inputs)` and `bias` `(outputs)`.
pub fn linear(
    inputs: usize,
    outputs: usize,
    bias: Bias,
    reader: &TensorReader,
) -> Result<Linear, WeightsError> {
    let weight = reader.tensor("weight", &[outputs, inputs])?;
    let bias = match bias {
        Bias::With => Some(reader.tensor("bias", &[outputs])?),
        Bias::Without => None,
    };
    Linear::new(weight, bias).map_err(|source| reader.convert_error("weight", source))
}

/// Layer normalisation from `weight` and `bias`, each `(width)`.
pub fn layer_norm(
    width: usize,
    eps: f64,
    reader: &TensorReader,
) -> Result<LayerNorm, WeightsError> {
    let weight = reader.tensor("weight", &[width])?;
    Ok(LayerNorm::new(weight, reader.tensor("bias", &[width])?, eps))
}

/// The rows of `table` `(vocabulary, hidden)` for ids that are in it: `(ids, hidden)`.
pub fn look_up(table: &Tensor, ids: &[u32]) -> TensorResult<Tensor> {
    choose_rows(table, &Tensor::new(ids, table.device())?)
}

/// `(tokens, heads * d)` to contiguous `(heads, tokens, d)`.
pub fn split_heads(projected: &Tensor, heads: usize) -> TensorResult<Tensor> {
    let (tokens, width) = projected.dims2()?;
    projected.reshape((tokens, heads, width / heads))?.transpose(0, 1)?.contiguous()
}
