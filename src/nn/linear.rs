//! Linear maps, and what follows them at once: a constant, an activation, a residual.

use candle_core::{DType, Result, Tensor};

use super::Activation;
use super::epilogue::Epilogue;
use super::fused;

/// Where in the making of an answer a model is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Prompts or pictures are read: many rows.
    Prefill,
    /// Each answer gets one more token: few rows.
    DecodeStep,
}

impl Phase {
    /// Rows of this phase, `(rows, width)`.
    pub fn rows(self, tensor: &Tensor) -> Rows<'_> {
        Rows { tensor, phase: self }
    }
}

/// What goes through a linear map. On a GPU the phase decides by which kernel: each gives a row the same
/// numbers alone and among others, but not those of the other kernel. Plain tensors are of the prefill.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    pub(super) tensor: &'a Tensor,
    pub(super) phase: Phase,
}

impl<'a> Rows<'a> {
    /// `(rows, width)`
    pub fn tensor(self) -> &'a Tensor {
        self.tensor
    }
}

impl<'a> From<&'a Tensor> for Rows<'a> {
    fn from(tensor: &'a Tensor) -> Self {
        Phase::Prefill.rows(tensor)
    }
}

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
    pub fn forward<'a>(&self, input: impl Into<Rows<'a>>) -> Result<Tensor> {
        self.finish(input.into(), Epilogue { bias: self.bias(), ..Epilogue::default() })
    }

    /// `activation(y)`.
    pub fn forward_activated<'a>(
        &self,
        input: impl Into<Rows<'a>>,
        activation: Activation,
    ) -> Result<Tensor> {
        let activation = Some(activation);
        self.finish(input.into(), Epilogue { bias: self.bias(), activation, residual: None })
    }

    /// `y + residual`, which is `(rows, outputs)` of the same type.
    pub fn forward_added<'a>(
        &self,
        input: impl Into<Rows<'a>>,
        residual: &Tensor,
    ) -> Result<Tensor> {
        let residual = Some(residual);
        self.finish(input.into(), Epilogue { bias: self.bias(), activation: None, residual })
    }

    fn finish(&self, input: Rows<'_>, epilogue: Epilogue<'_>) -> Result<Tensor> {
        let product = match fused::products::product(&self.transposed.t()?, input)? {
            Some(product) => product,
            None => input.tensor.matmul(&self.transposed)?,
        };
        epilogue.apply(product)
    }
}
