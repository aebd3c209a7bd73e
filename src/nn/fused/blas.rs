/*!
cuBLAS's products of many rows, without the kernels that cut the inputs into parts (split-K) and add the parts at
the end: it takes those where rows are few, and then a row's sum is not what it is among many.

All others add from the first input to the last, so that a row is the same bits for any number of rows. That is
what was found on an H100 (docs/performance.md), not what NVIDIA promises: a test holds it.
*/

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ffi::c_void;
use std::ptr;
use std::sync::{Mutex, PoisonError};

use candle_core::cuda_backend::cudarc::cublas::sys::cublasOperation_t;
use candle_core::cuda_backend::cudarc::cublaslt::{result, sys};
use candle_core::{CudaDevice, DType, Error, Result, Tensor};

use super::cuda::address;

/// Bytes of which every address and every row's size must be a multiple for cuBLAS's fast kernels.
const ALIGNMENT: u32 = 16;
/// Products of so many shapes are remembered.
const MOST_SHAPES: usize = 4096;

/// `input` `(rows, inputs)` times `weight` `(outputs, inputs)` transposed, both of one half type and contiguous;
/// none if cuBLAS has no such kernel.
pub(super) fn product(
    device: &CudaDevice,
    weight: &Tensor,
    input: &Tensor,
) -> Result<Option<Tensor>> {
    let ((rows, inputs), outputs) = (input.dims2()?, weight.dim(0)?);
    let stream = device.cuda_stream();
    let (read, multiplied) = (address(&stream, input)?, address(&stream, weight)?);
    let aligned = |bytes: u64| bytes.is_multiple_of(u64::from(ALIGNMENT));
    let row_bytes = [inputs, outputs].map(|width| (width * input.dtype().size_in_bytes()) as u64);
    if !row_bytes.into_iter().chain([read, multiplied]).all(aligned) {
        return Ok(None);
    }
    let gpu = stream.context().ordinal();
    let shape = Shape { rows, inputs, outputs, dtype: input.dtype() };
    static LIBRARY: Mutex<Option<HashMap<usize, Library>>> = Mutex::new(None);
    let mut libraries = LIBRARY.lock().unwrap_or_else(PoisonError::into_inner);
    let libraries = libraries.get_or_insert_default();
    let library = match libraries.entry(gpu) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(place) => {
            stream.context().bind_to_thread().map_err(Error::wrap)?;
            let handle = result::create_handle().map_err(Error::wrap)?;
            place.insert(Library { handle, plans: HashMap::new() })
        }
    };
    let handle = library.handle;
    let Some(plan) = library.plan(shape)? else { return Ok(None) };
    // SAFETY: the product fills it.
    let output = unsafe { Tensor::empty((rows, outputs), input.dtype(), input.device()) }?;
    let written = address(&stream, &output)?;
    // SAFETY: the addresses are of contiguous matrices of the plan's shape on the stream's device.
    unsafe {
        plan.run(handle, [multiplied, read, written], stream.cu_stream().cast())?;
    }
    Ok(Some(output))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Shape {
    rows: usize,
    inputs: usize,
    outputs: usize,
    dtype: DType,
}

/// cuBLAS on one GPU, and what it has been asked.
struct Library {
    handle: sys::cublasLtHandle_t,
    plans: HashMap<Shape, Option<Plan>>,
}

// SAFETY: cuBLASLt's handles may be used from any thread, and the plans' descriptors are read only.
unsafe impl Send for Library {}

impl Library {
    fn plan(&mut self, shape: Shape) -> Result<Option<&Plan>> {
        if !self.plans.contains_key(&shape) {
            if self.plans.len() >= MOST_SHAPES {
                self.plans.clear();
            }
            let plan = Plan::make(self.handle, shape).map_err(Error::wrap)?;
            self.plans.insert(shape, plan);
        }
        Ok(self.plans.get(&shape).and_then(Option::as_ref))
    }
}

/// How a product of one shape is computed. To cuBLAS, whose matrices lie by columns, it is
/// `(outputs, rows) = weight^T (outputs, inputs) input (inputs, rows)`.
struct Plan {
    operation: Operation,
    weight: Layout,
    input: Layout,
    output: Layout,
    kernel: sys::cublasLtMatmulAlgo_t,
}

impl Plan {
    fn make(
        handle: sys::cublasLtHandle_t,
        shape: Shape,
    ) -> std::result::Result<Option<Self>, result::CublasError> {
        let number = match shape.dtype {
            DType::F16 => sys::cudaDataType_t::CUDA_R_16F,
            _ => sys::cudaDataType_t::CUDA_R_16BF,
        };
        let operation = Operation::with_transposed_weight()?;
        let weight = Layout::of(number, shape.inputs, shape.outputs)?;
        let input = Layout::of(number, shape.inputs, shape.rows)?;
        let output = Layout::of(number, shape.outputs, shape.rows)?;
        let preference = Preference::without_parts()?;
        // SAFETY: all of these live.
        let found = unsafe {
            result::get_matmul_algo_heuristic(
                handle,
                operation.0,
                weight.0,
                input.0,
                output.0,
                output.0,
                preference.0,
            )
        };
        match found {
            Ok(found) => Ok(Some(Self { operation, weight, input, output, kernel: found.algo })),
            Err(result::CublasError(sys::cublasStatus_t::CUBLAS_STATUS_NOT_SUPPORTED)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// # Safety
    /// The addresses of weight, input and output are of contiguous matrices of this plan's shape.
    unsafe fn run(
        &self,
        handle: sys::cublasLtHandle_t,
        [weight, input, output]: [u64; 3],
        stream: sys::cudaStream_t,
    ) -> Result<()> {
        let (one, zero) = (1.0_f32, 0.0_f32);
        let written = output as *mut c_void;
        // SAFETY: the caller's promise.
        let done = unsafe {
            result::matmul(
                handle,
                self.operation.0,
                ptr::from_ref(&one).cast(),
                ptr::from_ref(&zero).cast(),
                weight as *const c_void,
                self.weight.0,
                input as *const c_void,
                self.input.0,
                written,
                self.output.0,
                written,
                self.output.0,
                &raw const self.kernel,
                ptr::null_mut(),
                0,
                stream,
            )
        };
        done.map_err(Error::wrap)
    }
}

struct Operation(sys::cublasLtMatmulDesc_t);

impl Operation {
    fn with_transposed_weight() -> std::result::Result<Self, result::CublasError> {
        let compute = sys::cublasComputeType_t::CUBLAS_COMPUTE_32F;
        let operation = Self(result::create_matmul_desc(compute, sys::cudaDataType_t::CUDA_R_32F)?);
        let transposed = cublasOperation_t::CUBLAS_OP_T;
        // SAFETY: the descriptor was just made, and the value is of the attribute's type.
        unsafe {
            result::set_matmul_desc_attribute(
                operation.0,
                sys::cublasLtMatmulDescAttributes_t::CUBLASLT_MATMUL_DESC_TRANSA,
                ptr::from_ref(&transposed).cast(),
                size_of_val(&transposed),
            )?;
        }
        Ok(operation)
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        // SAFETY: made by `with_transposed_weight`, freed once.
        let _ = unsafe { result::destroy_matmul_desc(self.0) };
    }
}

struct Layout(sys::cublasLtMatrixLayout_t);

impl Layout {
    /// A matrix whose columns lie one behind the other.
    fn of(
        number: sys::cudaDataType_t,
        rows: usize,
        columns: usize,
    ) -> std::result::Result<Self, result::CublasError> {
        let stride = i64::try_from(rows).unwrap_or(i64::MAX);
        result::create_matrix_layout(number, rows as u64, columns as u64, stride).map(Self)
    }
}

impl Drop for Layout {
    fn drop(&mut self) {
        // SAFETY: made by `of`, freed once.
        let _ = unsafe { result::destroy_matrix_layout(self.0) };
    }
}

struct Preference(sys::cublasLtMatmulPreference_t);

impl Preference {
    /// Kernels that need no memory of their own and do not add parts of a sum.
    fn without_parts() -> std::result::Result<Self, result::CublasError> {
        use sys::cublasLtMatmulPreferenceAttributes_t as Attribute;
        let preference = Self(result::create_matmul_pref()?);
        let (no_bytes, no_scheme) = (0_usize, 0_u32);
        preference.set(Attribute::CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &no_bytes)?;
        preference.set(Attribute::CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &no_scheme)?;
        for matrix in [
            Attribute::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES,
            Attribute::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
            Attribute::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES,
            Attribute::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES,
        ] {
            preference.set(matrix, &ALIGNMENT)?;
        }
        Ok(preference)
    }

    fn set<T>(
        &self,
        attribute: sys::cublasLtMatmulPreferenceAttributes_t,
        value: &T,
    ) -> std::result::Result<(), result::CublasError> {
        let bytes = ptr::from_ref(value).cast();
        // SAFETY: the preference lives, and the callers' values are of the attributes' types.
        unsafe { result::set_matmul_pref_attribute(self.0, attribute, bytes, size_of::<T>()) }
    }
}

impl Drop for Preference {
    fn drop(&mut self) {
        // SAFETY: made by `without_parts`, freed once.
        let _ = unsafe { result::destroy_matmul_pref(self.0) };
    }
}
