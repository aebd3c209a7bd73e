/*!
`generation_config.json`: what it says of how tokens are chosen, as far as a case does not decide.

Applied are stop tokens, penalties, suppressed tokens and words, and n-grams that may not come again. How
an answer is drawn, searched and how long it may be are the case's decisions; docs/checkpoints.md has
the fate of each field.
*/

use serde::Deserialize;

use super::ModelError;
use super::field_table::names_of;
use super::fields::FieldCheck;
use crate::weights::CheckpointFolder;

/// The file.
pub(super) const NAME: &str = "generation_config.json";

/// The fields that are applied.
pub(super) const READ: &[fn() -> &'static [&'static str]] = &[names_of::<RawGeneration>];

/// The fields that are applied, as the file has them.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct RawGeneration {
    /// Read as a number or a list by [`super::tokenizer`].
    eos_token_id: serde::de::IgnoredAny,
    repetition_penalty: Option<f32>,
    no_repeat_ngram_size: Option<usize>,
    bad_words_ids: Option<Vec<Vec<u32>>>,
    suppress_tokens: Option<Vec<u32>>,
    begin_suppress_tokens: Option<Vec<u32>>,
    min_new_tokens: Option<usize>,
}

/// What a checkpoint asks of every answer.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerationRules {
    /// The repetition penalty of cases that ask for none; 1 changes nothing.
    pub repetition_penalty: f32,
    /// Fewest tokens before a stop token, for cases that do not say.
    pub min_new_tokens: usize,
    /// No run of so many tokens comes twice in prompt and answer; 0 allows all.
    pub no_repeat_ngram: usize,
    /// Runs of tokens that do not come; of one that has begun, the last token.
    pub bad_words: Vec<Vec<u32>>,
    /// Tokens that never come.
    pub suppressed: Vec<u32>,
    /// Tokens that do not come first.
    pub suppressed_first: Vec<u32>,
}

impl Default for GenerationRules {
    fn default() -> Self {
        Self {
            repetition_penalty: 1.0,
            min_new_tokens: 0,
            no_repeat_ngram: 0,
            bad_words: Vec::new(),
            suppressed: Vec::new(),
            suppressed_first: Vec::new(),
        }
    }
}

impl GenerationRules {
    /// Reads the folder's file, if it has one.
    pub(super) fn load(folder: &CheckpointFolder) -> Result<Self, ModelError> {
        let raw: RawGeneration = folder.optional_json(NAME)?.unwrap_or_default();
        let check = FieldCheck::new(folder.path().join(NAME));
        let repetition_penalty = raw.repetition_penalty.unwrap_or(1.0);
        check.that(repetition_penalty.is_finite() && repetition_penalty > 0.0, || {
            ("repetition_penalty", repetition_penalty.to_string(), "a number above 0".to_owned())
        })?;
        let bad_words = raw.bad_words_ids.unwrap_or_default();
        check.that(bad_words.iter().all(|word| !word.is_empty()), || {
            ("bad_words_ids", "a list with an empty list".to_owned(), "lists of ids".to_owned())
        })?;
        Ok(Self {
            repetition_penalty,
            min_new_tokens: raw.min_new_tokens.unwrap_or(0),
            no_repeat_ngram: raw.no_repeat_ngram_size.unwrap_or(0),
            bad_words,
            suppressed: raw.suppress_tokens.unwrap_or_default(),
            suppressed_first: raw.begin_suppress_tokens.unwrap_or_default(),
        })
    }

    /// Whether tokens are free beside penalty and length, which options have too.
    pub fn leave_tokens_free(&self) -> bool {
        let Self { no_repeat_ngram, bad_words, suppressed, suppressed_first, .. } = self;
        *no_repeat_ngram == 0
            && bad_words.is_empty()
            && suppressed.is_empty()
            && suppressed_first.is_empty()
    }

    /// The tokens that may not come next, behind `seen` ids of prompt and answer, `generated` of
    /// which are the answer's (huggingface/transformers v4.57.3 `generation/logits_process.py`).
    pub fn forbidden(&self, seen: &[u32], generated: usize, stop_tokens: &[u32]) -> Vec<u32> {
        let first = if generated == 0 { self.suppressed_first.as_slice() } else { &[] };
        let mut forbidden = self.repeating(seen);
        forbidden.extend(self.finishing(seen, stop_tokens));
        forbidden.extend(self.suppressed.iter().chain(first));
        forbidden
    }

    /// Tokens by which an n-gram would come again (`NoRepeatNGramLogitsProcessor`).
    fn repeating(&self, seen: &[u32]) -> Vec<u32> {
        let size = self.no_repeat_ngram;
        if size == 0 || seen.len() + 1 < size {
            return Vec::new();
        }
        let begun = &seen[seen.len() + 1 - size..];
        let again = seen.windows(size).filter(|ngram| ngram[..size - 1] == *begun);
        again.map(|ngram| ngram[size - 1]).collect()
    }

    /// Tokens by which a bad word would end (`NoBadWordsLogitsProcessor`); a stop token alone is none.
    fn finishing(&self, seen: &[u32], stop_tokens: &[u32]) -> impl Iterator<Item = u32> {
        self.bad_words.iter().filter_map(move |word| {
            let (last, begun) = word.split_last()?;
            let is_stop = begun.is_empty() && stop_tokens.contains(last);
            let fits = begun.is_empty() || word.len() <= seen.len();
            (!is_stop && fits && seen.ends_with(begun)).then_some(*last)
        })
    }
}
