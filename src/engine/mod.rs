/*!
Runs requests on one model: device, batches, timing and memory.

`Preparation` decodes and tokenises on threads of its own; pictures go through the `gallery`, which
has each prepared and encoded once; `Serving` keeps the cache's slots filled and tells of each
answer. Knows nothing of cases, expectations or reports; a request comes in, an answer or a typed
error goes out.
*/

use std::any::Any;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use candle_core::Device;

use crate::answer::{Answer, MemoryShortage, SeenImage};
use crate::geometry::PictureSize;
use crate::image::Viewing;
use crate::model::{self, Footprint, Identity, VisionLanguageModel};
use crate::opinion::Opinion;
use crate::registry::{ModelEntry, Precision};
use crate::request::{Conversation, GenerationOptions};
use crate::weights;

mod checkpoint;
mod device;
mod error;
mod fleet;
mod gallery;
mod input;
mod judge;
mod memory;
mod picture;
mod preparer;
pub mod room;
mod scorer;
mod self_check;
mod serving;
mod vision;

use checkpoint::{checkpoint_folder, identity_of};
pub use checkpoint::{checkpoint_here, footprint, known_identity, settings_notices};
pub use device::{DeviceChoice, DeviceChoiceError, Devices};
pub use error::EngineError;
pub use fleet::Fleet;
use gallery::Gallery;
pub use judge::{ToJudge, ask_judge};
use memory::Meter;
use preparer::Preparation;
pub use preparer::Preparer;
pub use scorer::ScorerInUse;
use serving::Serving;

/// How models are run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EngineSettings {
    /// Where.
    pub devices: Devices,
    /// Number format for all models, over what the registry says.
    pub precision: Option<Precision>,
    /// How many requests are answered together.
    pub batch: BatchSize,
    /// Whether answers are compared with what a request alone gives.
    pub self_check: SelfChecking,
}

/// How many requests are answered together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BatchSize {
    /// As many as there is memory for, up to a bound.
    #[default]
    Automatic,
    /// At most so many.
    Fixed(NonZeroUsize),
}

/// Whether answers are compared with what each request alone gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SelfChecking {
    /// No.
    #[default]
    Off,
    /// Each is asked again with nobody else in the model.
    Batch,
}

impl EngineSettings {
    /// The number format that a model is loaded in.
    pub fn precision_of(&self, entry: &ModelEntry) -> Precision {
        self.precision.or(entry.precision).unwrap_or(Precision::F32)
    }
}

/// One question to a model.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialRequest {
    /// The pictures' files.
    pub images: Vec<PathBuf>,
    /// Whether the pictures are turned as their files say.
    pub orientation: Viewing,
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
    meter: Meter,
    batch: BatchSize,
    self_check: SelfChecking,
    /// None of a model that was not loaded here.
    footprint: Option<Footprint>,
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
    /// Memory in use once it was loaded, in bytes, where the system tells: of the device, or
    /// resident memory of the process on a CPU.
    pub memory_in_use_bytes: Option<u64>,
}

impl Engine {
    /// Loads a registry entry.
    ///
    /// # Errors
    /// The device is not there, the checkpoint is missing or unusable, or loading panicked.
    pub fn load(
        entry: &ModelEntry,
        device: DeviceChoice,
        settings: &EngineSettings,
    ) -> Result<Self, EngineError> {
        let start = Instant::now();
        let device = device.open()?;
        let precision = settings.precision_of(entry);
        let folder = checkpoint_folder(&entry.source)?;
        weights::check_pins(&folder, &entry.sha256)?;
        let footprint = Footprint::read(&folder, precision.data_type()).ok();
        if let Some(footprint) = &footprint {
            memory::check_room(&Meter::of(&device), footprint.weights())?;
        }
        let model = guarded(|| Ok(model::load(&folder, &device, Some(precision.data_type()))?))?;
        let identity = identity_of(&folder, model.processor().as_ref(), entry)?;
        let description = ModelDescription {
            name: entry.name.clone(),
            device: device::label(&device),
            precision: precision.label().to_owned(),
            load_time: start.elapsed(),
            memory_in_use_bytes: Meter::of(&device).in_use_bytes(),
        };
        let engine = Self::new(model, &device, identity, description, settings);
        Ok(Self { footprint, ..engine })
    }

    /// Around a model that has been loaded onto `device`.
    pub fn new(
        model: Box<dyn VisionLanguageModel>,
        device: &Device,
        identity: Identity,
        description: ModelDescription,
        settings: &EngineSettings,
    ) -> Self {
        let (batch, self_check) = (settings.batch, settings.self_check);
        let meter = Meter::of(device);
        Self { model, identity, description, meter, batch, self_check, footprint: None }
    }

    /// What is loaded, where and how.
    pub fn description(&self) -> &ModelDescription {
        &self.description
    }

    /// What the model is and can do.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Answers all requests, several at a time, and tells of each as it ends. A request that cannot
    /// be answered does not keep the others from theirs.
    pub fn answer_all(&mut self, requests: &[TrialRequest], tell: &mut dyn FnMut(Event)) {
        let gallery = Gallery::new(requests);
        let preparation = Preparation {
            requests,
            gallery: &gallery,
            processor: self.model.processor(),
            max_positions: self.model.max_positions(),
            next: AtomicUsize::new(0),
        };
        let batch = self.most_together().min(requests.len().max(1));
        let (sender, prepared) = sync_channel(batch);
        std::thread::scope(|scope| {
            for sender in vec![sender; self.preparing_threads()] {
                scope.spawn(|| preparation.run(sender));
            }
            let serving = Serving {
                model: self.model.as_mut(),
                requests,
                gallery: &gallery,
                meter: &self.meter,
                tell,
                batch,
                self_check: self.self_check,
                // A batch that is fixed is tried as it is.
                footprint: self.footprint,
                is_fitted: self.batch != BatchSize::Automatic,
            };
            serving.run(&prepared);
        });
    }

    fn most_together(&self) -> usize {
        match (self.batch, &self.meter) {
            (BatchSize::Fixed(batch), _) => batch.get(),
            (BatchSize::Automatic, Meter::Process) => room::MOST_ON_CPU,
            #[cfg(feature = "cuda")]
            (BatchSize::Automatic, Meter::Cuda(_)) => room::MOST_ON_GPU,
        }
    }

    /// A CPU that computes has little time to spare; a GPU must not wait for pictures.
    fn preparing_threads(&self) -> usize {
        match self.meter {
            Meter::Process => 1,
            #[cfg(feature = "cuda")]
            Meter::Cuda(_) => {
                std::thread::available_parallelism().map_or(1, |all| all.get() / 2).clamp(1, 8)
            }
        }
    }
}

/// What happens while requests are answered.
#[derive(Debug)]
pub enum Event {
    /// A request has its answer, or will have none.
    Ended {
        /// Its place among the requests.
        index: usize,
        /// The answer.
        answered: Box<Result<Answered, EngineError>>,
    },
    /// Requests start again, fewer at a time.
    OutOfMemory(OutOfMemory),
}

/// The memory of the device ran out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutOfMemory {
    /// The places of those that were in work.
    pub requests: Vec<usize>,
    /// How many these were, and the memory they took.
    pub shortage: MemoryShortage,
    /// How many will be answered together from here on.
    pub next_batch: usize,
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
