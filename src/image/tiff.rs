//! The orientation in an EXIF block, which is a small TIFF file: tag 274 of its first directory.
//!
//! Read as Pillow reads it (`Image.Exif.load` and `ImageFileDirectory_v2.load`, 12.0): what is cut off or of
//! an unknown type is passed over, of several values the first counts, the last entry wins.

/// EXIF's tag of the orientation.
const ORIENTATION: u16 = 274;
/// What JPEG writes before the block, and others do by mistake.
const PREFIX: &[u8] = b"Exif\0\0";
const ENTRY_BYTES: usize = 12;

#[derive(Debug, Clone, Copy)]
enum Order {
    Little,
    Big,
}

/// The orientation's value, if there is one that is a whole number.
pub(super) fn orientation(mut block: &[u8]) -> Option<u32> {
    while let Some(rest) = block.strip_prefix(PREFIX) {
        block = rest;
    }
    let order = match block.get(..4)? {
        b"II*\0" | b"II\0*" => Order::Little,
        b"MM\0*" | b"MM*\0" => Order::Big,
        _ => return None,
    };
    let block = Block { bytes: block, order };
    let start = block.u32(4)? as usize;
    let count = usize::from(block.u16(start)?);
    let entries = (0..count).map_while(|index| {
        let at = start.checked_add(2 + ENTRY_BYTES * index)?;
        block.bytes.get(at..at.checked_add(ENTRY_BYTES)?).map(|_| at)
    });
    let ours = entries.filter(|at| block.u16(*at) == Some(ORIENTATION));
    ours.filter_map(|at| block.value(at)).last()
}

struct Block<'b> {
    bytes: &'b [u8],
    order: Order,
}

impl Block<'_> {
    fn u16(&self, at: usize) -> Option<u16> {
        let bytes = self.bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(match self.order {
            Order::Little => u16::from_le_bytes(bytes),
            Order::Big => u16::from_be_bytes(bytes),
        })
    }

    fn u32(&self, at: usize) -> Option<u32> {
        let bytes = self.bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(match self.order {
            Order::Little => u32::from_le_bytes(bytes),
            Order::Big => u32::from_be_bytes(bytes),
        })
    }

    /// The first value of the entry at this place.
    fn value(&self, at: usize) -> Option<u32> {
        let (kind, count) = (self.u16(at + 2)?, self.u32(at + 4)? as usize);
        // Types of TIFF 6.0: SHORT, LONG, SSHORT, SLONG, IFD, and the two RATIONAL.
        let size = match kind {
            3 | 8 => 2,
            4 | 9 | 13 => 4,
            5 | 10 => 8,
            _ => return None,
        };
        let bytes = count.checked_mul(size).filter(|bytes| *bytes > 0)?;
        let place = if bytes <= 4 { at + 8 } else { self.u32(at + 8)? as usize };
        self.bytes.get(place..place.checked_add(bytes)?)?;
        match size {
            2 => self.u16(place).map(u32::from),
            4 => self.u32(place),
            _ => {
                let (upper, lower) = (self.u32(place)?, self.u32(place + 4)?);
                (lower != 0 && upper % lower == 0).then(|| upper / lower)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block with one entry, written by hand after TIFF 6.0.
    fn block(order: &[u8; 2], kind: u16, count: u32, value: [u8; 4]) -> Vec<u8> {
        let little = order == b"II";
        let two = |value: u16| if little { value.to_le_bytes() } else { value.to_be_bytes() };
        let four = |value: u32| if little { value.to_le_bytes() } else { value.to_be_bytes() };
        [
            order.as_slice(),
            &two(42),
            &four(8),
            &two(1),
            &two(ORIENTATION),
            &two(kind),
            &four(count),
            &value,
            &four(0),
        ]
        .concat()
    }

    #[test]
    fn both_orders_of_bytes_are_read() {
        assert_eq!(orientation(&block(b"II", 3, 1, [6, 0, 0, 0])), Some(6));
        assert_eq!(orientation(&block(b"MM", 3, 1, [0, 6, 0, 0])), Some(6));
        assert_eq!(orientation(&block(b"MM", 4, 1, [0, 0, 0, 8])), Some(8));
        let prefixed = [PREFIX, PREFIX, &block(b"II", 3, 2, [3, 0, 9, 0])].concat();
        assert_eq!(orientation(&prefixed), Some(3));
    }

    #[test]
    fn damage_is_no_orientation() {
        let whole = block(b"II", 3, 1, [6, 0, 0, 0]);
        for length in 0..20 {
            assert_eq!(orientation(&whole[..length]), None, "{length}");
        }
        // Bytes, no values, and an offset beyond the block.
        assert_eq!(orientation(&block(b"II", 1, 1, [6, 0, 0, 0])), None);
        assert_eq!(orientation(&block(b"II", 3, 0, [6, 0, 0, 0])), None);
        assert_eq!(orientation(&block(b"II", 3, u32::MAX, [255; 4])), None);
    }
}
