//! The keys and values of encoded prompts, for every layer of the decoder: written once, shared by the
//! slots that look at them.

use candle_core::Tensor;

use crate::nn::{CacheError, KeyValueCache};

/// Prompts by the slot of the answer that looks at them.
#[derive(Debug)]
pub(super) struct Prompts {
    /// There are as many rows as slots, so one is always free.
    rows: KeyValueCache,
    /// For each slot, the row of its prompt; none before a prompt.
    row_of: Vec<Option<usize>>,
}

impl Prompts {
    /// None yet; `rows` is a cache without a slot.
    pub(super) fn new(rows: KeyValueCache) -> Self {
        Self { rows, row_of: Vec::new() }
    }

    pub(super) fn reserve(&mut self, slots: usize, capacity: usize) -> Result<(), CacheError> {
        self.rows.reserve(slots, capacity)?;
        self.row_of = vec![None; self.rows.shape().slots];
        Ok(())
    }

    /// Stores each layer's keys and values `(heads, tokens, d)` of a slot's new prompt.
    pub(super) fn store(
        &mut self,
        slot: usize,
        layers: impl Iterator<Item = candle_core::Result<(Tensor, Tensor)>>,
    ) -> Result<(), CacheError> {
        self.row_of[slot] = None;
        let free = (0..self.row_of.len()).find(|row| !self.row_of.contains(&Some(*row)));
        let row = free.unwrap_or(slot);
        self.rows.clear_slot(row)?;
        let mut tokens = 0;
        for (layer, keys_and_values) in layers.enumerate() {
            let (keys, values) = keys_and_values?;
            tokens = keys.dim(1)?;
            self.rows.append(layer, row, &keys, &values)?;
        }
        self.rows.advance(row, tokens)?;
        self.row_of[slot] = Some(row);
        Ok(())
    }

    /// The rows that these slots look at.
    pub(super) fn rows_of(&self, slots: &[usize]) -> Result<Vec<usize>, CacheError> {
        let row = |slot: &usize| self.row_of[*slot].ok_or(CacheError::NoPrompt { slot: *slot });
        slots.iter().map(row).collect()
    }

    /// All the prompts, by row.
    pub(super) fn rows(&mut self) -> &mut KeyValueCache {
        &mut self.rows
    }

    /// Makes `to` look at the prompt of `from`.
    pub(super) fn share(&mut self, from: usize, to: usize) {
        self.row_of[to] = self.row_of[from];
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;

    fn prompt(value: f32) -> impl Iterator<Item = candle_core::Result<(Tensor, Tensor)>> {
        let tensor = Tensor::full(value, (1, 2, 1), &Device::Cpu);
        std::iter::once(tensor.map(|tensor| (tensor.clone(), tensor)))
    }

    fn empty() -> Prompts {
        Prompts::new(KeyValueCache::without_slots(1, 1, 1, DType::F32, &Device::Cpu))
    }

    fn seen(prompts: &mut Prompts, slot: usize) -> f32 {
        let row = prompts.rows_of(&[slot]).unwrap()[0];
        let (keys, _) = prompts.rows().held(0, row).unwrap();
        assert_eq!(keys.dims(), [1, 2, 1]);
        keys.flatten_all().unwrap().to_vec1::<f32>().unwrap()[1]
    }

    /// A slot that shares a prompt keeps it when the other one reads a new prompt.
    #[test]
    fn a_shared_prompt_stays() {
        let mut prompts = empty();
        prompts.reserve(2, 4).unwrap();
        prompts.store(0, prompt(3.0)).unwrap();
        prompts.share(0, 1);
        prompts.store(0, prompt(5.0)).unwrap();
        assert_eq!((seen(&mut prompts, 0), seen(&mut prompts, 1)), (5.0, 3.0));
        prompts.store(1, prompt(7.0)).unwrap();
        assert_eq!((seen(&mut prompts, 0), seen(&mut prompts, 1)), (5.0, 7.0));
    }

    #[test]
    fn a_slot_without_a_prompt_is_refused() {
        let mut prompts = empty();
        prompts.reserve(1, 4).unwrap();
        let error = prompts.rows_of(&[0]).unwrap_err();
        assert_eq!(error.to_string(), "cache slot 0 has read no prompt");
    }
}
