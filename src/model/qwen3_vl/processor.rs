//! The half of Qwen3-VL without weights: pictures to patches, conversations to ids.

use std::fmt;

use ::image::RgbImage;

use super::{CAPABILITIES, Config, ImageConfig, patches};
use crate::model::chat_template::ChatTemplate;
use crate::model::shown::{PlaceholderToken, expand_shown, shown_indices};
use crate::model::tokenizer::TextTokenizer;
use crate::model::{
    Capabilities, GenerationRules, ModelError, PreparedImage, PreparedPrompt, Processor,
};
use crate::request::Conversation;
use crate::weights::CheckpointFolder;

/// Prepares pictures and prompts.
pub struct Qwen3VlProcessor {
    images: ImageConfig,
    tokenizer: TextTokenizer,
    template: ChatTemplate,
    image_token_id: u32,
    image_token: String,
}

impl fmt::Debug for Qwen3VlProcessor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Qwen3VlProcessor").field("images", &self.images).finish()
    }
}

impl Qwen3VlProcessor {
    /// Reads the preprocessor configuration, the tokenizer and the chat template.
    pub fn load(folder: &CheckpointFolder, config: &Config) -> Result<Self, ModelError> {
        let tokenizer = TextTokenizer::load(folder)?;
        let image_token = tokenizer.token_of(config.image_token_id)?;
        Ok(Self {
            images: ImageConfig::load(folder, &config.vision)?,
            template: ChatTemplate::load(folder)?,
            image_token_id: config.image_token_id,
            image_token,
            tokenizer,
        })
    }
}

impl Processor for Qwen3VlProcessor {
    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn prepare_image(&self, image: &RgbImage) -> Result<PreparedImage, ModelError> {
        patches::prepare(image, &self.images)
    }

    fn prepare_prompt(
        &self,
        conversation: &Conversation,
        images: &[PreparedImage],
    ) -> Result<PreparedPrompt, ModelError> {
        let shown = shown_indices(conversation, images)?;
        let rendered = self.template.render(conversation)?;
        let ids = self.tokenizer.encode(&rendered)?;
        let placeholder = PlaceholderToken { id: self.image_token_id, text: &self.image_token };
        let (token_ids, image_spans) = expand_shown(&ids, placeholder, &shown, images)?;
        if token_ids.is_empty() {
            return Err(ModelError::EmptyPrompt);
        }
        Ok(PreparedPrompt::of_tokens(rendered, token_ids, image_spans))
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
