//! Linear maps of the same input, read as one.

use candle_core::Tensor;

use super::{Bias, Linear};
use crate::weights::{TensorReader, WeightsError};

/// Several linear maps of the same input as one, their outputs side by side.
pub(super) fn stacked_linear(
    inputs: usize,
    parts: &[(&str, usize)],
    bias: Bias,
    reader: &TensorReader,
) -> Result<Linear, WeightsError> {
    let stack = |tensors: Vec<Tensor>| {
        let stacked =
            if tensors.len() == 1 { Ok(tensors[0].clone()) } else { Tensor::cat(&tensors, 0) };
        stacked.map_err(|source| reader.convert_error(parts[0].0, source))
    };
    let weights = parts
        .iter()
        .map(|(name, outputs)| reader.under(name).tensor("weight", &[*outputs, inputs]))
        .collect::<Result<_, _>>()?;
    let constants = |name: &&str, outputs: &usize| reader.under(name).tensor("bias", &[*outputs]);
    let bias = match bias {
        Bias::Without => None,
        Bias::With => {
            let all = parts.iter().map(|(name, outputs)| constants(name, outputs));
            Some(stack(all.collect::<Result<_, _>>()?)?)
        }
    };
    let linear = Linear::new(stack(weights)?, bias);
    linear.map_err(|source| reader.convert_error(parts[0].0, source))
}
