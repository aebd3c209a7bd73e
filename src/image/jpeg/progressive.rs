//! Blocks of progressive scans (`jdphuff.c`).

use super::JpegError;
use super::bits::{Bits, OutOfBytes};
use super::blocks::NATURAL_ORDER;
use super::huffman::Table;
use super::idct::Block;
use super::markers::Scan;

/// Coefficients whose precision decides whether libjpeg smooths (`SAVED_COEFS` of `jdcoefct.h`).
const SMOOTHED: usize = 10;

/// What of a component's coefficients has been read: bits that are missing; -1 if all are.
pub(super) type Missing = [i32; 64];

/// Refuses a scan that no progression has.
pub(super) fn check(scan: &Scan) -> Result<(), JpegError> {
    let Scan { offset, first, last, high, low, .. } = *scan;
    let band = match first {
        0 => last == 0,
        _ => first <= last && last < 64 && scan.parts.len() == 1,
    };
    match band && (high == 0 || low + 1 == high) && low <= 13 {
        true => Ok(()),
        false => Err(JpegError::Damaged { offset, found: "a scan that fits no progression" }),
    }
}

/// Notes what a scan brings.
pub(super) fn note(scan: &Scan, missing: &mut [Missing]) {
    for part in &scan.parts {
        missing[part.component][scan.first..=scan.last].fill(scan.low.cast_signed());
    }
}

/// Whether libjpeg would guess coefficients: `smoothing_ok` of `jdcoefct.c`.
pub(super) fn needs_guesses(missing: &[Missing]) -> bool {
    missing.iter().all(|missing| missing[0] >= 0)
        && missing.iter().any(|missing| missing[1..SMOOTHED].iter().any(|bits| *bits != 0))
}

/// The first bits of a block's mean.
#[expect(clippy::cast_possible_truncation, reason = "libjpeg keeps coefficients in 16 bits")]
pub(super) fn first_mean(
    bits: &mut Bits<'_>,
    table: &Table,
    scan: &Scan,
    mean: &mut i32,
    block: &mut Block,
) -> Result<(), OutOfBytes> {
    let length = u32::from(bits.symbol(table)?);
    if length > 0 {
        *mean = mean.wrapping_add(bits.signed(length)?);
    }
    block[0] = (*mean << scan.low) as i16;
    Ok(())
}

/// One more bit of a block's mean.
pub(super) fn next_mean(
    bits: &mut Bits<'_>,
    scan: &Scan,
    block: &mut Block,
) -> Result<(), OutOfBytes> {
    if bits.number(1)? == 1 {
        block[0] |= 1 << scan.low;
    }
    Ok(())
}

/// The first bits of a band of coefficients; `run` counts blocks without any.
#[expect(clippy::cast_possible_truncation, reason = "libjpeg keeps coefficients in 16 bits")]
pub(super) fn first_band(
    bits: &mut Bits<'_>,
    table: &Table,
    scan: &Scan,
    run: &mut u32,
    block: &mut Block,
) -> Result<(), OutOfBytes> {
    if *run > 0 {
        *run -= 1;
        return Ok(());
    }
    let mut place = scan.first;
    while place <= scan.last {
        let symbol = bits.symbol(table)?;
        let (zeros, length) = (u32::from(symbol >> 4), u32::from(symbol & 0xF));
        match (zeros, length) {
            (15, 0) => place += 16,
            (zeros, 0) => {
                *run = empty_blocks(bits, zeros)? - 1;
                break;
            }
            _ => {
                place += zeros as usize;
                block[NATURAL_ORDER[place]] = (bits.signed(length)? << scan.low) as i16;
                place += 1;
            }
        }
    }
    Ok(())
}

/// How many blocks have nothing more, this one included.
fn empty_blocks(bits: &mut Bits<'_>, length: u32) -> Result<u32, OutOfBytes> {
    let more = if length > 0 { bits.number(length)? } else { 0 };
    Ok((1 << length) + more)
}

/// One more bit of a band of coefficients.
pub(super) fn next_band(
    bits: &mut Bits<'_>,
    table: &Table,
    scan: &Scan,
    run: &mut u32,
    block: &mut Block,
) -> Result<(), OutOfBytes> {
    let mut place = scan.first;
    if *run == 0 {
        while place <= scan.last {
            let symbol = bits.symbol(table)?;
            let (zeros, length) = (u32::from(symbol >> 4), symbol & 0xF);
            let fresh = match (zeros, length) {
                (15, 0) => 0,
                (zeros, 0) => {
                    *run = empty_blocks(bits, zeros)?;
                    break;
                }
                // Lengths other than 1 are damage, and pass.
                _ if bits.number(1)? == 1 => 1 << scan.low,
                _ => -1 << scan.low,
            };
            place = refine(bits, scan, block, place, Some(zeros))?;
            if fresh != 0 {
                block[NATURAL_ORDER[place]] = fresh;
            }
            place += 1;
        }
    }
    if *run > 0 {
        refine(bits, scan, block, place, None)?;
        *run -= 1;
    }
    Ok(())
}

/// Refines what is not zero, over as many zeros as are to be skipped (all if none is said), and gives the place
/// of the zero behind them.
fn refine(
    bits: &mut Bits<'_>,
    scan: &Scan,
    block: &mut Block,
    mut place: usize,
    mut zeros: Option<u32>,
) -> Result<usize, OutOfBytes> {
    let one = 1_i16 << scan.low;
    while place <= scan.last {
        let coefficient = &mut block[NATURAL_ORDER[place]];
        if *coefficient == 0 {
            match &mut zeros {
                Some(0) => break,
                Some(zeros) => *zeros -= 1,
                None => {}
            }
        } else if bits.number(1)? == 1 && *coefficient & one == 0 {
            let step = if *coefficient > 0 { one } else { -one };
            *coefficient = coefficient.wrapping_add(step);
        }
        place += 1;
    }
    Ok(place)
}
