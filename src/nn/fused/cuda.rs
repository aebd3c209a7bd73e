//! The kernels of `steps.cu`, compiled at run time for one number type and kind of heads.

use std::fmt;
use std::sync::Arc;

use candle_core::cuda_backend::CudaStorageSlice;
use candle_core::cuda_backend::cudarc::driver::{
    CudaFunction, CudaStream, DevicePtr, LaunchConfig,
};
use candle_core::{CudaDevice, DType, Device, Error, Result, Storage, Tensor, bail};

use super::launch::{Launch, Source};
use super::{HeadChange, HeadCounts, Scores, products, rows};
use crate::nn::rotary::RotaryTable;
use crate::nn::{LayerCache, Linear, Rows, Segment};

/// Threads of a block of `attend`.
const ATTENTION_THREADS: u32 = 128;
/// Loads of each of its lanes that are under way together.
const LOADS: usize = 8;
/// Parts into which a row's keys are cut at most.
const MOST_PARTS: usize = 32;
/// Query heads of a block of `attend` at most: more do not fit into its registers.
const MOST_HEADS_OF_A_BLOCK: usize = 4;
/// Rows times heads whose parts can be counted.
const COUNTERS: usize = 1 << 16;
/// Packs of a row that one thread of `residual_norm` holds at most, and its threads.
const NORM_PACKS: usize = 4;
const NORM_THREADS: usize = 1024;
/// Bytes of one load of the products.
pub(super) const LOAD_BYTES: usize = 16;

/// The kernels of one model.
#[derive(Clone)]
pub struct Fused {
    head_dim: usize,
    device: CudaDevice,
    stream: Arc<CudaStream>,
    kernels: Arc<Kernels>,
    /// Query heads of a block of `attend`, which share a head of keys.
    group: usize,
    /// How many parts of a row have arrived, `(COUNTERS)`, u32: all 0 between launches.
    arrived: Tensor,
}

struct Kernels {
    gated_halves: CudaFunction,
    residual_norm: CudaFunction,
    place_heads: CudaFunction,
    attend: CudaFunction,
}

impl fmt::Debug for Fused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Fused")
    }
}

impl Fused {
    /// Compiles the kernels, which takes about a second the first time; none if the device is no
    /// CUDA GPU, or its numbers or heads are of a kind that they cannot handle.
    pub fn open(device: &Device, dtype: DType, counts: HeadCounts) -> Result<Option<Self>> {
        let Device::Cuda(gpu) = device else { return Ok(None) };
        let HeadCounts { heads, kv_heads, head_dim } = counts;
        if !head_dim.is_multiple_of(8) || head_dim > 256 {
            return Ok(None);
        }
        let group = heads_of_a_block(heads / kv_heads);
        let source = Source::Steps { head_dim, group };
        let load = |name| source.kernel(gpu, dtype, name);
        let [Some(gated_halves), Some(residual_norm), Some(place_heads), Some(attend)] =
            [load("gated_halves")?, load("residual_norm")?, load("place_heads")?, load("attend")?]
        else {
            return Ok(None);
        };
        let kernels = Kernels { gated_halves, residual_norm, place_heads, attend };
        let arrived = Tensor::zeros(COUNTERS, DType::U32, device)?;
        let (device, stream) = (gpu.clone(), gpu.cuda_stream());
        Ok(Some(Self { head_dim, device, stream, kernels: Arc::new(kernels), group, arrived }))
    }

    /// `silu(gate) * up` of `input` `(rows, inputs)`, with `both` the map to gate and up, which adds no
    /// constant: `(rows, half)`.
    pub fn gated(&self, both: &Linear, input: Rows<'_>) -> Result<Tensor> {
        if let Some(output) = products::gated(&both.weight()?, input)? {
            return Ok(output);
        }
        let products = both.forward(input)?;
        let (rows, half) = (products.dim(0)?, products.dim(1)? / 2);
        let output = self.output((rows, half), &products)?;
        let (read, written) = (self.address(&products)?, self.address(&output)?);
        let half = count(half)?;
        let mut launch = Launch::of(&self.kernels.gated_halves);
        launch.arg(&read).arg(&written).arg(&half);
        let shape = LaunchConfig {
            grid_dim: (half.unsigned_abs().div_ceil(256), count(rows)?.unsigned_abs(), 1),
            block_dim: (256, 1, 1),
            shared_mem_bytes: 0,
        };
        // SAFETY: the addresses are of contiguous tensors of the shapes that the kernel reads, which waits
        // first; `products` lives until the launch is queued on the same stream.
        unsafe { launch.overlapping(&self.stream, shape) }?;
        Ok(output)
    }

    /// `hidden + update`, and its root-mean-square norm; all `(rows, width)`.
    pub fn residual_norm(
        &self,
        hidden: &Tensor,
        update: &Tensor,
        weight: &Tensor,
        eps: f64,
    ) -> Result<(Tensor, Tensor)> {
        let (rows, width) = hidden.dims2()?;
        let packs = width * hidden.dtype().size_in_bytes() / LOAD_BYTES;
        if !width.is_multiple_of(8) || packs > NORM_PACKS * NORM_THREADS {
            let sum = crate::nn::add(hidden, update)?;
            #[expect(clippy::cast_possible_truncation, reason = "norms compute in f32")]
            let normed = candle_nn::ops::rms_norm(&sum, weight, eps as f32)?;
            return Ok((sum, normed));
        }
        let output = self.output((2, rows, width), hidden)?;
        let (hidden, update) = (self.address(hidden)?, self.address(update)?);
        let (weight, written) = (self.address(weight)?, self.address(&output)?);
        #[expect(clippy::cast_possible_truncation, reason = "the kernel computes in f32")]
        let (eps, columns) = (eps as f32, count(width)?);
        let mut launch = Launch::of(&self.kernels.residual_norm);
        launch.arg(&hidden).arg(&update).arg(&weight).arg(&written).arg(&eps).arg(&columns);
        let threads = packs.min(NORM_THREADS / 2).max(packs.div_ceil(NORM_PACKS));
        let threads = threads.next_multiple_of(32);
        let shape = LaunchConfig {
            grid_dim: (count(rows)?.unsigned_abs(), 1, 1),
            block_dim: (count(threads)?.unsigned_abs(), 1, 1),
            shared_mem_bytes: 0,
        };
        // SAFETY: as above; before it waits, the kernel reads the norm's weight alone.
        unsafe { launch.overlapping(&self.stream, shape) }?;
        Ok((output.get(0)?, output.get(1)?))
    }

    /// Attention of new tokens: changes the heads of `qkv`
    /// `(rows, (heads + 2 * kv_heads) * head_dim)`, stores keys and values in the cache, attends.
    /// `places` `(rows, 2)`, u32: each row's slot and its place there; the rows are those of
    /// `segments`, of which prompts know no distance bias. Returns `(rows, heads * head_dim)`.
    pub fn attention(
        &self,
        qkv: &Tensor,
        heads: HeadChange<'_>,
        (segments, places): (&[Segment], &Tensor),
        scores: Scores<'_>,
        cache: &LayerCache<'_>,
    ) -> Result<Tensor> {
        let queries = self.place_heads(qkv, heads, places, cache)?;
        match segments.iter().any(|segment| segment.count > 1) {
            true => self.attend_prompts(&queries, heads.counts, segments, scores, cache),
            false => self.look(&queries, heads.counts, places, scores, cache),
        }
    }

    /// Takes the heads of `qkv` apart: keys and values go to the cache, queries are returned.
    fn place_heads(
        &self,
        qkv: &Tensor,
        HeadChange { counts, norms, rotary }: HeadChange<'_>,
        places: &Tensor,
        cache: &LayerCache<'_>,
    ) -> Result<Tensor> {
        let HeadCounts { heads, kv_heads, head_dim } = counts;
        let rows = qkv.dim(0)?;
        let (keys, values) = cache.cache.layer(cache.layer);
        let queries = self.output((rows, heads * head_dim), qkv)?;
        let (qkv, places) = (self.address(qkv)?, self.address(places)?);
        let (cosines, sines) = match rotary.map(RotaryTable::tables) {
            Some((cosines, sines)) => (self.address(cosines)?, self.address(sines)?),
            None => (0, 0),
        };
        let (keys, values) = (self.address(keys)?, self.address(values)?);
        let written = self.address(&queries)?;
        let (query_norm, key_norm, eps) = match norms {
            Some(norms) => (self.address(norms.queries)?, self.address(norms.keys)?, norms.eps),
            None => (0, 0, 0.0),
        };
        #[expect(clippy::cast_possible_truncation, reason = "the kernel computes in f32")]
        let eps = eps as f32;
        let capacity = count(cache.cache.shape().capacity)?;
        let (heads, kv_heads) = (count(heads)?, count(kv_heads)?);
        let mut launch = Launch::of(&self.kernels.place_heads);
        launch.arg(&qkv).arg(&query_norm).arg(&key_norm).arg(&cosines).arg(&sines).arg(&places);
        launch.arg(&written).arg(&keys).arg(&values).arg(&eps).arg(&heads).arg(&kv_heads);
        launch.arg(&capacity);
        let all_heads = (heads + 2 * kv_heads).unsigned_abs();
        let config = LaunchConfig {
            grid_dim: (count(rows)?.unsigned_abs(), all_heads, 1),
            block_dim: (count(head_dim)?.unsigned_abs(), 1, 1),
            shared_mem_bytes: 0,
        };
        // SAFETY: as above; the caller has checked that the slots exist and are not full.
        unsafe { launch.overlapping(&self.stream, config) }?;
        Ok(queries)
    }

    /// Attention of one query a row, `queries` `(rows, heads * head_dim)`, over what is in the cache:
    /// `places` `(rows, 2)`, u32, name the slot that each row looks at and the place of its last key.
    pub fn look(
        &self,
        queries: &Tensor,
        HeadCounts { heads, kv_heads, head_dim }: HeadCounts,
        places: &Tensor,
        scores: Scores<'_>,
        cache: &LayerCache<'_>,
    ) -> Result<Tensor> {
        let rows = queries.dim(0)?;
        let output = self.output((rows, heads * head_dim), queries)?;
        let (keys, values) = cache.cache.layer(cache.layer);
        let (keys, values) = (self.address(keys)?, self.address(values)?);
        let (read, written) = (self.address(queries)?, self.address(&output)?);
        let places = self.address(places)?;
        let (bias, distances) = match scores.distance_bias {
            Some(bias) => (self.address(bias)?, count(bias.dim(1)?)?),
            None => (0, 0),
        };
        #[expect(clippy::cast_possible_truncation, reason = "the kernel computes in f32")]
        let scale = scores.scale as f32;
        let capacity = count(cache.cache.shape().capacity)?;
        let blocks = heads / self.group;
        let most_parts = most_parts(cache.cache.longest(), head_dim);
        let parts = match most_parts {
            1 => None,
            _ => Some(self.parts((rows * heads, most_parts, head_dim + 2), rows * blocks)?),
        };
        let (parts_at, arrived_at) = match &parts {
            Some((parts, arrived)) => (self.address(parts)?, self.address(arrived)?),
            None => (0, 0),
        };
        let grid = [rows, blocks, most_parts].map(count);
        let (heads, kv_heads) = (count(heads)?, count(kv_heads)?);
        let mut launch = Launch::of(&self.kernels.attend);
        launch.arg(&read).arg(&keys).arg(&values).arg(&places).arg(&bias).arg(&written);
        launch.arg(&parts_at).arg(&arrived_at);
        launch.arg(&scale).arg(&heads).arg(&kv_heads).arg(&capacity).arg(&distances);
        let [rows, blocks, most_parts] = grid;
        let shape = LaunchConfig {
            grid_dim: (rows?.unsigned_abs(), blocks?.unsigned_abs(), most_parts?.unsigned_abs()),
            block_dim: (ATTENTION_THREADS, 1, 1),
            shared_mem_bytes: 0,
        };
        // SAFETY: as above; `parts` lives until it is queued.
        unsafe { launch.overlapping(&self.stream, shape) }?;
        Ok(output)
    }

    /// Where blocks of `attend` that share a row leave their parts, of this shape, and where they count themselves.
    fn parts(&self, shape: (usize, usize, usize), counters: usize) -> Result<(Tensor, Tensor)> {
        let device = self.arrived.device();
        // SAFETY: the last block of a row reads what the others have written.
        let parts = unsafe { Tensor::empty(shape, DType::F32, device) }?;
        let arrived = match counters <= COUNTERS {
            true => self.arrived.clone(),
            false => Tensor::zeros(counters, DType::U32, device)?,
        };
        Ok((parts, arrived))
    }

    /// Whether [`Self::attention`] can be had for these segments: steps always, prompts by tiles.
    pub fn takes(&self, like: &Tensor, segments: &[Segment]) -> Result<bool> {
        let is_step = segments.iter().all(|segment| segment.count == 1);
        Ok(is_step || rows::can_attend(like, self.head_dim)?)
    }

    /// Attention of prompts whose keys and values are in the cache already.
    fn attend_prompts(
        &self,
        queries: &Tensor,
        HeadCounts { heads, kv_heads, head_dim }: HeadCounts,
        segments: &[Segment],
        scores: Scores<'_>,
        LayerCache { cache, layer }: &LayerCache<'_>,
    ) -> Result<Tensor> {
        let output = self.output(queries.shape(), queries)?;
        let (keys, values) = cache.layer(*layer);
        let slot_size = kv_heads * cache.shape().capacity * head_dim;
        let sequences = segments.iter().map(|segment| {
            let held = cache.length(segment.slot).map_err(Error::wrap)?;
            Ok(rows::Sequence {
                first_query: segment.start,
                queries: segment.count,
                keys_at: segment.slot * slot_size,
                keys: held + segment.count,
            })
        });
        let tiles = rows::Tiles {
            queries: self.address(queries)?,
            keys: self.address(keys)?,
            values: self.address(values)?,
            output: self.address(&output)?,
            dtype: queries.dtype(),
            head_dim,
            heads,
            group: heads / kv_heads,
            query_stride: heads * head_dim,
            key_stride: head_dim,
            key_head_stride: cache.shape().capacity * head_dim,
            scale: scores.scale,
            causal: true,
        };
        rows::attend_tiles(&self.device, &tiles, &sequences.collect::<Result<Vec<_>>>()?)?;
        Ok(output)
    }

    /// Memory for a result, of the type and on the device of `like`; a kernel fills all of it.
    fn output(&self, shape: impl Into<candle_core::Shape>, like: &Tensor) -> Result<Tensor> {
        // SAFETY: each caller launches a kernel that writes every number before it is read.
        unsafe { Tensor::empty(shape, like.dtype(), like.device()) }
    }

    fn address(&self, tensor: &Tensor) -> Result<u64> {
        address(&self.stream, tensor)
    }
}

/// Where the numbers of a contiguous tensor begin on the device.
pub(in crate::nn) fn address(stream: &CudaStream, tensor: &Tensor) -> Result<u64> {
    let (storage, layout) = tensor.storage_and_layout();
    let Storage::Cuda(storage) = &*storage else { bail!("expected a tensor on a GPU") };
    if !layout.is_contiguous() {
        bail!("expected a contiguous tensor, found strides {:?}", layout.stride());
    }
    let base = match &storage.slice {
        CudaStorageSlice::I64(numbers) => numbers.device_ptr(stream).0,
        CudaStorageSlice::U32(numbers) => numbers.device_ptr(stream).0,
        CudaStorageSlice::F32(numbers) => numbers.device_ptr(stream).0,
        CudaStorageSlice::F16(numbers) => numbers.device_ptr(stream).0,
        CudaStorageSlice::BF16(numbers) => numbers.device_ptr(stream).0,
        _ => bail!("expected numbers of type i64, u32, f32, f16 or bf16"),
    };
    Ok(base + (layout.start_offset() * tensor.dtype().size_in_bytes()) as u64)
}

/// How many of the query heads that share a head of keys a block takes.
fn heads_of_a_block(group: usize) -> usize {
    let mut fitting = (1..=MOST_HEADS_OF_A_BLOCK).rev();
    fitting.find(|heads| group.is_multiple_of(*heads)).unwrap_or(1)
}

/// Into how many parts a row is cut whose slot holds all that any slot does, and one token more. As `KEYS` in
/// `steps.cu`.
fn most_parts(longest: usize, head_dim: usize) -> usize {
    let lanes = head_dim.div_ceil(8).next_power_of_two();
    let keys = ATTENTION_THREADS as usize * LOADS / lanes;
    (longest + 1).div_ceil(keys).clamp(1, MOST_PARTS)
}

pub(super) fn count(number: usize) -> Result<i32> {
    i32::try_from(number).map_err(Error::wrap)
}

/// These need a GPU; they compare with the general operations in f32 on the CPU.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::fused::testing::{gpu, largest_difference, numbers};
    use crate::nn::{CacheShape, KeyValueCache, attend_segments, split_heads};

    const CAPACITY: usize = 80;

    fn qkv(rows: usize, counts: HeadCounts, seed: usize) -> Tensor {
        numbers(rows, (counts.heads + 2 * counts.kv_heads) * counts.head_dim, seed)
    }

    fn cache(counts: HeadCounts, dtype: DType, device: &Device) -> KeyValueCache {
        let HeadCounts { kv_heads, head_dim, .. } = counts;
        let shape = CacheShape { layers: 1, slots: 3, kv_heads, capacity: CAPACITY, head_dim };
        KeyValueCache::new(shape, dtype, device).unwrap()
    }

    fn general(
        qkv: &Tensor,
        counts: HeadCounts,
        new: &[Segment],
        cache: &mut KeyValueCache,
    ) -> Tensor {
        let HeadCounts { heads, kv_heads, head_dim } = counts;
        let part = |first: usize, heads: usize| {
            split_heads(&qkv.narrow(1, first * head_dim, heads * head_dim).unwrap(), heads).unwrap()
        };
        let (keys, values) = (part(heads, kv_heads), part(heads + kv_heads, kv_heads));
        let (scale, mut layer) = ((head_dim as f64).powf(-0.5), LayerCache { cache, layer: 0 });
        attend_segments(&part(0, heads), &keys, &values, scale, new, &mut layer).unwrap()
    }

    fn fused(
        qkv: &Tensor,
        counts: HeadCounts,
        new: &[Segment],
        cache: &mut KeyValueCache,
    ) -> Tensor {
        let fused = Fused::open(qkv.device(), qkv.dtype(), counts).unwrap().unwrap();
        let places = cache.next_places(new.iter().map(|new| (new.slot, new.count))).unwrap();
        let layer = LayerCache { cache, layer: 0 };
        let heads = HeadChange { counts, norms: None, rotary: None };
        let scores = Scores::scaled(counts.head_dim);
        fused.attention(qkv, heads, (new, &places), scores, &layer).unwrap()
    }

    /// Prompts of unequal lengths by tiles, then a token more for each of them.
    #[test]
    fn attention_of_prompts_and_steps_equals_the_general_one() {
        let device = gpu();
        let prompts = Segment::prompts([(2, 5), (0, 71)]);
        let step = Segment::step([0, 2]);
        for (dtype, bound) in [(DType::F16, 2e-3), (DType::BF16, 1e-2)] {
            for (head_dim, kv_heads) in [(64, 2), (80, 4), (128, 1)] {
                let counts = HeadCounts { heads: 4, kv_heads, head_dim };
                let mut expected_cache = cache(counts, DType::F32, &Device::Cpu);
                let mut found_cache = cache(counts, dtype, &device);
                for new in [&prompts, &step] {
                    let rows = new.iter().map(|new| new.count).sum();
                    let qkv = qkv(rows, counts, rows);
                    let expected = general(&qkv, counts, new, &mut expected_cache);
                    let placed = qkv.to_device(&device).unwrap().to_dtype(dtype).unwrap();
                    let found = fused(&placed, counts, new, &mut found_cache);
                    for segment in new {
                        expected_cache.advance(segment.slot, segment.count).unwrap();
                        found_cache.advance(segment.slot, segment.count).unwrap();
                    }
                    let largest = largest_difference(&found, &expected);
                    assert!(largest < bound, "{dtype:?} {counts:?} {rows} rows: {largest}");
                }
            }
        }
    }
}
