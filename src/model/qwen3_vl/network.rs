//! The half of Qwen3-VL with weights: vision tower, decoder and cache behind the family trait.

use std::collections::HashSet;
use std::ops::Range;

use candle_core::{DType, Device, Result as TensorResult, Tensor};

use super::positions::{ImagePlace, prompt_positions};
use super::text::Decoder;
use super::vision::VisionTower;
use super::{Config, Qwen3VlProcessor};
use crate::model::{
    ImageFeatures, ModelError, PrefillRow, PreparedImage, Processor, Slot, VisionLanguageModel,
};
use crate::nn::{CacheShape, KeyValueCache};
use crate::weights::CheckpointFolder;

/// A loaded Qwen3-VL.
#[derive(Debug)]
pub struct Qwen3Vl {
    config: Config,
    processor: Qwen3VlProcessor,
    vision: VisionTower,
    decoder: Decoder,
    cache: KeyValueCache,
    /// For each slot, the M-RoPE position of its next token, which image tokens make smaller
    /// than its length.
    next_positions: Vec<u32>,
}

/// An image's span in the prompt, and its features.
type Shown<'a> = (Range<usize>, &'a ImageFeatures);

impl Qwen3Vl {
    /// Reads the folder's files, puts the weights on `device` as `dtype`; the cache is empty.
    pub fn load(
        folder: &CheckpointFolder,
        device: &Device,
        dtype: DType,
    ) -> Result<Self, ModelError> {
        let config = Config::load(folder)?;
        let processor = Qwen3VlProcessor::load(folder, &config)?;
        let reader = folder.weights()?.reader(device, dtype);
        let vision = VisionTower::load(&config.vision, &reader.under("model.visual"))?;
        let decoder = Decoder::load(&config.text, &reader)?;
        let cache = empty_cache(&config, 0, 0, &decoder)?;
        Ok(Self { config, processor, vision, decoder, cache, next_positions: Vec::new() })
    }

    fn prefill_row(&mut self, row: &PrefillRow<'_>) -> Result<Tensor, ModelError> {
        let ids = &row.prompt.token_ids;
        self.check_ids(ids)?;
        let slot = row.slot.0;
        self.cache.clear_slot(slot)?;
        self.cache.check(slot, ids.len())?;
        let (shown, places) = self.place_images(row)?;
        let (positions, next) = prompt_positions(ids.len(), &places);
        let embedded = replace_spans(&self.decoder.embed(ids)?, &shown)?;
        let add_deep = |layer: usize, hidden: Tensor| add_deep_features(hidden, layer, &shown);
        let cache = &mut self.cache;
        let logits = self.decoder.prefill(embedded, &positions, slot, cache, add_deep)?;
        self.next_positions[slot] = next;
        Ok(logits)
    }

    /// The row's images in prompt order: their features and their grids.
    fn place_images<'a>(
        &self,
        row: &PrefillRow<'a>,
    ) -> Result<(Vec<Shown<'a>>, Vec<ImagePlace>), ModelError> {
        let (mut shown, mut places) = (Vec::new(), Vec::new());
        let available = row.images.len().min(row.features.len());
        for (index, span) in &row.prompt.image_spans {
            let index = *index;
            let (Some(image), Some(features)) = (row.images.get(index), row.features.get(index))
            else {
                return Err(ModelError::NoSuchImage { index, available });
            };
            let merge = self.config.vision.merge;
            let grid = (image.grid.0 / merge, image.grid.1 / merge);
            let mismatch = |what, found| ModelError::ImageMismatch {
                index,
                what,
                found,
                expected: span.len(),
            };
            if grid.0 * grid.1 != span.len() {
                return Err(mismatch("the merged grid's number of tokens", grid.0 * grid.1));
            }
            if features.tokens.dim(0)? != span.len() {
                return Err(mismatch("the number of feature tokens", features.tokens.dim(0)?));
            }
            let earliest = places.last().map_or(0, |place: &ImagePlace| place.span.end);
            if span.start < earliest || span.end > row.prompt.token_ids.len() {
                return Err(mismatch("the end of its span in the prompt", span.end));
            }
            shown.push((span.clone(), features));
            places.push(ImagePlace { span: span.clone(), grid });
        }
        Ok((shown, places))
    }

    fn check_ids(&self, ids: &[u32]) -> Result<(), ModelError> {
        let vocabulary = self.config.text.vocabulary;
        let outside = ids.iter().copied().find(|id| *id as usize >= vocabulary);
        match (ids.is_empty(), outside) {
            (true, _) => Err(ModelError::EmptyPrompt),
            (false, Some(id)) => Err(ModelError::TokenOutOfRange { id, vocabulary }),
            (false, None) => Ok(()),
        }
    }
}

impl VisionLanguageModel for Qwen3Vl {
    fn processor(&self) -> &dyn Processor {
        &self.processor
    }

    fn encode_images(
        &mut self,
        images: &[&PreparedImage],
    ) -> Result<Vec<ImageFeatures>, ModelError> {
        let encode = |(index, image): (usize, &&PreparedImage)| {
            check_pixels(index, image, &self.config)?;
            self.vision.encode(&image.pixels, image.grid)
        };
        images.iter().enumerate().map(encode).collect()
    }

    fn reserve(&mut self, slots: usize, capacity: usize) -> Result<(), ModelError> {
        let held = self.cache.shape();
        if slots <= held.slots && capacity <= held.capacity {
            self.cache.clear();
            return Ok(());
        }
        let (slots, capacity) = (slots.max(held.slots), capacity.max(held.capacity));
        // The old memory goes before the new one comes.
        self.cache = empty_cache(&self.config, 0, 0, &self.decoder)?;
        self.cache = empty_cache(&self.config, slots, capacity, &self.decoder)?;
        self.next_positions = vec![0; slots];
        Ok(())
    }

    fn prefill(&mut self, rows: &[PrefillRow<'_>]) -> Result<Tensor, ModelError> {
        let logits = rows.iter().map(|row| self.prefill_row(row)).collect::<Result<Vec<_>, _>>()?;
        Ok(Tensor::cat(&logits, 0)?)
    }

    fn decode_step(&mut self, rows: &[(Slot, u32)]) -> Result<Tensor, ModelError> {
        let (slots, ids): (Vec<usize>, Vec<u32>) =
            rows.iter().map(|(slot, id)| (slot.0, *id)).unzip();
        self.check_ids(&ids)?;
        let mut seen = HashSet::new();
        for slot in slots.iter().copied() {
            self.cache.check(slot, 1)?;
            if !seen.insert(slot) {
                return Err(ModelError::SlotTwice { slot });
            }
        }
        let positions: Vec<_> = slots.iter().map(|slot| [self.next_positions[*slot]; 3]).collect();
        let embedded = self.decoder.embed(&ids)?;
        let logits = self.decoder.step(embedded, &positions, &slots, &mut self.cache)?;
        for slot in slots {
            self.next_positions[slot] += 1;
        }
        Ok(logits)
    }

    fn copy_slot(&mut self, from: Slot, to: Slot) -> Result<(), ModelError> {
        self.cache.copy_slot(from.0, to.0)?;
        self.next_positions[to.0] = self.next_positions[from.0];
        Ok(())
    }

    fn max_positions(&self) -> usize {
        self.config.text.max_positions
    }
}

fn empty_cache(
    config: &Config,
    slots: usize,
    capacity: usize,
    decoder: &Decoder,
) -> Result<KeyValueCache, ModelError> {
    let text = &config.text;
    let (layers, kv_heads, head_dim) = (text.layers, text.kv_heads, text.head_dim);
    let shape = CacheShape { layers, slots, kv_heads, capacity, head_dim };
    Ok(KeyValueCache::new(shape, decoder.dtype(), decoder.device())?)
}

fn check_pixels(index: usize, image: &PreparedImage, config: &Config) -> Result<(), ModelError> {
    let (patches, numbers) = image.pixels.dims2()?;
    let (rows, columns) = image.grid;
    let merge = config.vision.merge;
    let expected_numbers = config.vision.patch_numbers;
    for (what, found, expected) in [
        ("the number of patches", patches, rows * columns),
        ("the length of a patch", numbers, expected_numbers),
        ("the grid's rows past a merge block", rows % merge, 0),
        ("the grid's columns past a merge block", columns % merge, 0),
    ] {
        if found != expected {
            return Err(ModelError::ImageMismatch { index, what, found, expected });
        }
    }
    Ok(())
}

/// `hidden` `(tokens, width)` with the rows of each span replaced by the image's tokens.
fn replace_spans(hidden: &Tensor, shown: &[Shown<'_>]) -> TensorResult<Tensor> {
    map_spans(hidden, shown, |_, features| Ok(features.tokens.clone()))
}

/// Adds what the image's `layer`th deep features hold to the rows of its span.
fn add_deep_features(hidden: Tensor, layer: usize, shown: &[Shown<'_>]) -> TensorResult<Tensor> {
    match shown.iter().any(|(_, features)| layer < features.deep.len()) {
        true => map_spans(&hidden, shown, |rows, features| match features.deep.get(layer) {
            Some(deep) => rows + deep,
            None => Ok(rows),
        }),
        false => Ok(hidden),
    }
}

/// One copy of `hidden` in which `change` has been applied to the rows of each span.
fn map_spans(
    hidden: &Tensor,
    shown: &[Shown<'_>],
    change: impl Fn(Tensor, &ImageFeatures) -> TensorResult<Tensor>,
) -> TensorResult<Tensor> {
    let mut pieces = Vec::with_capacity(2 * shown.len() + 1);
    let mut done = 0;
    for (span, features) in shown {
        if done < span.start {
            pieces.push(hidden.narrow(0, done, span.start - done)?);
        }
        pieces.push(change(hidden.narrow(0, span.start, span.len())?, features)?);
        done = span.end;
    }
    let rest = hidden.dim(0)? - done;
    if rest > 0 {
        pieces.push(hidden.narrow(0, done, rest)?);
    }
    Tensor::cat(&pieces, 0)
}
