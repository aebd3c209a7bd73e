/*!
Captions as numbers: every word and every run of up to four words has an id, so that the metrics
compare integers.

Owns interning; must not know any metric.
*/

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;

use super::ngram_table::{NO_WORDS, NgramTable, Place};
use crate::score::python_text;

/// The longest run of words that BLEU and CIDEr count.
pub(super) const MAX_ORDER: usize = 4;

/// A tokenized caption to be scored, and the captions it is compared with.
#[derive(Debug, Clone, Copy)]
pub struct TokenizedItem<'t> {
    /// The caption to be scored: tokens joined by single spaces.
    pub candidate: &'t str,
    /// What people wrote, in the same form.
    pub references: &'t [String],
}

/// Tokenized captions, ready to be scored by [`bleu`](super::bleu), [`rouge_l`](super::rouge_l) and
/// [`cider`](super::cider).
#[derive(Debug, Default)]
pub struct CaptionCorpus {
    captions: Vec<InternedCaption>,
    /// Index into `captions` of each item's candidate; its references follow it.
    items: Vec<Range<usize>>,
    words: Vec<u32>,
    ngrams: Vec<u32>,
    /// In how many documents each n-gram occurs.
    frequencies: Vec<u32>,
    /// Number of documents: the references of one image are one.
    documents: usize,
}

#[derive(Debug, Clone, Copy)]
struct InternedCaption {
    /// Start and number of the words between single spaces: ROUGE's tokens.
    words: (u32, u32),
    /// Start of the n-grams: all single words, then all pairs, and so on.
    ngrams: u32,
    /// Number of words between any white space: the tokens of BLEU and CIDEr.
    length: u32,
}

/// One caption of a corpus.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caption<'c> {
    /// Word ids as ROUGE splits them.
    pub(super) words: &'c [u32],
    /// Number of words as BLEU and CIDEr split them.
    pub(super) length: usize,
    ngrams: &'c [u32],
}

impl<'c> Caption<'c> {
    /// The ids of all runs of `order` words, in order and with repetitions.
    pub(super) fn ngrams(&self, order: usize) -> &'c [u32] {
        let start: usize = (1..order).map(|shorter| count_of(self.length, shorter)).sum();
        &self.ngrams[start..start + count_of(self.length, order)]
    }
}

fn count_of(length: usize, order: usize) -> usize {
    (length + 1).saturating_sub(order)
}

/// A candidate and its references.
pub(super) struct Item<'c> {
    pub(super) candidate: Caption<'c>,
    corpus: &'c CaptionCorpus,
    references: Range<usize>,
}

impl<'c> Item<'c> {
    pub(super) fn references(&self) -> impl ExactSizeIterator<Item = Caption<'c>> + use<'c> {
        let corpus = self.corpus;
        self.references.clone().map(move |index| corpus.caption(index))
    }
}

impl CaptionCorpus {
    /// Takes in the captions of all items, whose references are the documents that CIDEr counts.
    pub fn new<'t>(items: impl IntoIterator<Item = TokenizedItem<'t>>) -> Self {
        let mut interner = Interner::new();
        for item in items {
            let document = interner.corpus.items.len() as u32;
            interner.push(item, Place::Reference(document));
        }
        let documents = interner.corpus.items.len();
        interner.finish(documents)
    }

    /// The same with other documents: the references of a larger set, as in the reference's
    /// `coco-val-df` mode (all of val2014, whatever part of it is scored).
    pub fn with_documents<'t>(
        items: impl IntoIterator<Item = TokenizedItem<'t>>,
        documents: impl IntoIterator<Item = &'t [String]>,
    ) -> Self {
        let mut interner = Interner::new();
        let mut count = 0;
        for document in documents {
            interner.count_document(document, Place::Reference(count as u32));
            count += 1;
        }
        for item in items {
            interner.push(item, Place::Uncounted);
        }
        interner.finish(count)
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is nothing to score.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) fn items(&self) -> impl Iterator<Item = Item<'_>> {
        self.items.iter().map(|range| Item {
            candidate: self.caption(range.start),
            corpus: self,
            references: range.start + 1..range.end,
        })
    }

    /// Number of documents that CIDEr counts.
    pub(super) fn documents(&self) -> usize {
        self.documents
    }

    /// In how many documents an n-gram occurs.
    pub(super) fn frequency(&self, ngram: u32) -> usize {
        self.frequencies[ngram as usize] as usize
    }

    fn caption(&self, index: usize) -> Caption<'_> {
        let InternedCaption { words: (start, count), ngrams, length } = self.captions[index];
        let (start, count, ngrams) = (start as usize, count as usize, ngrams as usize);
        let length = length as usize;
        let total: usize = (1..=MAX_ORDER).map(|order| count_of(length, order)).sum();
        Caption {
            words: &self.words[start..start + count],
            length,
            ngrams: &self.ngrams[ngrams..ngrams + total],
        }
    }
}

struct Interner {
    corpus: CaptionCorpus,
    word_ids: HashMap<Box<str>, u32, BuildHasherDefault<MultiplyHasher>>,
    ngrams: NgramTable,
    /// The words of the caption at hand.
    scratch: Vec<u32>,
    /// Its n-grams, of the length before.
    prefixes: Vec<u32>,
}

impl Interner {
    fn new() -> Self {
        Self {
            corpus: CaptionCorpus::default(),
            word_ids: HashMap::default(),
            ngrams: NgramTable::new(),
            scratch: Vec::new(),
            prefixes: Vec::new(),
        }
    }

    fn push(&mut self, item: TokenizedItem<'_>, place: Place) {
        let start = self.corpus.captions.len();
        self.push_caption(item.candidate, Place::Uncounted);
        for reference in item.references {
            self.push_caption(reference, place);
        }
        self.corpus.items.push(start..self.corpus.captions.len());
    }

    /// Counts n-grams without keeping the captions.
    fn count_document(&mut self, captions: &[String], place: Place) {
        for caption in captions {
            self.push_caption(caption, place);
        }
        self.corpus.captions.clear();
        self.corpus.words.clear();
        self.corpus.ngrams.clear();
    }

    fn finish(self, documents: usize) -> CaptionCorpus {
        CaptionCorpus { frequencies: self.ngrams.into_frequencies(), documents, ..self.corpus }
    }

    fn push_caption(&mut self, caption: &str, place: Place) {
        let start = self.corpus.words.len();
        for word in caption.split(' ') {
            let id = self.word_id(word);
            self.corpus.words.push(id);
        }
        let count = self.corpus.words.len() - start;
        self.scratch.clear();
        if has_only_single_spaces(caption) {
            self.scratch.extend_from_slice(&self.corpus.words[start..]);
        } else {
            for word in python_text::words(caption) {
                let id = self.word_id(word);
                self.scratch.push(id);
            }
        }
        let interned = InternedCaption {
            words: (start as u32, count as u32),
            ngrams: self.corpus.ngrams.len() as u32,
            length: self.scratch.len() as u32,
        };
        self.push_ngrams(place);
        self.corpus.captions.push(interned);
    }

    fn word_id(&mut self, word: &str) -> u32 {
        if let Some(id) = self.word_ids.get(word) {
            return *id;
        }
        let id = self.word_ids.len() as u32;
        self.word_ids.insert(word.into(), id);
        id
    }

    /// An n-gram is the n-gram one shorter that starts at the same word, and one word more.
    fn push_ngrams(&mut self, place: Place) {
        let words = &self.scratch;
        let ids = &mut self.corpus.ngrams;
        self.prefixes.clear();
        self.prefixes.resize(words.len(), NO_WORDS);
        for order in 1..=MAX_ORDER {
            let count = count_of(words.len(), order);
            let start = ids.len();
            let last_words = &words[words.len() - count..];
            let keys = self.prefixes[..count].iter().copied().zip(last_words.iter().copied());
            self.ngrams.meet_all(keys, place, ids);
            self.prefixes.clear();
            self.prefixes.extend_from_slice(&ids[start..]);
        }
    }
}

/// Whether splitting at each space and splitting at white space give the same words.
fn has_only_single_spaces(caption: &str) -> bool {
    let mut before = b' ';
    for byte in caption.bytes() {
        if !byte.is_ascii() || byte.is_ascii_control() || (byte == b' ' && before == b' ') {
            return false;
        }
        before = byte;
    }
    before != b' '
}

/// A fast hasher for keys that no adversary chose to collide.
#[derive(Default)]
struct MultiplyHasher(u64);

impl MultiplyHasher {
    fn mix(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(0x517C_C1B7_2722_0A95);
    }
}

impl Hasher for MultiplyHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (chunks, tail) = bytes.as_chunks::<8>();
        for chunk in chunks {
            self.mix(u64::from_le_bytes(*chunk));
        }
        let last = tail.iter().fold(1, |value, byte| value << 8 | u64::from(*byte));
        self.mix(last);
    }

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}
