/*!
A file of weights, read part by part into memory of our own.

The file is not mapped: a mapped file that another process cuts (a download, `git checkout`) kills
whoever reads it by SIGBUS. A read that comes too short is an error, and so is a file that was
written to between its opening and the end of a read.
*/

use std::fs::{File, Metadata};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use candle_core::{DType, Device, Tensor};
use half::vec::HalfBitsVecExt;
use half::{bf16, f16};

use super::WeightsError;

/// A file and what it was when it was opened.
#[derive(Debug)]
pub(super) struct WeightsFile {
    path: PathBuf,
    file: File,
    state: State,
}

/// What tells whether a file was written to.
#[derive(Debug, PartialEq, Eq)]
struct State {
    length: u64,
    modified: Option<SystemTime>,
}

impl State {
    fn of(metadata: &Metadata) -> Self {
        Self { length: metadata.len(), modified: metadata.modified().ok() }
    }
}

impl WeightsFile {
    pub(super) fn open(path: &Path) -> Result<Self, WeightsError> {
        let opened = File::open(path).and_then(|file| Ok((file.metadata()?, file)));
        let (metadata, file) =
            opened.map_err(|source| WeightsError::Read { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), file, state: State::of(&metadata) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes in the file.
    pub(super) fn length(&self) -> u64 {
        self.state.length
    }

    /// The bytes from `range.start` to `range.end`, which the caller has bounded.
    pub(super) fn bytes(&self, range: Range<u64>) -> Result<Vec<u8>, WeightsError> {
        let length = range.end.saturating_sub(range.start);
        let mut bytes = self.zeros(length)?;
        self.fill(&mut bytes, range.start)?;
        Ok(bytes)
    }

    /// The first bytes, at most so many.
    pub(super) fn head(&self, bytes: u64) -> Result<Vec<u8>, WeightsError> {
        self.bytes(0..self.length().min(bytes))
    }

    /// Floats of this shape from byte `start` on, as a tensor on the CPU.
    ///
    /// As in candle, the machine's numbers are little-endian, as those of the file are.
    pub(super) fn tensor(
        &self,
        start: u64,
        dtype: DType,
        shape: &[usize],
    ) -> Result<candle_core::Result<Tensor>, WeightsError> {
        let numbers = shape.iter().try_fold(1_u64, |all, size| all.checked_mul(*size as u64));
        let numbers = numbers.ok_or_else(|| self.no_memory(u64::MAX))?;
        let tensor = match dtype {
            DType::F32 => {
                let mut floats: Vec<f32> = self.zeros(numbers)?;
                self.fill(bytemuck::cast_slice_mut(&mut floats), start)?;
                Tensor::from_vec(floats, shape, &Device::Cpu)
            }
            DType::F16 => {
                let halves: Vec<f16> = self.bits(start, numbers)?.reinterpret_into();
                Tensor::from_vec(halves, shape, &Device::Cpu)
            }
            _ => {
                let halves: Vec<bf16> = self.bits(start, numbers)?.reinterpret_into();
                Tensor::from_vec(halves, shape, &Device::Cpu)
            }
        };
        Ok(tensor)
    }

    /// The bits of floats of half the size.
    fn bits(&self, start: u64, numbers: u64) -> Result<Vec<u16>, WeightsError> {
        let mut bits: Vec<u16> = self.zeros(numbers)?;
        self.fill(bytemuck::cast_slice_mut(&mut bits), start)?;
        Ok(bits)
    }

    /// So many zeros, if there is memory for them.
    ///
    /// Zeroed pages come from the system without being touched; a length that the allocator cannot
    /// serve is found out before, since `vec!` would end the process.
    fn zeros<T: Clone + Default>(&self, count: u64) -> Result<Vec<T>, WeightsError> {
        let bytes = count.saturating_mul(size_of::<T>() as u64);
        let count = usize::try_from(count).map_err(|_| self.no_memory(bytes))?;
        Vec::<T>::new().try_reserve_exact(count).map_err(|_| self.no_memory(bytes))?;
        Ok(vec![T::default(); count])
    }

    /// Reads into all of `bytes`.
    fn fill(&self, bytes: &mut [u8], start: u64) -> Result<(), WeightsError> {
        read_exact_at(&self.file, bytes, start).map_err(|source| match source.kind() {
            io::ErrorKind::UnexpectedEof => self.changed(),
            _ => WeightsError::Read { path: self.path.clone(), source },
        })?;
        let now = self.file.metadata();
        let now = now.map_err(|source| WeightsError::Read { path: self.path.clone(), source })?;
        match State::of(&now) == self.state {
            true => Ok(()),
            false => Err(self.changed()),
        }
    }

    fn changed(&self) -> WeightsError {
        WeightsError::Changed { path: self.path.clone() }
    }

    fn no_memory(&self, bytes: u64) -> WeightsError {
        WeightsError::NoMemory { path: self.path.clone(), bytes }
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, bytes: &mut [u8], start: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, start)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut bytes: &mut [u8], mut start: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, start) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                bytes = &mut bytes[read..];
                start += read as u64;
            }
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            Err(cause) => return Err(cause),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_of(content: &[u8]) -> (tempfile::TempDir, WeightsFile) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights");
        std::fs::write(&path, content).unwrap();
        let file = WeightsFile::open(&path).unwrap();
        (folder, file)
    }

    #[test]
    fn floats_are_read_in_place() {
        // 1.0 and -2.0 by IEEE 754, after one byte of something else.
        let (_folder, file) = file_of(&[9, 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]);
        let tensor = file.tensor(1, DType::F32, &[2]).unwrap().unwrap();
        assert_eq!(tensor.to_vec1::<f32>().unwrap(), [1.0, -2.0]);
        // The upper halves of the same are the same in bfloat16.
        let tensor = file.tensor(3, DType::BF16, &[1, 1]).unwrap().unwrap();
        assert_eq!(tensor.to_vec2::<bf16>().unwrap(), [[bf16::ONE]]);
        let (_folder, file) = file_of(&[0, 0x3c]);
        let tensor = file.tensor(0, DType::F16, &[1]).unwrap().unwrap();
        assert_eq!(tensor.to_vec1::<f16>().unwrap(), [f16::ONE]);
    }

    #[test]
    fn a_file_that_is_cut_or_written_to_is_an_error() {
        let (_folder, file) = file_of(&[0; 64]);
        assert_eq!(file.bytes(0..64).unwrap().len(), 64);
        let writer = std::fs::OpenOptions::new().write(true).open(file.path()).unwrap();
        writer.set_len(16).unwrap();
        for range in [0..64, 0..8] {
            let error = file.bytes(range).unwrap_err();
            assert!(matches!(error, WeightsError::Changed { .. }), "{error}");
        }
    }

    #[test]
    fn what_no_machine_has_is_an_error() {
        let (_folder, file) = file_of(&[]);
        for shape in [&[1 << 61][..], &[1 << 62, 2], &[1 << 40, 1 << 40]] {
            let error = file.tensor(0, DType::F32, shape).unwrap_err();
            assert!(matches!(error, WeightsError::NoMemory { .. }), "{error}");
        }
    }
}
