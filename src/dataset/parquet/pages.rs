/*!
The headers of a file's pages, read before anything is decompressed: a page says how long it will be, and the
parquet crate takes its word for it, so that some hundred bytes would be two gigabytes.

Reads the compact protocol of Thrift as far as `PageHeader` of parquet-format needs it.
*/

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use parquet::file::metadata::ParquetMetaData;

/// The most that the pages of a file may come to, in bytes: so much, and so many times the file's length.
const MOST_BYTES: u64 = 64 << 20;
const MOST_PER_BYTE: u64 = 256;

/// The most that one page may come to.
const LONGEST_PAGE: u64 = 1 << 30;

/// The most values that the pages may have together; a value that is not there still costs some in memory.
const MOST_VALUES: u64 = 4_000_000;
const VALUES_PER_BYTE: u64 = 16;

/// The longest header that is read: statistics in it hold whole values.
const LONGEST_HEADER: u64 = 16 << 20;

/// Why a file's pages are not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum PageError {
    #[error("its page headers cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    #[error("a page header makes no sense")]
    Senseless,
    #[error("its pages say that they come to {0} MiB, more than {MOST_PER_BYTE} times its length")]
    Bytes(u64),
    #[error("its pages say that they have {0} values, which so short a file cannot have")]
    Values(u64),
}

/// What a page says of itself.
#[derive(Debug, Default, PartialEq, Eq)]
struct PageHeader {
    uncompressed: u64,
    compressed: u64,
    values: u64,
}

/// Checks what all pages of a file say of themselves.
pub(super) fn check(
    mut file: File,
    length: u64,
    metadata: &ParquetMetaData,
) -> Result<(), PageError> {
    let most_bytes = MOST_BYTES.saturating_add(length.saturating_mul(MOST_PER_BYTE));
    let most_values = MOST_VALUES.saturating_add(length.saturating_mul(VALUES_PER_BYTE));
    let (mut bytes, mut values) = (0_u64, 0_u64);
    for column in metadata.row_groups().iter().flat_map(|group| group.columns()) {
        let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
        let start = start.min(column.data_page_offset());
        let mut position = u64::try_from(start).map_err(|_| PageError::Senseless)?;
        let size = u64::try_from(column.compressed_size()).map_err(|_| PageError::Senseless)?;
        let end = position.saturating_add(size).min(length);
        while position < end {
            file.seek(SeekFrom::Start(position))?;
            let header = (&mut file).take(LONGEST_HEADER);
            let source = std::io::BufReader::with_capacity(512, header);
            let mut reader = Thrift { source, read: 0 };
            let header = reader.page_header()?;
            bytes = bytes.saturating_add(header.uncompressed);
            values = values.saturating_add(header.values);
            if bytes > most_bytes || header.uncompressed > LONGEST_PAGE {
                return Err(PageError::Bytes(bytes >> 20));
            }
            if values > most_values {
                return Err(PageError::Values(values));
            }
            position = position.saturating_add(reader.read).saturating_add(header.compressed);
        }
    }
    Ok(())
}

/// Thrift's compact protocol (`doc/specs/thrift-compact-protocol.md`).
struct Thrift<R> {
    source: R,
    /// Bytes that were read.
    read: u64,
}

/// The deepest nesting that is skipped.
const DEEPEST: usize = 16;

impl<R: Read> Thrift<R> {
    fn byte(&mut self) -> Result<u8, PageError> {
        let mut byte = [0];
        self.source.read_exact(&mut byte)?;
        self.read += 1;
        Ok(byte[0])
    }

    fn varint(&mut self) -> Result<u64, PageError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(PageError::Senseless)
    }

    /// A whole number that is not negative.
    fn count(&mut self) -> Result<u64, PageError> {
        let zigzag = self.varint()?;
        if zigzag & 1 == 0 { Ok(zigzag >> 1) } else { Err(PageError::Senseless) }
    }

    /// The number of the next field and its type; nothing at the end of the struct.
    fn field(&mut self, before: i64) -> Result<Option<(i64, u8)>, PageError> {
        let byte = self.byte()?;
        if byte == 0 {
            return Ok(None);
        }
        let number = match i64::from(byte >> 4) {
            0 => {
                let zigzag = self.varint()?;
                (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64)
            }
            delta => before.wrapping_add(delta),
        };
        Ok(Some((number, byte & 0xF)))
    }

    fn page_header(&mut self) -> Result<PageHeader, PageError> {
        let mut header = PageHeader::default();
        let mut number = 0;
        while let Some((next, kind)) = self.field(number)? {
            number = next;
            match (number, kind) {
                (2, I32) => header.uncompressed = self.count()?,
                (3, I32) => header.compressed = self.count()?,
                // Data pages of both versions, and dictionaries.
                (5 | 7 | 8, STRUCT) => header.values = self.values()?,
                _ => self.skip(kind, DEEPEST)?,
            }
        }
        Ok(header)
    }

    /// The first field of the struct of a page of any kind.
    fn values(&mut self) -> Result<u64, PageError> {
        let (mut number, mut values) = (0, 0);
        while let Some((next, kind)) = self.field(number)? {
            number = next;
            match (number, kind) {
                (1, I32) => values = self.count()?,
                _ => self.skip(kind, DEEPEST)?,
            }
        }
        Ok(values)
    }

    fn skip(&mut self, kind: u8, depth: usize) -> Result<(), PageError> {
        let depth = depth.checked_sub(1).ok_or(PageError::Senseless)?;
        match kind {
            1 | 2 => Ok(()),
            3 => self.byte().map(drop),
            4..=6 => self.varint().map(drop),
            7 => (0..8).try_for_each(|_| self.byte().map(drop)),
            8 => {
                let length = self.varint()?;
                let skipped =
                    std::io::copy(&mut (&mut self.source).take(length), &mut std::io::sink())?;
                self.read += skipped;
                if skipped == length { Ok(()) } else { Err(PageError::Senseless) }
            }
            9 | 10 => {
                let byte = self.byte()?;
                let count = match u64::from(byte >> 4) {
                    15 => self.varint()?,
                    count => count,
                };
                if count > LONGEST_HEADER || matches!(byte & 0xF, 1 | 2) {
                    return Err(PageError::Senseless);
                }
                (0..count).try_for_each(|_| self.skip(byte & 0xF, depth))
            }
            STRUCT => {
                let mut number = 0;
                while let Some((next, kind)) = self.field(number)? {
                    number = next;
                    self.skip(kind, depth)?;
                }
                Ok(())
            }
            _ => Err(PageError::Senseless),
        }
    }
}

/// Types of fields.
const I32: u8 = 5;
const STRUCT: u8 = 12;

#[cfg(test)]
mod tests {
    use super::*;

    fn header(bytes: &[u8]) -> Result<PageHeader, PageError> {
        Thrift { source: bytes, read: 0 }.page_header()
    }

    /// Written by hand from the specification: type 0, 300 and 200 bytes, seven values.
    #[test]
    fn a_header_by_hand() {
        let bytes = [0x15, 0, 0x15, 0xD8, 0x04, 0x15, 0x90, 0x03, 0x2C, 0x15, 14, 0x15, 0, 0, 0];
        assert_eq!(
            header(&bytes).unwrap(),
            PageHeader { uncompressed: 300, compressed: 200, values: 7 }
        );
    }

    #[test]
    fn damage_ends() {
        for bytes in [
            &b""[..],
            &[0x15],
            &[0x25, 1, 0],
            &[0x1C; 64],
            &[0x18, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F],
            &[0x19, 0xFC],
            &[0xFF; 32],
        ] {
            assert!(header(bytes).is_err(), "{bytes:?}");
        }
    }
}
