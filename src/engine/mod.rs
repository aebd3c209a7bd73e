/*!
Runs requests on one model: device, batches, timing and memory.

Knows nothing of cases, expectations or reports; a request comes in, an answer or a typed error
goes out.
*/

use std::any::Any;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use candle_core::DType;

use crate::answer::{Answer, SeenImage, Timings};
use crate::decode::{self, DecodeRow, Generated};
use crate::extract::BoxNotation;
use crate::geometry::PictureSize;
use crate::model::{
    self, Capabilities, Identity, ImageFeatures, PreparedImage, Processor, Slot,
    VisionLanguageModel,
};
use crate::opinion::Opinion;
use crate::registry::{ModelEntry, Precision, Source};
use crate::request::{Conversation, GenerationOptions};
use crate::weights::{self, HubCache};

mod device;
mod error;
mod memory;
mod preparer;
mod scorer;

pub use device::{DeviceChoice, DeviceChoiceError};
pub use error::EngineError;
use preparer::Prepared;
pub use preparer::Preparer;
pub use scorer::ScorerInUse;

/// How models are run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineSettings {
    /// Where.
    pub device: DeviceChoice,
    /// Number format for all models, over what the registry says.
    pub precision: Option<Precision>,
    /// Most requests decoded together.
    pub batch: NonZeroUsize,
}

impl EngineSettings {
    /// The number format that an entry's model is loaded in.
    pub fn precision_of(&self, entry: &ModelEntry) -> Precision {
        self.precision.or(entry.precision).unwrap_or(Precision::F32)
    }
}

/// One question to a model.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialRequest {
    /// The pictures' files.
    pub images: Vec<PathBuf>,
    /// What is asked; indexes `images`.
    pub conversation: Conversation,
    /// How to generate.
    pub options: GenerationOptions,
}

/// An answer with what judging it needs to know of the pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// The answer.
    pub answer: Answer,
    /// Sizes of the request's pictures, as decoded and as the model saw them.
    pub image_sizes: Vec<PictureSize>,
    /// What other networks say of the answer; the engine of the answer itself asks none.
    pub opinions: Vec<Opinion>,
}

impl From<Answer> for Answered {
    /// An answer of an earlier run; the sizes are those that it recorded.
    fn from(answer: Answer) -> Self {
        Self { image_sizes: picture_sizes(&answer), opinions: Vec::new(), answer }
    }
}

/// The sizes of the pictures that an answer is about, as it recorded them.
pub fn picture_sizes(answer: &Answer) -> Vec<PictureSize> {
    let size =
        |image: &SeenImage| PictureSize { original: image.original, resized: Some(image.resized) };
    answer.input.images.iter().map(size).collect()
}

/// One model in memory.
pub struct Engine {
    model: Box<dyn VisionLanguageModel>,
    identity: Identity,
    description: ModelDescription,
}

/// What a record says of the model that answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelDescription {
    /// The registry's name.
    pub name: String,
    /// `cpu`, `cuda:0`, ...
    pub device: String,
    /// `f32`, `f16` or `bf16`.
    pub precision: String,
    /// How long loading took.
    pub load_time: Duration,
}

impl Engine {
    /// Loads a registry entry.
    ///
    /// # Errors
    /// The device is not there, the checkpoint is missing or unusable, or loading panicked.
    pub fn load(entry: &ModelEntry, settings: &EngineSettings) -> Result<Self, EngineError> {
        let start = Instant::now();
        let device = settings.device.open()?;
        let precision = settings.precision_of(entry);
        let folder = checkpoint_folder(&entry.source)?;
        weights::check_pins(&folder, &entry.sha256)?;
        let model = guarded(|| Ok(model::load(&folder, &device, Some(data_type(precision)))?))?;
        let description = ModelDescription {
            name: entry.name.clone(),
            device: device::label(&device),
            precision: precision.label().to_owned(),
            load_time: start.elapsed(),
        };
        let identity = identity_of(&folder, model.processor(), entry)?;
        Ok(Self { model, identity, description })
    }

    /// What is loaded, where and how.
    pub fn description(&self) -> &ModelDescription {
        &self.description
    }

    /// What the model is and can do.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Answers requests together, in order. A request that cannot be answered does not keep the
    /// others from theirs.
    pub fn answer(&mut self, requests: &[&TrialRequest]) -> Vec<Result<Answered, EngineError>> {
        memory::reset_peak();
        let inputs: Vec<_> = requests.iter().map(|request| self.read_input(request)).collect();
        let readable: Vec<&Input> = inputs.iter().filter_map(|input| input.as_ref().ok()).collect();
        let mut generated = self.generate(&readable).into_iter();
        let mut results = Vec::with_capacity(requests.len());
        for input in &inputs {
            results.push(match input {
                Ok(input) => match generated.next() {
                    Some(Ok(generated)) => self.describe(input, generated),
                    Some(Err(error)) => Err(error),
                    None => Err(EngineError::Lost),
                },
                Err(error) => Err(error.clone()),
            });
        }
        results
    }

    /// Decodes and encodes a request's pictures and renders its prompt.
    fn read_input(&mut self, request: &TrialRequest) -> Result<Input, EngineError> {
        let model = &mut self.model;
        guarded(move || {
            let mut prepared = Prepared::new(model.processor(), request)?;
            let Prepared { images, timings, .. } = &mut prepared;
            let features = timed(&mut timings.vision_encoding, || {
                model.encode_images(&images.iter().collect::<Vec<_>>())
            })?;
            Ok(Input { prepared, features, options: request.options.clone() })
        })
    }

    /// Generates for all inputs together; if that fails, for each alone, so that one input's
    /// failure is its own.
    fn generate(&mut self, inputs: &[&Input]) -> Vec<Result<Generated, EngineError>> {
        match self.generate_batch(inputs) {
            Ok(generated) => generated.into_iter().map(Ok).collect(),
            Err(error) if inputs.len() == 1 => vec![Err(error)],
            Err(_) => inputs
                .iter()
                .map(|input| {
                    let alone = self.generate_batch(&[input])?;
                    alone.into_iter().next().ok_or(EngineError::Lost)
                })
                .collect(),
        }
    }

    fn generate_batch(&mut self, inputs: &[&Input]) -> Result<Vec<Generated>, EngineError> {
        let model = &mut self.model;
        guarded(move || {
            let mut free = 0;
            let rows = inputs.iter().map(|input| {
                let first = Slot(free);
                free += input.options.num_beams;
                input.row(first)
            });
            let rows: Vec<DecodeRow<'_>> = rows.collect();
            Ok(decode::generate(model.as_mut(), &rows)?)
        })
    }

    fn describe(&self, input: &Input, generated: Generated) -> Result<Answered, EngineError> {
        let text = self.model.processor().decode_text(&generated.token_ids)?;
        let Prepared { images, timings, .. } = &input.prepared;
        let Generated { prefill, decoding, .. } = generated;
        let timings = Timings { prefill, decoding, ..*timings };
        let answer = Answer {
            text,
            token_ids: generated.token_ids,
            margins: generated.margins,
            runners_up: generated.runners_up,
            beam_score: generated.beam_score,
            finish: generated.finish,
            input: input.prepared.describe()?,
            timings,
            peak_memory_bytes: memory::peak_bytes(),
        };
        let image_sizes = images.iter().map(picture_size).collect();
        Ok(Answered { answer, image_sizes, opinions: Vec::new() })
    }
}

/// What a registry entry's model is and can do, as far as that shows without loading it; none if
/// its checkpoint is not here or not usable, which loading will tell.
pub fn known_identity(entry: &ModelEntry) -> Option<Identity> {
    let identity = model::identify(&present_folder(&entry.source)?).ok()?;
    Some(Identity { capabilities: with_boxes(identity.capabilities, entry.boxes), ..identity })
}

/// What a loaded model is and can do.
fn identity_of(
    folder: &Path,
    processor: &dyn Processor,
    entry: &ModelEntry,
) -> Result<Identity, EngineError> {
    let capabilities = with_boxes(processor.capabilities(), entry.boxes);
    Ok(Identity { capabilities, ..model::identify(folder)? })
}

/// The registry's word on boxes counts over the family's.
fn with_boxes(family: Capabilities, registry: Option<BoxNotation>) -> Capabilities {
    Capabilities { boxes: registry.or(family.boxes), ..family }
}

/// A request on its way into the model.
struct Input {
    prepared: Prepared,
    features: Vec<ImageFeatures>,
    options: GenerationOptions,
}

impl Input {
    fn row(&self, slot: Slot) -> DecodeRow<'_> {
        let Self { prepared: Prepared { images, prompt, .. }, features, options } = self;
        DecodeRow { slot, prompt, images, features, options }
    }
}

fn picture_size(image: &PreparedImage) -> PictureSize {
    PictureSize { original: image.original, resized: Some(image.resized) }
}

/// The folder of an entry's checkpoint, if that is on this machine.
pub fn checkpoint_here(entry: &ModelEntry) -> Option<PathBuf> {
    present_folder(&entry.source)
}

/// Where the checkpoint is, as far as it is here already; it may lack files.
fn present_folder(source: &Source) -> Option<PathBuf> {
    match source {
        Source::Folder(folder) => Some(folder.clone()),
        Source::Hub { repository, revision } => HubCache::from_env().snapshot(repository, revision),
        Source::Replay { .. } => None,
    }
}

fn checkpoint_folder(source: &Source) -> Result<PathBuf, EngineError> {
    match source {
        Source::Folder(folder) => Ok(folder.clone()),
        Source::Hub { repository, revision } => hub_folder(repository, revision),
        Source::Replay { journal, .. } => {
            Err(EngineError::NoCheckpoint { journal: journal.clone() })
        }
    }
}

#[cfg(feature = "hub")]
fn hub_folder(repository: &str, revision: &str) -> Result<PathBuf, EngineError> {
    Ok(weights::hub::fetch(repository, revision, &weights::hub::HubSettings::from_env())?)
}

#[cfg(not(feature = "hub"))]
fn hub_folder(repository: &str, _revision: &str) -> Result<PathBuf, EngineError> {
    Err(EngineError::HubNotBuilt { repository: repository.to_owned() })
}

fn data_type(precision: Precision) -> DType {
    match precision {
        Precision::F32 => DType::F32,
        Precision::F16 => DType::F16,
        Precision::Bf16 => DType::BF16,
    }
}

/// Runs `work` and adds its wall time to `clock`.
fn timed<T>(clock: &mut Duration, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    *clock += start.elapsed();
    result
}

/// Turns a panic below into an error of this one request.
///
/// The cache a panic leaves behind is never read: every batch starts with a reset.
fn guarded<T>(work: impl FnOnce() -> Result<T, EngineError>) -> Result<T, EngineError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        Err(EngineError::Panicked { message: panic_message(payload.as_ref()).to_owned() })
    })
}

/// What a caught panic said.
pub(crate) fn panic_message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_of_its_request() {
        let error = guarded::<()>(|| panic!("tensor of {} dimensions", 7)).unwrap_err();
        assert_eq!(error.to_string(), "a panic ended this trial: tensor of 7 dimensions");
        assert_eq!(guarded(|| Ok(5)).unwrap(), 5);
    }
}
