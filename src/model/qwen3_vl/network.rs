//! The half of Qwen3-VL with weights: vision tower, decoder and cache behind the family trait.

use std::ops::Range;
use std::sync::Arc;

use candle_core::{DType, Device, Result as TensorResult, Tensor};

use super::positions::{ImagePlace, InterleavedRope, prompt_positions};
use super::text::{self, Qwen3FeedForward};
use super::vision::VisionTower;
use super::{Config, Qwen3VlProcessor, TextConfig};
use crate::model::shown::{ShownImage, check_ids, check_slots_differ, map_spans, shown_images};
use crate::model::{
    ImageFeatures, ModelError, PrefillRow, PreparedImage, Processor, Slot, VisionLanguageModel,
};
use crate::nn::{Decoder, KeyValueCache, Segment, add, clear_for};
use crate::weights::CheckpointFolder;

/// A loaded Qwen3-VL.
#[derive(Debug)]
pub struct Qwen3Vl {
    config: Config,
    processor: Arc<Qwen3VlProcessor>,
    vision: VisionTower,
    decoder: Decoder<Qwen3FeedForward>,
    rope: InterleavedRope,
    cache: KeyValueCache,
    /// For each slot, the M-RoPE position of its next token, which image tokens make smaller
    /// than its length.
    next_positions: Vec<u32>,
}

impl Qwen3Vl {
    /// Reads the folder's files, puts the weights on `device` as `dtype`; the cache is empty.
    pub fn load(
        folder: &CheckpointFolder,
        device: &Device,
        dtype: DType,
    ) -> Result<Self, ModelError> {
        let config = Config::load(folder)?;
        let processor = Arc::new(Qwen3VlProcessor::load(folder, &config)?);
        let reader = folder.weights()?.reader(device, dtype);
        let vision = VisionTower::load(&config.vision, &reader.under("model.visual"))?;
        let decoder = text::load(&config.text, &reader)?;
        let rope = InterleavedRope::new(&config.text);
        let cache = empty_cache(&config.text, &decoder);
        Ok(Self { config, processor, vision, decoder, rope, cache, next_positions: Vec::new() })
    }

    /// A prompt's embeddings, its pictures' features in their places.
    fn embed_prompt(
        &self,
        row: &PrefillRow<'_>,
        shown: &[ShownImage<'_>],
    ) -> Result<Tensor, ModelError> {
        let embedded = self.decoder.embed(&row.prompt.token_ids)?;
        let spans = shown.iter().map(|image| (image.span.clone(), image));
        Ok(map_spans(&embedded, spans, |_, image| Ok(image.features.tokens.clone()))?)
    }

    /// Where the pictures stand, and their merged grids, each as large as its span and features.
    fn image_places(&self, shown: &[ShownImage<'_>]) -> Result<Vec<ImagePlace>, ModelError> {
        let merge = self.config.vision.merge;
        let place = |(index, shown): (usize, &ShownImage<'_>)| {
            let grid = (shown.image.grid.0 / merge, shown.image.grid.1 / merge);
            let expected = shown.span.len();
            for (what, found) in [
                ("the merged grid's number of tokens", grid.0 * grid.1),
                ("the number of feature tokens", shown.features.tokens.dim(0)?),
            ] {
                if found != expected {
                    return Err(ModelError::ImageMismatch { index, what, found, expected });
                }
            }
            Ok(ImagePlace { span: shown.span.clone(), grid })
        };
        shown.iter().enumerate().map(place).collect()
    }

    fn check_ids(&self, ids: &[u32]) -> Result<(), ModelError> {
        check_ids(ids.iter().copied(), self.config.text.vocabulary)
    }
}

impl VisionLanguageModel for Qwen3Vl {
    fn processor(&self) -> Arc<dyn Processor> {
        self.processor.clone()
    }

    fn encode_images(
        &mut self,
        images: &[&PreparedImage],
    ) -> Result<Vec<ImageFeatures>, ModelError> {
        for (index, image) in images.iter().enumerate() {
            check_pixels(index, image, &self.config)?;
        }
        match images.is_empty() {
            true => Ok(Vec::new()),
            false => self.vision.encode(images),
        }
    }

    fn reserve(&mut self, slots: usize, capacity: usize) -> Result<(), ModelError> {
        self.cache.reserve(slots, capacity)?;
        self.next_positions = vec![0; self.cache.shape().slots];
        Ok(())
    }

    fn prefill(&mut self, rows: &[PrefillRow<'_>]) -> Result<Tensor, ModelError> {
        let lengths = rows.iter().map(|row| (row.slot.0, row.prompt.token_ids.len()));
        let segments = Segment::prompts(lengths);
        let (mut prompts, mut positions, mut deep) = (Vec::new(), Vec::new(), Vec::new());
        let mut nexts = Vec::with_capacity(rows.len());
        for (row, segment) in rows.iter().zip(&segments) {
            self.check_ids(&row.prompt.token_ids)?;
            let shown = shown_images(row)?;
            let (of_row, next) = prompt_positions(segment.count, &self.image_places(&shown)?);
            positions.extend(of_row);
            nexts.push((segment.slot, next));
            prompts.push(self.embed_prompt(row, &shown)?);
            deep.extend(shown.iter().map(|image| {
                let span = segment.start + image.span.start..segment.start + image.span.end;
                (span, image.features)
            }));
        }
        clear_for(&segments, &mut self.cache)?;
        let (embedded, angles) = (Tensor::cat(&prompts, 0)?, self.rope.angles(&positions));
        let add_deep = |layer: usize, hidden: &Tensor| add_deep_features(hidden, layer, &deep);
        let logits =
            self.decoder.prefill(embedded, angles, &segments, &mut self.cache, add_deep)?;
        for (slot, next) in nexts {
            self.next_positions[slot] = next;
        }
        Ok(logits)
    }

    fn decode_step(&mut self, rows: &[(Slot, u32)]) -> Result<Tensor, ModelError> {
        let (slots, ids): (Vec<usize>, Vec<u32>) =
            rows.iter().map(|(slot, id)| (slot.0, *id)).unzip();
        self.check_ids(&ids)?;
        check_slots_differ(rows)?;
        for slot in slots.iter().copied() {
            self.cache.check(slot, 1)?;
        }
        let positions: Vec<_> = slots.iter().map(|slot| [self.next_positions[*slot]; 3]).collect();
        let embedded = self.decoder.embed(&ids)?;
        let angles = self.rope.angles(&positions);
        let logits = self.decoder.step(embedded, angles, &slots, &mut self.cache)?;
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

fn empty_cache(text: &TextConfig, decoder: &Decoder<Qwen3FeedForward>) -> KeyValueCache {
    let (dtype, device) = (decoder.dtype(), decoder.device());
    KeyValueCache::without_slots(text.layers, text.kv_heads, text.head_dim, dtype, device)
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

/// `hidden` with what the pictures' `layer`th deep features hold added to the rows of their spans;
/// none if no picture has such features.
fn add_deep_features(
    hidden: &Tensor,
    layer: usize,
    shown: &[(Range<usize>, &ImageFeatures)],
) -> TensorResult<Option<Tensor>> {
    if shown.iter().all(|(_, features)| features.deep.len() <= layer) {
        return Ok(None);
    }
    let change = |rows: Tensor, features: &ImageFeatures| match features.deep.get(layer) {
        Some(deep) => add(&rows, deep),
        None => Ok(rows),
    };
    map_spans(hidden, shown.iter().cloned(), change).map(Some)
}
