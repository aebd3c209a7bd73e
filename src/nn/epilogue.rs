/*!
What is done to the output of a product at once, in the memory where it lies: a constant is added, an
activation applied, a residual added.

On a CPU in f32, and on a CUDA GPU, that is one pass over the numbers; elsewhere candle's separate
operations do it.
*/

use candle_core::{CpuStorage, InplaceOp1, Layout, Result, Storage, Tensor, bail};
use rayon::prelude::*;

use super::activation::{Activation, CHUNK, is_plain_f32, numbers_of};
use super::fused;
use super::vector_math::vectorized;

/// `activation(product + bias) + residual`, each of the three if it is there.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Epilogue<'a> {
    /// `(outputs)`.
    pub(super) bias: Option<&'a Tensor>,
    /// Of each number alone.
    pub(super) activation: Option<Activation>,
    /// `(rows, outputs)`.
    pub(super) residual: Option<&'a Tensor>,
}

impl Epilogue<'_> {
    /// `product` `(rows, outputs)` must be a tensor of its own: its memory is overwritten.
    pub(super) fn apply(&self, product: Tensor) -> Result<Tensor> {
        if self.is_empty() {
            return Ok(product);
        }
        let plain = |tensor: Option<&Tensor>| tensor.is_none_or(is_plain_f32);
        if is_plain_f32(&product) && plain(self.bias) && plain(self.residual) {
            product.inplace_op1(self)?;
            return Ok(product);
        }
        match fused::rows::finish(&product, self)? {
            true => Ok(product),
            false => self.apply_apart(product),
        }
    }

    fn is_empty(&self) -> bool {
        self.bias.is_none() && self.activation.is_none() && self.residual.is_none()
    }

    fn apply_apart(&self, mut output: Tensor) -> Result<Tensor> {
        if let Some(bias) = self.bias {
            output = output.broadcast_add(bias)?;
        }
        if let Some(activation) = self.activation {
            output = activation.forward(&output)?;
        }
        match self.residual {
            Some(residual) => output + residual,
            None => Ok(output),
        }
    }

    fn finish_row(&self, row: &mut [f32], bias: Option<&[f32]>, residual: Option<&[f32]>) {
        if let Some(bias) = bias {
            add(row, bias);
        }
        if let Some(activation) = self.activation {
            activation.apply_to(row);
        }
        if let Some(residual) = residual {
            add(row, residual);
        }
    }
}

fn add(row: &mut [f32], other: &[f32]) {
    vectorized(
        #[inline(always)]
        || row.iter_mut().zip(other).for_each(|(number, other)| *number += other),
    );
}

impl InplaceOp1 for Epilogue<'_> {
    fn name(&self) -> &'static str {
        "epilogue"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let [_, width] = *layout.dims() else { bail!("expected rows, found {:?}", layout.dims()) };
        if width == 0 {
            return Ok(());
        }
        let numbers = numbers_of(storage, layout)?;
        with_numbers(self.bias, width, |bias| {
            with_numbers(self.residual, numbers.len(), |residual| {
                let rows = (CHUNK / width).max(1) * width;
                let several = |(index, chunk): (usize, &mut [f32])| {
                    let residual = residual.map(|residual| &residual[index * rows..]);
                    for (row, numbers) in chunk.chunks_exact_mut(width).enumerate() {
                        let residual = residual.map(|residual| &residual[row * width..]);
                        self.finish_row(numbers, bias, residual);
                    }
                };
                match numbers.len() > rows {
                    true => numbers.par_chunks_mut(rows).enumerate().for_each(several),
                    false => several((0, numbers)),
                }
                Ok(())
            })
        })
    }
}

/// Hands `work` the numbers of a contiguous f32 tensor on the CPU, `count` of them.
fn with_numbers(
    tensor: Option<&Tensor>,
    count: usize,
    work: impl FnOnce(Option<&[f32]>) -> Result<()>,
) -> Result<()> {
    let Some(tensor) = tensor else { return work(None) };
    let (storage, layout) = tensor.storage_and_layout();
    let Storage::Cpu(CpuStorage::F32(numbers)) = &*storage else {
        bail!("expected numbers of type f32 on the CPU");
    };
    match layout.contiguous_offsets() {
        Some((start, end)) if end - start == count => work(Some(&numbers[start..end])),
        _ => bail!("expected {count} numbers, found {:?}", layout.dims()),
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    fn tensor(rows: usize, width: usize, seed: usize) -> Tensor {
        let numbers: Vec<f32> = (0..rows * width)
            .map(|index| ((index + seed) * 7919 % 2003) as f32 / 500.0 - 2.0)
            .collect();
        Tensor::from_vec(numbers, (rows, width), &Device::Cpu).unwrap()
    }

    /// Enough rows for several threads.
    #[test]
    fn in_place_equals_separate_operations() {
        let (product, residual) = (tensor(300, 70, 1), tensor(300, 70, 5));
        let bias = tensor(1, 70, 9).squeeze(0).unwrap();
        let epilogue = Epilogue {
            bias: Some(&bias),
            activation: Some(Activation::Silu),
            residual: Some(&residual),
        };
        let expected = epilogue.apply_apart(product.copy().unwrap()).unwrap();
        let found = epilogue.apply(product).unwrap();
        let difference = (found - expected).unwrap().abs().unwrap().max_all().unwrap();
        assert!(difference.to_scalar::<f32>().unwrap() < 2e-6);
    }

    #[test]
    fn a_bias_of_another_width_is_refused() {
        let (product, bias) = (tensor(2, 4, 1), tensor(1, 3, 1).squeeze(0).unwrap());
        let error =
            Epilogue { bias: Some(&bias), ..Epilogue::default() }.apply(product).unwrap_err();
        assert!(error.to_string().contains("expected 4 numbers, found [3]"), "{error}");
    }
}
