//! A file of `torch.save`: an uncompressed zip archive of one pickle and a storage per tensor
//! (pytorch/pytorch v2.5.1 `torch/serialization.py`, `caffe2/serialize/inline_container.cc`).

use std::collections::HashMap;
use std::ops::Range;

use super::WeightsError;
use super::pickle::{self, PickledTensor, StoredType};
use super::tensors::{Numbers, StoredTensor};
use super::weights_file::WeightsFile;
use super::zip_directory::{self, ZipError};

/// How a zip archive begins.
const ZIP_HEAD: &[u8] = b"PK\x03\x04";

/// How a file of torch before 1.6 begins: a pickle of the number `0x1950a86a20f9469cfc6c`.
const OLD_HEAD: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";

/// Longest description of tensors that is read, in bytes; those of published models have less
/// than one MiB.
const MAX_PICKLE: u64 = 16 << 20;

/// How often a number of the file may stand in its tensors: tied weights share their numbers, and a
/// file in which everything is shared would take any amount of memory.
const MAX_SHARING: u64 = 8;

/// Whether the file begins like one of torch, of any age.
pub(super) fn looks_like_torch(file: &WeightsFile) -> Result<bool, WeightsError> {
    let head = file.head(OLD_HEAD.len() as u64)?;
    Ok(head.starts_with(ZIP_HEAD) || head == OLD_HEAD)
}

/// The tensors of the file by name; all of them lie in it.
pub(super) fn tensors(file: &WeightsFile) -> Result<HashMap<String, StoredTensor>, WeightsError> {
    let archive = Archive::open(file)?;
    let description = archive.description()?;
    let pickled = pickle::tensors(&description)
        .map_err(|source| WeightsError::Pickle { path: file.path().to_owned(), source })?;
    let mut tensors = HashMap::with_capacity(pickled.len());
    let mut left = file.length().saturating_mul(MAX_SHARING);
    for (name, tensor) in pickled {
        let (place, bytes) = archive.place(&name, &tensor)?;
        left = left.checked_sub(bytes).ok_or_else(|| {
            archive_error(file, format!("its tensors are more than {MAX_SHARING} times its length"))
        })?;
        tensors.insert(name, place);
    }
    Ok(tensors)
}

/// The archive while its content is listed.
struct Archive<'a> {
    file: &'a WeightsFile,
    /// Names and extents of the entries.
    entries: HashMap<String, Range<u64>>,
    /// What stands before `data.pkl` in its name.
    root: String,
}

impl<'a> Archive<'a> {
    fn open(file: &'a WeightsFile) -> Result<Self, WeightsError> {
        if file.head(OLD_HEAD.len() as u64)? == OLD_HEAD {
            return Err(WeightsError::OldTorchFile { path: file.path().to_owned() });
        }
        let entries = zip_directory::entries(file).map_err(|error| match error {
            ZipError::File(error) => error,
            ZipError::Form(message) => archive_error(file, message),
        })?;
        let mut roots = entries.keys().filter_map(|name| name.strip_suffix("data.pkl"));
        let root = roots.next().ok_or_else(|| archive_error(file, "it holds no data.pkl"))?;
        if roots.next().is_some() {
            return Err(archive_error(file, "it holds more than one data.pkl"));
        }
        Ok(Self { file, root: root.to_owned(), entries })
    }

    fn description(&self) -> Result<Vec<u8>, WeightsError> {
        if let Some(range) = self.entry("byteorder") {
            let order = self.read(range)?;
            if order != b"little" {
                return Err(archive_error(self.file, "it was written on a big-endian machine"));
            }
        }
        let range = self.entry("data.pkl");
        let range = range.ok_or_else(|| archive_error(self.file, "it holds no data.pkl"))?;
        self.read(range)
    }

    fn entry(&self, name: &str) -> Option<&Range<u64>> {
        self.entries.get(&format!("{}{name}", self.root))
    }

    fn read(&self, range: &Range<u64>) -> Result<Vec<u8>, WeightsError> {
        let length = range.end - range.start;
        if length > MAX_PICKLE {
            let what = format!("its description of tensors has {length} bytes");
            return Err(archive_error(self.file, what));
        }
        self.file.bytes(range.clone())
    }

    /// Where a tensor lies, and the bytes from its first number to its last.
    fn place(
        &self,
        name: &str,
        tensor: &PickledTensor<'_>,
    ) -> Result<(StoredTensor, u64), WeightsError> {
        let beyond = |found: u64| WeightsError::BeyondStorage {
            path: self.file.path().to_owned(),
            tensor: name.to_owned(),
            shape: tensor.shape.clone(),
            found,
        };
        let storage = self.entry(&format!("data/{}", tensor.storage));
        let storage = storage.ok_or_else(|| beyond(0))?;
        let held = storage.end - storage.start;
        let width = tensor.numbers.bytes();
        let start = tensor.offset.checked_mul(width);
        let length = extent(tensor).and_then(|numbers| numbers.checked_mul(width));
        let (Some(start), Some(length)) = (start, length) else { return Err(beyond(held)) };
        let (start, length) = (start as u64, length as u64);
        if start.checked_add(length).is_none_or(|end| end > held) {
            return Err(beyond(held));
        }
        let (numbers, order) = match (tensor.numbers, layout(tensor)) {
            (StoredType::Other(name, _), _) => (Numbers::Other(name.to_owned()), None),
            (StoredType::Float(_), Layout::Strided) => (Numbers::Strided, None),
            (StoredType::Float(dtype), Layout::Dense(order)) => {
                (Numbers::Float(dtype), Some(order).filter(|order| !order.is_sorted()))
            }
        };
        let start = storage.start + start;
        Ok((StoredTensor { shape: tensor.shape.clone(), numbers, start, order }, length))
    }
}

fn archive_error(file: &WeightsFile, message: impl ToString) -> WeightsError {
    WeightsError::Archive { path: file.path().to_owned(), message: message.to_string() }
}

/// Numbers from the tensor's first to its last, both included; none if that overflows.
fn extent(tensor: &PickledTensor<'_>) -> Option<usize> {
    let sizes = tensor.shape.iter().zip(&tensor.strides);
    if tensor.shape.contains(&0) {
        return Some(0);
    }
    sizes
        .into_iter()
        .try_fold(1_usize, |sum, (size, stride)| sum.checked_add((size - 1).checked_mul(*stride)?))
}

/// The order in which numbers lie.
#[derive(Debug, PartialEq, Eq)]
enum Layout {
    /// All of them, one after the other, the dimensions in this order, slowest first.
    Dense(Vec<usize>),
    /// With gaps, or some stand for several.
    Strided,
}

/// The order of the dimensions in memory, if the numbers lie without gaps.
fn layout(tensor: &PickledTensor<'_>) -> Layout {
    let PickledTensor { shape, strides, .. } = tensor;
    let mut order: Vec<usize> = (0..shape.len()).collect();
    // A dimension of one number may have any stride.
    order.sort_by_key(|dimension| (std::cmp::Reverse(strides[*dimension]), *dimension));
    let lone = |dimension: &usize| shape[*dimension] == 1;
    if shape.contains(&0) {
        return Layout::Dense((0..shape.len()).collect());
    }
    let mut expected = 1;
    for dimension in order.iter().rev().filter(|dimension| !lone(dimension)) {
        if strides[*dimension] != expected {
            return Layout::Strided;
        }
        expected *= shape[*dimension];
    }
    Layout::Dense(order)
}

#[cfg(test)]
mod tests {
    use candle_core::DType;

    use super::*;

    fn tensor(shape: &[usize], strides: &[usize]) -> PickledTensor<'static> {
        let numbers = StoredType::Float(DType::F32);
        let (shape, strides) = (shape.to_vec(), strides.to_vec());
        PickledTensor { storage: "0", numbers, offset: 0, shape, strides }
    }

    #[test]
    fn dense_orders_are_told_from_gaps() {
        assert_eq!(layout(&tensor(&[2, 3], &[3, 1])), Layout::Dense(vec![0, 1]));
        assert_eq!(layout(&tensor(&[2, 3], &[1, 2])), Layout::Dense(vec![1, 0]));
        assert_eq!(layout(&tensor(&[2, 3, 4], &[4, 8, 1])), Layout::Dense(vec![1, 0, 2]));
        assert_eq!(layout(&tensor(&[2, 3], &[4, 1])), Layout::Strided);
        assert_eq!(layout(&tensor(&[2, 3], &[0, 1])), Layout::Strided);
        assert_eq!(layout(&tensor(&[1, 3], &[77, 1])), Layout::Dense(vec![0, 1]));
        assert_eq!(layout(&tensor(&[], &[])), Layout::Dense(vec![]));
    }

    #[test]
    fn an_extent_that_overflows_is_none() {
        assert_eq!(extent(&tensor(&[2, 3], &[3, 1])), Some(6));
        assert_eq!(extent(&tensor(&[0, 3], &[3, 1])), Some(0));
        assert_eq!(extent(&tensor(&[3, 3], &[usize::MAX, 1])), None);
    }
}
