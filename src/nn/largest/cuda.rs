//! Launches `two_largest.cu`.

use candle_core::cuda_backend::WrapErr;
use candle_core::cuda_backend::cudarc::driver::{LaunchConfig, PushKernelArg};
use candle_core::{CudaDevice, DType, Error, Result, Tensor, bail};

use super::TwoLargest;
use crate::nn::fused::cuda::address;
use crate::nn::fused::launch::Source;

const THREADS: u32 = 1024;
/// Logits of a block.
const PART: usize = 8192;

pub(super) fn two_largest(device: &CudaDevice, logits: &Tensor) -> Result<Vec<TwoLargest>> {
    let Some(kernel) = Source::Largest.kernel(device, DType::F32, "two_largest")? else {
        bail!("no kernel for {:?}", DType::F32);
    };
    let (rows, vocabulary) = logits.dims2()?;
    let parts = vocabulary.div_ceil(PART).max(1);
    // SAFETY: the kernel writes every number before it is read.
    let output = unsafe { Tensor::empty((rows, parts, 4), logits.dtype(), logits.device()) }?;
    let stream = device.cuda_stream();
    let (read, written) = (address(&stream, logits)?, address(&stream, &output)?);
    let width = i32::try_from(vocabulary).map_err(Error::wrap)?;
    let mut launch = stream.launch_builder(&kernel);
    launch.arg(&read).arg(&written).arg(&width).arg(&(PART as i32));
    let blocks = [rows, parts].map(|count| u32::try_from(count).map_err(Error::wrap));
    let [rows, parts] = blocks;
    let config = LaunchConfig {
        grid_dim: (rows?, parts?, 1),
        block_dim: (THREADS, 1, 1),
        shared_mem_bytes: 0,
    };
    // SAFETY: both addresses are of contiguous f32 tensors of the shapes that the kernel expects.
    unsafe { launch.launch(config) }.w()?;
    let found: Vec<Vec<Vec<f32>>> = output.to_vec3()?;
    Ok(found.iter().map(|parts| of_parts(parts)).collect())
}

/// Of a row's parts that of the whole row.
fn of_parts(parts: &[Vec<f32>]) -> TwoLargest {
    let mut all = parts.iter().map(|part| of_numbers(part));
    let first = all.next().unwrap_or(TwoLargest::OF_NOTHING);
    all.fold(first, TwoLargest::joined)
}

#[expect(clippy::cast_possible_truncation, reason = "a vocabulary's indices are exact in f32")]
#[expect(clippy::cast_sign_loss, reason = "an index")]
fn of_numbers(part: &[f32]) -> TwoLargest {
    let [index, runner_up_index] = [part[0] as u32, part[3] as u32];
    TwoLargest { index, largest: part[1], runner_up: part[2], runner_up_index }
}

/// These need a GPU.
#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::nn::largest::on_cpu;

    /// Rows of one part and of several, with equals in one and across them, and nearly nothing but -inf.
    #[test]
    fn equals_what_a_cpu_finds() {
        let gpu = Device::new_cuda(0).unwrap();
        for vocabulary in [2, 5, PART, PART + 1, 5 * PART - 7] {
            let mut rows: Vec<f32> =
                (0..6 * vocabulary).map(|index| ((index * 7919) % 1009) as f32 / 16.0).collect();
            rows[5 * vocabulary..].fill(f32::NEG_INFINITY);
            rows[5 * vocabulary + 1] = -3.0;
            let logits = Tensor::from_vec(rows, (6, vocabulary), &Device::Cpu).unwrap();
            let placed = logits.to_device(&gpu).unwrap();
            let found = two_largest(gpu.as_cuda_device().unwrap(), &placed).unwrap();
            assert_eq!(found, on_cpu(&logits).unwrap(), "{vocabulary}");
        }
    }

    #[test]
    fn what_is_no_number_shows_in_any_part() {
        let gpu = Device::new_cuda(0).unwrap();
        for place in [0, PART, 2 * PART + 3] {
            let mut row = vec![0.0_f32; 2 * PART + 4];
            row[place] = f32::NAN;
            let logits = Tensor::new(row.as_slice(), &gpu).unwrap().unsqueeze(0).unwrap();
            let found = two_largest(gpu.as_cuda_device().unwrap(), &logits).unwrap();
            assert!(found[0].largest.is_nan(), "{place}");
        }
    }
}
