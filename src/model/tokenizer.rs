//! The tokenizer of a checkpoint: text to ids and back, and the ids that end an answer.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tokenizers::Tokenizer;

use super::sentencepiece::{self, PrefixSpace};
use super::tokenizer_config::{Around, TokenizerConfig};
use super::{GenerationRules, ModelError, tokenizer_limits};
use crate::foreign;
use crate::weights::CheckpointFolder;

const FAST: &str = "tokenizer.json";
const SENTENCEPIECE: &str = "tokenizer.model";

/// Bytes of a prompt at most. The regex engine behind splitting rules gives up at 1,000,000 steps back, and the
/// tokenizers crate then splits no further without a word: a run of a million spaces would get other ids
/// than in Python.
const MAX_PROMPT_BYTES: usize = 500_000;

/// The tokenizer and the stop tokens that go with it.
pub struct TextTokenizer {
    path: PathBuf,
    tokenizer: Tokenizer,
    around: Around,
    stop_tokens: Vec<u32>,
    rules: GenerationRules,
}

/// Parses a `tokenizer.json`.
fn parse(text: &str) -> Result<Tokenizer, String> {
    // tokenizers 0.23 unwraps where it reads a decoder of a known type with wrong fields.
    match foreign::unless_it_panics(|| Tokenizer::from_bytes(text)) {
        Some(parsed) => parsed.map_err(|error| error.to_string()),
        None => Err("a part of it lacks fields that its type has".to_owned()),
    }
}

impl TextTokenizer {
    /// Reads `tokenizer.json` or else Llama's `tokenizer.model`, and the stop tokens from
    /// `generation_config.json` or else `config.json`.
    pub fn load(folder: &CheckpointFolder) -> Result<Self, ModelError> {
        let config = TokenizerConfig::load(folder)?;
        if folder.optional(FAST).is_none() && folder.optional(SENTENCEPIECE).is_some() {
            return Self::load_sentencepiece(folder, config.prefix_space());
        }
        let mut tokenizer = Self::without_stop_tokens(folder, FAST)?;
        config.add_tokens(&mut tokenizer.tokenizer, folder)?;
        tokenizer.with_generation_of(folder)
    }

    /// The same for a Llama, whose texts begin and end as `tokenizer_config.json` says.
    pub(super) fn load_llama(folder: &CheckpointFolder) -> Result<Self, ModelError> {
        let tokenizer = Self::load(folder)?;
        let config = TokenizerConfig::load(folder)?;
        let around = config.around_llama(|token| tokenizer.id_of(token))?;
        Ok(Self { around, ..tokenizer })
    }

    fn with_generation_of(self, folder: &CheckpointFolder) -> Result<Self, ModelError> {
        let (stop_tokens, rules) = (stop_tokens(folder)?, GenerationRules::load(folder)?);
        Ok(Self { stop_tokens, rules, ..self })
    }

    /// Reads a tokenizer that no answer is written with; `name` is its file in the folder.
    pub fn without_stop_tokens(folder: &CheckpointFolder, name: &str) -> Result<Self, ModelError> {
        let text = folder.required_text(name, &missing(folder, name))?;
        let path = folder.path().join(name);
        let checked = tokenizer_limits::check(text.as_bytes());
        Self::new(path, checked.and_then(|()| parse(&text)))
    }

    /// Reads Llama's `tokenizer.model` whether or not there is a `tokenizer.json`, and the stop
    /// tokens.
    pub(super) fn load_sentencepiece(
        folder: &CheckpointFolder,
        prefix: PrefixSpace,
    ) -> Result<Self, ModelError> {
        let hint = "the sentencepiece tokenizer, which transformers 5 leaves out when it saves: take \
                    it from the checkpoint before";
        let content = folder.required_bytes(SENTENCEPIECE, hint)?;
        let path = folder.path().join(SENTENCEPIECE);
        let tokenizer = Self::new(path, sentencepiece::tokenizer(&content, prefix))?;
        tokenizer.with_generation_of(folder)
    }

    pub(super) fn new(
        path: PathBuf,
        parsed: Result<Tokenizer, String>,
    ) -> Result<Self, ModelError> {
        let mut tokenizer = parsed.map_err(|error| ModelError::Tokenizer {
            path: path.clone(),
            message: format!("not a tokenizer: {error}"),
        })?;
        // A file saved during training may cut or fill up prompts.
        let untouched = tokenizer.with_truncation(None).is_ok();
        debug_assert!(untouched, "taking a setting away cannot fail");
        tokenizer.with_padding(None);
        let rules = GenerationRules::default();
        Ok(Self { path, tokenizer, around: Around::AsInFile, stop_tokens: Vec::new(), rules })
    }

    /// Ids of `text`; special tokens written out in it become their ids, and the tokenizer's own
    /// ones (such as a leading BOS) are added.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        match self.around {
            Around::AsInFile => self.ids(text, true),
            Around::Given { before, behind } => {
                let ids = self.ids(text, false)?;
                Ok(before.into_iter().chain(ids).chain(behind).collect())
            }
        }
    }

    /// Ids of a `text` that goes on from others: the same without the tokenizer's own ones.
    pub fn encode_inner(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        self.ids(text, false)
    }

    fn ids(&self, text: &str, add_special_tokens: bool) -> Result<Vec<u32>, ModelError> {
        if text.len() > MAX_PROMPT_BYTES {
            let (found, most) = (text.len(), MAX_PROMPT_BYTES);
            return Err(self.error(format!("a prompt of {found} bytes; at most {most} are taken")));
        }
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

    /// What `generation_config.json` asks of every answer beside.
    pub fn generation_rules(&self) -> GenerationRules {
        self.rules.clone()
    }

    fn error(&self, message: String) -> ModelError {
        ModelError::Tokenizer { path: self.path.clone(), message }
    }
}

/// What is said of a tokenizer that is not there.
fn missing(folder: &CheckpointFolder, name: &str) -> String {
    let beside = Path::new(name).parent().unwrap_or(Path::new(""));
    let slow = ["vocab.json", "merges.txt", "spiece.model", "vocab.txt", "tokenizer.model"];
    let is_there =
        |file: &&str| folder.optional(&beside.join(file).display().to_string()).is_some();
    let found: Vec<&str> = slow.into_iter().filter(is_there).collect();
    match found.is_empty() {
        true => "the fast tokenizer".to_owned(),
        false => format!(
            "the fast tokenizer; {} alone cannot be read: write it in Python with \
             AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)",
            found.join(" and ")
        ),
    }
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
