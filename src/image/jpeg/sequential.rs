//! Blocks of sequential scans (`decode_mcu_slow` of `jdhuff.c`).

use super::bits::{Bits, OutOfBytes};
use super::blocks::NATURAL_ORDER;
use super::huffman::Table;
use super::idct::Block;

/// The tables of a component.
pub(super) struct Tables {
    pub(super) dc: Table,
    pub(super) ac: Table,
}

/// Decodes a block into zeros; `mean` is the component's last one.
#[expect(clippy::cast_possible_truncation, reason = "libjpeg keeps coefficients in 16 bits")]
pub(super) fn block(
    bits: &mut Bits<'_>,
    tables: &Tables,
    mean: &mut i32,
    block: &mut Block,
) -> Result<(), OutOfBytes> {
    let length = u32::from(bits.symbol(&tables.dc)?);
    if length > 0 {
        *mean = mean.wrapping_add(bits.signed(length)?);
    }
    block[0] = *mean as i16;
    let mut place = 1;
    while place < 64 {
        let symbol = bits.symbol(&tables.ac)?;
        let (run, length) = (usize::from(symbol >> 4), u32::from(symbol & 0xF));
        match (run, length) {
            (15, 0) => place += 16,
            (_, 0) => break,
            _ => {
                place += run;
                block[NATURAL_ORDER[place]] = bits.signed(length)? as i16;
                place += 1;
            }
        }
    }
    Ok(())
}
