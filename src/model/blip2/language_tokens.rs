/*!
The language model's tokenizer, with the tokens that it puts around a prompt.

For OPT and T5 `tokenizer.json` says which. For Llama transformers does not believe the file: it
prepends and appends what `tokenizer_config.json` says (`LlamaTokenizerFast.update_post_processor`).
InstructBLIP's Vicuna was trained with `</s>` in front, which only that file knows.
*/

use serde::Deserialize;

use super::LanguageConfig;
use crate::model::ModelError;
use crate::model::tokenizer::TextTokenizer;
use crate::weights::CheckpointFolder;

/// Text to ids and back.
pub(super) struct LanguageTokens {
    tokenizer: TextTokenizer,
    around: Around,
    stop_tokens: Vec<u32>,
}

/// What stands around the ids of a text.
enum Around {
    /// What `tokenizer.json` says.
    AsInFile,
    /// These, whatever it says.
    Given { before: Option<u32>, behind: Option<u32> },
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct LlamaTokenizerConfig {
    bos_token: Option<Token>,
    eos_token: Option<Token>,
    add_bos_token: Option<bool>,
    add_eos_token: Option<bool>,
}

/// A token, with or without its properties.
#[derive(Deserialize)]
#[serde(untagged)]
enum Token {
    Text(String),
    Added { content: String },
}

impl Token {
    fn into_text(self) -> String {
        match self {
            Self::Text(text) | Self::Added { content: text } => text,
        }
    }
}

impl LanguageTokens {
    pub(super) fn load(
        folder: &CheckpointFolder,
        language: &LanguageConfig,
    ) -> Result<Self, ModelError> {
        let tokenizer = TextTokenizer::load(folder)?;
        let mut stop_tokens = tokenizer.stop_tokens().to_vec();
        let around = match language {
            LanguageConfig::Opt(_) | LanguageConfig::T5(_) => Around::AsInFile,
            LanguageConfig::Llama(_) => {
                let (around, end) = around_llama(folder, &tokenizer)?;
                stop_tokens.extend(end);
                around
            }
        };
        Ok(Self { tokenizer, around, stop_tokens })
    }

    /// Ids of a prompt's text, with what stands around it.
    pub(super) fn encode(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        match self.around {
            Around::AsInFile => self.tokenizer.encode(text),
            Around::Given { before, behind } => {
                let ids = self.tokenizer.encode_inner(text)?;
                Ok(before.into_iter().chain(ids).chain(behind).collect())
            }
        }
    }

    pub(super) fn decode(&self, ids: &[u32]) -> Result<String, ModelError> {
        self.tokenizer.decode(ids)
    }

    pub(super) fn find(&self, token: &str) -> Option<u32> {
        self.tokenizer.find(token)
    }

    pub(super) fn size(&self) -> usize {
        self.tokenizer.size()
    }

    /// Ids that end an answer: those of `generation_config.json` or else `config.json`, and Llama's
    /// end token. (The `text_config` of a Vicuna may say 1, as a wrong Llama did that was around in
    /// 2023, but an answer ends with `</s>`.)
    pub(super) fn stop_tokens(&self) -> &[u32] {
        &self.stop_tokens
    }
}

/// What stands around a Llama's text, and its end token. By default the beginning is marked and the
/// end is not (`LlamaTokenizerFast`).
fn around_llama(
    folder: &CheckpointFolder,
    tokenizer: &TextTokenizer,
) -> Result<(Around, Option<u32>), ModelError> {
    let config: Option<LlamaTokenizerConfig> = folder.optional_json("tokenizer_config.json")?;
    let config = config.unwrap_or_default();
    let text = |token: Option<Token>, default: &str| {
        token.map_or_else(|| default.to_owned(), Token::into_text)
    };
    let (first, last) = (text(config.bos_token, "<s>"), text(config.eos_token, "</s>"));
    let id = |wanted: bool, token: &str| wanted.then(|| tokenizer.id_of(token)).transpose();
    let around = Around::Given {
        before: id(config.add_bos_token.unwrap_or(true), &first)?,
        behind: id(config.add_eos_token.unwrap_or(false), &last)?,
    };
    Ok((around, tokenizer.find(&last)))
}
