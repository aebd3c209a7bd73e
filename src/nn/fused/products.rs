/*!
Products of rows with a weight, each row's the same alone and among others.

A row's sum depends on the order in which its products are added. For decode steps a kernel of our own
(`products.cu`) takes the order from the weight's shape; for prompts and pictures, cuBLAS's kernels add from the
first input to the last whatever their tile, but for those that cut the inputs into parts (split-K), which it takes
where rows are few: [`super::blas`] does without them.
*/

use candle_core::cuda_backend::cudarc::driver::LaunchConfig;
use candle_core::{CudaDevice, Device, Result, Tensor};

use super::blas;
use super::cuda::{address, count};
use super::launch::{Launch, Source, has_tensor_cores};
use crate::nn::{Phase, Rows};

/// Outputs of a block of `few_rows`.
const TILE_OUTPUTS: usize = 16;
/// Inputs that a warp takes at least.
const HALF_CHUNK: usize = 32;

/// `rows` `(rows, inputs)` times `weight` `(outputs, inputs)` transposed; none where only the general product can.
pub(in crate::nn) fn product(weight: &Tensor, rows: Rows<'_>) -> Result<Option<Tensor>> {
    let Some(device) = suitable(weight, rows.tensor)? else { return Ok(None) };
    match is_step(rows)? {
        true => few_rows(device, weight, rows.tensor, Gate::Absent).map(Some),
        false => blas::product(device, weight, rows.tensor),
    }
}

/// `silu(gate) * up` of a decode step's rows `(rows, inputs)`, with `both` `(2 * outputs, inputs)` the weights of
/// gate and up; none where only separate operations can.
pub(super) fn gated(both: &Tensor, rows: Rows<'_>) -> Result<Option<Tensor>> {
    match suitable(both, rows.tensor)? {
        Some(device) if is_step(rows)? => {
            few_rows(device, both, rows.tensor, Gate::FirstHalf).map(Some)
        }
        _ => Ok(None),
    }
}

/// The device, if both are plain matrices on a GPU whose tensor cores take them.
fn suitable<'a>(weight: &Tensor, rows: &'a Tensor) -> Result<Option<&'a CudaDevice>> {
    let Device::Cuda(device) = rows.device() else { return Ok(None) };
    let plain = weight.dtype() == rows.dtype() && weight.is_contiguous() && rows.is_contiguous();
    let suits = plain && rows.dim(0)? > 0 && has_tensor_cores(device, rows.dtype())?;
    Ok(suits.then_some(device))
}

/// Whether `few_rows` is to take them.
fn is_step(rows: Rows<'_>) -> Result<bool> {
    Ok(rows.phase == Phase::DecodeStep && rows.tensor.dim(1)?.is_multiple_of(HALF_CHUNK))
}

/// What the first half of a weight's outputs is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gate {
    Absent,
    FirstHalf,
}

fn few_rows(device: &CudaDevice, weight: &Tensor, input: &Tensor, gate: Gate) -> Result<Tensor> {
    let ((rows, inputs), all_outputs) = (input.dims2()?, weight.dim(0)?);
    let (outputs, across) = match gate {
        Gate::Absent => (all_outputs, TILE_OUTPUTS),
        Gate::FirstHalf => (all_outputs / 2, TILE_OUTPUTS / 2),
    };
    let blocks = outputs.div_ceil(across);
    // The fewer blocks, the more warps each must have to keep the memory busy (measured on an H100).
    let warps = match blocks {
        ..200 => 16,
        200..600 => 8,
        600.. => 4,
    };
    let tiles = match rows {
        ..=8 => 1,
        9..=16 => 2,
        _ => 4,
    };
    let source = Source::Products { warps, tiles, gated: gate == Gate::FirstHalf };
    let Some(kernel) = source.kernel(device, input.dtype(), "few_rows")? else {
        candle_core::bail!("no kernel for {:?}", input.dtype());
    };
    let stream = device.cuda_stream();
    // SAFETY: the kernel writes every number.
    let output = unsafe { Tensor::empty((rows, outputs), input.dtype(), input.device()) }?;
    let (weight, input) = (address(&stream, weight)?, address(&stream, input)?);
    let written = address(&stream, &output)?;
    let groups = count(rows.div_ceil(8 * tiles))?.unsigned_abs();
    let blocks = count(blocks)?.unsigned_abs();
    let (rows, inputs, outputs) = (count(rows)?, count(inputs)?, count(outputs)?);
    let mut launch = Launch::of(&kernel);
    launch.arg(&weight).arg(&input).arg(&written).arg(&rows).arg(&inputs).arg(&outputs);
    let shape = LaunchConfig {
        grid_dim: (blocks, groups, 1),
        block_dim: (32 * warps, 1, 1),
        shared_mem_bytes: 0,
    };
    // SAFETY: the addresses are of contiguous tensors of the shapes that the kernel expects; it reads weights
    // alone before it waits.
    unsafe { launch.overlapping(&stream, shape) }?;
    Ok(output)
}

/// These need a GPU.
#[cfg(test)]
mod tests {
    use candle_core::DType;

    use super::*;
    use crate::nn::fused::testing::{largest_difference, numbers, placed, wide};

    /// The largest difference, in roundings of the largest number to the type that was found. Beside that of
    /// the result there are those of sums in f32, which are small, so that about one is what can be expected.
    fn roundings(found: &Tensor, expected: &Tensor) -> f32 {
        let rounding =
            if found.dtype() == DType::F16 { 2.0_f32.powi(-11) } else { 2.0_f32.powi(-8) };
        let largest = largest_difference(expected, &expected.zeros_like().unwrap());
        largest_difference(found, expected) / (largest * rounding)
    }

    /// Inputs that are no multiple of a chunk, outputs that are none of a tile, few and many blocks.
    const SHAPES: [(usize, usize); 4] = [(96, 70), (1088, 512), (2048, 256), (256, 4304)];
    const HALF_TYPES: [DType; 2] = [DType::F16, DType::BF16];
    const PHASES: [Phase; 2] = [Phase::DecodeStep, Phase::Prefill];

    #[test]
    fn products_equal_the_general_one() {
        for (inputs, outputs) in SHAPES {
            let (weight, all) = (numbers(outputs, inputs, 7), numbers(40, inputs, 8));
            for dtype in HALF_TYPES {
                let (placed_weight, placed_all) = (placed(&weight, dtype), placed(&all, dtype));
                for (phase, rows) in
                    PHASES.into_iter().flat_map(|phase| [1, 8, 13, 40].map(|rows| (phase, rows)))
                {
                    let some = placed_all.narrow(0, 0, rows).unwrap();
                    let expected =
                        all.narrow(0, 0, rows).unwrap().matmul(&weight.t().unwrap()).unwrap();
                    let Some(found) = product(&placed_weight, phase.rows(&some)).unwrap() else {
                        assert_eq!(phase, Phase::Prefill);
                        assert!(outputs % 8 != 0, "{inputs} {outputs}");
                        continue;
                    };
                    let off = roundings(&found, &expected);
                    assert!(off < 1.2, "{phase:?} {dtype:?} {inputs} {outputs} {rows}: {off}");
                }
            }
        }
    }

    #[test]
    fn gated_products_equal_separate_operations() {
        let (inputs, outputs) = (1088, 200);
        let (both, all) =
            (numbers(2 * outputs, inputs, 5), (numbers(40, inputs, 6) / 16.0).unwrap());
        for dtype in HALF_TYPES {
            for rows in [1, 13, 40] {
                let some = all.narrow(0, 0, rows).unwrap();
                let products = some.matmul(&both.t().unwrap()).unwrap();
                let gate = products.narrow(1, 0, outputs).unwrap().silu().unwrap();
                let expected = (gate * products.narrow(1, outputs, outputs).unwrap()).unwrap();
                let some = placed(&some, dtype);
                let found =
                    gated(&placed(&both, dtype), Phase::DecodeStep.rows(&some)).unwrap().unwrap();
                let off = roundings(&found, &expected);
                // Gate, activation, the other half and their product are rounded.
                assert!(off < 4.0, "{dtype:?} {rows}: {off}");
            }
        }
    }

    /// To the bit; with the shapes for which cuBLAS itself cuts the inputs into parts where rows are few.
    #[test]
    fn a_row_is_the_same_alone_and_among_others() {
        for (inputs, outputs) in SHAPES.into_iter().skip(1).chain([(6144, 2048), (11008, 4096)]) {
            for dtype in HALF_TYPES {
                let weight = placed(&numbers(outputs, inputs, 3), dtype);
                let all = placed(&numbers(700, inputs, 4), dtype);
                for phase in PHASES {
                    let of = |rows: usize| {
                        let some = all.narrow(0, 0, rows).unwrap();
                        let found = product(&weight, phase.rows(&some)).unwrap().unwrap();
                        wide(&found)
                    };
                    let many = of(700);
                    for rows in [1, 2, 8, 9, 16, 31, 81, 327] {
                        let (found, expected) = (of(rows), many.narrow(0, 0, rows).unwrap());
                        let unequal = found.ne(&expected).unwrap().sum_all().unwrap();
                        let unequal = unequal.to_scalar::<u8>().unwrap();
                        assert_eq!(
                            unequal, 0,
                            "{phase:?} {dtype:?} {inputs} {outputs} {rows} rows"
                        );
                    }
                }
            }
        }
    }
}
