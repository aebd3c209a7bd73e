//! Huffman tables, checked as libjpeg checks them (`jpeg_make_d_derived_tbl` of `jdhuff.c`).

/// Bits that are looked up at once.
pub(super) const LOOKAHEAD: u32 = 8;

/// What a table's symbols stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Lengths of differences of mean levels, at most 15.
    Dc,
    /// Runs and lengths.
    Ac,
}

/// A table as the file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Definition {
    /// How many codes there are of each length, from 1.
    pub(super) counts: [u8; 16],
    pub(super) symbols: Vec<u8>,
}

/// A table to decode with.
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// Length and symbol by the next eight bits; length 0 if the code is longer.
    lookup: [(u8, u8); 1 << LOOKAHEAD],
    /// The largest code of each length, -1 if there is none; beyond 16 everything is a code.
    largest: [i64; 18],
    /// What is added to a code of each length for the place of its symbol.
    offsets: [i64; 18],
    symbols: Vec<u8>,
}

impl Table {
    /// None if there are more codes than there can be, or a length that no level has.
    pub(super) fn new(definition: &Definition, class: Class) -> Option<Self> {
        let Definition { counts, symbols } = definition;
        if class == Class::Dc && symbols.iter().any(|symbol| *symbol > 15) {
            return None;
        }
        let mut table = Self {
            lookup: [(0, 0); 1 << LOOKAHEAD],
            largest: [-1; 18],
            offsets: [0; 18],
            symbols: symbols.clone(),
        };
        let (mut code, mut place) = (0_i64, 0_usize);
        for (length, count) in (1..=16_usize).zip(counts) {
            let count = usize::from(*count);
            table.offsets[length] = place as i64 - code;
            for symbol in symbols.get(place..place + count)? {
                table.enter(code, length, *symbol);
                code += 1;
            }
            // The code that is all ones is no code.
            if code >= 1 << length {
                return None;
            }
            if count > 0 {
                table.largest[length] = code - 1;
            }
            place += count;
            code <<= 1;
        }
        table.largest[17] = i64::MAX;
        Some(table)
    }

    fn enter(&mut self, code: i64, length: usize, symbol: u8) {
        let Some(spare) = (LOOKAHEAD as usize).checked_sub(length) else { return };
        let first = (code as usize) << spare;
        let entries = self.lookup.iter_mut().skip(first).take(1 << spare);
        entries.for_each(|entry| *entry = (length as u8, symbol));
    }

    /// Length and symbol of the code that eight bits begin with; length 0 if it is longer.
    #[inline]
    pub(super) fn short(&self, bits: u32) -> (u32, u8) {
        let (length, symbol) = self.lookup[(bits & 0xFF) as usize];
        (u32::from(length), symbol)
    }

    /// Whether a code of this length ends here.
    pub(super) fn has(&self, code: u32, length: u32) -> bool {
        i64::from(code) <= self.largest[length.min(17) as usize]
    }

    /// The symbol of a code of this length; 0 beyond 16.
    pub(super) fn long(&self, code: u32, length: u32) -> u8 {
        if length > 16 {
            return 0;
        }
        let place = i64::from(code) + self.offsets[length as usize];
        usize::try_from(place).ok().and_then(|place| self.symbols.get(place)).copied().unwrap_or(0)
    }
}
