/*!
A model that is joined of a vision tower and a language model: LLaVA-1.5, BLIP-2, InstructBLIP and
MiniGPT-v2 differ in their parts, not in how these work together.

Qwen3-VL is none of these: its pictures also enter deeper layers and change the positions.
*/

use candle_core::Tensor;

use super::shown::{check_ids, check_slots_differ, map_spans, shown_images};
use super::{
    ImageFeatures, ModelError, PrefillRow, PreparedImage, PreparedPrompt, Processor, Slot,
    VisionLanguageModel,
};
use crate::nn::LanguageModel;

/// The part that looks: a vision tower, and what connects it to the language model.
pub(super) trait Vision: Send + std::fmt::Debug {
    /// Features of one picture; whether the connector has already run is the family's choice.
    fn encode(&self, image: &PreparedImage) -> Result<ImageFeatures, ModelError>;

    /// What stands for the picture in this prompt, `(visual tokens, hidden)`, in the language
    /// model's type. Only InstructBLIP's depends on the prompt.
    fn connect(
        &self,
        features: &ImageFeatures,
        _prompt: &PreparedPrompt,
    ) -> Result<Tensor, ModelError> {
        Ok(features.tokens.clone())
    }
}

/// The parts, and the processor that feeds them.
#[derive(Debug)]
pub(super) struct Joined<P, V, L> {
    pub(super) processor: P,
    pub(super) vision: V,
    pub(super) language: L,
}

impl<P, V: Vision, L: LanguageModel> Joined<P, V, L> {
    fn prefill_row(&mut self, row: &PrefillRow<'_>) -> Result<Tensor, ModelError> {
        let embedded = self.embed_prompt(row)?;
        Ok(self.language.prefill(row.slot.0, &embedded)?)
    }

    /// The prompt's embeddings with each picture's tokens in the place of its placeholders.
    fn embed_prompt(&self, row: &PrefillRow<'_>) -> Result<Tensor, ModelError> {
        let shown = shown_images(row)?;
        let mut ids = row.prompt.token_ids.clone();
        for image in &shown {
            // A placeholder need not be in the vocabulary; its embedding is not used.
            ids[image.span.clone()].fill(0);
        }
        check_ids(ids.iter().copied(), self.language.vocabulary())?;
        let mut connected = Vec::with_capacity(shown.len());
        for (index, image) in shown.iter().enumerate() {
            let tokens = self.vision.connect(image.features, row.prompt)?;
            let (found, expected) = (tokens.dim(0)?, image.span.len());
            if found != expected {
                let what = "the number of feature tokens";
                return Err(ModelError::ImageMismatch { index, what, found, expected });
            }
            connected.push((image.span.start, tokens));
        }
        let embedded = self.language.embed(&ids)?;
        Ok(map_spans(&embedded, &shown, |rows, image| {
            let place = connected.iter().find(|(start, _)| *start == image.span.start);
            Ok(place.map_or(rows, |(_, tokens)| tokens.clone()))
        })?)
    }
}

impl<P, V, L> VisionLanguageModel for Joined<P, V, L>
where
    P: Processor,
    V: Vision,
    L: LanguageModel,
{
    fn processor(&self) -> &dyn Processor {
        &self.processor
    }

    fn encode_images(
        &mut self,
        images: &[&PreparedImage],
    ) -> Result<Vec<ImageFeatures>, ModelError> {
        images.iter().map(|image| self.vision.encode(image)).collect()
    }

    fn reserve(&mut self, slots: usize, capacity: usize) -> Result<(), ModelError> {
        Ok(self.language.reserve(slots, capacity)?)
    }

    fn prefill(&mut self, rows: &[PrefillRow<'_>]) -> Result<Tensor, ModelError> {
        let logits = rows.iter().map(|row| self.prefill_row(row)).collect::<Result<Vec<_>, _>>()?;
        Ok(Tensor::cat(&logits, 0)?)
    }

    fn decode_step(&mut self, rows: &[(Slot, u32)]) -> Result<Tensor, ModelError> {
        check_ids(rows.iter().map(|(_, id)| *id), self.language.vocabulary())?;
        check_slots_differ(rows)?;
        let rows: Vec<_> = rows.iter().map(|(slot, id)| (slot.0, *id)).collect();
        Ok(self.language.decode_step(&rows)?)
    }

    fn copy_slot(&mut self, from: Slot, to: Slot) -> Result<(), ModelError> {
        Ok(self.language.copy_slot(from.0, to.0)?)
    }

    fn max_positions(&self) -> usize {
        self.language.max_positions()
    }
}
