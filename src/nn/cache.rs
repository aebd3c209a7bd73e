/*!
The key/value cache: one tensor pair per layer, allocated once, with a length per slot.

A slot is a row that one sequence owns. Appending writes in place; nothing is concatenated and
nothing is padded, so a row never sees its neighbours. Forgetting sets lengths to zero.
*/

use candle_core::{DType, Device, Tensor};
use thiserror::Error;

/// The sizes of a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheShape {
    /// Layers of the network.
    pub layers: usize,
    /// Sequences held at a time.
    pub slots: usize,
    /// Key/value heads.
    pub kv_heads: usize,
    /// Tokens per slot.
    pub capacity: usize,
    /// Numbers per head.
    pub head_dim: usize,
}

/// Why the cache refused.
#[derive(Debug, Error)]
pub enum CacheError {
    /// There is no such slot.
    #[error("cache slot {slot} does not exist, {slots} are reserved")]
    NoSlot {
        /// The slot asked for.
        slot: usize,
        /// The number of slots.
        slots: usize,
    },
    /// The slot cannot take that many tokens.
    #[error(
        "cache slot {slot} holds {held} tokens and cannot take {added} more, its capacity is \
         {capacity}"
    )]
    Full {
        /// The slot.
        slot: usize,
        /// Tokens in it.
        held: usize,
        /// Tokens to be appended.
        added: usize,
        /// Most it can hold.
        capacity: usize,
    },
    /// A decoder was to go on from a prompt that nobody read.
    #[error("cache slot {slot} has read no prompt")]
    NoPrompt {
        /// The slot.
        slot: usize,
    },
    /// The sizes multiply to more than memory can address.
    #[error("a key/value cache of {slots} slots of {capacity} tokens is too large")]
    TooLarge {
        /// Slots asked for.
        slots: usize,
        /// Tokens per slot asked for.
        capacity: usize,
    },
    /// A tensor operation failed, most often because memory ran out.
    #[error("tensor operation failed: {0}")]
    Tensor(#[source] Box<candle_core::Error>),
}

impl From<candle_core::Error> for CacheError {
    fn from(error: candle_core::Error) -> Self {
        Self::Tensor(Box::new(error))
    }
}

/// Keys and values of every layer, each `(slots, kv_heads, capacity, head_dim)`.
#[derive(Debug)]
pub struct KeyValueCache {
    shape: CacheShape,
    dtype: DType,
    device: Device,
    layers: Vec<(Tensor, Tensor)>,
    lengths: Vec<usize>,
}

impl KeyValueCache {
    /// A cache without a slot, which takes no memory; [`KeyValueCache::reserve`] makes room.
    pub fn without_slots(
        layers: usize,
        kv_heads: usize,
        head_dim: usize,
        dtype: DType,
        device: &Device,
    ) -> Self {
        let shape = CacheShape { layers, slots: 0, kv_heads, capacity: 0, head_dim };
        let device = device.clone();
        Self { shape, dtype, device, layers: Vec::new(), lengths: Vec::new() }
    }

    /// Allocates zeroed memory for all of it.
    pub fn new(shape: CacheShape, dtype: DType, device: &Device) -> Result<Self, CacheError> {
        let CacheShape { layers, slots, kv_heads, capacity, head_dim } = shape;
        let count = [layers, 2, slots, kv_heads, capacity, head_dim, dtype.size_in_bytes()];
        let bytes = count.into_iter().try_fold(1_usize, usize::checked_mul);
        if bytes.is_none_or(|bytes| bytes > isize::MAX.unsigned_abs()) {
            return Err(CacheError::TooLarge { slots, capacity });
        }
        let zeros = || Tensor::zeros((slots, kv_heads, capacity, head_dim), dtype, device);
        let layers = (0..layers).map(|_| Ok((zeros()?, zeros()?)));
        let layers = layers.collect::<candle_core::Result<Vec<_>>>()?;
        let device = device.clone();
        Ok(Self { shape, dtype, device, layers, lengths: vec![0; slots] })
    }

    /// The sizes it was made with.
    pub fn shape(&self) -> CacheShape {
        self.shape
    }

    /// Makes room for `slots` sequences of up to `capacity` tokens and forgets all content. Asked
    /// for no more than it holds, it only forgets; asked for no slot, it gives all memory back.
    pub fn reserve(&mut self, slots: usize, capacity: usize) -> Result<(), CacheError> {
        let held = self.shape;
        if slots == 0 {
            self.give_back();
            return Ok(());
        }
        if slots <= held.slots && capacity <= held.capacity {
            self.clear();
            return Ok(());
        }
        let slots = slots.max(held.slots);
        let capacity = capacity.max(held.capacity);
        // The old memory goes before the new one comes.
        self.give_back();
        *self = Self::new(CacheShape { slots, capacity, ..held }, self.dtype, &self.device)?;
        Ok(())
    }

    fn give_back(&mut self) {
        let CacheShape { layers, kv_heads, head_dim, .. } = self.shape;
        *self = Self::without_slots(layers, kv_heads, head_dim, self.dtype, &self.device);
    }

    /// Forgets all content and keeps the memory.
    pub fn clear(&mut self) {
        self.lengths.fill(0);
    }

    /// Forgets one slot's content.
    pub fn clear_slot(&mut self, slot: usize) -> Result<(), CacheError> {
        self.check(slot, 0)?;
        self.lengths[slot] = 0;
        Ok(())
    }

    /// Tokens in a slot.
    pub fn length(&self, slot: usize) -> Result<usize, CacheError> {
        self.lengths.get(slot).copied().ok_or(CacheError::NoSlot { slot, slots: self.shape.slots })
    }

    /// Tokens in the slot that holds most.
    #[cfg(feature = "cuda")]
    pub(super) fn longest(&self) -> usize {
        self.lengths.iter().copied().max().unwrap_or(0)
    }

    /// Whether `added` more tokens fit into the slot.
    pub fn check(&self, slot: usize, added: usize) -> Result<(), CacheError> {
        let (held, capacity) = (self.length(slot)?, self.shape.capacity);
        match held.checked_add(added).is_some_and(|length| length <= capacity) {
            true => Ok(()),
            false => Err(CacheError::Full { slot, held, added, capacity }),
        }
    }

    /// Writes keys and values `(kv_heads, t, head_dim)` of one layer behind the slot's content and
    /// returns views of all of them, `(kv_heads, length + t, head_dim)`.
    /// The slot's length changes only by [`KeyValueCache::advance`], after the last layer.
    pub fn append(
        &mut self,
        layer: usize,
        slot: usize,
        keys: &Tensor,
        values: &Tensor,
    ) -> Result<(Tensor, Tensor), CacheError> {
        let added = keys.dim(1)?;
        self.check(slot, added)?;
        let start = self.lengths[slot];
        let (cached_keys, cached_values) = &self.layers[layer];
        let write = |cached: &Tensor, new: &Tensor| {
            let row = cached.narrow(0, slot, 1)?;
            row.slice_set(&new.contiguous()?.unsqueeze(0)?, 2, start)?;
            row.squeeze(0)?.narrow(1, 0, start + added)
        };
        Ok((write(cached_keys, keys)?, write(cached_values, values)?))
    }

    /// All keys and values of one layer, each `(slots, kv_heads, capacity, head_dim)`.
    #[cfg(feature = "cuda")]
    pub(super) fn layer(&self, layer: usize) -> (&Tensor, &Tensor) {
        let (keys, values) = &self.layers[layer];
        (keys, values)
    }

    /// Where new tokens go, `(tokens, 2)`, u32: each one's slot and its place there. Slots come with
    /// the number of their new tokens.
    pub(super) fn next_places(
        &self,
        new: impl IntoIterator<Item = (usize, usize)>,
    ) -> Result<Tensor, CacheError> {
        let mut places = Vec::new();
        for (slot, added) in new {
            self.check(slot, added)?;
            let held = self.lengths[slot];
            places.extend((held..held + added).flat_map(|place| [slot as u32, place as u32]));
        }
        Ok(Tensor::new(places, &self.device)?.reshape(((), 2))?)
    }

    /// Views of what a slot holds in one layer, keys and values, each `(kv_heads, length, head_dim)`.
    pub fn held(&self, layer: usize, slot: usize) -> Result<(Tensor, Tensor), CacheError> {
        let length = self.length(slot)?;
        let (keys, values) = &self.layers[layer];
        let view = |cached: &Tensor| cached.get(slot)?.narrow(1, 0, length);
        Ok((view(keys)?, view(values)?))
    }

    /// The place of each slot's last token, `(slots, 2)`, u32: the slot and the token's place. Slots
    /// that hold nothing have none.
    pub(super) fn last_places(&self, slots: &[usize]) -> Result<Tensor, CacheError> {
        let mut places = Vec::with_capacity(2 * slots.len());
        for slot in slots.iter().copied() {
            places.extend([slot as u32, self.length(slot)?.saturating_sub(1) as u32]);
        }
        Ok(Tensor::new(places, &self.device)?.reshape((slots.len(), 2))?)
    }

    /// Counts `added` tokens that every layer has appended.
    pub fn advance(&mut self, slot: usize, added: usize) -> Result<(), CacheError> {
        self.check(slot, added)?;
        self.lengths[slot] += added;
        Ok(())
    }

    /// Makes `to` hold what `from` holds.
    pub fn copy_slot(&mut self, from: usize, to: usize) -> Result<(), CacheError> {
        let length = self.length(from)?;
        self.check(to, 0)?;
        if from == to {
            return Ok(());
        }
        if length > 0 {
            for (keys, values) in &self.layers {
                copy_row(keys, from, to, length)?;
                copy_row(values, from, to, length)?;
            }
        }
        self.lengths[to] = length;
        Ok(())
    }
}

fn copy_row(cached: &Tensor, from: usize, to: usize, length: usize) -> candle_core::Result<()> {
    // Forced, because slice_set refuses a source in the same storage.
    let content = cached.narrow(0, from, 1)?.narrow(2, 0, length)?.force_contiguous()?;
    cached.narrow(0, to, 1)?.slice_set(&content, 2, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache() -> KeyValueCache {
        let shape = CacheShape { layers: 1, slots: 3, kv_heads: 2, capacity: 4, head_dim: 2 };
        KeyValueCache::new(shape, DType::F32, &Device::Cpu).unwrap()
    }

    fn tokens(first: f32, count: usize) -> Tensor {
        let end = first + (2 * count * 2) as f32;
        Tensor::arange(first, end, &Device::Cpu).unwrap().reshape((2, count, 2)).unwrap()
    }

    #[test]
    fn slots_do_not_touch_each_other() {
        let mut cache = cache();
        cache.append(0, 1, &tokens(0.0, 3), &tokens(0.0, 3)).unwrap();
        cache.advance(1, 3).unwrap();
        cache.append(0, 2, &tokens(50.0, 4), &tokens(50.0, 4)).unwrap();
        let (keys, _) = cache.append(0, 1, &tokens(20.0, 1), &tokens(20.0, 1)).unwrap();
        let head: Vec<Vec<f32>> = keys.get(1).unwrap().to_vec2().unwrap();
        assert_eq!(head, [[6.0, 7.0], [8.0, 9.0], [10.0, 11.0], [22.0, 23.0]]);
    }

    #[test]
    fn a_copied_slot_goes_its_own_way() {
        let mut cache = cache();
        cache.append(0, 0, &tokens(0.0, 2), &tokens(0.0, 2)).unwrap();
        cache.advance(0, 2).unwrap();
        cache.copy_slot(0, 2).unwrap();
        cache.append(0, 0, &tokens(90.0, 1), &tokens(90.0, 1)).unwrap();
        let (keys, _) = cache.append(0, 2, &tokens(20.0, 1), &tokens(20.0, 1)).unwrap();
        let head: Vec<Vec<f32>> = keys.get(0).unwrap().to_vec2().unwrap();
        assert_eq!(head, [[0.0, 1.0], [2.0, 3.0], [20.0, 21.0]]);
    }

    #[test]
    fn no_slot_takes_no_memory() {
        let mut cache = cache();
        cache.reserve(0, 0).unwrap();
        assert!(cache.layers.is_empty());
        assert!(matches!(cache.length(0), Err(CacheError::NoSlot { slot: 0, slots: 0 })));
        cache.reserve(1, 2).unwrap();
        assert_eq!((cache.shape().slots, cache.shape().capacity), (1, 2));
    }

    #[test]
    fn a_full_slot_says_so() {
        let mut cache = cache();
        let error = cache.append(0, 0, &tokens(0.0, 5), &tokens(0.0, 5)).unwrap_err();
        assert!(matches!(error, CacheError::Full { added: 5, capacity: 4, .. }));
    }
}
