//! The half of MiniGPT-v2 without weights: pictures to squares, conversations to ids.

use std::fmt;

use ::image::RgbImage;

use super::CAPABILITIES;
use super::config::{Config, PromptBos};
use super::prompt::{self, PLACEHOLDER};
use crate::model::sentencepiece::PrefixSpace;
use crate::model::shown::{PlaceholderToken, expand_shown, shown_indices};
use crate::model::square_image::{Normalisation, SquareGrid, squash};
use crate::model::tokenizer::TextTokenizer;
use crate::model::{
    Capabilities, GenerationRules, ModelError, PreparedImage, PreparedPrompt, Processor,
};
use crate::request::Conversation;

/// Prepares pictures and prompts.
pub struct MiniGptV2Processor {
    grid: SquareGrid,
    visual_tokens: usize,
    tokenizer: TextTokenizer,
    /// One past the vocabulary.
    placeholder: u32,
    prompt_bos: PromptBos,
}

impl fmt::Debug for MiniGptV2Processor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("MiniGptV2Processor").field("grid", &self.grid).finish()
    }
}

impl MiniGptV2Processor {
    /// Reads the language model's `tokenizer.model`.
    pub fn load(config: &Config) -> Result<Self, ModelError> {
        // The reference's environment has transformers 4.30, which knows no other way.
        let prefix = PrefixSpace::EachPiece;
        Ok(Self {
            grid: SquareGrid {
                side: config.vit.sizes.image_side as u32,
                patch: config.vit.sizes.patch_side as u32,
            },
            visual_tokens: config.visual_tokens(),
            tokenizer: TextTokenizer::load_sentencepiece(&config.llama, prefix)?,
            placeholder: config.text.vocabulary as u32,
            prompt_bos: config.prompt_bos,
        })
    }

    /// Ids of each piece between placeholders as if it stood alone; in evaluation the first one also
    /// gets the tokenizer's BOS (`get_context_emb`).
    fn encode(&self, pieces: &[String]) -> Result<Vec<u32>, ModelError> {
        let mut ids = Vec::new();
        for piece in pieces {
            for (index, text) in piece.split(PLACEHOLDER).enumerate() {
                if index > 0 {
                    ids.push(self.placeholder);
                }
                ids.extend(match self.prompt_bos {
                    PromptBos::WrittenAndAdded if ids.is_empty() => self.tokenizer.encode(text)?,
                    _ => self.tokenizer.encode_inner(text)?,
                });
            }
        }
        Ok(ids)
    }
}

/// What Python's `strip` takes away: Unicode's white space, and four separators.
fn is_python_space(character: char) -> bool {
    character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character)
}

impl Processor for MiniGptV2Processor {
    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn prepare_image(&self, image: &RgbImage) -> Result<PreparedImage, ModelError> {
        squash(image, self.grid, &Normalisation::CLIP, self.visual_tokens)
    }

    fn prepare_prompt(
        &self,
        conversation: &Conversation,
        images: &[PreparedImage],
    ) -> Result<PreparedPrompt, ModelError> {
        let shown = shown_indices(conversation, images)?;
        let pieces = prompt::pieces(conversation);
        let ids = self.encode(&pieces)?;
        let placeholder = PlaceholderToken { id: self.placeholder, text: PLACEHOLDER };
        let (token_ids, image_spans) = expand_shown(&ids, placeholder, &shown, images)?;
        let prompt = PreparedPrompt::of_tokens(pieces.concat(), token_ids, image_spans);
        // The reference hands embeddings to `generate`, which then penalises the answer only.
        Ok(PreparedPrompt { penalised_ids: Vec::new(), ..prompt })
    }

    /// The text as the reference cleans it (`minigpt_base.py`, `generate`).
    fn decode_text(&self, token_ids: &[u32]) -> Result<String, ModelError> {
        let text = self.tokenizer.decode(token_ids)?;
        let answer = text.split("</s>").next().unwrap_or_default().replace("<s>", "");
        let last = answer.rsplit("[/INST]").next().unwrap_or_default();
        Ok(last.trim_matches(is_python_space).to_owned())
    }

    fn stop_tokens(&self) -> &[u32] {
        self.tokenizer.stop_tokens()
    }

    fn generation_rules(&self) -> GenerationRules {
        self.tokenizer.generation_rules()
    }
}
