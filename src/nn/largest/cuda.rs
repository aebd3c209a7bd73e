//! `two_largest.cu`, compiled once a process.

use std::sync::OnceLock;

use candle_core::cuda_backend::WrapErr;
use candle_core::cuda_backend::cudarc::driver::{LaunchConfig, PushKernelArg};
use candle_core::{CudaDevice, Error, Result, Tensor};

use super::TwoLargest;
use crate::nn::fused::cuda::{address, compile};

const SOURCE: &str = include_str!("two_largest.cu");
const THREADS: u32 = 1024;

pub(super) fn two_largest(device: &CudaDevice, logits: &Tensor) -> Result<Vec<TwoLargest>> {
    static COMPILED: OnceLock<String> = OnceLock::new();
    if COMPILED.get().is_none() {
        // Of two threads that come here together, one's result is kept.
        let _ = COMPILED.set(compile(device, SOURCE, [])?.to_src());
    }
    let ptx = COMPILED.get().map_or("", String::as_str);
    let (rows, vocabulary) = logits.dims2()?;
    // SAFETY: the kernel writes every number before it is read.
    let output = unsafe { Tensor::empty((rows, 4), logits.dtype(), logits.device()) }?;
    let stream = device.cuda_stream();
    let (read, written) = (address(&stream, logits)?, address(&stream, &output)?);
    let width = i32::try_from(vocabulary).map_err(Error::wrap)?;
    let function = device.get_or_load_custom_func("two_largest", "eyechart-largest", ptx)?;
    let mut launch = function.builder();
    launch.arg(&read).arg(&written).arg(&width);
    let config = LaunchConfig {
        grid_dim: (u32::try_from(rows).map_err(Error::wrap)?, 1, 1),
        block_dim: (THREADS, 1, 1),
        shared_mem_bytes: 0,
    };
    // SAFETY: both addresses are of contiguous f32 tensors of the shapes that the kernel expects.
    unsafe { launch.launch(config) }.w()?;
    let found: Vec<Vec<f32>> = output.to_vec2()?;
    Ok(found.iter().map(|row| of_numbers(row)).collect())
}

#[expect(clippy::cast_possible_truncation, reason = "a vocabulary's indices are exact in f32")]
#[expect(clippy::cast_sign_loss, reason = "an index")]
fn of_numbers(row: &[f32]) -> TwoLargest {
    let [index, runner_up_index] = [row[0] as u32, row[3] as u32];
    TwoLargest { index, largest: row[1], runner_up: row[2], runner_up_index }
}
