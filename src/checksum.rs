/*!
SHA-256 sums of texts and files, in hexadecimal digits.

Knows nothing of what is summed.
*/

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

/// Bytes that are read at a time.
const CHUNK: usize = 1 << 20;

/// The sum of these bytes.
pub fn of_bytes(bytes: &[u8]) -> String {
    hexadecimal(Sha256::digest(bytes).as_slice())
}

/// The sum of a file, which is read to its end.
///
/// # Errors
/// It cannot be read.
pub fn of_file(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    let mut chunk = vec![0; CHUNK.min(usize::try_from(length).unwrap_or(CHUNK)).max(1)];
    let mut sum = Sha256::new();
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(hexadecimal(sum.finalize().as_slice())),
            length => sum.update(&chunk[..length]),
        }
    }
}

fn hexadecimal(sum: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = |byte: &u8| [byte >> 4, byte & 15].map(|half| DIGITS[usize::from(half)] as char);
    sum.iter().flat_map(digits).collect()
}

/// Sums of files that are asked for again and again in one run, such as a picture of many cases.
#[derive(Debug, Default)]
pub struct FileSums(Mutex<HashMap<PathBuf, String>>);

impl FileSums {
    /// The sum that the file had when it was first asked for.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of(&self, path: &Path) -> io::Result<String> {
        if let Some(known) = self.lock().get(path) {
            return Ok(known.clone());
        }
        let sum = of_file(path)?;
        self.lock().insert(path.to_owned(), sum.clone());
        Ok(sum)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-4's example: the sum of "abc".
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn bytes_and_files_have_the_standards_sum() {
        assert_eq!(of_bytes(b"abc"), ABC);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "abc").unwrap();
        assert_eq!(of_file(&path).unwrap(), ABC);
        assert_eq!(FileSums::default().of(&path).unwrap(), ABC);
        // The sum of a file longer than a chunk is that of its bytes.
        let long = vec![7; CHUNK + 1];
        std::fs::write(&path, &long).unwrap();
        assert_eq!(of_file(&path).unwrap(), of_bytes(&long));
        assert!(of_file(&folder.path().join("b")).is_err());
    }
}
