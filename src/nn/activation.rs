/*!
Activations and the softmax of attention scores, over tensors that nobody else holds.

On a CPU in f32 they run in place with vector instructions; elsewhere candle's own are used.
*/

use candle_core::{
    CpuStorage, DType, Device, InplaceOp1, InplaceOp2, Layout, Result, Tensor, bail,
};
use rayon::prelude::*;

use super::elementwise::multiply;
use super::epilogue::Epilogue;
use super::vector_math::{exp, gelu_erf, gelu_tanh, quick_gelu, silu, vectorized};

/// Numbers that one thread takes at a time.
pub(super) const CHUNK: usize = 16 << 10;

/// A function of each number alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// `x Phi(x)` (Hendrycks and Gimpel 2016, arXiv 1606.08415).
    Gelu,
    /// The same with `Phi` in terms of the hyperbolic tangent.
    GeluTanh,
    /// `x sigmoid(1.702 x)` (CLIP).
    QuickGelu,
    /// `max(x, 0)`.
    Relu,
    /// `x sigmoid(x)` (Elfwing et al. 2017, arXiv 1702.03118).
    Silu,
}

impl Activation {
    /// Each of the numbers in their place, on one thread.
    pub(super) fn apply_to(self, numbers: &mut [f32]) {
        match self {
            Self::Gelu => map(numbers, gelu_erf),
            Self::GeluTanh => map(numbers, gelu_tanh),
            Self::QuickGelu => map(numbers, quick_gelu),
            Self::Relu => map(numbers, |number| number.max(0.0)),
            Self::Silu => map(numbers, silu),
        }
    }

    /// By candle's operations, into new memory.
    pub(super) fn forward(self, input: &Tensor) -> Result<Tensor> {
        match self {
            Self::Gelu => input.gelu_erf(),
            Self::GeluTanh => input.gelu(),
            Self::QuickGelu => input * candle_nn::ops::sigmoid(&(input * 1.702)?)?,
            Self::Relu => input.relu(),
            Self::Silu => input.silu(),
        }
    }
}

#[inline(always)]
fn map(numbers: &mut [f32], function: impl Fn(f32) -> f32) {
    vectorized(
        #[inline(always)]
        || numbers.iter_mut().for_each(|number| *number = function(*number)),
    );
}

/// Applies an activation to the output `(rows, width)` of a layer, which must be a tensor of its own:
/// its memory is overwritten.
pub(super) fn activate(activation: Activation, output: Tensor) -> Result<Tensor> {
    Epilogue { activation: Some(activation), ..Epilogue::default() }.apply(output)
}

/// `activation(gate) * up`, both outputs `(rows, width)` of their own layers; the memory of `gate` is
/// overwritten.
pub fn gated(activation: Activation, gate: Tensor, up: &Tensor) -> Result<Tensor> {
    let gate = activate(activation, gate)?;
    if is_plain_f32(&gate) && is_plain_f32(up) && gate.dims() == up.dims() {
        gate.inplace_op2(up, &Multiply)?;
        return Ok(gate);
    }
    multiply(&gate, up)
}

/// Whether a tensor can be worked on in place, number by number.
pub(super) fn is_plain_f32(tensor: &Tensor) -> bool {
    matches!(tensor.device(), Device::Cpu) && tensor.dtype() == DType::F32 && tensor.is_contiguous()
}

/// Multiplies by another tensor of the same shape.
struct Multiply;

impl InplaceOp2 for Multiply {
    fn name(&self) -> &'static str {
        "multiply"
    }

    fn cpu_fwd(
        &self,
        storage: &mut CpuStorage,
        layout: &Layout,
        other: &CpuStorage,
        other_layout: &Layout,
    ) -> Result<()> {
        let CpuStorage::F32(other) = other else { bail!("expected numbers of type f32") };
        let Some((start, end)) = other_layout.contiguous_offsets() else {
            bail!("expected a contiguous tensor");
        };
        let numbers = numbers_of(storage, layout)?;
        numbers.iter_mut().zip(&other[start..end]).for_each(|(number, other)| *number *= other);
        Ok(())
    }
}

/// Which scores of a block of queries are left out of its softmax.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hidden {
    /// None.
    Nothing,
    /// Rows are `queries` last tokens, again and again for each head: of the scores of the query
    /// `i`, the last `queries - 1 - i` belong to later tokens.
    LaterTokens {
        /// Queries per head.
        queries: usize,
    },
}

/// The softmax of `scale * scores` over the last axis `(.., rows, keys)`, hidden ones 0, in place:
/// `scores` must be an f32 tensor of its own.
pub(super) fn softmax_in_place(scores: &Tensor, scale: f64, hidden: Hidden) -> Result<()> {
    #[expect(clippy::cast_possible_truncation, reason = "scores are f32")]
    scores.inplace_op1(&Softmax { scale: scale as f32, hidden })
}

/// Whether [`softmax_in_place`] can be used.
pub(super) fn has_softmax_in_place(scores: &Tensor) -> bool {
    is_plain_f32(scores)
}

struct Softmax {
    scale: f32,
    hidden: Hidden,
}

impl InplaceOp1 for Softmax {
    fn name(&self) -> &'static str {
        "attention-softmax"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let Some(keys) = layout.dims().last().copied().filter(|keys| *keys > 0) else {
            return Ok(());
        };
        let numbers = numbers_of(storage, layout)?;
        let rows = (CHUNK / keys).max(1);
        let several = |(index, chunk): (usize, &mut [f32])| {
            for (row, scores) in chunk.chunks_exact_mut(keys).enumerate() {
                self.row(index * rows + row, scores);
            }
        };
        match numbers.len() > CHUNK {
            true => numbers.par_chunks_mut(rows * keys).enumerate().for_each(several),
            false => several((0, numbers)),
        }
        Ok(())
    }
}

impl Softmax {
    fn row(&self, row: usize, scores: &mut [f32]) {
        let later = match self.hidden {
            Hidden::Nothing => 0,
            Hidden::LaterTokens { queries } => queries - 1 - row % queries,
        };
        let (visible, hidden) = scores.split_at_mut(scores.len() - later);
        softmax_row(visible, self.scale);
        hidden.fill(0.0);
    }
}

fn softmax_row(scores: &mut [f32], scale: f32) {
    vectorized(
        #[inline(always)]
        || {
            let largest = lanes(
                scores,
                f32::NEG_INFINITY,
                |most, score| {
                    if score > most { score } else { most }
                },
            );
            scores.iter_mut().for_each(|score| *score = exp((*score - largest) * scale));
            let total = lanes(scores, 0.0, |sum, weight| sum + weight);
            let share = 1.0 / total;
            scores.iter_mut().for_each(|weight| *weight *= share);
        },
    );
}

/// Folds eight interleaved parts of the slice side by side, then these: an order that vector
/// instructions can keep, the same on every machine.
#[inline(always)]
fn lanes(numbers: &[f32], start: f32, fold: impl Fn(f32, f32) -> f32) -> f32 {
    let mut parts = [start; 8];
    let mut blocks = numbers.chunks_exact(8);
    for block in &mut blocks {
        for (part, number) in parts.iter_mut().zip(block) {
            *part = fold(*part, *number);
        }
    }
    let whole = parts.into_iter().fold(start, &fold);
    blocks.remainder().iter().fold(whole, |sofar, number| fold(sofar, *number))
}

/// The numbers of a contiguous tensor of type f32.
pub(super) fn numbers_of<'a>(
    storage: &'a mut CpuStorage,
    layout: &Layout,
) -> Result<&'a mut [f32]> {
    let CpuStorage::F32(numbers) = storage else { bail!("expected numbers of type f32") };
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&mut numbers[start..end]),
        None => bail!("expected a contiguous tensor"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize) -> Vec<f32> {
        (0..count).map(|index| (index * 7919 % 2003) as f32 / 200.0 - 5.0).collect()
    }

    fn largest_difference(left: &Tensor, right: &Tensor) -> f32 {
        let difference = (left - right).unwrap().abs().unwrap();
        difference.flatten_all().unwrap().max(0).unwrap().to_scalar().unwrap()
    }

    #[test]
    fn activations_equal_candles() {
        let input =
            Tensor::new(numbers(40_000), &Device::Cpu).unwrap().reshape((400, 100)).unwrap();
        let all = [Activation::Gelu, Activation::GeluTanh, Activation::QuickGelu];
        for activation in all.into_iter().chain([Activation::Relu, Activation::Silu]) {
            let ours = activate(activation, input.copy().unwrap()).unwrap();
            let theirs = activation.forward(&input).unwrap();
            assert!(largest_difference(&ours, &theirs) < 2e-6, "{activation:?}");
        }
    }

    #[test]
    fn a_gate_multiplies() {
        let gate = Tensor::new(&[[1.0_f32, -2.0, 0.0]], &Device::Cpu).unwrap();
        let up = Tensor::new(&[[3.0_f32, 1.0, 5.0]], &Device::Cpu).unwrap();
        let expected = (gate.silu().unwrap() * &up).unwrap();
        let found = gated(Activation::Silu, gate, &up).unwrap();
        assert!(largest_difference(&found, &expected) < 1e-6);
    }

    #[test]
    fn softmax_leaves_later_tokens_out() {
        // Two heads of two queries over three keys: query 0 of each does not see the last key.
        let scores = Tensor::new(numbers(12), &Device::Cpu).unwrap().reshape((2, 2, 3)).unwrap();
        let mask = [0.0, 0.0, f32::NEG_INFINITY, 0.0, 0.0, 0.0];
        let mask = Tensor::new(&mask, &Device::Cpu).unwrap().reshape((1, 2, 3)).unwrap();
        let masked = (&scores * 0.5).unwrap().broadcast_add(&mask).unwrap();
        let expected = candle_nn::ops::softmax_last_dim(&masked).unwrap();
        let found = scores.copy().unwrap();
        softmax_in_place(&found, 0.5, Hidden::LaterTokens { queries: 2 }).unwrap();
        assert!(largest_difference(&found, &expected) < 1e-6);
    }
}
