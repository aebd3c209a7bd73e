//! From a request to what the model gets: the part of answering that needs no weights.

use std::path::PathBuf;

use candle_core::Tensor;

use super::{
    EngineError, TrialRequest, checkpoint_folder, guarded, identity_of, present_folder, timed,
};
use crate::answer::{ModelInput, SeenImage, Timings};
use crate::image;
use crate::model::{self, Identity, ModelError, PreparedImage, PreparedPrompt, Processor};
use crate::registry::ModelEntry;

/// The half of a model that needs no weights.
pub struct Preparer {
    processor: Box<dyn Processor>,
    identity: Identity,
}

impl Preparer {
    /// Loads it for a registry entry.
    ///
    /// # Errors
    /// The checkpoint's configuration is missing or unusable, or loading panicked.
    pub fn load(entry: &ModelEntry) -> Result<Self, EngineError> {
        guarded(|| {
            let present = present_folder(&entry.source);
            let present =
                present.and_then(|folder| Some((model::load_processor(&folder).ok()?, folder)));
            // What is here suffices without the weights; if it does not, all is fetched.
            let (processor, folder) = match present {
                Some(present) => present,
                None => {
                    let folder = checkpoint_folder(&entry.source)?;
                    (model::load_processor(&folder)?, folder)
                }
            };
            let identity = identity_of(&folder, processor.as_ref(), entry)?;
            Ok(Self { processor, identity })
        })
    }

    /// What the model is and can do.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What the model would get.
    ///
    /// # Errors
    /// A picture cannot be read, or the conversation not be put to this family.
    pub fn prepare(&self, request: &TrialRequest) -> Result<ModelInput, EngineError> {
        guarded(|| {
            let prepared = Prepared::new(self.processor.as_ref(), request)?;
            Ok(prepared.describe()?)
        })
    }
}

/// A request's pictures and prompt, ready for the model.
pub(super) struct Prepared {
    pub(super) images: Vec<PreparedImage>,
    pub(super) prompt: PreparedPrompt,
    pub(super) timings: Timings,
}

impl Prepared {
    pub(super) fn new(
        processor: &dyn Processor,
        request: &TrialRequest,
    ) -> Result<Self, EngineError> {
        let mut timings = Timings::default();
        let decoded = timed(&mut timings.image_decoding, || {
            let decode = |path: &PathBuf| image::decode_file(path);
            request.images.iter().map(decode).collect::<Result<Vec<_>, _>>()
        })?;
        let (images, prompt) = timed(&mut timings.preprocessing, || {
            let prepare = |image: &image::DecodedImage| processor.prepare_image(&image.pixels);
            let images = decoded.iter().map(prepare).collect::<Result<Vec<_>, _>>()?;
            let prompt = processor.prepare_prompt(&request.conversation, &images)?;
            Ok::<_, ModelError>((images, prompt))
        })?;
        Ok(Self { images, prompt, timings })
    }

    /// The same as plain data, for records.
    pub(super) fn describe(&self) -> Result<ModelInput, ModelError> {
        let Self { images, prompt, .. } = self;
        Ok(ModelInput {
            rendered_prompt: prompt.rendered.clone(),
            prompt_tokens: prompt.token_ids.len(),
            visual_tokens: prompt.image_spans.iter().map(|(_, span)| span.len()).sum(),
            token_ids: prompt.token_ids.clone(),
            connector_ids: prompt.connector_ids.clone(),
            images: images.iter().map(seen).collect::<Result<_, _>>()?,
        })
    }
}

fn seen(image: &PreparedImage) -> Result<SeenImage, ModelError> {
    Ok(SeenImage {
        original: image.original,
        resized: image.resized,
        visual_tokens: image.visual_tokens,
        pixels_shape: image.pixels.dims().to_vec(),
        pixels_crc32: checksum(&image.pixels)?,
    })
}

/// CRC-32 of the values' bytes, little-endian, row by row.
fn checksum(pixels: &Tensor) -> Result<u32, ModelError> {
    let mut hasher = crc32fast::Hasher::new();
    let values: Vec<f32> = pixels.flatten_all()?.to_vec1()?;
    for values in values.chunks(1 << 14) {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        hasher.update(&bytes);
    }
    Ok(hasher.finalize())
}
