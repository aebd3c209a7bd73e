/*!
The ids of all n-grams of a corpus, and in how many documents each occurs.

Owns one open-addressing table. Its entries hold what is needed when an n-gram is met, next to each
other, because the time of a large corpus goes into waiting for memory. Must not know any metric.
*/

/// Id of the n-gram without words, the prefix of all single words.
pub(super) const NO_WORDS: u32 = u32::MAX;

const EMPTY: u32 = u32::MAX;

#[derive(Debug, Clone, Copy)]
struct Entry {
    /// The id of all words but the last.
    prefix: u32,
    word: u32,
    /// Number of documents with the n-gram.
    frequency: u32,
    /// The last of them, plus one.
    last_document: u32,
}

/// Ids and document frequencies.
#[derive(Debug)]
pub(super) struct NgramTable {
    entries: Vec<Entry>,
    slots: Vec<u32>,
}

/// Where an n-gram is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In a candidate, or in a reference that is no document: it gets an id but no count.
    Uncounted,
    /// In a reference of the document at this position.
    Reference(u32),
}

impl NgramTable {
    pub(super) fn new() -> Self {
        Self { entries: Vec::new(), slots: vec![EMPTY; 1 << 12] }
    }

    /// Appends the ids of n-grams that are one word longer than their prefixes.
    ///
    /// The first look at the table is taken for all of them before any is entered: the looks do not
    /// wait for each other, and most end there.
    pub(super) fn meet_all(
        &mut self,
        keys: impl ExactSizeIterator<Item = (u32, u32)> + Clone,
        place: Place,
        ids: &mut Vec<u32>,
    ) {
        self.reserve(keys.len());
        let start = ids.len();
        let mask = self.slots.len() - 1;
        ids.extend(keys.clone().map(|(prefix, word)| self.slots[hash(prefix, word) & mask]));
        for (id, (prefix, word)) in ids[start..].iter_mut().zip(keys) {
            if !self.is(*id, prefix, word) {
                *id = self.enter(prefix, word);
            }
            if let Place::Reference(document) = place {
                let entry = &mut self.entries[*id as usize];
                entry.frequency += u32::from(entry.last_document != document + 1);
                entry.last_document = document + 1;
            }
        }
    }

    fn is(&self, id: u32, prefix: u32, word: u32) -> bool {
        let entry = self.entries.get(id as usize);
        entry.is_some_and(|entry| entry.prefix == prefix && entry.word == word)
    }

    /// The id of an n-gram, a new one if it was never met.
    fn enter(&mut self, prefix: u32, word: u32) -> u32 {
        let mask = self.slots.len() - 1;
        let mut slot = hash(prefix, word) & mask;
        while self.slots[slot] != EMPTY {
            if self.is(self.slots[slot], prefix, word) {
                return self.slots[slot];
            }
            slot = (slot + 1) & mask;
        }
        let id = self.entries.len() as u32;
        self.slots[slot] = id;
        self.entries.push(Entry { prefix, word, frequency: 0, last_document: 0 });
        id
    }

    /// Keeps the table at most half full.
    fn reserve(&mut self, more: usize) {
        while (self.entries.len() + more) * 2 > self.slots.len() {
            self.grow();
        }
    }

    /// The document frequencies, by id.
    pub(super) fn into_frequencies(self) -> Vec<u32> {
        drop(self.slots);
        self.entries.into_iter().map(|entry| entry.frequency).collect()
    }

    fn grow(&mut self) {
        let size = self.slots.len() * 4;
        self.slots.clear();
        self.slots.resize(size, EMPTY);
        for (id, entry) in self.entries.iter().enumerate() {
            let mut slot = hash(entry.prefix, entry.word) & (size - 1);
            while self.slots[slot] != EMPTY {
                slot = (slot + 1) & (size - 1);
            }
            self.slots[slot] = id as u32;
        }
    }
}

fn hash(prefix: u32, word: u32) -> usize {
    let key = u64::from(prefix) << 32 | u64::from(word);
    let mixed = key.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ mixed >> 32) as usize
}
