//! Linear maps, and what follows them at once: a constant, an activation, a residual.

use candle_core::{DType, Result, Tensor};

use super::Activation;
use super::epilogue::Epilogue;
use super::fused;

/// `y = x W^T + b`.
#[derive(Debug, Clone)]
pub struct Linear {
    /// `(inputs, outputs)`: the transposed one, of which rows lie together or columns.
    transposed: Tensor,
    bias: Option<Tensor>,
}

impl Linear {
    /// From `weight` `(outputs, inputs)` and `bias` `(outputs)`.
    ///
    /// On a CPU the weight is turned in memory once, since the `gemm` crate otherwise does it for
    /// every product, which takes a third of the time of a vision tower.
    pub fn new(weight: Tensor, bias: Option<Tensor>) -> Result<Self> {
        let transposed = weight.t()?;
        let transposed = match weight.device().is_cpu() && weight.dtype() == DType::F32 {
            true => transposed.contiguous()?,
            false => transposed,
        };
        Ok(Self { transposed, bias })
    }

    /// From a weight `(outputs, inputs)` that something else holds too, such as a table of embeddings.
    pub fn of_shared(weight: &Tensor) -> Result<Self> {
        Ok(Self { transposed: weight.t()?, bias: None })
    }

    /// `(outputs, inputs)`, a view.
    pub fn weight(&self) -> Result<Tensor> {
        self.transposed.t()
    }

    /// The type of the weight.
    pub fn dtype(&self) -> DType {
        self.transposed.dtype()
    }

    /// `(outputs)`.
    pub fn bias(&self) -> Option<&Tensor> {
        self.bias.as_ref()
    }

    /// `(rows, inputs)` to `(rows, outputs)`.
    pub fn forward(&self, input: &Tensor) -> Result<Tensor> {
        self.finish(input, Epilogue { bias: self.bias(), ..Epilogue::default() })
    }

    /// `activation(y)`.
    pub fn forward_activated(&self, input: &Tensor, activation: Activation) -> Result<Tensor> {
        let activation = Some(activation);
        self.finish(input, Epilogue { bias: self.bias(), activation, residual: None })
    }

    /// `y + residual`, which is `(rows, outputs)` of the same type.
    pub fn forward_added(&self, input: &Tensor, residual: &Tensor) -> Result<Tensor> {
        let residual = Some(residual);
        self.finish(input, Epilogue { bias: self.bias(), activation: None, residual })
    }

    fn finish(&self, input: &Tensor, epilogue: Epilogue<'_>) -> Result<Tensor> {
        let product = match fused::rows::matrix_vector(&self.transposed.t()?, input)? {
            Some(product) => product,
            None => input.matmul(&self.transposed)?,
        };
        epilogue.apply(product)
    }
}
