//! The half of LLaVA-1.5 without weights: pictures to squares, conversations to ids.

use std::fmt;

use ::image::RgbImage;

use super::CAPABILITIES;
use super::config::{Config, Layout, Squaring};
use super::image_config::ImageConfig;
use super::prompt::{self, PLACEHOLDER};
use crate::model::fields::FieldCheck;
use crate::model::shown::{PlaceholderToken, Spans, expand_shown, shown_indices};
use crate::model::tokenizer::TextTokenizer;
use crate::model::{
    Capabilities, GenerationRules, ModelError, PreparedImage, PreparedPrompt, Processor,
};
use crate::request::Conversation;
use crate::weights::CheckpointFolder;

/// Prepares pictures and prompts.
pub struct LlavaProcessor {
    images: ImageConfig,
    tokenizer: TextTokenizer,
    placeholder: Placeholder,
}

/// How the placeholder becomes ids.
#[derive(Debug, Clone, Copy)]
enum Placeholder {
    /// It is a token (`llava-hf/*`).
    Token(u32),
    /// The prompt is cut at it (`liuhaotian/*`); this id, one past the vocabulary, stands for it.
    Cut(u32),
}

impl fmt::Debug for LlavaProcessor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LlavaProcessor").field("images", &self.images).finish()
    }
}

impl LlavaProcessor {
    /// Reads the preprocessor configuration and the tokenizer.
    pub fn load(folder: &CheckpointFolder, config: &Config) -> Result<Self, ModelError> {
        let tokenizer = TextTokenizer::load_llama(folder)?;
        let placeholder = match config.layout {
            Layout::Hub { image_token_id } => {
                check_placeholder(folder, &tokenizer, image_token_id)?;
                Placeholder::Token(image_token_id)
            }
            Layout::Original { .. } => Placeholder::Cut(config.text.vocabulary as u32),
        };
        Ok(Self { images: ImageConfig::load(folder, config)?, tokenizer, placeholder })
    }

    /// Ids of the rendered prompt with one placeholder for each picture.
    fn encode(&self, rendered: &str) -> Result<Vec<u32>, ModelError> {
        match self.placeholder {
            Placeholder::Token(_) => self.tokenizer.encode(rendered),
            Placeholder::Cut(id) => self.encode_pieces(rendered, id),
        }
    }

    /// Ids of each piece between placeholders as if it stood alone, but only the first with a BOS
    /// (haotian-liu/LLaVA `llava/mm_utils.py`, `tokenizer_image_token`).
    fn encode_pieces(&self, rendered: &str, placeholder: u32) -> Result<Vec<u32>, ModelError> {
        let mut pieces = rendered.split(PLACEHOLDER);
        let mut ids = self.tokenizer.encode(pieces.next().unwrap_or_default())?;
        for piece in pieces {
            ids.push(placeholder);
            ids.extend(self.tokenizer.encode_inner(piece)?);
        }
        Ok(ids)
    }

    fn prepared(&self, rendered: String, token_ids: Vec<u32>, spans: Spans) -> PreparedPrompt {
        let prompt = PreparedPrompt::of_tokens(rendered, token_ids, spans);
        match self.placeholder {
            Placeholder::Token(_) => prompt,
            // The original hands embeddings to `generate`, which then penalises the answer only.
            Placeholder::Cut(_) => PreparedPrompt { penalised_ids: Vec::new(), ..prompt },
        }
    }
}

/// Whether the configuration and the tokenizer mean the same token.
fn check_placeholder(
    folder: &CheckpointFolder,
    tokenizer: &TextTokenizer,
    id: u32,
) -> Result<(), ModelError> {
    let token = tokenizer.token_of(id)?;
    let check = FieldCheck::new(folder.path().join("config.json"));
    check.that(token == PLACEHOLDER, || {
        let found = format!("{id}, which is `{token}` in the tokenizer");
        ("image_token_index", found, format!("the id of `{PLACEHOLDER}`"))
    })
}

impl Processor for LlavaProcessor {
    fn capabilities(&self) -> Capabilities {
        // Boxes are written in the padded square; what those of a cut picture mean is not known.
        match self.images.squaring {
            Squaring::Pad => CAPABILITIES,
            Squaring::Crop => Capabilities { boxes: None, ..CAPABILITIES },
        }
    }

    fn prepare_image(&self, image: &RgbImage) -> Result<PreparedImage, ModelError> {
        self.images.prepare(image)
    }

    fn prepare_prompt(
        &self,
        conversation: &Conversation,
        images: &[PreparedImage],
    ) -> Result<PreparedPrompt, ModelError> {
        let shown = shown_indices(conversation, images)?;
        let rendered = prompt::render(conversation);
        let ids = self.encode(&rendered)?;
        let (Placeholder::Token(id) | Placeholder::Cut(id)) = self.placeholder;
        let placeholder = PlaceholderToken { id, text: PLACEHOLDER };
        let (token_ids, image_spans) = expand_shown(&ids, placeholder, &shown, images)?;
        Ok(self.prepared(rendered, token_ids, image_spans))
    }

    fn decode_text(&self, token_ids: &[u32]) -> Result<String, ModelError> {
        self.tokenizer.decode(token_ids)
    }

    fn stop_tokens(&self) -> &[u32] {
        self.tokenizer.stop_tokens()
    }

    fn generation_rules(&self) -> GenerationRules {
        self.tokenizer.generation_rules()
    }
}
