/*!
A file of the user's, read whole within a limit: what is no file (a pipe would block, a device has no
end) or too long is refused before memory is taken for it. Knows nothing of what is in it.
*/

use std::fs::{File, FileType};
use std::io::{self, Read};
use std::path::Path;

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// The system refuses.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// There is something else.
    #[error("it is {0}, not a file")]
    NotAFile(&'static str),
    /// It is longer.
    #[error("longer than {limit} bytes")]
    TooLarge {
        /// The largest size that is read.
        limit: u64,
    },
}

impl From<ReadError> for io::Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Io(source) => source,
            other => Self::new(io::ErrorKind::InvalidInput, other),
        }
    }
}

/// The bytes of a file, `limit` at most.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, ReadError> {
    require_file(path)?;
    let mut bytes = Vec::new();
    File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(ReadError::TooLarge { limit });
    }
    Ok(bytes)
}

/// Refuses what cannot be read to an end. Opening a pipe would already wait for its other end.
pub(crate) fn require_file(path: &Path) -> Result<(), ReadError> {
    let kind = std::fs::metadata(path)?.file_type();
    if kind.is_file() { Ok(()) } else { Err(ReadError::NotAFile(word(kind))) }
}

#[cfg(unix)]
fn word(kind: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    match kind {
        _ if kind.is_dir() => "a folder",
        _ if kind.is_fifo() => "a named pipe",
        _ if kind.is_socket() => "a socket",
        _ => "a device",
    }
}

#[cfg(not(unix))]
fn word(kind: FileType) -> &'static str {
    if kind.is_dir() { "a folder" } else { "a device" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_up_to_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        assert_eq!(read(&path, 4).unwrap_err().to_string(), "longer than 4 bytes");
        assert_eq!(read(folder.path(), 5).unwrap_err().to_string(), "it is a folder, not a file");
        assert!(matches!(read(&folder.path().join("b"), 5), Err(ReadError::Io(_))));
    }

    #[cfg(unix)]
    #[test]
    fn what_has_no_end_is_refused() {
        let device = read(Path::new("/dev/zero"), 5).unwrap_err();
        assert_eq!(device.to_string(), "it is a device, not a file");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert_eq!(read(&path, 5).unwrap_err().to_string(), "it is a socket, not a file");
    }
}
