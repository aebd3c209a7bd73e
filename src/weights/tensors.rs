//! Tensors out of memory-mapped safetensors files.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::safetensors::{Load, MmapedSafetensors};
use candle_core::{DType, Device, Tensor};
use serde::Deserialize;

use super::WeightsError;
use super::folder::check_not_lfs_pointer;

/// Longest header that is read, in bytes (the limit of the safetensors format).
const MAX_HEADER: u64 = 100_000_000;

/// The mapped files of one checkpoint.
pub struct Weights {
    folder: PathBuf,
    shards: Vec<Shard>,
    /// Tensor name to index in `shards`.
    places: HashMap<String, usize>,
}

struct Shard {
    path: PathBuf,
    tensors: MmapedSafetensors,
}

impl Weights {
    pub(super) fn map(folder: &Path, files: &[PathBuf]) -> Result<Self, WeightsError> {
        let mut weights =
            Self { folder: folder.to_owned(), shards: Vec::new(), places: HashMap::new() };
        for path in files {
            let shard = Shard::map(path)?;
            let index = weights.shards.len();
            let names = shard.tensors.tensors().into_iter().map(|(name, _)| (name, index));
            weights.places.extend(names);
            weights.shards.push(shard);
        }
        Ok(weights)
    }

    pub(super) fn check_placed(&self, tensor: &str, path: &Path) -> Result<(), WeightsError> {
        let place = self.places.get(tensor).map(|index| self.shards[*index].path.as_path());
        match place == Some(path) {
            true => Ok(()),
            false => Err(WeightsError::IndexMismatch {
                path: path.to_owned(),
                tensor: tensor.to_owned(),
            }),
        }
    }

    /// Whether the checkpoint holds a tensor of this full name.
    pub fn contains(&self, tensor: &str) -> bool {
        self.places.contains_key(tensor)
    }

    /// The type of the first tensor whose numbers are floats: what the checkpoint was saved in.
    pub fn stored_dtype(&self) -> DType {
        let views = self.shards.iter().flat_map(|shard| shard.tensors.tensors());
        views
            .filter_map(|(_, view)| DType::try_from(view.dtype()).ok())
            .find(|dtype| matches!(dtype, DType::F32 | DType::F16 | DType::BF16))
            .unwrap_or(DType::F32)
    }

    /// A reader of tensors on `device`, cast to `dtype`.
    pub fn reader(self, device: &Device, dtype: DType) -> TensorReader {
        TensorReader {
            weights: Arc::new(self),
            device: device.clone(),
            dtype,
            prefix: String::new(),
        }
    }

    fn read(&self, name: &str, expected: &[usize]) -> Result<(&Path, Tensor), WeightsError> {
        let Some(shard) = self.places.get(name).map(|index| &self.shards[*index]) else {
            return Err(WeightsError::MissingTensor {
                path: self.folder.clone(),
                tensor: name.to_owned(),
                expected: expected.to_vec(),
            });
        };
        let convert = |source| shard.convert_error(name, source);
        let view = shard.tensors.get(name).map_err(convert)?;
        if view.shape() != expected {
            return Err(WeightsError::WrongShape {
                path: shard.path.clone(),
                tensor: name.to_owned(),
                found: view.shape().to_vec(),
                expected: expected.to_vec(),
            });
        }
        let tensor = view.load(&Device::Cpu).map_err(convert)?;
        if !matches!(tensor.dtype(), DType::F32 | DType::F16 | DType::BF16) {
            return Err(WeightsError::WrongType {
                path: shard.path.clone(),
                tensor: name.to_owned(),
                found: format!("{:?}", view.dtype()),
            });
        }
        Ok((&shard.path, tensor))
    }
}

impl Shard {
    fn map(path: &Path) -> Result<Self, WeightsError> {
        check_not_lfs_pointer(path)?;
        check_length(path)?;
        // SAFETY: the map is only read. A file that another process truncates while it is
        // mapped would fault; checkpoints are not written while they are in use.
        let tensors = unsafe { MmapedSafetensors::new(path) };
        let tensors = tensors.map_err(|error| header_error(path, error.to_string()))?;
        Ok(Self { path: path.to_owned(), tensors })
    }

    fn convert_error(&self, tensor: &str, source: candle_core::Error) -> WeightsError {
        WeightsError::Convert {
            path: self.path.clone(),
            tensor: tensor.to_owned(),
            source: Box::new(source),
        }
    }
}

/// Hands out the tensors under one prefix, checked against the shape that the caller expects.
#[derive(Clone)]
pub struct TensorReader {
    weights: Arc<Weights>,
    device: Device,
    dtype: DType,
    prefix: String,
}

impl TensorReader {
    /// The reader of what lies under `name` (the separating dot is added).
    pub fn under(&self, name: impl std::fmt::Display) -> Self {
        Self { prefix: format!("{}{name}.", self.prefix), ..self.clone() }
    }

    /// The device that tensors are put on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The type that tensors are cast to.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// The same reader, casting to another type.
    pub fn cast_to(&self, dtype: DType) -> Self {
        Self { dtype, ..self.clone() }
    }

    /// Whether the checkpoint holds `name` under the prefix.
    pub fn contains(&self, name: &str) -> bool {
        self.weights.contains(&format!("{}{name}", self.prefix))
    }

    /// The error of a tensor that could be read but not used.
    pub fn convert_error(&self, name: &str, source: candle_core::Error) -> WeightsError {
        let tensor = format!("{}{name}", self.prefix);
        WeightsError::Convert {
            path: self.weights.folder.clone(),
            tensor,
            source: Box::new(source),
        }
    }

    /// The tensor `name` of exactly this shape.
    pub fn tensor(&self, name: &str, shape: &[usize]) -> Result<Tensor, WeightsError> {
        let name = format!("{}{name}", self.prefix);
        let (path, tensor) = self.weights.read(&name, shape)?;
        tensor.to_dtype(self.dtype).and_then(|tensor| tensor.to_device(&self.device)).map_err(
            |source| WeightsError::Convert {
                path: path.to_owned(),
                tensor: name,
                source: Box::new(source),
            },
        )
    }
}

/// One entry of a safetensors header; `__metadata__` has no offsets.
#[derive(Deserialize)]
struct HeaderEntry {
    data_offsets: Option<(u64, u64)>,
}

fn header_error(path: &Path, message: impl Into<String>) -> WeightsError {
    WeightsError::Header { path: path.to_owned(), message: message.into() }
}

/// Compares the file's length with what its header describes, so that a broken download is told
/// apart from a file of another kind.
fn check_length(path: &Path) -> Result<(), WeightsError> {
    let read = |source| WeightsError::Read { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(read)?;
    let found = file.metadata().map_err(read)?.len();
    let mut prefix = [0; 8];
    if found < 8 {
        return Err(header_error(path, format!("only {found} bytes long")));
    }
    file.read_exact(&mut prefix).map_err(read)?;
    let header_length = u64::from_le_bytes(prefix);
    if header_length > MAX_HEADER {
        return Err(header_error(path, format!("header length {header_length} is absurd")));
    }
    if header_length + 8 > found {
        let expected = header_length + 8;
        return Err(WeightsError::WrongLength { path: path.to_owned(), found, expected });
    }
    let mut header = Vec::new();
    file.take(header_length).read_to_end(&mut header).map_err(read)?;
    let entries: HashMap<String, HeaderEntry> =
        serde_json::from_slice(&header).map_err(|error| header_error(path, error.to_string()))?;
    let data_end = entries
        .values()
        .filter_map(|entry| entry.data_offsets)
        .map(|(_, end)| end)
        .max()
        .unwrap_or(0);
    let expected = data_end.saturating_add(8 + header_length);
    match found == expected {
        true => Ok(()),
        false => Err(WeightsError::WrongLength { path: path.to_owned(), found, expected }),
    }
}
