//! A memory-mapped safetensors file.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use candle_core::safetensors::{Load, MmapedSafetensors};
use candle_core::{DType, Device, Tensor};
use serde::Deserialize;

use super::WeightsError;
use super::folder::check_not_lfs_pointer;
use super::tensors::{Numbers, StoredTensor};

/// Longest header that is read, in bytes (the limit of the safetensors format).
const MAX_HEADER: u64 = 100_000_000;

/// A mapped file of tensors.
pub(super) struct SafetensorsFile(MmapedSafetensors);

impl SafetensorsFile {
    /// Maps the file and checks its length.
    pub(super) fn map(path: &Path) -> Result<Self, WeightsError> {
        check_not_lfs_pointer(path)?;
        check_length(path)?;
        // SAFETY: the map is only read. A file that another process truncates while it is
        // mapped would fault; checkpoints are not written while they are in use.
        let tensors = unsafe { MmapedSafetensors::new(path) };
        Ok(Self(tensors.map_err(|error| header_error(path, error.to_string()))?))
    }

    pub(super) fn contents(&self) -> Vec<StoredTensor> {
        let tensors = self.0.tensors().into_iter();
        let described = tensors.map(|(name, view)| {
            let numbers = match DType::try_from(view.dtype()) {
                Ok(dtype @ (DType::F32 | DType::F16 | DType::BF16)) => Numbers::Float(dtype),
                _ => Numbers::Other(format!("{:?}", view.dtype())),
            };
            StoredTensor { name, shape: view.shape().to_vec(), numbers }
        });
        described.collect()
    }

    /// The tensor on the CPU as stored.
    pub(super) fn load(&self, name: &str) -> candle_core::Result<Tensor> {
        self.0.get(name)?.load(&Device::Cpu)
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
