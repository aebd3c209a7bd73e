//! What a build without CUDA has in place of `rows.rs`: nothing, with the same names.

use candle_core::{Result, Tensor};

use crate::nn::AttentionRows;
use crate::nn::elementwise::{Operation, Pairing};
use crate::nn::epilogue::Epilogue;
use crate::nn::rotary::RotaryTable;

/// It cannot.
pub(in crate::nn) fn finish(_: &Tensor, _: &Epilogue<'_>) -> Result<bool> {
    Ok(false)
}

/// It cannot.
pub(in crate::nn) fn rotate_heads(_: &Tensor, _: &RotaryTable, _: usize) -> Result<bool> {
    Ok(false)
}

/// It cannot.
pub(in crate::nn) fn attend_each(_: &AttentionRows<'_>) -> Result<Option<Tensor>> {
    Ok(None)
}

/// It cannot.
pub(in crate::nn) fn combine(
    _: &Tensor,
    _: &Tensor,
    _: Operation,
    _: Pairing,
) -> Result<Option<Tensor>> {
    Ok(None)
}

/// It cannot.
pub(in crate::nn) fn choose(_: &Tensor, _: &Tensor) -> Result<Option<Tensor>> {
    Ok(None)
}
