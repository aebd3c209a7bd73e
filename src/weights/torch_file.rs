//! A file of `torch.save`: an uncompressed zip archive of one pickle and a storage per tensor
//! (pytorch/pytorch v2.5.1 `torch/serialization.py`, `caffe2/serialize/inline_container.cc`).

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use candle_core::{Device, Tensor};
use memmap2::Mmap;
use zip::{CompressionMethod, ZipArchive};

use super::WeightsError;
use super::pickle::{self, PickledTensor, StoredType};
use super::tensors::{Numbers, StoredTensor};

/// How a zip archive begins.
const ZIP_HEAD: &[u8] = b"PK\x03\x04";

/// How a file of torch before 1.6 begins: a pickle of the number `0x1950a86a20f9469cfc6c`.
const OLD_HEAD: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";

/// Longest description of tensors that is read, in bytes; those of published models have less
/// than one MiB.
const MAX_PICKLE: u64 = 32 << 20;

/// Whether the file begins like one of torch, of any age.
pub(super) fn looks_like_torch(path: &Path) -> Result<bool, WeightsError> {
    let head = head(path)?;
    Ok(head.starts_with(ZIP_HEAD) || head == OLD_HEAD)
}

fn head(path: &Path) -> Result<Vec<u8>, WeightsError> {
    let read = |source| WeightsError::Read { path: path.to_owned(), source };
    let mut head = Vec::new();
    let file = File::open(path).map_err(read)?;
    file.take(OLD_HEAD.len() as u64).read_to_end(&mut head).map_err(read)?;
    Ok(head)
}

/// A mapped archive and where its tensors lie.
#[derive(Debug)]
pub(super) struct TorchFile {
    map: Mmap,
    tensors: HashMap<String, Place>,
}

/// Where the numbers of a tensor lie in the file.
#[derive(Debug)]
struct Place {
    numbers: StoredType,
    shape: Vec<usize>,
    layout: Layout,
    bytes: Range<usize>,
}

/// The order in which numbers lie.
#[derive(Debug, PartialEq, Eq)]
enum Layout {
    /// All of them, one after the other, the dimensions in this order, slowest first.
    Dense(Vec<usize>),
    /// With gaps, or some stand for several.
    Strided,
}

impl TorchFile {
    /// Maps the file and checks that all its tensors lie in it.
    pub(super) fn map(path: &Path) -> Result<Self, WeightsError> {
        let archive = Archive::open(path)?;
        let description = archive.description()?;
        let pickled = pickle::tensors(&description)
            .map_err(|source| WeightsError::Pickle { path: path.to_owned(), source })?;
        let mut tensors = HashMap::with_capacity(pickled.len());
        for (name, tensor) in pickled {
            let place = archive.place(&name, &tensor)?;
            tensors.insert(name, place);
        }
        // SAFETY: the map is only read. A file that another process truncates while it is
        // mapped would fault; checkpoints are not written while they are in use.
        let map = unsafe { Mmap::map(&archive.file) };
        let map = map.map_err(|source| WeightsError::Read { path: path.to_owned(), source })?;
        Ok(Self { map, tensors })
    }

    pub(super) fn contents(&self) -> Vec<StoredTensor> {
        let described = |(name, place): (&String, &Place)| StoredTensor {
            name: name.clone(),
            shape: place.shape.clone(),
            numbers: match (place.numbers, &place.layout) {
                (StoredType::Other(name, _), _) => Numbers::Other(name.to_owned()),
                (StoredType::Float(_), Layout::Strided) => Numbers::Strided,
                (StoredType::Float(dtype), Layout::Dense(_)) => Numbers::Float(dtype),
            },
        };
        self.tensors.iter().map(described).collect()
    }

    /// The tensor of dense floats on the CPU as stored.
    pub(super) fn load(&self, name: &str) -> candle_core::Result<Tensor> {
        let Some(Place {
            numbers: StoredType::Float(dtype),
            layout: Layout::Dense(order),
            shape,
            bytes,
        }) = self.tensors.get(name)
        else {
            candle_core::bail!("not a tensor of dense floats in this file")
        };
        let stored: Vec<usize> = order.iter().map(|dimension| shape[*dimension]).collect();
        let bytes = &self.map[bytes.clone()];
        let tensor = Tensor::from_raw_buffer(bytes, *dtype, &stored, &Device::Cpu)?;
        if order.is_sorted() {
            return Ok(tensor);
        }
        let mut back = vec![0; order.len()];
        for (stored, dimension) in order.iter().enumerate() {
            back[*dimension] = stored;
        }
        tensor.permute(back)?.contiguous()
    }
}

/// The archive while its content is listed.
struct Archive<'a> {
    path: &'a Path,
    file: File,
    /// Names and extents of the entries.
    entries: HashMap<String, Range<u64>>,
    /// What stands before `data.pkl` in its name.
    root: String,
}

impl<'a> Archive<'a> {
    fn open(path: &'a Path) -> Result<Self, WeightsError> {
        let read = |source| WeightsError::Read { path: path.to_owned(), source };
        if head(path)? == OLD_HEAD {
            return Err(WeightsError::OldTorchFile { path: path.to_owned() });
        }
        let file = File::open(path).map_err(read)?;
        let clone = file.try_clone().map_err(read)?;
        let entries = list(BufReader::new(clone)).map_err(|error| archive_error(path, error))?;
        let length = file.metadata().map_err(read)?.len();
        let beyond = |range: &&Range<u64>| range.end > length;
        if let Some(range) = entries.values().find(beyond) {
            let (found, expected) = (length, range.end);
            return Err(WeightsError::WrongLength { path: path.to_owned(), found, expected });
        }
        let root = entries.keys().find_map(|name| name.strip_suffix("data.pkl"));
        let root = root.ok_or_else(|| archive_error(path, "it holds no data.pkl"))?.to_owned();
        Ok(Self { path, file, entries, root })
    }

    fn description(&self) -> Result<Vec<u8>, WeightsError> {
        if let Some(range) = self.entry("byteorder") {
            let order = self.read(range)?;
            if order != b"little" {
                return Err(archive_error(self.path, "it was written on a big-endian machine"));
            }
        }
        let range = self.entry("data.pkl");
        let range = range.ok_or_else(|| archive_error(self.path, "it holds no data.pkl"))?;
        self.read(range)
    }

    fn entry(&self, name: &str) -> Option<&Range<u64>> {
        self.entries.get(&format!("{}{name}", self.root))
    }

    fn read(&self, range: &Range<u64>) -> Result<Vec<u8>, WeightsError> {
        let read = |source| WeightsError::Read { path: self.path.to_owned(), source };
        let length = range.end - range.start;
        if length > MAX_PICKLE {
            let what = format!("its description of tensors has {length} bytes");
            return Err(archive_error(self.path, what));
        }
        let mut bytes = Vec::new();
        let mut file = &self.file;
        file.seek(SeekFrom::Start(range.start)).map_err(read)?;
        file.take(length).read_to_end(&mut bytes).map_err(read)?;
        Ok(bytes)
    }

    fn place(&self, name: &str, tensor: &PickledTensor<'_>) -> Result<Place, WeightsError> {
        let beyond = |found: u64| WeightsError::BeyondStorage {
            path: self.path.to_owned(),
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
        let end = start.zip(length).and_then(|(start, length)| start.checked_add(length));
        let (Some(start), Some(end)) = (start, end) else { return Err(beyond(held)) };
        if end as u64 > held {
            return Err(beyond(held));
        }
        let base = usize::try_from(storage.start).map_err(|_| beyond(held))?;
        Ok(Place {
            numbers: tensor.numbers,
            shape: tensor.shape.clone(),
            layout: layout(tensor),
            bytes: base + start..base + end,
        })
    }
}

fn archive_error(path: &Path, message: impl ToString) -> WeightsError {
    WeightsError::Archive { path: path.to_owned(), message: message.to_string() }
}

/// Names and extents of an archive's entries.
fn list(file: BufReader<File>) -> Result<HashMap<String, Range<u64>>, String> {
    let mut zip = ZipArchive::new(file).map_err(|error| error.to_string())?;
    let mut entries = HashMap::with_capacity(zip.len());
    for index in 0..zip.len() {
        let entry = zip.by_index_raw(index).map_err(|error| error.to_string())?;
        let name = entry.name().map_err(|error| error.to_string())?.into_owned();
        if entry.compression() != CompressionMethod::Stored {
            return Err(format!("its entry {name} is compressed, which torch.save does not do"));
        }
        let start = entry.data_start().ok_or_else(|| format!("its entry {name} has no place"))?;
        let end = start.checked_add(entry.size());
        let end = end.ok_or_else(|| format!("its entry {name} is too large"))?;
        entries.insert(name, start..end);
    }
    Ok(entries)
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
