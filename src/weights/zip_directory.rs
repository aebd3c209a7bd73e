/*!
Which entries an uncompressed zip archive has, and where their bytes lie (PKWARE's APPNOTE.TXT 6.3.10,
sections 4.3 and 4.5.3).

Only what `torch.save` writes: one disk, entries stored as they are, zip64 where needed. A crate for
archives in general reads as many entries as a file claims to have; here their number and the length
of their directory are bounded first.
*/

use std::collections::HashMap;
use std::ops::Range;

use super::WeightsError;
use super::weights_file::WeightsFile;

/// Most entries: a storage per tensor, and a few more. Those of published files are some thousands.
const MAX_ENTRIES: u64 = 1 << 18;

/// Longest directory that is read, in bytes.
const MAX_DIRECTORY: u64 = 32 << 20;

/// Lengths of the records without names and comments.
const END: u64 = 22;
const LOCATOR: u64 = 20;
const END_64: u64 = 56;
const ENTRY: usize = 46;
const LOCAL: u64 = 30;

/// Longest comment behind the last record.
const MAX_COMMENT: u64 = u16::MAX as u64;

/// Stands for a length or place that is given with 64 bits elsewhere.
const ELSEWHERE: u64 = u32::MAX as u64;

/// The tag of the 64-bit lengths and places of an entry.
const ZIP_64: usize = 1;

/// Why there is no list.
pub(super) enum ZipError {
    /// The file cannot be read.
    File(WeightsError),
    /// It is no archive of the kind.
    Form(String),
}

impl From<WeightsError> for ZipError {
    fn from(error: WeightsError) -> Self {
        Self::File(error)
    }
}

impl From<&str> for ZipError {
    fn from(message: &str) -> Self {
        Self::Form(message.to_owned())
    }
}

/// Names and extents of an archive's entries, all of them within the file.
pub(super) fn entries(file: &WeightsFile) -> Result<HashMap<String, Range<u64>>, ZipError> {
    let directory = directory(file)?;
    let mut rest = directory.as_slice();
    let mut entries = HashMap::new();
    while !rest.is_empty() {
        let (entry, behind) = Entry::read(rest)?;
        let extent = extent(file, &entry)?;
        if entries.len() as u64 == MAX_ENTRIES {
            return Err(ZipError::Form(format!("it has more than {MAX_ENTRIES} entries")));
        }
        if entries.insert(entry.name.to_owned(), extent).is_some() {
            return Err(ZipError::Form(format!("it has two entries {}", entry.name)));
        }
        rest = behind;
    }
    Ok(entries)
}

/// The directory's bytes.
fn directory(file: &WeightsFile) -> Result<Vec<u8>, ZipError> {
    let tail_start = file.length().saturating_sub(END + MAX_COMMENT);
    let tail = file.bytes(tail_start..file.length())?;
    let is_end = |record: &[u8]| {
        record.starts_with(b"PK\x05\x06")
            && number(record, 20, 2) == Some(record.len() as u64 - END)
    };
    // The comment may hold anything, so the record is the one whose comment ends the file.
    let place = (0..=tail.len().saturating_sub(END as usize)).rev().find(|at| is_end(&tail[*at..]));
    let place = place.ok_or("its directory is missing")?;
    let end = &tail[place..];
    let field = |at: usize, bytes: usize| number(end, at, bytes).ok_or("its directory is cut off");
    let (mut length, mut start) = (field(12, 4)?, field(16, 4)?);
    if length == ELSEWHERE || start == ELSEWHERE || field(10, 2)? == u64::from(u16::MAX) {
        (length, start) = directory_64(file, tail_start + place as u64)?;
    }
    if length > MAX_DIRECTORY {
        return Err(ZipError::Form(format!("its directory has {length} bytes")));
    }
    match start.checked_add(length) {
        Some(end) if end <= file.length() => Ok(file.bytes(start..end)?),
        _ => Err("its directory lies beyond its end".into()),
    }
}

/// Length and place of a directory that is given with 64 bits.
fn directory_64(file: &WeightsFile, end: u64) -> Result<(u64, u64), ZipError> {
    let missing = "its zip64 directory is missing";
    let locator = file.bytes(end.checked_sub(LOCATOR).ok_or(missing)?..end)?;
    let place = number(&locator, 8, 8).filter(|_| locator.starts_with(b"PK\x06\x07"));
    let place = place.ok_or(missing)?;
    let behind = place.checked_add(END_64).filter(|behind| *behind <= file.length());
    let record = file.bytes(place..behind.ok_or(missing)?)?;
    let read = number(&record, 40, 8).zip(number(&record, 48, 8));
    Ok(read.filter(|_| record.starts_with(b"PK\x06\x06")).ok_or(missing)?)
}

/// What the directory says of an entry.
struct Entry<'a> {
    name: &'a str,
    /// Bytes of its content.
    length: u64,
    /// Where its local header lies.
    local: u64,
}

impl<'a> Entry<'a> {
    /// The first entry, and what follows it.
    fn read(record: &'a [u8]) -> Result<(Self, &'a [u8]), ZipError> {
        let damaged = "its directory is damaged";
        if !record.starts_with(b"PK\x01\x02") {
            return Err(damaged.into());
        }
        let field = |at: usize, bytes: usize| number(record, at, bytes).ok_or(damaged);
        let part = |at: usize| field(at, 2).map(|length| length as usize);
        let name_end = ENTRY + part(28)?;
        let extra_end = name_end + part(30)?;
        let end = extra_end + part(32)?;
        let rest = record.get(end..).ok_or(damaged)?;
        let name = std::str::from_utf8(&record[ENTRY..name_end]);
        let name = name.map_err(|_| "the name of an entry is no text")?;
        if field(10, 2)? != 0 {
            let what = format!("its entry {name} is compressed, which torch.save does not do");
            return Err(ZipError::Form(what));
        }
        let (packed, length, local) = (field(20, 4)?, field(24, 4)?, field(42, 4)?);
        let mut wide = wide_fields(&record[name_end..extra_end]);
        let mut wide = |value: u64| match value {
            ELSEWHERE => wide.next().ok_or(damaged),
            value => Ok(value),
        };
        // In this order, and only those that do not fit.
        let (length, packed, local) = (wide(length)?, wide(packed)?, wide(local)?);
        match packed == length {
            true => Ok((Self { name, length, local }, rest)),
            false => Err(ZipError::Form(format!("its entry {name} has two lengths"))),
        }
    }
}

/// The 64-bit numbers of an entry's extra fields.
fn wide_fields(mut extra: &[u8]) -> impl Iterator<Item = u64> {
    let mut found: &[u8] = &[];
    while let (Some(tag), Some(length)) = (number(extra, 0, 2), number(extra, 2, 2)) {
        let Some(field) = extra.get(4..4 + length as usize) else { break };
        if tag as usize == ZIP_64 {
            found = field;
            break;
        }
        extra = &extra[4 + field.len()..];
    }
    found.chunks_exact(8).filter_map(|bytes| number(bytes, 0, 8))
}

/// Where the content of an entry lies: behind its local header, whose fields may have other lengths
/// than those of the directory.
fn extent(file: &WeightsFile, entry: &Entry<'_>) -> Result<Range<u64>, ZipError> {
    let name = entry.name;
    let header_end = entry.local.checked_add(LOCAL).filter(|end| *end <= file.length());
    let header_end =
        header_end.ok_or_else(|| ZipError::Form(format!("its entry {name} is cut off")))?;
    let header = file.bytes(entry.local..header_end)?;
    let lengths = number(&header, 26, 2).zip(number(&header, 28, 2));
    let lengths = lengths.filter(|_| header.starts_with(b"PK\x03\x04"));
    let lengths =
        lengths.ok_or_else(|| ZipError::Form(format!("its entry {name} has no place")))?;
    let start = header_end + lengths.0 + lengths.1;
    let end = start.checked_add(entry.length);
    let end = end.ok_or_else(|| ZipError::Form(format!("its entry {name} is too large")))?;
    match end <= file.length() {
        true => Ok(start..end),
        false => Err(ZipError::File(WeightsError::WrongLength {
            path: file.path().to_owned(),
            found: file.length(),
            expected: end,
        })),
    }
}

/// A little-endian number of up to 8 bytes.
fn number(record: &[u8], at: usize, bytes: usize) -> Option<u64> {
    let bytes = record.get(at..at + bytes)?;
    Some(bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}
