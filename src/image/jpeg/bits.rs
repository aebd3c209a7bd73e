/*!
Bits of entropy-coded data, and where a file counts as cut off.

Pillow hands the file to libjpeg in pieces of 64 KiB. libjpeg asks for more bytes before it needs them, and if
there are none and no marker was met, the decoder waits; Pillow then says "image file is truncated". So whether
a file that lacks only its end marker is whole depends on how far ahead libjpeg reads, which this reader copies:
`jpeg_fill_bit_buffer` of `jdhuff.c`, and `FILL_BIT_BUFFER_FAST` where much data is left.
*/

use super::JpegError;
use super::huffman::{LOOKAHEAD, Table};

/// Bytes that Pillow reads at a time (`ImageFile.MAXBLOCK`).
const PIECE: usize = 65_536;
/// Bits that are read ahead, with a buffer of 64.
const READ_AHEAD: u32 = 57;

/// No more bytes here, and no marker that ends the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OutOfBytes;

/// How bytes are read ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// Six bytes at a time, of which all are known to be there.
    Fast,
    /// As many as fit, with a look at each.
    Careful,
}

/// Reads bits; a copy remembers a place to return to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bits<'b> {
    bytes: &'b [u8],
    pub(super) position: usize,
    /// The end of the pieces that have been handed over.
    piece_end: usize,
    buffer: u64,
    left: u32,
    /// A marker that ended the data and has not been dealt with.
    pub(super) marker: Option<u8>,
    /// Whether bits were wanted behind a marker: zeros were given, and what follows is left out.
    pub(super) starved: bool,
    pub(super) pace: Pace,
}

impl<'b> Bits<'b> {
    pub(super) fn new(bytes: &'b [u8], position: usize) -> Self {
        let mut bits = Self {
            bytes,
            position,
            piece_end: 0,
            buffer: 0,
            left: 0,
            marker: None,
            starved: false,
            pace: Pace::Careful,
        };
        bits.piece_end = bits.piece_after(position);
        bits
    }

    fn piece_after(&self, position: usize) -> usize {
        ((position / PIECE + 1) * PIECE).min(self.bytes.len())
    }

    /// Takes the next piece; tells whether there is one.
    pub(super) fn take_piece(&mut self) -> bool {
        let more = self.piece_end < self.bytes.len();
        self.piece_end = self.piece_after(self.piece_end);
        more
    }

    /// The error of a file that ends in the picture's data.
    pub(super) fn truncated(&self) -> JpegError {
        JpegError::Truncated { offset: self.bytes.len(), part: "the picture's data" }
    }

    /// Chooses the pace for a unit of so many blocks.
    pub(super) fn choose_pace(&mut self, blocks: usize, restarts: bool) {
        let enough = self.piece_end.saturating_sub(self.position) >= 512 * blocks;
        self.pace = match enough && self.marker.is_none() && !restarts {
            true => Pace::Fast,
            false => Pace::Careful,
        };
    }

    /// Forgets the bits that are left of a scan or a restart interval.
    pub(super) fn align(&mut self) {
        (self.buffer, self.left) = (0, 0);
    }

    fn byte(&mut self) -> Result<u8, OutOfBytes> {
        match self.position < self.piece_end {
            true => {
                self.position += 1;
                Ok(self.bytes[self.position - 1])
            }
            false => Err(OutOfBytes),
        }
    }

    /// Moves to the next marker; like `next_marker` of `jdmarker.c`.
    pub(super) fn next_marker(&mut self) -> Result<(), OutOfBytes> {
        loop {
            while self.byte()? != 0xFF {}
            let mut code = self.byte()?;
            while code == 0xFF {
                code = self.byte()?;
            }
            if code != 0 {
                self.marker = Some(code);
                return Ok(());
            }
        }
    }

    #[inline]
    fn want(&mut self, bits: u32) -> Result<(), OutOfBytes> {
        match self.pace {
            Pace::Fast if self.left <= 16 => {
                self.read_six();
                Ok(())
            }
            Pace::Fast => Ok(()),
            Pace::Careful if self.left < bits => self.fill(bits),
            Pace::Careful => Ok(()),
        }
    }

    #[inline]
    fn read_six(&mut self) {
        let next = self.bytes.get(self.position..self.position + 8);
        let next = next.and_then(|next| <[u8; 8]>::try_from(next).ok()).map(u64::from_be_bytes);
        if let Some(next) = next.filter(|next| !has_ff(*next)) {
            self.buffer = self.buffer << 48 | next >> 16;
            self.position += 6;
        } else {
            (0..6).for_each(|_| self.read_one());
        }
        self.left += 48;
    }

    fn read_one(&mut self) {
        let at = |place: usize| self.bytes.get(place).copied().unwrap_or(0);
        let (byte, next) = (at(self.position), at(self.position + 1));
        self.buffer = self.buffer << 8 | u64::from(byte);
        match (byte, next) {
            (0xFF, 0) => self.position += 2,
            (0xFF, marker) => {
                // The unit is decoded once more with care.
                self.marker = Some(marker);
                self.buffer &= !0xFF;
            }
            _ => self.position += 1,
        }
    }

    #[cold]
    fn fill(&mut self, bits: u32) -> Result<(), OutOfBytes> {
        while self.left < READ_AHEAD && self.marker.is_none() {
            let mut byte = self.byte()?;
            if byte == 0xFF {
                while byte == 0xFF {
                    byte = self.byte()?;
                }
                if byte != 0 {
                    self.marker = Some(byte);
                    break;
                }
                byte = 0xFF;
            }
            self.buffer = self.buffer << 8 | u64::from(byte);
            self.left += 8;
        }
        if bits > self.left {
            self.starved = true;
            self.buffer <<= READ_AHEAD - self.left;
            self.left = READ_AHEAD;
        }
        Ok(())
    }

    #[inline]
    fn peek(&self, bits: u32) -> u32 {
        ((self.buffer >> (self.left - bits)) & ((1 << bits) - 1)) as u32
    }

    /// The next bits as a number; `bits` is at most 16.
    #[inline]
    pub(super) fn number(&mut self, bits: u32) -> Result<u32, OutOfBytes> {
        self.want(bits)?;
        let number = self.peek(bits);
        self.left -= bits;
        Ok(number)
    }

    /// A signed number of so many bits, as in table F.1 of the standard.
    #[inline]
    pub(super) fn signed(&mut self, bits: u32) -> Result<i32, OutOfBytes> {
        let number = self.number(bits)?.cast_signed();
        let half = 1 << bits >> 1;
        Ok(if number < half { number - (1 << bits) + 1 } else { number })
    }

    /// The next symbol; 0 for a code that the table does not have.
    #[inline]
    pub(super) fn symbol(&mut self, table: &Table) -> Result<u8, OutOfBytes> {
        match self.pace {
            Pace::Fast => self.want(0)?,
            Pace::Careful if self.left < LOOKAHEAD => {
                self.fill(0)?;
                if self.left < LOOKAHEAD {
                    return self.long_symbol(table, 1);
                }
            }
            Pace::Careful => {}
        }
        let (length, symbol) = table.short(self.peek(LOOKAHEAD));
        if length == 0 {
            return self.long_symbol(table, LOOKAHEAD + 1);
        }
        self.left -= length;
        Ok(symbol)
    }

    fn long_symbol(&mut self, table: &Table, least: u32) -> Result<u8, OutOfBytes> {
        let mut code = self.part_of_code(least)?;
        let mut length = least;
        while length <= 16 && !table.has(code, length) {
            code = code << 1 | self.part_of_code(1)?;
            length += 1;
        }
        Ok(table.long(code, length))
    }

    fn part_of_code(&mut self, bits: u32) -> Result<u32, OutOfBytes> {
        // At a fast pace all bits of a code have been read.
        if self.pace == Pace::Careful {
            self.want(bits)?;
        }
        let part = self.peek(bits);
        self.left -= bits;
        Ok(part)
    }
}

/// Whether one of the eight bytes is 0xFF.
fn has_ff(bytes: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let inverted = !bytes;
    inverted.wrapping_sub(ONES) & bytes & (ONES << 7) != 0
}
