//! What tests of kernels share. They need a GPU.

use candle_core::{DType, Device, Tensor};

pub(in crate::nn) fn gpu() -> Device {
    Device::new_cuda(0).unwrap()
}

/// Numbers in -1..1 that a half type holds exactly, on the CPU.
pub(in crate::nn) fn numbers(rows: usize, width: usize, seed: usize) -> Tensor {
    let number = |index: usize| ((index * 7919 + seed * 104_729) % 255) as f32 / 128.0 - 1.0;
    let numbers: Vec<f32> = (0..rows * width).map(number).collect();
    Tensor::from_vec(numbers, (rows, width), &Device::Cpu).unwrap()
}

/// The same on the GPU.
pub(in crate::nn) fn placed(tensor: &Tensor, dtype: DType) -> Tensor {
    tensor.to_device(&gpu()).unwrap().to_dtype(dtype).unwrap()
}

/// The same in f32 on the CPU.
pub(in crate::nn) fn wide(tensor: &Tensor) -> Tensor {
    tensor.to_device(&Device::Cpu).unwrap().to_dtype(DType::F32).unwrap()
}

pub(in crate::nn) fn largest_difference(found: &Tensor, expected: &Tensor) -> f32 {
    let difference = (wide(found) - expected).unwrap().abs().unwrap();
    difference.max_all().unwrap().to_scalar().unwrap()
}
