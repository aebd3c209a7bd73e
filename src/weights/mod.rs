/*!
Where a checkpoint comes from: a folder in the layout that the Hugging Face hub publishes.

[`CheckpointFolder`] finds the files; [`Weights`] reads them, safetensors or PyTorch's, and hands out
tensors, cast one by one, so that loading never needs the memory of two copies. Of PyTorch's files
only tensors are read: no code in them runs. Every error names the file, the tensor, what was found
and what was expected. Knows nothing of families: which files and tensors a
network needs is [`crate::model`]'s business.
*/

mod environment;
mod error;
mod folder;
#[cfg(feature = "hub")]
pub mod hub;
mod hub_cache;
mod pickle;
mod pins;
mod safetensors_file;
mod size;
mod tensors;
mod torch_file;
mod weights_file;
mod zip_directory;

pub use error::WeightsError;
pub use folder::CheckpointFolder;
pub use hub_cache::HubCache;
pub use pickle::PickleError;
pub use pins::check_pins;
pub(crate) use size::readable as readable_size;
pub use tensors::{TensorReader, Weights};
