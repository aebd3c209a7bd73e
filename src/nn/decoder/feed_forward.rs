//! The gated feed-forward part of a decoder layer.

use candle_core::{Result as TensorResult, Tensor};

use super::FeedForward;
use crate::nn::fused::Fused;
use crate::nn::{Activation, Bias, Linear, Rows, gated, stacked_linear};
use crate::weights::{TensorReader, WeightsError};

/// The gated feed-forward part (Shazeer 2020, arXiv 2002.05202):
/// `down (activation(gate x) * (up x))`.
#[derive(Debug)]
pub struct GatedFeedForward {
    /// The gate, then what it gates.
    gate_up: Linear,
    down: Linear,
    activation: Activation,
}

impl GatedFeedForward {
    /// Reads `gate_proj`, `up_proj` and `down_proj`.
    pub fn load(
        hidden: usize,
        intermediate: usize,
        bias: Bias,
        activation: Activation,
        reader: &TensorReader,
    ) -> Result<Self, WeightsError> {
        let gate_up = [("gate_proj", intermediate), ("up_proj", intermediate)];
        Ok(Self {
            gate_up: stacked_linear(hidden, &gate_up, bias, reader)?,
            down: stacked_linear(intermediate, &[("down_proj", hidden)], bias, reader)?,
            activation,
        })
    }

    fn is_fusible(&self) -> bool {
        self.gate_up.bias().is_none() && self.activation == Activation::Silu
    }
}

impl GatedFeedForward {
    /// `activation(gate x) * (up x)`.
    fn inner(&self, normed: Rows<'_>) -> TensorResult<Tensor> {
        let both = self.gate_up.forward(normed)?;
        let half = both.dim(1)? / 2;
        let gate = both.narrow(1, 0, half)?.force_contiguous()?;
        let up = both.narrow(1, half, half)?.contiguous()?;
        gated(self.activation, gate, &up)
    }
}

impl FeedForward for GatedFeedForward {
    fn forward_added(&self, normed: &Tensor, hidden: &Tensor) -> TensorResult<Tensor> {
        self.down.forward_added(&self.inner(normed.into())?, hidden)
    }

    fn forward_fused(&self, fused: &Fused, normed: Rows<'_>) -> TensorResult<Tensor> {
        let inner = match self.is_fusible() {
            true => fused.gated(&self.gate_up, normed)?,
            false => self.inner(normed)?,
        };
        self.down.forward(normed.phase.rows(&inner))
    }
}
