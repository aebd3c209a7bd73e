/*!
How often each n-gram occurs in one caption, in the order of first occurrence: the insertion order
of the references' dictionaries, on which the order of their sums rests.

Owns a small table that is filled again for every caption; must not know any metric.
*/

/// Counts of the n-grams of one caption and one length.
#[derive(Debug, Default)]
pub(super) struct NgramCounts {
    entries: Vec<(u32, u32)>,
    /// Open addressing: index into `entries` plus one, or 0.
    slots: Vec<u32>,
}

impl NgramCounts {
    /// Forgets the last caption and counts `ngrams`.
    pub(super) fn fill(&mut self, ngrams: &[u32]) {
        let size = (ngrams.len() * 2 + 1).next_power_of_two();
        self.entries.clear();
        self.slots.clear();
        self.slots.resize(size, 0);
        for ngram in ngrams {
            let slot = self.slot(*ngram);
            match self.slots[slot] {
                0 => {
                    self.entries.push((*ngram, 1));
                    self.slots[slot] = self.entries.len() as u32;
                }
                index => self.entries[index as usize - 1].1 += 1,
            }
        }
    }

    /// Each n-gram with its count.
    pub(super) fn entries(&self) -> &[(u32, u32)] {
        &self.entries
    }

    /// How often an n-gram occurs.
    pub(super) fn count(&self, ngram: u32) -> u32 {
        if self.slots.is_empty() {
            return 0;
        }
        match self.slots[self.slot(ngram)] {
            0 => 0,
            index => self.entries[index as usize - 1].1,
        }
    }

    /// Where an n-gram is, or would be.
    fn slot(&self, ngram: u32) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = (ngram.wrapping_mul(0x9E37_79B9) >> 7) as usize & mask;
        loop {
            match self.slots[slot] {
                0 => return slot,
                index if self.entries[index as usize - 1].0 == ngram => return slot,
                _ => slot = (slot + 1) & mask,
            }
        }
    }
}
