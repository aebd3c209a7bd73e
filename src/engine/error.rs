//! Why a request got no answer.

use std::path::PathBuf;
use std::sync::Arc;

use super::{DeviceChoiceError, memory};
use crate::image::ImageError;
use crate::model::ModelError;
use crate::scorer::ScorerError;
use crate::weights::{WeightsError, readable_size};

/// A request got no answer: neither right nor wrong.
///
/// Sources are shared so that one failure to load can be told to every trial of the model.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    /// The device cannot be used.
    #[error(transparent)]
    Device(#[from] DeviceChoiceError),
    /// A picture cannot be read.
    #[error(transparent)]
    Image(Arc<ImageError>),
    /// The checkpoint or the network failed.
    #[error(transparent)]
    Model(Arc<ModelError>),
    /// The checkpoint's files could not be had, or are not those that are pinned.
    #[error(transparent)]
    Weights(Arc<WeightsError>),
    /// A network that scores answers failed.
    #[error(transparent)]
    Scorer(Arc<ScorerError>),
    /// A hub model in a build without the hub.
    #[error(
        "{repository} is on the Hugging Face hub, but this build has no hub access; \
         enable eyechart's feature `hub`, or download it and write (dir: \"folder\")"
    )]
    HubNotBuilt {
        /// The repository.
        repository: String,
    },
    /// A model that only answers from a journal is to be loaded.
    #[error("{}: its answers are replayed, there is no checkpoint to load", journal.display())]
    NoCheckpoint {
        /// The journal.
        journal: PathBuf,
    },
    /// The device has too little memory, even for this request alone.
    #[error(
        "out of memory with this case alone{}: {reason}; shrink the pictures, lower \
         max_new_tokens, or choose a smaller model or number format",
        at_most(peak_memory_bytes)
    )]
    OutOfMemory {
        /// What the device said.
        reason: String,
        /// Most memory in use until then, in bytes, where the system tells.
        peak_memory_bytes: Option<u64>,
    },
    /// Something panicked while the request was worked on.
    #[error("a panic ended this trial: {message}")]
    Panicked {
        /// The panic's message.
        message: String,
    },
    /// The decode loop gave back fewer answers than it got requests.
    #[error("the engine lost this request; please report it as a bug of eyechart")]
    Lost,
}

impl EngineError {
    /// The same, with the memory that was in use if there was too little.
    pub(super) fn at_peak(self, peak_memory_bytes: Option<u64>) -> Self {
        match self {
            Self::OutOfMemory { reason, .. } => Self::OutOfMemory { reason, peak_memory_bytes },
            other => other,
        }
    }
}

fn at_most(peak_memory_bytes: &Option<u64>) -> String {
    let peak = peak_memory_bytes.map(|bytes| format!(" after {} in use", readable_size(bytes)));
    peak.unwrap_or_default()
}

impl From<ImageError> for EngineError {
    fn from(error: ImageError) -> Self {
        Self::Image(Arc::new(error))
    }
}

impl From<ModelError> for EngineError {
    fn from(error: ModelError) -> Self {
        match memory::shortage(&error) {
            Some(reason) => Self::OutOfMemory { reason, peak_memory_bytes: None },
            None => Self::Model(Arc::new(error)),
        }
    }
}

impl From<ScorerError> for EngineError {
    fn from(error: ScorerError) -> Self {
        Self::Scorer(Arc::new(error))
    }
}

impl From<WeightsError> for EngineError {
    fn from(error: WeightsError) -> Self {
        Self::Weights(Arc::new(error))
    }
}
