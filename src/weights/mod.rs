/*!
Where a checkpoint comes from: a folder in the layout that the Hugging Face hub publishes.

[`CheckpointFolder`] finds the files; [`Weights`] maps the safetensors and hands out tensors, cast
one by one, so that loading never needs the memory of two copies. Every error names the file, the
tensor, what was found and what was expected. Knows nothing of families: which files and tensors a
network needs is [`crate::model`]'s business.
*/

mod error;
mod folder;
#[cfg(feature = "hub")]
pub mod hub;
mod tensors;

pub use error::WeightsError;
pub use folder::CheckpointFolder;
pub use tensors::{TensorReader, Weights};
