//! What can be wrong with a checkpoint's files.

use std::path::PathBuf;

use thiserror::Error;

use super::pickle::PickleError;
use super::size::readable;

/// Why a checkpoint could not be read.
#[derive(Debug, Error)]
pub enum WeightsError {
    /// There is no such folder.
    #[error("{path}: no such checkpoint folder", path = path.display())]
    NoFolder {
        /// The folder asked for.
        path: PathBuf,
    },
    /// A file that every checkpoint has is not there.
    #[error("{path}: not found; a checkpoint folder needs it ({hint})", path = path.display())]
    MissingFile {
        /// The missing file.
        path: PathBuf,
        /// What it is for or where to get it.
        hint: String,
    },
    /// A file could not be read.
    #[error("{path}: cannot read: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A JSON file has another form than expected.
    #[error("{path}: not valid: {source}", path = path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Line, column and cause.
        #[source]
        source: serde_json::Error,
    },
    /// A Git LFS pointer lies where the file should be.
    #[error(
        "{path}: this is a Git LFS pointer, not the file itself; run `git lfs pull` in the folder",
        path = path.display()
    )]
    LfsPointer {
        /// The file.
        path: PathBuf,
    },
    /// The file ends too early or too late.
    #[error(
        "{path}: the file has {found} bytes, but its header describes {expected}; \
         it was cut off or damaged, fetch it again",
        path = path.display()
    )]
    WrongLength {
        /// The file of weights.
        path: PathBuf,
        /// Bytes in the file.
        found: u64,
        /// Bytes that header and tensors take.
        expected: u64,
    },
    /// The file was written to while it was read.
    #[error(
        "{path}: the file was changed while it was read; load it again when nothing writes to it",
        path = path.display()
    )]
    Changed {
        /// The file of weights.
        path: PathBuf,
    },
    /// Memory does not suffice.
    #[error("{path}: there is no memory for {} of it", readable(*bytes), path = path.display())]
    NoMemory {
        /// The file.
        path: PathBuf,
        /// Bytes that were asked for at once.
        bytes: u64,
    },
    /// The files hold more tensors than any checkpoint.
    #[error("{path}: with this file the checkpoint has more than {limit} tensors",
        path = path.display())]
    TooManyTensors {
        /// The file with which the limit is passed.
        path: PathBuf,
        /// The limit.
        limit: usize,
    },
    /// An index of shards names a file elsewhere.
    #[error(
        "{path}: it names the file {name:?}, which is not below its folder; nothing of it was read",
        path = path.display()
    )]
    LeavesFolder {
        /// The index.
        path: PathBuf,
        /// The name.
        name: String,
    },
    /// An index of shards names more files than any checkpoint has.
    #[error("{path}: it names more than {limit} files", path = path.display())]
    TooManyShards {
        /// The index.
        path: PathBuf,
        /// The limit.
        limit: usize,
    },
    /// A file is longer than any of its kind.
    #[error("{path}: the file has {found} bytes, of its kind at most {limit} are read",
        path = path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Bytes in the file.
        found: u64,
        /// Bytes that are read at most.
        limit: u64,
    },
    /// The header of a safetensors file is damaged.
    #[error("{path}: not a safetensors file: {message}", path = path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// The description of a PyTorch file's tensors is not one.
    #[error("{path}: its pickle {source}", path = path.display())]
    Pickle {
        /// The `.bin` or `.pth` file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: PickleError,
    },
    /// A PyTorch file is no archive of tensors.
    #[error("{path}: not a file of torch.save: {message}; if it was cut off, fetch it again",
        path = path.display())]
    Archive {
        /// The `.bin` or `.pth` file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A PyTorch file of the format before version 1.6.
    #[error(
        "{path}: written by torch before 1.6; save it anew in Python with \
         torch.save(torch.load(\"{name}\", weights_only=True), \"{name}\")",
        path = path.display(),
        name = path.file_name().unwrap_or_default().display()
    )]
    OldTorchFile {
        /// The `.bin` or `.pth` file.
        path: PathBuf,
    },
    /// A PyTorch file describes a tensor that its numbers do not suffice for.
    #[error(
        "{path}: tensor `{tensor}` of shape {shape:?} does not fit into the {found} bytes stored \
         for it",
        path = path.display()
    )]
    BeyondStorage {
        /// The `.bin` or `.pth` file.
        path: PathBuf,
        /// The tensor's full name.
        tensor: String,
        /// Its shape as described.
        shape: Vec<usize>,
        /// Bytes of its storage in the file.
        found: u64,
    },
    /// A PyTorch file holds a view of a larger tensor, or of fewer numbers than its shape says.
    #[error(
        "{path}: the numbers of tensor `{tensor}` do not lie one after the other; save it anew in \
         Python after .contiguous()",
        path = path.display()
    )]
    Strided {
        /// The `.bin` or `.pth` file.
        path: PathBuf,
        /// The tensor's full name.
        tensor: String,
    },
    /// A tensor that the network has no place for, where that matters.
    #[error("{path}: tensor `{tensor}` is not known to this model; leaving it out would change \
         the answers", path = path.display())]
    ExtraTensor {
        /// The file.
        path: PathBuf,
        /// The tensor's full name.
        tensor: String,
    },
    /// The configuration calls the output head the embedding table, but it is another tensor.
    #[error(
        "{path}: tensor `{tensor}` is not the embedding table, as tie_word_embeddings of the \
         configuration says; transformers 4 leaves it out, transformers 5 uses it: set \
         tie_word_embeddings to false if it was trained, or take it out of the file",
        path = path.display()
    )]
    OtherHead {
        /// The file.
        path: PathBuf,
        /// The head's full name.
        tensor: String,
    },
    /// A tensor that the network needs is not in the checkpoint.
    #[error("{path}: tensor `{tensor}` is missing (expected shape {expected:?})",
        path = path.display())]
    MissingTensor {
        /// The checkpoint folder, or its only file.
        path: PathBuf,
        /// The tensor's full name.
        tensor: String,
        /// The shape the configuration asks for.
        expected: Vec<usize>,
    },
    /// A tensor has another shape than the configuration says.
    #[error("{path}: tensor `{tensor}` has shape {found:?}, but the configuration asks for \
         {expected:?}", path = path.display())]
    WrongShape {
        /// The file of weights.
        path: PathBuf,
        /// The tensor's full name.
        tensor: String,
        /// Its shape in the file.
        found: Vec<usize>,
        /// The shape the configuration asks for.
        expected: Vec<usize>,
    },
    /// A tensor's numbers are of a type that is not read.
    #[error("{path}: tensor `{tensor}` holds {found}, expected F32, F16 or BF16",
        path = path.display())]
    WrongType {
        /// The file of weights.
        path: PathBuf,
        /// The tensor's full name.
        tensor: String,
        /// Its type in the file.
        found: String,
    },
    /// The index says that a tensor is in a file that does not hold it.
    #[error("{path}: the index places tensor `{tensor}` here, but the file does not hold it",
        path = path.display())]
    IndexMismatch {
        /// The file of weights.
        path: PathBuf,
        /// The tensor's full name.
        tensor: String,
    },
    /// The tensor could not be converted or moved to the device.
    #[error("{path}: tensor `{tensor}`: {source}", path = path.display())]
    Convert {
        /// The file of weights.
        path: PathBuf,
        /// The tensor's full name.
        tensor: String,
        /// What candle said.
        #[source]
        source: Box<candle_core::Error>,
    },
    /// A file has another checksum than `eyechart.ron` gives for it.
    #[error(
        "{path}: sha256 is {found}, but eyechart.ron expects {expected}; the file was changed or \
         damaged, or another one is meant",
        path = path.display()
    )]
    Checksum {
        /// The file.
        path: PathBuf,
        /// Its sum.
        found: String,
        /// The sum it should have.
        expected: String,
    },
    /// A variable of the environment has a value that means nothing.
    #[error("{variable} is {found:?}, expected {expected}")]
    Setting {
        /// The variable.
        variable: &'static str,
        /// Its value.
        found: String,
        /// What it may be.
        expected: &'static str,
    },
    /// The hub could not be asked, or is not to be asked.
    #[error("{repository}@{revision}: {message}")]
    Hub {
        /// `owner/name`.
        repository: String,
        /// Branch, tag or commit.
        revision: String,
        /// What happened and what to do.
        message: String,
    },
}
