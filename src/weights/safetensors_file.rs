//! The header of a safetensors file (huggingface/safetensors v0.6 `safetensors/src/tensor.rs`).

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use candle_core::DType;
use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, Visitor};

use super::WeightsError;
use super::tensors::{MAX_RANK, MAX_TENSORS, Numbers, StoredTensor};
use super::weights_file::WeightsFile;

/// Longest header that is read, in bytes: the limit of Python's client
/// (huggingface/huggingface_hub ee0a451 `constants.py`, `SAFETENSORS_MAX_HEADER_LENGTH`).
const MAX_HEADER: u64 = 25_000_000;

/// Types and the bits of a number of each.
const TYPES: [(&str, u64); 20] = [
    ("F64", 64),
    ("F32", 32),
    ("F16", 16),
    ("BF16", 16),
    ("I64", 64),
    ("U64", 64),
    ("I32", 32),
    ("U32", 32),
    ("I16", 16),
    ("U16", 16),
    ("I8", 8),
    ("U8", 8),
    ("BOOL", 8),
    ("F8_E4M3", 8),
    ("F8_E5M2", 8),
    ("F8_E8M0", 8),
    ("F6_E2M3", 6),
    ("F6_E3M2", 6),
    ("F4", 4),
    ("C64", 64),
];

/// The tensors of the file by name. Its header describes each of its bytes once.
pub(super) fn tensors(file: &WeightsFile) -> Result<HashMap<String, StoredTensor>, WeightsError> {
    let data_start = 8 + header_length(file)?;
    let header = file.bytes(8..data_start)?;
    let Header(entries) =
        serde_json::from_slice(&header).map_err(|error| header_error(file, error.to_string()))?;
    drop(header);
    check_length(file, data_start, &entries)?;
    check_places(file, &entries)?;
    let mut tensors = HashMap::with_capacity(entries.len());
    for (name, entry) in entries {
        let start = data_start + entry.data_offsets.0;
        let stored =
            StoredTensor { numbers: entry.numbers(), shape: entry.shape, start, order: None };
        if let Some(_twice) = tensors.insert(name.clone(), stored) {
            return Err(header_error(file, format!("tensor `{name}` is described twice")));
        }
    }
    Ok(tensors)
}

fn header_length(file: &WeightsFile) -> Result<u64, WeightsError> {
    let found = file.length();
    let Ok(prefix) = <[u8; 8]>::try_from(file.head(8)?) else {
        return Err(header_error(file, format!("only {found} bytes long")));
    };
    let length = u64::from_le_bytes(prefix);
    if length > MAX_HEADER {
        let message = format!("header length {length} is absurd, at most {MAX_HEADER} is read");
        return Err(header_error(file, message));
    }
    match length + 8 > found {
        true => Err(wrong_length(file, length + 8)),
        false => Ok(length),
    }
}

/// Compares the file's length with what its header describes, so that a broken download is told
/// apart from a file of another kind.
fn check_length(
    file: &WeightsFile,
    data_start: u64,
    entries: &[(String, Entry)],
) -> Result<(), WeightsError> {
    let ends = entries.iter().map(|(_, entry)| entry.data_offsets.1);
    let expected = ends.max().unwrap_or(0).saturating_add(data_start);
    match file.length() == expected {
        true => Ok(()),
        false => Err(wrong_length(file, expected)),
    }
}

/// Tensors lie one after the other, each as long as its shape says.
fn check_places(file: &WeightsFile, entries: &[(String, Entry)]) -> Result<(), WeightsError> {
    let mut places: Vec<(Range<u64>, usize)> = Vec::with_capacity(entries.len());
    for (index, (name, entry)) in entries.iter().enumerate() {
        let (start, end) = entry.data_offsets;
        let problem = |what: &str| header_error(file, format!("tensor `{name}` {what}"));
        let Some(bits) = entry.bits() else {
            return Err(problem(&format!("has the unknown type {:?}", entry.dtype)));
        };
        if entry.shape.len() > MAX_RANK {
            return Err(problem(&format!("has more than {MAX_RANK} dimensions")));
        }
        let numbers = entry.shape.iter().try_fold(1_u64, |all, size| all.checked_mul(*size as u64));
        let bits = numbers.and_then(|numbers| numbers.checked_mul(bits));
        if end.checked_sub(start).and_then(|bytes| bytes.checked_mul(8)) != bits || bits.is_none() {
            let shape = &entry.shape;
            return Err(problem(&format!("of shape {shape:?} does not fit into {start}..{end}")));
        }
        places.push((start..end, index));
    }
    places.sort_by_key(|(place, _)| (place.start, place.end));
    let mut end = 0;
    for (place, index) in places {
        if place.start != end {
            let name = &entries[index].0;
            let message = format!("tensor `{name}` begins at {}, expected {end}", place.start);
            return Err(header_error(file, message));
        }
        end = place.end;
    }
    Ok(())
}

/// What the header says of a tensor.
#[derive(Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: (u64, u64),
}

impl Entry {
    fn bits(&self) -> Option<u64> {
        TYPES.iter().find(|(name, _)| *name == self.dtype).map(|(_, bits)| *bits)
    }

    fn numbers(&self) -> Numbers {
        match self.dtype.as_str() {
            "F32" => Numbers::Float(DType::F32),
            "F16" => Numbers::Float(DType::F16),
            "BF16" => Numbers::Float(DType::BF16),
            other => Numbers::Other(other.to_owned()),
        }
    }
}

/// The header's entries; `__metadata__` is passed over.
struct Header(Vec<(String, Entry)>);

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries)
    }
}

struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Header;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "tensors by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
        let mut entries = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if name == "__metadata__" {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            if entries.len() == MAX_TENSORS {
                let message = format!("more than {MAX_TENSORS} tensors");
                return Err(serde::de::Error::custom(message));
            }
            entries.push((name, map.next_value()?));
        }
        Ok(Header(entries))
    }
}

fn header_error(file: &WeightsFile, message: impl Into<String>) -> WeightsError {
    WeightsError::Header { path: file.path().to_owned(), message: message.into() }
}

fn wrong_length(file: &WeightsFile, expected: u64) -> WeightsError {
    WeightsError::WrongLength { path: file.path().to_owned(), found: file.length(), expected }
}
