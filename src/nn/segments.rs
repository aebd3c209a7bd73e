/*!
Attention of several sequences at once over the key/value cache.

The rows of a batch stand one behind the other in the same tensors, so that linear maps are shared;
each [`Segment`] attends to its own slot only, and nothing is padded.
*/

use candle_core::{Result as TensorResult, Tensor};

use super::{CacheError, KeyValueCache, Visibility, attend, choose_rows};

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
    /// Prompts of so many tokens, each with the slot that it goes to.
    pub fn prompts(prompts: impl IntoIterator<Item = (usize, usize)>) -> Vec<Self> {
        let mut start = 0;
        let segment = |(slot, count)| {
            let segment = Self { slot, start, count };
            start += count;
            segment
        };
        prompts.into_iter().map(segment).collect()
    }

    /// One row for each slot: a decode step.
    pub fn step(slots: impl IntoIterator<Item = usize>) -> Vec<Self> {
        let rows = slots.into_iter().enumerate();
        rows.map(|(start, slot)| Self { slot, start, count: 1 }).collect()
    }
}

/// Prompts `(tokens, hidden)` for slots, one behind the other: their rows, and where each is.
pub fn join_prompts(prompts: &[(usize, Tensor)]) -> TensorResult<(Tensor, Vec<Segment>)> {
    let lengths = prompts.iter().map(|(slot, prompt)| Ok((*slot, prompt.dim(0)?)));
    let segments = Segment::prompts(lengths.collect::<TensorResult<Vec<_>>>()?);
    let rows = match prompts {
        [(_, alone)] => alone.clone(),
        _ => Tensor::cat(&prompts.iter().map(|(_, rows)| rows).collect::<Vec<_>>(), 0)?,
    };
    Ok((rows, segments))
}

/// Makes the slots ready to hold prompts: forgets what is there and checks that there is room.
pub fn clear_for(segments: &[Segment], cache: &mut KeyValueCache) -> Result<(), CacheError> {
    for segment in segments {
        cache.clear_slot(segment.slot)?;
        cache.check(segment.slot, segment.count)?;
    }
    Ok(())
}

/// The last row of each segment, `(segments, width)`.
pub fn last_rows(hidden: &Tensor, segments: &[Segment]) -> TensorResult<Tensor> {
    let last = segments.iter().map(|segment| (segment.start + segment.count - 1) as u32);
    choose_rows(hidden, &Tensor::new(last.collect::<Vec<_>>(), hidden.device())?)
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
