/*!
JPEG, decoded to the same levels as libjpeg-turbo's defaults, which Pillow uses.

Baseline, extended sequential and progressive files of 8 bits with Huffman codes. What decides the levels is
libjpeg-turbo's: the accurate integer transform (`idct`), "fancy" triangle upsampling (`upsample`), and its
fixed-point YCbCr (`colour`). What decides whether a file is whole is Pillow's: see [`bits`]. Damage inside a
file that is whole is passed over as libjpeg does, since Pillow does not look at its warnings.

Refused, and said so: arithmetic coding, lossless and hierarchical frames, other depths than 8 bits, and
progressive files whose later scans are missing (libjpeg guesses coefficients there).

Follows libjpeg-turbo 3.1.2 (`jdmarker.c`, `jdhuff.c`, `jdphuff.c`, `jidctint.c`, `jdsample.c`, `jdcolor.c`).
Knows nothing of files, EXIF or other formats.
*/

use thiserror::Error;

mod bits;
mod blocks;
mod colour;
mod frame;
mod huffman;
mod idct;
mod markers;
mod planes;
mod progressive;
mod scan;
mod sequential;
mod upsample;

use colour::Space;
pub(super) use frame::Frame;

/// The pixels of a JPEG.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decoded {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Rows from the top, three channels.
    pub(super) rgb: Vec<u8>,
}

/// Why bytes are no JPEG that can be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum JpegError {
    /// The bytes end before the picture does.
    #[error("the file is truncated: it ends at byte {offset}, in {part}")]
    Truncated {
        /// Length of the file.
        offset: usize,
        /// What is not complete.
        part: &'static str,
    },
    /// A marker segment says what cannot be.
    #[error("byte {offset}: {found}")]
    Damaged {
        /// Where the segment begins.
        offset: usize,
        /// What is wrong.
        found: &'static str,
    },
    /// The file is of a kind that is not decoded.
    #[error("byte {offset}: {kind}; save the picture as baseline JPEG or PNG")]
    Unsupported {
        /// Where the marker stands.
        offset: usize,
        /// The kind.
        kind: &'static str,
    },
    /// Scans of a progressive file are missing.
    #[error(
        "the file is truncated: its end marker comes before the scans that refine the picture; \
         save it again from its source"
    )]
    ScansMissing,
    /// More scans than any encoder writes.
    #[error("the file has more than {limit} scans")]
    TooManyScans {
        /// The most that are decoded.
        limit: usize,
    },
}

/// Reads the frame's header; nothing is decoded.
pub(super) fn frame(bytes: &[u8]) -> Result<Frame, JpegError> {
    markers::Reader::new(bytes).frame()
}

/// Decodes a whole file. Memory is what [`Frame::decoding_bytes`] says.
pub(super) fn decode(bytes: &[u8]) -> Result<Decoded, JpegError> {
    let mut reader = markers::Reader::new(bytes);
    let frame = reader.frame()?;
    let space = Space::of(&frame, reader.hints());
    let planes = scan::decode(&mut reader, &frame)?;
    let rgb = colour::rgb(&frame, space, &planes)?;
    Ok(Decoded { width: frame.width, height: frame.height, rgb })
}
