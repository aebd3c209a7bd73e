//! The kernels of `rows.cu`, compiled at run time once for each number type and head size.

use candle_core::cuda_backend::WrapErr;
use candle_core::cuda_backend::cudarc::driver::{
    CudaFunction, CudaStream, LaunchConfig, PushKernelArg,
};
use candle_core::{CudaDevice, DType, Device, Error, Result, Tensor};

use super::cuda::{LOAD_BYTES, address};
use super::launch::{Launch, Source, has_tensor_cores};
use crate::nn::elementwise::{Operation, Pairing};
use crate::nn::epilogue::Epilogue;
use crate::nn::rotary::RotaryTable;
use crate::nn::{Activation, AttentionRows};

/// Queries of a block of `attend_tiles`.
const QUERIES: usize = 64;
/// The largest head whose tiles fit into a block's shared memory.
const MAX_HEAD_DIM: usize = 160;
const THREADS: u32 = 256;

/// Does what follows a product in place; false if it cannot.
pub(in crate::nn) fn finish(product: &Tensor, epilogue: &Epilogue<'_>) -> Result<bool> {
    let Device::Cuda(device) = product.device() else { return Ok(false) };
    let (dtype, width) = (product.dtype(), product.dim(1)?);
    let fits = |tensor: Option<&Tensor>| {
        tensor.is_none_or(|tensor| tensor.dtype() == dtype && tensor.is_contiguous())
    };
    let aligned = (width * dtype.size_in_bytes()).is_multiple_of(LOAD_BYTES);
    if !aligned || !fits(Some(product)) || !fits(epilogue.bias) || !fits(epilogue.residual) {
        return Ok(false);
    }
    let kernel = Source::ANY_ROWS.kernel(device, dtype, "epilogue")?;
    let Some(function) = kernel else { return Ok(false) };
    let stream = device.cuda_stream();
    let place = |tensor: Option<&Tensor>| tensor.map_or(Ok(0), |tensor| address(&stream, tensor));
    let (read, bias, residual) =
        (place(Some(product))?, place(epilogue.bias)?, place(epilogue.residual)?);
    let activation = epilogue.activation.map_or(0, number_of);
    let packs = signed(product.elem_count() * dtype.size_in_bytes() / LOAD_BYTES)?;
    let width = i32::try_from(width).map_err(Error::wrap)?;
    let mut launch = Launch::of(&function);
    launch.arg(&read).arg(&bias).arg(&residual).arg(&activation).arg(&packs).arg(&width);
    // SAFETY: the addresses are of contiguous tensors of the shapes that the kernel expects, which reads the
    // constants of a linear map alone before it waits.
    unsafe { launch.overlapping(&stream, over_packs(packs)?) }?;
    Ok(true)
}

/// A sum or product, number by number; none where the kernel cannot.
pub(in crate::nn) fn combine(
    left: &Tensor,
    right: &Tensor,
    operation: Operation,
    pairing: Pairing,
) -> Result<Option<Tensor>> {
    let Device::Cuda(device) = left.device() else { return Ok(None) };
    let dtype = left.dtype();
    let plain = dtype == right.dtype() && left.is_contiguous() && right.is_contiguous();
    let pack = LOAD_BYTES / dtype.size_in_bytes();
    let width = left.dims().last().copied().unwrap_or(1);
    let paired = match pairing {
        Pairing::Repeated => {
            let ones = right.dims().iter().take_while(|size| **size == 1).count();
            right.elem_count().is_multiple_of(pack) && left.dims().ends_with(&right.dims()[ones..])
        }
        Pairing::OneEachRow => {
            width.is_multiple_of(pack) && right.elem_count() * width == left.elem_count()
        }
    };
    if !plain || !paired || left.elem_count() == 0 {
        return Ok(None);
    }
    let kernel = Source::ANY_ROWS.kernel(device, dtype, "combine")?;
    let Some(function) = kernel else { return Ok(None) };
    let stream = device.cuda_stream();
    // SAFETY: the kernel writes every number.
    let output = unsafe { Tensor::empty(left.shape(), dtype, left.device()) }?;
    let place = |tensor| address(&stream, tensor);
    let (left_at, right_at, written) = (place(left)?, place(right)?, place(&output)?);
    let packs = signed(left.elem_count() / pack)?;
    let right_packs = match pairing {
        Pairing::Repeated => signed(right.elem_count() / pack)?,
        Pairing::OneEachRow => 0,
    };
    let kind = i32::from(operation == Operation::Product);
    let width = i32::try_from(width / pack).map_err(Error::wrap)?;
    let mut launch = Launch::of(&function);
    launch.arg(&left_at).arg(&right_at).arg(&written).arg(&kind);
    launch.arg(&packs).arg(&right_packs).arg(&width);
    // SAFETY: the addresses are of contiguous tensors of the shapes that the kernel expects, which waits first.
    unsafe { launch.overlapping(&stream, over_packs(packs)?) }?;
    Ok(Some(output))
}

/// Chosen rows of a table; none where the kernel cannot.
pub(in crate::nn) fn choose(table: &Tensor, indices: &Tensor) -> Result<Option<Tensor>> {
    let Device::Cuda(device) = table.device() else { return Ok(None) };
    let (dtype, width, count) = (table.dtype(), table.dim(1)?, indices.elem_count());
    let plain = table.is_contiguous() && indices.is_contiguous() && indices.dtype() == DType::U32;
    let pack = LOAD_BYTES / dtype.size_in_bytes();
    if !plain || !width.is_multiple_of(pack) || count == 0 {
        return Ok(None);
    }
    let kernel = Source::ANY_ROWS.kernel(device, dtype, "choose")?;
    let Some(function) = kernel else { return Ok(None) };
    let stream = device.cuda_stream();
    // SAFETY: the kernel writes every number.
    let output = unsafe { Tensor::empty((count, width), dtype, table.device()) }?;
    let place = |tensor| address(&stream, tensor);
    let (table, indices, written) = (place(table)?, place(indices)?, place(&output)?);
    let packs = signed(count * width / pack)?;
    let width = i32::try_from(width / pack).map_err(Error::wrap)?;
    let mut launch = Launch::of(&function);
    launch.arg(&table).arg(&indices).arg(&written).arg(&packs).arg(&width);
    // SAFETY: as above; the caller's indices are in the table.
    unsafe { launch.overlapping(&stream, over_packs(packs)?) }?;
    Ok(Some(output))
}

/// A thread each pack.
fn over_packs(packs: i64) -> Result<LaunchConfig> {
    let blocks = u32::try_from(packs).map_err(Error::wrap)?.div_ceil(THREADS);
    Ok(grid((blocks, 1, 1), THREADS))
}

/// The number by which `rows.cu` knows an activation.
fn number_of(activation: Activation) -> i32 {
    match activation {
        Activation::Gelu => 1,
        Activation::GeluTanh => 2,
        Activation::QuickGelu => 3,
        Activation::Relu => 4,
        Activation::Silu => 5,
    }
}

/// Rotates queries and keys of `qkv` `(rows, 3 * heads * d)` in place, by a table in f32; false if it
/// cannot.
pub(in crate::nn) fn rotate_heads(
    qkv: &Tensor,
    rotary: &RotaryTable,
    heads: usize,
) -> Result<bool> {
    let Device::Cuda(device) = qkv.device() else { return Ok(false) };
    let (rows, width) = qkv.dims2()?;
    let (cosines, sines) = rotary.tables();
    if cosines.dtype() != DType::F32 || !qkv.is_contiguous() {
        return Ok(false);
    }
    let Some(function) = kernel(device, "rotate_heads", qkv.dtype(), width / heads / 3)? else {
        return Ok(false);
    };
    let stream = device.cuda_stream();
    let place = |tensor| address(&stream, tensor);
    let (numbers, cosines, sines) = (place(qkv)?, place(cosines)?, place(sines)?);
    let heads = i32::try_from(heads).map_err(Error::wrap)?;
    let mut launch = stream.launch_builder(&function);
    launch.arg(&numbers).arg(&cosines).arg(&sines).arg(&heads);
    // SAFETY: as above.
    unsafe { launch.launch(grid((u32::try_from(rows).map_err(Error::wrap)?, 1, 1), THREADS)) }
        .w()?;
    Ok(true)
}

/// [`crate::nn::attend_each`]; none if the kernel cannot.
pub(in crate::nn) fn attend_each(rows: &AttentionRows<'_>) -> Result<Option<Tensor>> {
    let AttentionRows { queries, keys, values, heads, query_lengths, key_lengths } = *rows;
    let (count, width) = queries.dims2()?;
    let (Some(query_stride), Some(key_stride)) = (row_stride(queries), row_stride(keys)) else {
        return Ok(None);
    };
    if !can_attend(queries, width / heads)? || row_stride(values) != Some(key_stride) {
        return Ok(None);
    }
    let Device::Cuda(device) = queries.device() else { return Ok(None) };
    let stream = device.cuda_stream();
    let place = |tensor: &Tensor| strided_address(&stream, tensor);
    // SAFETY: the kernel writes each row of each sequence.
    let output = unsafe { Tensor::empty((count, width), queries.dtype(), queries.device()) }?;
    let mut table = Vec::with_capacity(query_lengths.len());
    let (mut query, mut key) = (0, 0);
    for (looking, seen) in query_lengths.iter().zip(key_lengths) {
        table.push(Sequence {
            first_query: query,
            queries: *looking,
            keys_at: key * key_stride,
            keys: *seen,
        });
        (query, key) = (query + looking, key + seen);
    }
    attend_tiles(
        device,
        &Tiles {
            queries: place(queries)?,
            keys: place(keys)?,
            values: place(values)?,
            output: address(&stream, &output)?,
            dtype: queries.dtype(),
            head_dim: width / heads,
            heads,
            group: 1,
            query_stride,
            key_stride,
            key_head_stride: width / heads,
            scale: ((width / heads) as f64).powf(-0.5),
            causal: false,
        },
        &table,
    )?;
    Ok(Some(output))
}

/// Whether `attend_tiles` can take heads of this size in this tensor's type on its device.
pub(super) fn can_attend(like: &Tensor, head_dim: usize) -> Result<bool> {
    let Device::Cuda(device) = like.device() else { return Ok(false) };
    let fits = head_dim.is_multiple_of(8) && head_dim <= MAX_HEAD_DIM;
    Ok(fits && has_tensor_cores(device, like.dtype())?)
}

/// Where a sequence's queries, and its keys and values, are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sequence {
    pub(super) first_query: usize,
    pub(super) queries: usize,
    /// In numbers from the beginning of keys and of values.
    pub(super) keys_at: usize,
    pub(super) keys: usize,
}

/// What `attend_tiles` reads and writes: addresses, and strides in numbers.
#[derive(Debug)]
pub(super) struct Tiles {
    pub(super) queries: u64,
    pub(super) keys: u64,
    pub(super) values: u64,
    /// `(rows, heads, head_dim)`, contiguous.
    pub(super) output: u64,
    pub(super) dtype: DType,
    pub(super) head_dim: usize,
    pub(super) heads: usize,
    /// Query heads for each head of keys.
    pub(super) group: usize,
    pub(super) query_stride: usize,
    pub(super) key_stride: usize,
    pub(super) key_head_stride: usize,
    pub(super) scale: f64,
    /// Whether a query sees only the tokens before it and itself.
    pub(super) causal: bool,
}

pub(super) fn attend_tiles(
    device: &CudaDevice,
    tiles: &Tiles,
    sequences: &[Sequence],
) -> Result<()> {
    let Some(function) = kernel(device, "attend_tiles", tiles.dtype, tiles.head_dim)? else {
        candle_core::bail!("no kernel for {:?}", tiles.dtype);
    };
    let mut table = Vec::with_capacity(4 * sequences.len());
    for sequence in sequences {
        let Sequence { first_query, queries, keys_at, keys } = *sequence;
        for number in [first_query, queries, keys_at, keys] {
            table.push(signed(number)?);
        }
    }
    let table = Tensor::from_vec(table, (sequences.len(), 4), &Device::Cuda(device.clone()))?;
    let stream = device.cuda_stream();
    let table_at = address(&stream, &table)?;
    let most = sequences.iter().map(|sequence| sequence.queries).max().unwrap_or(0);
    let blocks = [most.div_ceil(QUERIES), tiles.heads, sequences.len()];
    let [across, heads, deep] = blocks.map(|count| u32::try_from(count).map_err(Error::wrap));
    #[expect(clippy::cast_possible_truncation, reason = "the kernel computes in f32")]
    let scale = tiles.scale as f32;
    let strides = [tiles.query_stride, tiles.key_stride, tiles.key_head_stride].map(signed);
    let [query_stride, key_stride, key_head_stride] = strides;
    let (query_stride, key_stride, key_head_stride) =
        (query_stride?, key_stride?, key_head_stride?);
    let group = i32::try_from(tiles.group).map_err(Error::wrap)?;
    let causal = i32::from(tiles.causal);
    let mut launch = stream.launch_builder(&function);
    launch
        .arg(&tiles.queries)
        .arg(&tiles.keys)
        .arg(&tiles.values)
        .arg(&tiles.output)
        .arg(&table_at);
    launch.arg(&query_stride).arg(&key_stride).arg(&key_head_stride);
    launch.arg(&group).arg(&scale).arg(&causal);
    if most > 0 {
        // SAFETY: the callers' addresses are of tensors of the shapes that the kernel expects.
        unsafe { launch.launch(grid((across?, heads?, deep?), 2 * QUERIES as u32)) }.w()?;
    }
    Ok(())
}

/// A kernel compiled for a number type and head size; none for other types.
fn kernel(
    device: &CudaDevice,
    name: &'static str,
    dtype: DType,
    head_dim: usize,
) -> Result<Option<CudaFunction>> {
    Source::Rows { head_dim }.kernel(device, dtype, name)
}

/// Numbers from row to row, if rows are contiguous and begin where a pack of numbers may.
fn row_stride(rows: &Tensor) -> Option<usize> {
    let layout = rows.layout();
    let &[stride, 1] = layout.stride() else { return None };
    let pack = LOAD_BYTES / rows.dtype().size_in_bytes();
    let aligned = stride.is_multiple_of(pack) && layout.start_offset().is_multiple_of(pack);
    aligned.then_some(stride)
}

/// Where the first row of a tensor `(rows, width)` begins.
fn strided_address(stream: &CudaStream, rows: &Tensor) -> Result<u64> {
    // The first row alone is contiguous.
    address(stream, &rows.narrow(0, 0, 1)?)
}

fn signed(number: usize) -> Result<i64> {
    i64::try_from(number).map_err(Error::wrap)
}

fn grid(blocks: (u32, u32, u32), threads: u32) -> LaunchConfig {
    LaunchConfig { grid_dim: blocks, block_dim: (threads, 1, 1), shared_mem_bytes: 0 }
}

/// These need a GPU; each compares with the general operations in f32 on the CPU.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::fused::testing::{gpu, largest_difference, numbers, placed};

    #[test]
    fn tiles_equal_attention_of_each_sequence() {
        let (query_lengths, key_lengths) = ([70, 1, 200], [33, 130, 200]);
        let (queries, keys): (usize, usize) =
            (query_lengths.iter().sum(), key_lengths.iter().sum());
        for (dtype, bound) in [(DType::F16, 2e-3), (DType::BF16, 1e-2)] {
            for head_dim in [8, 64, 72, 80, 88, 128, 160] {
                let (heads, width) = (3, 3 * head_dim);
                let both = numbers(keys, 2 * width, 2);
                let cpu = [numbers(queries, width, 1), both];
                let gpu = [placed(&cpu[0], dtype), placed(&cpu[1], dtype)];
                let attend = |[queries, both]: &[Tensor; 2]| {
                    let part = |index| both.narrow(1, index * width, width).unwrap();
                    crate::nn::attend_each(AttentionRows {
                        queries,
                        keys: &part(0),
                        values: &part(1),
                        heads,
                        query_lengths: &query_lengths,
                        key_lengths: &key_lengths,
                    })
                    .unwrap()
                };
                let difference = largest_difference(&attend(&gpu), &attend(&cpu));
                assert!(difference < bound, "{dtype:?} {head_dim}: {difference}");
            }
        }
    }

    #[test]
    fn an_epilogue_equals_separate_operations() {
        use Activation::{Gelu, GeluTanh, QuickGelu, Relu, Silu};
        let (product, residual) = (numbers(37, 72, 3), numbers(37, 72, 4));
        let bias = numbers(1, 72, 5).squeeze(0).unwrap();
        for (dtype, bound) in [(DType::F32, 1e-5), (DType::F16, 3e-3), (DType::BF16, 3e-2)] {
            let gpu = [&product, &bias, &residual].map(|tensor| placed(tensor, dtype));
            for activation in
                [Gelu, GeluTanh, QuickGelu, Relu, Silu].map(Some).into_iter().chain([None])
            {
                let apply = |product: &Tensor, bias, residual| {
                    let product = product.copy().unwrap();
                    Epilogue { bias: Some(bias), activation, residual: Some(residual) }
                        .apply(product)
                        .unwrap()
                };
                let found = apply(&gpu[0], &gpu[1], &gpu[2]);
                let expected = apply(&product, &bias, &residual);
                let difference = largest_difference(&found, &expected);
                assert!(difference < bound, "{dtype:?} {activation:?}: {difference}");
            }
        }
    }

    #[test]
    fn rotated_heads_equal_the_general_rotation() {
        let (rows, heads, head_dim) = (19, 2, 72);
        let angles: Vec<f32> = (0..rows * head_dim / 2).map(|index| index as f32 * 0.37).collect();
        let qkv = numbers(rows, 3 * heads * head_dim, 6);
        let table =
            |device: &Device| RotaryTable::new(angles.clone(), rows, DType::F32, device).unwrap();
        let part = |index| qkv.narrow(1, index * heads * head_dim, heads * head_dim).unwrap();
        let turned = |index| table(&Device::Cpu).apply_to_rows(&part(index), heads).unwrap();
        let expected = Tensor::cat(&[turned(0), turned(1), part(2)], 1).unwrap();
        for (dtype, bound) in [(DType::F32, 1e-5), (DType::F16, 2e-3), (DType::BF16, 1e-2)] {
            let found = placed(&qkv, dtype);
            assert!(rotate_heads(&found, &table(&gpu()), heads).unwrap());
            let difference = largest_difference(&found, &expected);
            assert!(difference < bound, "{dtype:?}: {difference}");
        }
    }
}
