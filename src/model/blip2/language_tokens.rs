/*!
The language model's tokenizer, with the tokens that it puts around a prompt.

For OPT and T5 `tokenizer.json` says which. For Llama transformers does not believe the file: it
prepends and appends what `tokenizer_config.json` says (`LlamaTokenizerFast.update_post_processor`).
InstructBLIP's Vicuna was trained with `</s>` in front, which only that file knows.
*/

use super::LanguageConfig;
use crate::model::ModelError;
use crate::model::fields::FieldCheck;
use crate::model::tokenizer::TextTokenizer;
use crate::model::tokenizer_config::TokenizerConfig;
use crate::weights::CheckpointFolder;

/// Text to ids and back.
pub(super) struct LanguageTokens {
    tokenizer: TextTokenizer,
    stop_tokens: Vec<u32>,
}

impl LanguageTokens {
    pub(super) fn load(
        folder: &CheckpointFolder,
        language: &LanguageConfig,
    ) -> Result<Self, ModelError> {
        let LanguageConfig::Llama(_) = language else {
            check_bos(folder)?;
            let tokenizer = TextTokenizer::load(folder)?;
            return Ok(Self { stop_tokens: tokenizer.stop_tokens().to_vec(), tokenizer });
        };
        let tokenizer = TextTokenizer::load_llama(folder)?;
        let end = tokenizer.find(TokenizerConfig::load(folder)?.end_of_llama());
        let stop_tokens = tokenizer.stop_tokens().iter().copied().chain(end).collect();
        Ok(Self { stop_tokens, tokenizer })
    }

    /// Ids of a prompt's text, with what stands around it.
    pub(super) fn encode(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        self.tokenizer.encode(text)
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

/// For OPT and T5 the two versions of transformers differ where `tokenizer_config.json` asks for
/// something else than `tokenizer.json` does.
fn check_bos(folder: &CheckpointFolder) -> Result<(), ModelError> {
    let config = TokenizerConfig::load(folder)?;
    let check = FieldCheck::new(folder.path().join("tokenizer_config.json"));
    for (field, found, expected) in [
        ("add_bos_token", config.add_bos_token, true),
        ("add_eos_token", config.add_eos_token, false),
    ] {
        check.that(found.is_none_or(|found| found == expected), || {
            let found = (!expected).to_string();
            (field, found, format!("{expected}, or none (tokenizer.json says what stands around)"))
        })?;
    }
    Ok(())
}
