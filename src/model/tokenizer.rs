//! The tokenizer of a checkpoint: text to ids and back, and the ids that end an answer.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;
use tokenizers::Tokenizer;

use super::ModelError;
use super::sentencepiece::{self, PrefixSpace};
use super::tokenizer_limits;
use crate::weights::CheckpointFolder;

const FAST: &str = "tokenizer.json";
const SENTENCEPIECE: &str = "tokenizer.model";

/// The tokenizer and the stop tokens that go with it.
pub struct TextTokenizer {
    path: PathBuf,
    tokenizer: Tokenizer,
    stop_tokens: Vec<u32>,
}

impl TextTokenizer {
    /// Reads `tokenizer.json` or else Llama's `tokenizer.model`, and the stop tokens from
    /// `generation_config.json` or else `config.json`.
    pub fn load(folder: &CheckpointFolder) -> Result<Self, ModelError> {
        if folder.optional(FAST).is_none() && folder.optional(SENTENCEPIECE).is_some() {
            return Self::load_sentencepiece(folder, prefix_space(folder)?);
        }
        let tokenizer = Self::without_stop_tokens(folder, FAST)?;
        Ok(Self { stop_tokens: stop_tokens(folder)?, ..tokenizer })
    }

    /// Reads a tokenizer that no answer is written with; `name` is its file in the folder.
    pub fn without_stop_tokens(folder: &CheckpointFolder, name: &str) -> Result<Self, ModelError> {
        let path = folder.required(name, "the fast tokenizer")?;
        let text = folder.required_text(name, "the fast tokenizer")?;
        let checked = tokenizer_limits::check(text.as_bytes());
        let tokenizer =
            checked.and_then(|()| Tokenizer::from_bytes(text).map_err(|error| error.to_string()));
        Self::new(path, tokenizer)
    }

    /// Reads Llama's `tokenizer.model` whether or not there is a `tokenizer.json`, and the stop
    /// tokens.
    pub(super) fn load_sentencepiece(
        folder: &CheckpointFolder,
        prefix: PrefixSpace,
    ) -> Result<Self, ModelError> {
        let path = folder.required(SENTENCEPIECE, "the sentencepiece tokenizer")?;
        let content = folder.required_bytes(SENTENCEPIECE, "the sentencepiece tokenizer")?;
        let tokenizer = Self::new(path, sentencepiece::tokenizer(&content, prefix))?;
        Ok(Self { stop_tokens: stop_tokens(folder)?, ..tokenizer })
    }

    fn new(path: PathBuf, parsed: Result<Tokenizer, String>) -> Result<Self, ModelError> {
        let mut tokenizer = parsed.map_err(|error| ModelError::Tokenizer {
            path: path.clone(),
            message: format!("not a tokenizer: {error}"),
        })?;
        // A file saved during training may cut or fill up prompts.
        let untouched = tokenizer.with_truncation(None).is_ok();
        debug_assert!(untouched, "taking a setting away cannot fail");
        tokenizer.with_padding(None);
        Ok(Self { path, tokenizer, stop_tokens: Vec::new() })
    }

    /// Ids of `text`; special tokens written out in it become their ids, and the tokenizer's own
    /// ones (such as a leading BOS) are added.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        self.ids(text, true)
    }

    /// Ids of a `text` that goes on from others: the same without the tokenizer's own ones.
    pub fn encode_inner(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        self.ids(text, false)
    }

    fn ids(&self, text: &str, add_special_tokens: bool) -> Result<Vec<u32>, ModelError> {
        let encoding = self.tokenizer.encode_fast(text, add_special_tokens);
        encoding
            .map(|encoding| encoding.get_ids().to_vec())
            .map_err(|error| self.error(format!("cannot tokenise the prompt: {error}")))
    }

    /// Text of `ids`, special tokens left out.
    pub fn decode(&self, ids: &[u32]) -> Result<String, ModelError> {
        let text = self.tokenizer.decode(ids, true);
        text.map_err(|error| self.error(format!("cannot decode the answer: {error}")))
    }

    /// The id of a token that the family relies on.
    pub fn id_of(&self, token: &str) -> Result<u32, ModelError> {
        self.tokenizer
            .token_to_id(token)
            .ok_or_else(|| self.error(format!("token `{token}` is missing")))
    }

    /// The id of a token, if the tokenizer has it.
    pub fn find(&self, token: &str) -> Option<u32> {
        self.tokenizer.token_to_id(token)
    }

    /// Number of tokens, added ones included: the id that the next added one gets.
    pub fn size(&self) -> usize {
        self.tokenizer.get_vocab_size(true)
    }

    /// The token of an id.
    pub fn token_of(&self, id: u32) -> Result<String, ModelError> {
        self.tokenizer
            .id_to_token(id)
            .ok_or_else(|| self.error(format!("there is no token of id {id}")))
    }

    /// Ids that end an answer.
    pub fn stop_tokens(&self) -> &[u32] {
        &self.stop_tokens
    }

    fn error(&self, message: String) -> ModelError {
        ModelError::Tokenizer { path: self.path.clone(), message }
    }
}

/// What `legacy` of `tokenizer_config.json` means, with the default of transformers v4.57.3
/// (`models/llama/tokenization_llama.py`).
fn prefix_space(folder: &CheckpointFolder) -> Result<PrefixSpace, ModelError> {
    let config: Option<TokenizerConfig> = folder.optional_json("tokenizer_config.json")?;
    Ok(match config.and_then(|config| config.legacy) {
        Some(false) => PrefixSpace::FirstPiece,
        Some(true) | None => PrefixSpace::EachPiece,
    })
}

#[derive(Deserialize)]
struct TokenizerConfig {
    legacy: Option<bool>,
}

/// `eos_token_id` of the first file that has one: a number or a list of numbers.
fn stop_tokens(folder: &CheckpointFolder) -> Result<Vec<u32>, ModelError> {
    for (name, pointer) in [
        ("generation_config.json", "/eos_token_id"),
        ("config.json", "/eos_token_id"),
        ("config.json", "/text_config/eos_token_id"),
    ] {
        let config: Option<Value> = folder.optional_json(name)?;
        let entry = config.as_ref().and_then(|config| config.pointer(pointer));
        if let Some(entry) = entry.filter(|entry| !entry.is_null()) {
            return token_ids(entry).ok_or_else(|| ModelError::Config {
                path: folder.path().join(name),
                field: pointer.trim_start_matches('/').replace('/', "."),
                found: entry.to_string(),
                expected: "a token id or a list of token ids".to_owned(),
            });
        }
    }
    Ok(Vec::new())
}

fn token_ids(entry: &Value) -> Option<Vec<u32>> {
    let id = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok());
    match entry.as_array() {
        Some(ids) => ids.iter().map(id).collect(),
        None => id(entry).map(|id| vec![id]),
    }
}
