//! What a build without CUDA has: nothing, with the same names.

use candle_core::{DType, Device, Result, Tensor};

use super::{HeadChange, HeadCounts, Scores};
use crate::nn::{LayerCache, Linear, Rows, Segment};

/// The kernels of one model: none in this build.
#[derive(Debug, Clone)]
pub enum Fused {}

impl Fused {
    /// None in this build.
    pub fn open(_device: &Device, _dtype: DType, _counts: HeadCounts) -> Result<Option<Self>> {
        Ok(None)
    }

    /// Never called.
    pub fn gated(&self, _: &Linear, _: Rows<'_>) -> Result<Tensor> {
        match *self {}
    }

    /// Never called.
    pub fn residual_norm(
        &self,
        _: &Tensor,
        _: &Tensor,
        _: &Tensor,
        _: f64,
    ) -> Result<(Tensor, Tensor)> {
        match *self {}
    }

    /// Never called.
    pub fn attention(
        &self,
        _: &Tensor,
        _: HeadChange<'_>,
        _: (&[Segment], &Tensor),
        _: Scores<'_>,
        _: &LayerCache<'_>,
    ) -> Result<Tensor> {
        match *self {}
    }

    /// Never called.
    pub fn look(
        &self,
        _: &Tensor,
        _: HeadCounts,
        _: &Tensor,
        _: Scores<'_>,
        _: &LayerCache<'_>,
    ) -> Result<Tensor> {
        match *self {}
    }

    /// Never called.
    pub fn takes(&self, _: &Tensor, _: &[Segment]) -> Result<bool> {
        match *self {}
    }
}
