/*!
Where a checkpoint comes from: a folder in the layout that the Hugging Face hub publishes.

[`CheckpointFolder`] finds the files; [`Weights`] maps them, safetensors or PyTorch's, and hands out
tensors, cast one by one, so that loading never needs the memory of two copies. Of PyTorch's files
only tensors are read: no code in them runs. Every error names the file, the tensor, what was found
and what was expected. Knows nothing of families: which files and tensors a
network needs is [`crate::model`]'s business.
*/

mod error;
mod folder;
#[cfg(feature = "hub")]
pub mod hub;
mod pickle;
mod safetensors_file;
mod tensors;
mod torch_file;

pub use error::WeightsError;
pub use folder::CheckpointFolder;
pub use pickle::PickleError;
pub use tensors::{TensorReader, Weights};
