//! Tensors out of the files of a checkpoint.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};

use super::WeightsError;
use super::folder::check_not_lfs_pointer;
use super::weights_file::WeightsFile;
use super::{safetensors_file, torch_file};

/// Most tensors of a checkpoint; DeepSeek-V3 has 91,991.
pub(super) const MAX_TENSORS: usize = 1 << 18;

/// Most dimensions of a tensor.
pub(super) const MAX_RANK: usize = 8;

/// The files of one checkpoint.
///
/// Tensors that no network asks for are left alone: published checkpoints carry buffers and heads
/// that nobody reads. A family for which an extra tensor means a misunderstanding says so with
/// [`TensorReader::refuse_others`].
pub struct Weights {
    /// What errors of no single file name: the folder, or the only file.
    place: PathBuf,
    files: Vec<WeightsFile>,
    /// By full name; the index is one of `files`.
    tensors: BTreeMap<String, (usize, StoredTensor)>,
}

/// What a file says of a tensor.
#[derive(Debug)]
pub(super) struct StoredTensor {
    pub(super) shape: Vec<usize>,
    pub(super) numbers: Numbers,
    /// Its first byte in the file.
    pub(super) start: u64,
    /// The dimensions in the order in which they lie, slowest first, if that is not that of `shape`.
    pub(super) order: Option<Vec<usize>>,
}

/// What the numbers of a stored tensor are.
#[derive(Debug, Clone)]
pub(super) enum Numbers {
    /// 32 or 16-bit floats.
    Float(DType),
    /// Floats with gaps between them, or some of which stand for several.
    Strided,
    /// Of a type that is not read, by its name.
    Other(String),
}

impl Weights {
    /// Opens one file by itself, safetensors or PyTorch's (`.pth`, `.bin`), told apart by content.
    ///
    /// Tensors of a dictionary within a PyTorch file's have its key before their name:
    /// [`TensorReader::under`] `"model"` reads those of `{"model": {..}, "epoch": 3}`.
    ///
    /// # Errors
    /// The file is missing, cut off or damaged, not of these formats, or holds more than tensors.
    pub fn open_file(path: &Path) -> Result<Self, WeightsError> {
        if !path.is_file() {
            let hint = "a file of weights".to_owned();
            return Err(WeightsError::MissingFile { path: path.to_owned(), hint });
        }
        Self::open(path, &[path.to_owned()])
    }

    /// Opens files that together are one checkpoint.
    pub(super) fn open(place: &Path, files: &[PathBuf]) -> Result<Self, WeightsError> {
        let mut weights =
            Self { place: place.to_owned(), files: Vec::new(), tensors: BTreeMap::new() };
        for path in files {
            check_not_lfs_pointer(path)?;
            let file = WeightsFile::open(path)?;
            let tensors = match torch_file::looks_like_torch(&file)? {
                true => torch_file::tensors(&file)?,
                false => safetensors_file::tensors(&file)?,
            };
            let index = weights.files.len();
            let tensors = tensors.into_iter().map(|(name, tensor)| (name, (index, tensor)));
            weights.tensors.extend(tensors);
            weights.files.push(file);
            if weights.tensors.len() > MAX_TENSORS {
                return Err(WeightsError::TooManyTensors {
                    path: path.clone(),
                    limit: MAX_TENSORS,
                });
            }
        }
        Ok(weights)
    }

    pub(super) fn check_placed(&self, tensor: &str, path: &Path) -> Result<(), WeightsError> {
        let place = self.tensors.get(tensor).map(|(file, _)| self.files[*file].path());
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
        self.tensors.contains_key(tensor)
    }

    /// How many numbers all tensors have together.
    pub fn count_numbers(&self) -> u64 {
        let count = |shape: &[usize]| {
            shape.iter().fold(1_u64, |numbers, size| numbers.saturating_mul(*size as u64))
        };
        let counts = self.tensors.values().map(|(_, tensor)| count(&tensor.shape));
        counts.fold(0, u64::saturating_add)
    }

    /// The type of the first tensor whose numbers are floats: what the checkpoint was saved in.
    pub fn stored_dtype(&self) -> DType {
        let floats = self.tensors.values().filter_map(|(_, tensor)| match tensor.numbers {
            Numbers::Float(dtype) => Some(dtype),
            Numbers::Strided | Numbers::Other(_) => None,
        });
        floats.into_iter().next().unwrap_or(DType::F32)
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

    /// The tensor on the CPU as stored, and the file it is in. Name, shape and type are checked
    /// before a number is read.
    fn read(&self, name: &str, expected: &[usize]) -> Result<(&Path, Tensor), WeightsError> {
        let Some((file, stored)) = self.tensors.get(name) else {
            return Err(WeightsError::MissingTensor {
                path: self.place.clone(),
                tensor: name.to_owned(),
                expected: expected.to_vec(),
            });
        };
        let file = &self.files[*file];
        let (path, tensor) = (file.path().to_owned(), name.to_owned());
        if stored.shape != expected {
            let (found, expected) = (stored.shape.clone(), expected.to_vec());
            return Err(WeightsError::WrongShape { path, tensor, found, expected });
        }
        let dtype = match &stored.numbers {
            Numbers::Float(dtype) => *dtype,
            Numbers::Strided => return Err(WeightsError::Strided { path, tensor }),
            Numbers::Other(found) => {
                return Err(WeightsError::WrongType { path, tensor, found: found.clone() });
            }
        };
        let convert = |source| WeightsError::Convert { path, tensor, source: Box::new(source) };
        Ok((file.path(), stored.load(file, dtype)?.map_err(convert)?))
    }
}

impl StoredTensor {
    /// The tensor of floats on the CPU as stored.
    fn load(
        &self,
        file: &WeightsFile,
        dtype: DType,
    ) -> Result<candle_core::Result<Tensor>, WeightsError> {
        let Some(order) = &self.order else { return file.tensor(self.start, dtype, &self.shape) };
        let stored: Vec<usize> = order.iter().map(|dimension| self.shape[*dimension]).collect();
        let tensor = file.tensor(self.start, dtype, &stored)?;
        let mut back = vec![0; order.len()];
        for (stored, dimension) in order.iter().enumerate() {
            back[*dimension] = stored;
        }
        Ok(tensor.and_then(|tensor| tensor.permute(back)?.contiguous()))
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

    /// The full names of all tensors under the prefix, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let names = self.weights.tensors.keys().map(String::as_str);
        names.filter(|name| name.starts_with(&self.prefix))
    }

    /// An error if there is a tensor under the prefix whose name (without it) is not known: one
    /// that would change the result if it were not overlooked.
    pub fn refuse_others(&self, known: impl Fn(&str) -> bool) -> Result<(), WeightsError> {
        match self.names().find(|name| !known(&name[self.prefix.len()..])) {
            Some(name) => {
                Err(WeightsError::ExtraTensor { path: self.file_of(name), tensor: name.to_owned() })
            }
            None => Ok(()),
        }
    }

    /// The error that the head `name` is not the embedding table that it is said to be.
    pub fn other_head(&self, name: &str) -> WeightsError {
        let tensor = format!("{}{name}", self.prefix);
        WeightsError::OtherHead { path: self.file_of(&tensor), tensor }
    }

    /// The shape of the tensor `name`, if the checkpoint holds it.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        let found = self.weights.tensors.get(&format!("{}{name}", self.prefix));
        found.map(|(_, tensor)| tensor.shape.as_slice())
    }

    fn file_of(&self, tensor: &str) -> PathBuf {
        let file = self.weights.tensors.get(tensor);
        let path = file.map(|(file, _)| self.weights.files[*file].path());
        path.unwrap_or(&self.weights.place).to_owned()
    }

    /// The error of a tensor that could be read but not used.
    pub fn convert_error(&self, name: &str, source: candle_core::Error) -> WeightsError {
        let tensor = format!("{}{name}", self.prefix);
        WeightsError::Convert { path: self.weights.place.clone(), tensor, source: Box::new(source) }
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
