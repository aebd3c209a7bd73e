//! Compiling kernels, once for each GPU, and launching them so that they may begin before the kernel in front of
//! them has ended.

use std::collections::HashMap;
use std::ffi::c_void;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use candle_core::cuda_backend::WrapErr;
use candle_core::cuda_backend::cudarc::driver::{
    CudaFunction, CudaModule, CudaStream, DeviceRepr, LaunchConfig, sys,
};
use candle_core::cuda_backend::cudarc::nvrtc::{CompileOptions, Ptx, compile_ptx_with_opts};
use candle_core::{CudaDevice, DType, Error, Result};

/// What stands in front of every source.
const NUMBERS: &str = include_str!("numbers.cu");
/// The first generation of GPUs on which a kernel may begin before the one in front of it has ended.
const OVERLAPPING: i32 = 9;

/// A file of kernels, and what it is compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::nn) enum Source {
    /// `steps.cu`.
    Steps {
        /// Numbers of a head.
        head_dim: usize,
        /// Query heads of a block, which share a head of keys.
        group: usize,
    },
    /// `rows.cu`.
    Rows {
        /// Numbers of a head, for kernels that look at heads.
        head_dim: usize,
    },
    /// `products.cu`.
    Products {
        /// Warps of a block.
        warps: u32,
        /// Tiles of 8 rows of a block.
        tiles: usize,
        /// Whether the first half of the weight's outputs is the gate of the other.
        gated: bool,
    },
    /// `../largest/two_largest.cu`.
    Largest,
}

impl Source {
    /// `rows.cu` for kernels that do not look at heads.
    pub(super) const ANY_ROWS: Self = Self::Rows { head_dim: 64 };

    fn text(self) -> &'static str {
        match self {
            Self::Steps { .. } => include_str!("steps.cu"),
            Self::Rows { .. } => include_str!("rows.cu"),
            Self::Products { .. } => include_str!("products.cu"),
            Self::Largest => include_str!("../largest/two_largest.cu"),
        }
    }

    fn constants(self) -> Vec<String> {
        match self {
            Self::Steps { head_dim, group } => {
                vec![format!("-DHEAD_DIM={head_dim}"), format!("-DGROUP={group}")]
            }
            Self::Rows { head_dim } => vec![format!("-DHEAD_DIM={head_dim}")],
            Self::Products { warps, tiles, gated } => vec![
                format!("-DWARPS={warps}"),
                format!("-DTILES={tiles}"),
                format!("-DGATED={}", u8::from(gated)),
            ],
            Self::Largest => Vec::new(),
        }
    }

    /// One of its kernels; none for types of numbers that `numbers.cu` does not know. The first time on a GPU
    /// the source is compiled, which takes about a second.
    pub(in crate::nn) fn kernel(
        self,
        device: &CudaDevice,
        dtype: DType,
        name: &'static str,
    ) -> Result<Option<CudaFunction>> {
        static LOADED: Mutex<Option<Loaded>> = Mutex::new(None);
        let Some(number) = number_name(dtype) else { return Ok(None) };
        let gpu = device.cuda_stream().context().ordinal();
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        let loaded = loaded.get_or_insert_default();
        if let Some(kernel) = loaded.kernels.get(&(gpu, self, number, name)) {
            return Ok(Some(kernel.clone()));
        }
        let module = match loaded.modules.get(&(gpu, self, number)) {
            Some(module) => module.clone(),
            None => self.load(device, number)?,
        };
        let kernel = module.load_function(name).w()?;
        loaded.modules.insert((gpu, self, number), module);
        loaded.kernels.insert((gpu, self, number, name), kernel.clone());
        Ok(Some(kernel))
    }

    fn load(self, device: &CudaDevice, number: &str) -> Result<Arc<CudaModule>> {
        let constants = std::iter::once(format!("-DNUMBER_{number}")).chain(self.constants());
        let ptx = compile(device, &[NUMBERS, self.text()].concat(), constants)?;
        device.cuda_stream().context().load_module(ptx).w()
    }
}

/// What this process has compiled, by the number of the GPU, the source and the type of numbers.
#[derive(Default)]
struct Loaded {
    modules: HashMap<(usize, Source, &'static str), Arc<CudaModule>>,
    kernels: HashMap<(usize, Source, &'static str, &'static str), CudaFunction>,
}

/// How `numbers.cu` calls a type, if it knows it.
fn number_name(dtype: DType) -> Option<&'static str> {
    match dtype {
        DType::F32 => Some("F32"),
        DType::F16 => Some("F16"),
        DType::BF16 => Some("BF16"),
        _ => None,
    }
}

/// Whether tensor cores multiply numbers of this type as our kernels do. Those of bf16, and tiles of 16 rows, came
/// with Ampere.
pub(super) fn has_tensor_cores(device: &CudaDevice, dtype: DType) -> Result<bool> {
    let (major, _) = device.cuda_stream().context().compute_capability().w()?;
    Ok(matches!(dtype, DType::F16 | DType::BF16) && major >= 8)
}

/// Compiles CUDA source for a device's generation.
fn compile(
    device: &CudaDevice,
    source: &str,
    constants: impl IntoIterator<Item = String>,
) -> Result<Ptx> {
    let (major, minor) = device.cuda_stream().context().compute_capability().w()?;
    let target = format!("--gpu-architecture=compute_{major}{minor}");
    let options = [target].into_iter().chain(constants).collect();
    let options = CompileOptions { options, ..CompileOptions::default() };
    compile_ptx_with_opts(source, options).map_err(Error::wrap)
}

/// A kernel and its arguments.
pub(super) struct Launch<'a> {
    kernel: &'a CudaFunction,
    arguments: Vec<*mut c_void>,
    borrowed: PhantomData<&'a ()>,
}

impl<'a> Launch<'a> {
    pub(super) fn of(kernel: &'a CudaFunction) -> Self {
        Self { kernel, arguments: Vec::with_capacity(16), borrowed: PhantomData }
    }

    pub(super) fn arg<T: DeviceRepr>(&mut self, argument: &'a T) -> &mut Self {
        self.arguments.push(std::ptr::from_ref(argument).cast_mut().cast());
        self
    }

    /// Launches it, to begin as soon as all blocks of the kernel in front have called `wait_for_earlier`.
    ///
    /// # Safety
    /// The arguments are those that the kernel expects, addresses of tensors of the shapes that it reads and
    /// writes; it calls `wait_for_earlier` before it touches anything but weights.
    pub(super) unsafe fn overlapping(
        &mut self,
        stream: &CudaStream,
        shape: LaunchConfig,
    ) -> Result<()> {
        let context = stream.context();
        context.bind_to_thread().w()?;
        let (major, _) = context.compute_capability().w()?;
        let mut overlap = sys::CUlaunchAttribute {
            id: sys::CUlaunchAttributeID::CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION,
            pad: Default::default(),
            value: sys::CUlaunchAttributeValue { programmaticStreamSerializationAllowed: 1 },
        };
        let config = sys::CUlaunchConfig {
            gridDimX: shape.grid_dim.0,
            gridDimY: shape.grid_dim.1,
            gridDimZ: shape.grid_dim.2,
            blockDimX: shape.block_dim.0,
            blockDimY: shape.block_dim.1,
            blockDimZ: shape.block_dim.2,
            sharedMemBytes: shape.shared_mem_bytes,
            hStream: stream.cu_stream(),
            attrs: &raw mut overlap,
            numAttrs: u32::from(major >= OVERLAPPING),
        };
        // SAFETY: the caller's promise; all pointers live until the driver has copied what they point at.
        let launched = unsafe {
            sys::cuLaunchKernelEx(
                &raw const config,
                self.kernel.cu_function(),
                self.arguments.as_mut_ptr(),
                std::ptr::null_mut(),
            )
        };
        launched.result().w()
    }
}
