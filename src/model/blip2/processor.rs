/*!
The half without weights of BLIP-2 and InstructBLIP: pictures to squares, conversations to ids.

The language model reads `[queries][BOS][prompt]` (with T5 `[queries][prompt][EOS]`): the placeholders
of the picture stand before the beginning-of-sequence token, which the text's own tokenisation adds
(huggingface/transformers v4.57.3 `models/blip_2/processing_blip_2.py`,
`models/instructblip/processing_instructblip.py`). Folders from before transformers 4.47 hold no
placeholder token, and the network put the features there by itself: the same sequence.
*/

use std::fmt;

use ::image::RgbImage;
use serde::Deserialize;

use super::answer::Spaces;
use super::image_config::ImageConfig;
use super::language_tokens::LanguageTokens;
use super::prompt::picture_and_text;
use super::{CAPABILITIES, Config, LanguageConfig};
use crate::model::field_table::names_of;
use crate::model::fields::FieldCheck;
use crate::model::square_image::squash;
use crate::model::tokenizer::TextTokenizer;
use crate::model::{Capabilities, ModelError, PreparedImage, PreparedPrompt, Processor};
use crate::request::Conversation;
use crate::weights::CheckpointFolder;

/// The placeholder's text; no published folder calls it otherwise.
const IMAGE_TOKEN: &str = "<image>";

/// Prepares pictures and prompts.
pub struct Blip2Processor {
    family: &'static str,
    images: ImageConfig,
    tokens: LanguageTokens,
    spaces: Spaces,
    connector: Option<ConnectorTokens>,
    image_token: u32,
    queries: usize,
    start: AnswerStart,
    stop_tokens: Vec<u32>,
}

/// What the repetition penalty counts before the answer begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AnswerStart {
    /// The prompt, placeholders included, as far as the ids are in the vocabulary: transformers
    /// hands `input_ids` to `generate` beside the embeddings since it has placeholders.
    Prompt {
        /// Number of token ids.
        vocabulary: usize,
    },
    /// The decoder's start token.
    Token(u32),
}

/// The tokenizer of a Q-Former that reads the prompt.
pub(in crate::model) struct ConnectorTokens {
    /// Adds `[CLS]` and `[SEP]`.
    pub(in crate::model) tokenizer: TextTokenizer,
    /// Most tokens the Q-Former reads.
    pub(in crate::model) max_tokens: usize,
}

impl fmt::Debug for Blip2Processor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("Blip2Processor");
        debug.field("family", &self.family).field("images", &self.images).finish()
    }
}

/// The fields of `processor_config.json` that are read.
pub(super) const READ: fn() -> &'static [&'static str] = names_of::<ProcessorConfig>;

#[derive(Deserialize)]
struct ProcessorConfig {
    num_query_tokens: Option<usize>,
}

impl Blip2Processor {
    /// Reads the preprocessor configuration and the tokenizer. `family` is named in errors;
    /// `connector` reads the prompt too, if there is one.
    pub(in crate::model) fn load(
        folder: &CheckpointFolder,
        config: &Config,
        family: &'static str,
        connector: Option<ConnectorTokens>,
    ) -> Result<Self, ModelError> {
        let tokens = LanguageTokens::load(folder, &config.language)?;
        check_queries(folder, config.qformer.queries)?;
        Ok(Self {
            family,
            images: ImageConfig::load(folder, &config.vision)?,
            image_token: image_token(folder, config, &tokens)?,
            stop_tokens: stop_tokens(&config.end_tokens, tokens.stop_tokens()),
            tokens,
            spaces: Spaces::load(folder)?,
            connector,
            queries: config.qformer.queries,
            start: answer_start(&config.language),
        })
    }

    /// The prompt's text in the connector's tokens.
    fn connector_ids(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        let Some(ConnectorTokens { tokenizer, max_tokens }) = &self.connector else {
            return Ok(Vec::new());
        };
        let ids = tokenizer.encode(text)?;
        match ids.len() <= *max_tokens {
            true => Ok(ids),
            false => Err(ModelError::Conversation {
                family: self.family,
                reason: format!(
                    "its Q-Former reads at most {max_tokens} tokens, but the prompt has {}; \
                     shorten it",
                    ids.len()
                ),
            }),
        }
    }

    fn penalised_ids(&self, token_ids: &[u32]) -> Vec<u32> {
        match self.start {
            AnswerStart::Prompt { vocabulary } => {
                token_ids.iter().copied().filter(|id| (*id as usize) < vocabulary).collect()
            }
            AnswerStart::Token(id) => vec![id],
        }
    }
}

/// transformers stops at those of `text_config` alone, because it generates with the inner model;
/// what the other files say ends an answer as well.
fn stop_tokens(of_text_config: &[u32], of_other_files: &[u32]) -> Vec<u32> {
    let more = of_other_files.iter().filter(|id| !of_text_config.contains(id));
    of_text_config.iter().chain(more).copied().collect()
}

fn answer_start(language: &LanguageConfig) -> AnswerStart {
    match language {
        LanguageConfig::T5(config) => AnswerStart::Token(config.start_token),
        LanguageConfig::Opt(_) | LanguageConfig::Llama(_) => {
            AnswerStart::Prompt { vocabulary: language.vocabulary() }
        }
    }
}

/// `processor_config.json` repeats the number of queries since transformers 4.47.
fn check_queries(folder: &CheckpointFolder, queries: usize) -> Result<(), ModelError> {
    const NAME: &str = "processor_config.json";
    let config: Option<ProcessorConfig> = folder.optional_json(NAME)?;
    let found = config.and_then(|config| config.num_query_tokens).unwrap_or(queries);
    FieldCheck::new(folder.path().join(NAME)).that(found == queries, || {
        ("num_query_tokens", found.to_string(), format!("{queries} as in config.json"))
    })
}

/// The placeholder's id: the configuration's, or else the tokenizer's, or else the one that
/// transformers gives to a token it adds.
fn image_token(
    folder: &CheckpointFolder,
    config: &Config,
    tokens: &LanguageTokens,
) -> Result<u32, ModelError> {
    let known = tokens.find(IMAGE_TOKEN);
    let Some(id) = config.image_token else {
        return Ok(known.unwrap_or(u32::try_from(tokens.size()).unwrap_or(u32::MAX)));
    };
    let check = FieldCheck::new(folder.path().join("config.json"));
    check.that(known.is_none_or(|known| known == id), || {
        let known = known.map_or_else(String::new, |known| known.to_string());
        let expected = format!("{known}, the id of `{IMAGE_TOKEN}` in tokenizer.json");
        ("image_token_index", id.to_string(), expected)
    })?;
    Ok(id)
}

impl Processor for Blip2Processor {
    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn prepare_image(&self, image: &RgbImage) -> Result<PreparedImage, ModelError> {
        squash(image, self.images.grid, &self.images.normalisation, self.queries)
    }

    fn prepare_prompt(
        &self,
        conversation: &Conversation,
        images: &[PreparedImage],
    ) -> Result<PreparedPrompt, ModelError> {
        let (index, text) = picture_and_text(conversation, self.family)?;
        if index >= images.len() {
            return Err(ModelError::NoSuchImage { index, available: images.len() });
        }
        let text_ids = self.tokens.encode(&text)?;
        let found = text_ids.iter().filter(|id| **id == self.image_token).count();
        if found > 0 {
            let placeholder = IMAGE_TOKEN.to_owned();
            return Err(ModelError::Placeholders { placeholder, found: found + 1, expected: 1 });
        }
        let mut token_ids = vec![self.image_token; self.queries];
        token_ids.extend(text_ids);
        Ok(PreparedPrompt {
            rendered: format!("{IMAGE_TOKEN}{text}"),
            penalised_ids: self.penalised_ids(&token_ids),
            connector_ids: self.connector_ids(&text)?,
            token_ids,
            image_spans: vec![(index, 0..self.queries)],
        })
    }

    fn decode_text(&self, token_ids: &[u32]) -> Result<String, ModelError> {
        Ok(self.spaces.tidy(&self.tokens.decode(token_ids)?))
    }

    fn stop_tokens(&self) -> &[u32] {
        &self.stop_tokens
    }
}
