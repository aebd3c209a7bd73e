//! A request on its way through the model, with what it took so far.

use super::memory::Meter;
use super::preparer::Prepared;
use super::{Answered, EngineError, TrialRequest};
use crate::answer::{Answer, Conditions, MemoryShortage, Timings};
use crate::decode::{DecodeRow, Generated, Need, SharedTime};
use crate::model::{Demand, ImageFeatures, Processor};
use crate::request::GenerationOptions;

/// A prepared request.
pub(super) struct Input {
    /// Its place among the requests.
    pub(super) index: usize,
    pub(super) prepared: Prepared,
    pub(super) need: Need,
    pub(super) company: Company,
    /// Of its pictures, once they are encoded.
    pub(super) features: Vec<ImageFeatures>,
    pub(super) vision: SharedTime,
    pub(super) shortages: Vec<MemoryShortage>,
    options: GenerationOptions,
    peak_memory_bytes: Option<u64>,
}

/// Who may be in the model together with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Company {
    /// Anybody.
    Any,
    /// Nobody: something failed that it had a part in.
    None,
}

impl Input {
    pub(super) fn new(
        index: usize,
        request: &TrialRequest,
        prepared: Prepared,
        max_positions: usize,
    ) -> Result<Self, EngineError> {
        Ok(Self {
            index,
            need: Need::of(&prepared.prompt, &request.options, max_positions)?,
            prepared,
            company: Company::Any,
            features: Vec::new(),
            vision: SharedTime::default(),
            shortages: Vec::new(),
            options: request.options.clone(),
            peak_memory_bytes: None,
        })
    }

    /// What it asks of memory.
    pub(super) fn demand(&self) -> Demand {
        Demand { beams: self.need.slots, tokens: self.need.tokens, ..self.prepared.demand() }
    }

    /// Takes what its pictures became.
    pub(super) fn look(&mut self) -> Result<(), EngineError> {
        let pictures = self.prepared.pictures.iter();
        self.features = pictures.map(|picture| picture.features()).collect::<Result<_, _>>()?;
        Ok(())
    }

    pub(super) fn row(&self) -> DecodeRow<'_> {
        let Prepared { outlines, prompt, .. } = &self.prepared;
        DecodeRow { prompt, images: outlines, features: &self.features, options: &self.options }
    }

    /// Notes the highest memory while it was in work.
    pub(super) fn note_peak(&mut self, bytes: Option<u64>) {
        self.peak_memory_bytes = self.peak_memory_bytes.max(bytes);
    }

    /// The answer with all that is known of it.
    pub(super) fn answered(
        self,
        generated: Generated,
        processor: &dyn Processor,
        meter: &Meter,
    ) -> Result<Answered, EngineError> {
        let Generated { prefill, decoding, .. } = generated;
        let Timings { image_decoding, preprocessing, .. } = self.prepared.timings;
        let shared = [self.vision, prefill, decoding];
        let conditions = Conditions {
            own_time: shared
                .iter()
                .fold(image_decoding + preprocessing, |sum, time| sum + time.own),
            reused_images: self.prepared.reused,
            largest_batch: generated.largest_batch,
            memory_in_use_bytes: meter.in_use_bytes(),
            shortages: self.shortages,
            self_check: None,
        };
        let [vision_encoding, prefill, decoding] = shared.map(|time| time.wall);
        let answer = Answer {
            text: processor.decode_text(&generated.token_ids)?,
            token_ids: generated.token_ids,
            margins: generated.margins,
            runners_up: generated.runners_up,
            beam_score: generated.beam_score,
            finish: generated.finish,
            input: self.prepared.describe(),
            timings: Timings { image_decoding, preprocessing, vision_encoding, prefill, decoding },
            peak_memory_bytes: self.peak_memory_bytes,
            conditions,
        };
        Ok(Answered::from(answer))
    }
}
