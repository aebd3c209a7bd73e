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
        let around = match language {
            LanguageConfig::Llama(_) => around_llama(folder, &tokenizer)?,
            LanguageConfig::Opt(_) | LanguageConfig::T5(_) => Around::AsInFile,
        };
        Ok(Self { tokenizer, around })
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

    /// Ids that end an answer, as the files say that are not `text_config`.
    pub(super) fn stop_tokens(&self) -> &[u32] {
        self.tokenizer.stop_tokens()
    }
}

/// By default a Llama's text has its beginning marked and not its end (`LlamaTokenizerFast`).
fn around_llama(
    folder: &CheckpointFolder,
    tokenizer: &TextTokenizer,
) -> Result<Around, ModelError> {
    let config: Option<LlamaTokenizerConfig> = folder.optional_json("tokenizer_config.json")?;
    let config = config.unwrap_or_default();
    let id = |wanted: bool, token: Option<Token>, default: &str| {
        let token = token.map_or(default.to_owned(), Token::into_text);
        wanted.then(|| tokenizer.id_of(&token)).transpose()
    };
    Ok(Around::Given {
        before: id(config.add_bos_token.unwrap_or(true), config.bos_token, "<s>")?,
        behind: id(config.add_eos_token.unwrap_or(false), config.eos_token, "</s>")?,
    })
}
