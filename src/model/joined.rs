/*!
A model that is joined of a vision tower and a language model: LLaVA-1.5, BLIP-2, InstructBLIP and
MiniGPT-v2 differ in their parts, not in how these work together.

Qwen3-VL is none of these: its pictures also enter deeper layers and change the positions.
*/

use std::sync::Arc;

use candle_core::Tensor;

use super::shown::{ShownImage, check_ids, check_slots_differ, map_spans, shown_images};
use super::{
    ImageFeatures, ModelError, PrefillRow, PreparedImage, PreparedPrompt, Processor, Slot,
    VisionLanguageModel,
};
use crate::nn::LanguageModel;

/// The part that looks: a vision tower, and what connects it to the language model.
pub(super) trait Vision: Send + std::fmt::Debug {
    /// Features of pictures, in order; whether the connector has already run is the family's choice.
    fn encode(&self, images: &[&PreparedImage]) -> Result<Vec<ImageFeatures>, ModelError>;

    /// What stands for each picture in its prompt, `(visual tokens, hidden)`, in the language model's
    /// type. Only InstructBLIP's depends on the prompt.
    fn connect(
        &self,
        shown: &[(&ImageFeatures, &PreparedPrompt)],
    ) -> Result<Vec<Tensor>, ModelError> {
        Ok(shown.iter().map(|(features, _)| features.tokens.clone()).collect())
    }
}

/// The parts, and the processor that feeds them.
#[derive(Debug)]
pub(super) struct Joined<P, V, L> {
    pub(super) processor: Arc<P>,
    pub(super) vision: V,
    pub(super) language: L,
}

impl<P, V: Vision, L: LanguageModel> Joined<P, V, L> {
    /// The prompts' embeddings with each picture's tokens in the place of its placeholders, by slot.
    fn embed_prompts(&self, rows: &[PrefillRow<'_>]) -> Result<Vec<(usize, Tensor)>, ModelError> {
        let shown = rows.iter().map(shown_images).collect::<Result<Vec<_>, _>>()?;
        let pairs = rows
            .iter()
            .zip(&shown)
            .flat_map(|(row, shown)| shown.iter().map(move |image| (image.features, row.prompt)));
        let mut connected = self.vision.connect(&pairs.collect::<Vec<_>>())?.into_iter();
        let mut prompts = Vec::with_capacity(rows.len());
        for (row, shown) in rows.iter().zip(&shown) {
            let tokens: Vec<Tensor> = connected.by_ref().take(shown.len()).collect();
            prompts.push((row.slot.0, self.embed_prompt(row, shown, &tokens)?));
        }
        Ok(prompts)
    }

    fn embed_prompt(
        &self,
        row: &PrefillRow<'_>,
        shown: &[ShownImage<'_>],
        connected: &[Tensor],
    ) -> Result<Tensor, ModelError> {
        let mut ids = row.prompt.token_ids.clone();
        for image in shown {
            // A placeholder need not be in the vocabulary; its embedding is not used.
            ids[image.span.clone()].fill(0);
        }
        check_ids(ids.iter().copied(), self.language.vocabulary())?;
        for (index, (image, tokens)) in shown.iter().zip(connected).enumerate() {
            let (found, expected) = (tokens.dim(0)?, image.span.len());
            if found != expected {
                let what = "the number of feature tokens";
                return Err(ModelError::ImageMismatch { index, what, found, expected });
            }
        }
        let embedded = self.language.embed(&ids)?;
        let spans = shown.iter().map(|image| image.span.clone()).zip(connected);
        Ok(map_spans(&embedded, spans, |_, tokens| Ok(tokens.clone()))?)
    }
}

impl<P, V, L> VisionLanguageModel for Joined<P, V, L>
where
    P: Processor + 'static,
    V: Vision,
    L: LanguageModel,
{
    fn processor(&self) -> Arc<dyn Processor> {
        self.processor.clone()
    }

    fn encode_images(
        &mut self,
        images: &[&PreparedImage],
    ) -> Result<Vec<ImageFeatures>, ModelError> {
        if images.is_empty() {
            return Ok(Vec::new());
        }
        self.vision.encode(images)
    }

    fn reserve(&mut self, slots: usize, capacity: usize) -> Result<(), ModelError> {
        Ok(self.language.reserve(slots, capacity)?)
    }

    fn prefill(&mut self, rows: &[PrefillRow<'_>]) -> Result<Tensor, ModelError> {
        Ok(self.language.prefill(&self.embed_prompts(rows)?)?)
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
