//! The part of a picture's file that a header is read from: all of it but the pixels, where that is easy.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// As much as most JPEGs need up to their pixels.
const FIRST: usize = 1 << 16;
const PNG_SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
/// Length, name and checksum of a chunk.
const CHUNK_FRAME: u64 = 12;

/// A file without what is not needed of it.
pub(super) struct Head {
    pub(super) bytes: Vec<u8>,
    /// Length of the whole file.
    pub(super) file_bytes: usize,
    file: File,
}

impl Head {
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let file_bytes = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        let mut bytes = Vec::new();
        file.by_ref().take(FIRST as u64).read_to_end(&mut bytes)?;
        if bytes.len() == FIRST && bytes.starts_with(PNG_SIGNATURE) {
            bytes = without_pixels(&mut file)?;
        } else if bytes.len() == FIRST && !bytes.starts_with(&[0xFF, 0xD8]) {
            file.read_to_end(&mut bytes)?;
        }
        Ok(Self { bytes, file_bytes, file })
    }

    /// Reads the rest, if the beginning was not enough.
    pub(super) fn read_all(&mut self) -> io::Result<()> {
        self.bytes.clear();
        self.file.seek(SeekFrom::Start(0))?;
        self.file.read_to_end(&mut self.bytes).map(drop)
    }
}

/// A PNG whose chunks of pixels are empty.
fn without_pixels(file: &mut File) -> io::Result<Vec<u8>> {
    let end = file.metadata()?.len();
    let mut place = PNG_SIGNATURE.len() as u64;
    let mut bytes = PNG_SIGNATURE.to_vec();
    let mut head = [0; 8];
    while place + CHUNK_FRAME <= end {
        file.seek(SeekFrom::Start(place))?;
        file.read_exact(&mut head)?;
        let length = u64::from(u32::from_be_bytes([head[0], head[1], head[2], head[3]]));
        if &head[4..] == b"IDAT" {
            bytes.extend(b"\0\0\0\0IDAT\0\0\0\0");
        } else {
            bytes.extend(head);
            file.by_ref().take(length + 4).read_to_end(&mut bytes)?;
        }
        place += CHUNK_FRAME + length;
    }
    Ok(bytes)
}
