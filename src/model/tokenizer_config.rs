/*!
`tokenizer_config.json`: which tokens stand around a text, which are special, and how spaces are written.

Follows huggingface/transformers v4.57.3 `tokenization_utils_fast.py`, which lets this file overrule
`tokenizer.json` in places, and `models/llama/tokenization_llama_fast.py`.
*/

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use tokenizers::{AddedToken, Tokenizer};

use super::ModelError;
use super::field_table::names_of;
use super::fields::FieldCheck;
use super::sentencepiece::PrefixSpace;
use crate::weights::CheckpointFolder;

const NAME: &str = "tokenizer_config.json";

/// The fields that are read.
pub(super) const READ: &[fn() -> &'static [&'static str]] = &[names];

/// Their names.
pub(super) fn names() -> &'static [&'static str] {
    names_of::<TokenizerConfig>()
}

/// The file.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct TokenizerConfig {
    legacy: Option<bool>,
    tokenizer_class: Option<String>,
    pub(super) add_bos_token: Option<bool>,
    pub(super) add_eos_token: Option<bool>,
    pub(super) bos_token: Option<Token>,
    pub(super) eos_token: Option<Token>,
    unk_token: Option<Token>,
    pad_token: Option<Token>,
    sep_token: Option<Token>,
    cls_token: Option<Token>,
    mask_token: Option<Token>,
    added_tokens_decoder: BTreeMap<String, Token>,
    additional_special_tokens: Option<Vec<Token>>,
    /// A list since transformers 5, by name before.
    extra_special_tokens: Option<Value>,
    /// Read by [`super::chat_template`].
    chat_template: IgnoredAny,
}

/// What stands around the ids of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Around {
    /// What `tokenizer.json` says.
    AsInFile,
    /// These, whatever it says.
    Given { before: Option<u32>, behind: Option<u32> },
}

/// A token, with or without its properties.
#[derive(Deserialize, Clone)]
#[serde(untagged)]
pub(super) enum Token {
    Text(String),
    Added {
        content: String,
        #[serde(default)]
        lstrip: bool,
        #[serde(default)]
        rstrip: bool,
        #[serde(default)]
        single_word: bool,
        normalized: Option<bool>,
        special: Option<bool>,
    },
}

impl Token {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Added { content: text, .. } => text,
        }
    }

    /// As transformers adds it; a token that is named is special unless it says otherwise.
    fn added(&self) -> AddedToken {
        match self {
            Self::Text(text) => AddedToken::from(text.clone(), true),
            Self::Added { content, lstrip, rstrip, single_word, normalized, special } => {
                let special = special.unwrap_or(true);
                AddedToken::from(content.clone(), special)
                    .lstrip(*lstrip)
                    .rstrip(*rstrip)
                    .single_word(*single_word)
                    .normalized(normalized.unwrap_or(!special))
            }
        }
    }
}

impl TokenizerConfig {
    /// Reads the file, if the folder has it.
    pub(super) fn load(folder: &CheckpointFolder) -> Result<Self, ModelError> {
        Ok(folder.optional_json(NAME)?.unwrap_or_default())
    }

    /// What `legacy` means, with the default of transformers v4.57.3
    /// (`models/llama/tokenization_llama.py`).
    pub(super) fn prefix_space(&self) -> PrefixSpace {
        match self.legacy {
            Some(false) => PrefixSpace::FirstPiece,
            Some(true) | None => PrefixSpace::EachPiece,
        }
    }

    /// What stands around a Llama's text. By default the beginning is marked and the end is not,
    /// whatever `tokenizer.json` says (`LlamaTokenizerFast.update_post_processor` of transformers 4).
    /// Version 5 believes `tokenizer.json`, and so begins InstructBLIP's Vicuna with another token than
    /// it was trained with; a folder must not answer otherwise for being saved by it.
    pub(super) fn around_llama(
        &self,
        find: impl Fn(&str) -> Result<u32, ModelError>,
    ) -> Result<Around, ModelError> {
        let class = self.tokenizer_class.as_deref().unwrap_or("LlamaTokenizer");
        if !class.starts_with("Llama") {
            return Ok(Around::AsInFile);
        }
        let first = self.bos_token.as_ref().map_or("<s>", Token::text);
        let id = |wanted: bool, token: &str| wanted.then(|| find(token)).transpose();
        Ok(Around::Given {
            before: id(self.add_bos_token.unwrap_or(true), first)?,
            behind: id(self.add_eos_token.unwrap_or(false), self.end_of_llama())?,
        })
    }

    /// A Llama's end token.
    pub(super) fn end_of_llama(&self) -> &str {
        self.eos_token.as_ref().map_or("</s>", Token::text)
    }

    /// Adds the tokens that the file has and the tokenizer has not, and makes those special that it
    /// names.
    ///
    /// # Errors
    /// The file gives a token another id than the tokenizer does.
    pub(super) fn add_tokens(
        &self,
        tokenizer: &mut Tokenizer,
        folder: &CheckpointFolder,
    ) -> Result<(), ModelError> {
        let check = FieldCheck::new(folder.path().join(NAME)).under("added_tokens_decoder");
        let mut listed: Vec<(u32, &String, &Token)> = Vec::new();
        for (key, token) in &self.added_tokens_decoder {
            let id =
                key.parse().map_err(|_| check.error(key, "a key".to_owned(), "a token's id"))?;
            listed.push((id, key, token));
        }
        listed.sort_by_key(|(id, ..)| *id);
        for (id, key, token) in listed {
            self.add_token(tokenizer, token);
            let found = tokenizer.token_to_id(token.text());
            if found != Some(id) {
                let expected =
                    format!("the token of this id in the tokenizer (there it has {found:?})");
                return Err(check.error(key, format!("`{}`", token.text()), expected));
            }
        }
        self.named_special().iter().for_each(|token| self.add_token(tokenizer, token));
        Ok(())
    }

    /// Adds the token unless the tokenizer has the same.
    fn add_token(&self, tokenizer: &mut Tokenizer, token: &Token) {
        let wanted = token.added();
        let known = tokenizer.get_added_tokens_decoder();
        let same = known.values().find(|added| added.content == wanted.content);
        let is_known = match token {
            // A name alone makes no new token.
            Token::Text(text) => {
                tokenizer.token_to_id(text).is_none() || same.is_some_and(|added| added.special)
            }
            Token::Added { .. } => same.is_some_and(|added| added.special == wanted.special),
        };
        if !is_known {
            match wanted.special {
                true => tokenizer.add_special_tokens([wanted]),
                false => tokenizer.add_tokens([wanted]),
            }
            .ok();
        }
    }

    /// The tokens that the file names as special.
    fn named_special(&self) -> Vec<Token> {
        let single = [
            &self.bos_token,
            &self.eos_token,
            &self.unk_token,
            &self.sep_token,
            &self.pad_token,
            &self.cls_token,
            &self.mask_token,
        ];
        let more = self.additional_special_tokens.iter().flatten();
        let extra = match &self.extra_special_tokens {
            Some(Value::Array(tokens)) => tokens.clone(),
            Some(Value::Object(tokens)) => tokens.values().cloned().collect(),
            _ => Vec::new(),
        };
        let extra = extra.into_iter().filter_map(|token| serde_json::from_value(token).ok());
        single.into_iter().flatten().chain(more).cloned().chain(extra).collect()
    }
}
