/*!
Attention of several sequences at once over the key/value cache.

The rows of a batch stand one behind the other in the same tensors, so that linear maps are shared;
each [`Segment`] attends to its own slot only, and nothing is padded.
*/

use candle_core::Tensor;

use super::{CacheError, KeyValueCache, Visibility, attend};

/// Tokens of one sequence: the rows they are in the batch, and the slot they go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// The cache slot of the sequence.
    pub slot: usize,
    /// Its first row.
    pub start: usize,
    /// Its rows.
    pub count: usize,
}

impl Segment {
    /// One segment of all rows: a prompt that is read alone.
    pub fn prompt(slot: usize, count: usize) -> [Self; 1] {
        [Self { slot, start: 0, count }]
    }

    /// One row for each slot: a decode step.
    pub fn step(slots: impl IntoIterator<Item = usize>) -> Vec<Self> {
        let rows = slots.into_iter().enumerate();
        rows.map(|(start, slot)| Self { slot, start, count: 1 }).collect()
    }
}

/// One layer's part of a cache.
#[derive(Debug)]
pub struct LayerCache<'a> {
    /// Keys and values of all layers.
    pub cache: &'a mut KeyValueCache,
    /// Which of them.
    pub layer: usize,
}

/// Causal attention of `queries` `(heads, rows, d)` over what their slots hold, `keys` and `values`
/// `(kv_heads, rows, d)` included, which are appended. Returns `(rows, heads * d)`.
/// The caller advances the cache after the last layer.
pub fn attend_segments(
    queries: &Tensor,
    keys: &Tensor,
    values: &Tensor,
    scale: f64,
    segments: &[Segment],
    LayerCache { cache, layer }: &mut LayerCache<'_>,
) -> Result<Tensor, CacheError> {
    let mut attended = Vec::with_capacity(segments.len());
    for Segment { slot, start, count } in segments.iter().copied() {
        let part = |heads: &Tensor| heads.narrow(1, start, count);
        let (keys, values) = cache.append(*layer, slot, &part(keys)?, &part(values)?)?;
        attended.push(attend(&part(queries)?, &keys, &values, scale, Visibility::Causal)?);
    }
    Ok(Tensor::cat(&attended, 0)?)
}
