//! What every language model behind a vision tower can do: read embeddings, then go on by tokens.

use candle_core::{DType, Device, Tensor};

use super::CacheError;

/// A language model that reads embeddings, with its key/value cache of slots.
///
/// Decoder-only models put the prompt into the cache; encoder-decoder models read it with the
/// encoder, keep the keys and values of the cross-attention in the slot, and start the decoder.
/// Ids given here are in the vocabulary; the caller has checked them.
pub trait LanguageModel: Send + std::fmt::Debug {
    /// Where its weights are.
    fn device(&self) -> &Device;

    /// The type of its weights, embeddings and cache.
    fn dtype(&self) -> DType;

    /// Number of token ids it knows.
    fn vocabulary(&self) -> usize;

    /// Longest sequence (prompt and answer) it was made for, in tokens.
    fn max_positions(&self) -> usize;

    /// Embeddings of ids, `(ids, hidden)`.
    fn embed(&self, ids: &[u32]) -> candle_core::Result<Tensor>;

    /// Makes room for `slots` sequences of up to `capacity` tokens (prompt and answer) and forgets
    /// all content. Asked for no more than it holds, it only forgets; asked for no slot, it gives
    /// all memory back.
    fn reserve(&mut self, slots: usize, capacity: usize) -> Result<(), CacheError>;

    /// Reads prompts `(tokens, hidden)`, each into its slot, in place of what was there; returns the
    /// logits of the first answer tokens, `(prompts, vocabulary)`, f32.
    fn prefill(&mut self, prompts: &[(usize, Tensor)]) -> Result<Tensor, CacheError>;

    /// Appends one token to each slot; returns the logits after it, `(rows, vocabulary)`, f32.
    fn decode_step(&mut self, rows: &[(usize, u32)]) -> Result<Tensor, CacheError>;

    /// Makes `to` continue from the content of `from`.
    fn copy_slot(&mut self, from: usize, to: usize) -> Result<(), CacheError>;
}

impl LanguageModel for Box<dyn LanguageModel> {
    fn device(&self) -> &Device {
        (**self).device()
    }

    fn dtype(&self) -> DType {
        (**self).dtype()
    }

    fn vocabulary(&self) -> usize {
        (**self).vocabulary()
    }

    fn max_positions(&self) -> usize {
        (**self).max_positions()
    }

    fn embed(&self, ids: &[u32]) -> candle_core::Result<Tensor> {
        (**self).embed(ids)
    }

    fn reserve(&mut self, slots: usize, capacity: usize) -> Result<(), CacheError> {
        (**self).reserve(slots, capacity)
    }

    fn prefill(&mut self, prompts: &[(usize, Tensor)]) -> Result<Tensor, CacheError> {
        (**self).prefill(prompts)
    }

    fn decode_step(&mut self, rows: &[(usize, u32)]) -> Result<Tensor, CacheError> {
        (**self).decode_step(rows)
    }

    fn copy_slot(&mut self, from: usize, to: usize) -> Result<(), CacheError> {
        (**self).copy_slot(from, to)
    }
}
