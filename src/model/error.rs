//! What can go wrong between a checkpoint folder and an answer.

use std::path::PathBuf;

use thiserror::Error;

use crate::nn::CacheError;
use crate::weights::WeightsError;

/// Why a model could not be loaded or asked.
#[derive(Debug, Error)]
pub enum ModelError {
    /// The checkpoint's files.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// `config.json` names a family that this crate does not have.
    #[error("{path}: model_type is `{found}`, which is no known family; known are {known}",
        path = path.display())]
    UnknownFamily {
        /// The configuration file.
        path: PathBuf,
        /// Its `model_type`.
        found: String,
        /// The known ones, separated by commas.
        known: String,
    },
    /// A number or word in a configuration file cannot be.
    #[error("{path}: {field} is {found}, expected {expected}", path = path.display())]
    Config {
        /// The configuration file.
        path: PathBuf,
        /// The field's full name.
        field: String,
        /// Its value.
        found: String,
        /// What it should be.
        expected: String,
    },
    /// A low-rank change lies beside the weights.
    #[error(
        "{path}: a low-rank adapter (LoRA) lies in this folder, which is not applied; merge it into \
         the weights in Python with merge_and_unload() and save_pretrained(), or take it away",
        path = path.display()
    )]
    Adapter {
        /// `adapter_config.json`.
        path: PathBuf,
    },
    /// The tokenizer could not be read or used.
    #[error("{path}: {message}", path = path.display())]
    Tokenizer {
        /// `tokenizer.json`.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// There is no chat template, or it cannot be parsed or rendered.
    #[error("{path}: chat template: {message}", path = path.display())]
    ChatTemplate {
        /// The file that holds the template.
        path: PathBuf,
        /// What is wrong, with the template's line.
        message: String,
    },
    /// The conversation shows an image that the request does not have.
    #[error("the conversation shows image {index} (counted from 0), but {available} were given")]
    NoSuchImage {
        /// The index in the conversation.
        index: usize,
        /// Images given.
        available: usize,
    },
    /// The family was not made for a conversation of this form.
    #[error("{family} cannot take this conversation: {reason}")]
    Conversation {
        /// The family's name.
        family: &'static str,
        /// What it cannot take, and what to do.
        reason: String,
    },
    /// The rendered prompt does not hold one placeholder per shown image.
    #[error(
        "the rendered prompt holds {found} image placeholders `{placeholder}`, but the \
         conversation shows {expected} images; the text must not contain the placeholder itself"
    )]
    Placeholders {
        /// The placeholder token.
        placeholder: String,
        /// Placeholders in the prompt.
        found: usize,
        /// Images that the conversation shows.
        expected: usize,
    },
    /// The square that a picture is filled up to would take too much memory.
    #[error(
        "the image is {width}x{height} pixels; this model fills it up to a square of its longer side, \
         which is more than may be decoded; cut or shrink it"
    )]
    PaddedTooLarge {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// The picture is too long and thin.
    #[error(
        "the image is {width}x{height} pixels; one side may be at most {limit} times the other"
    )]
    AspectRatio {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
        /// The largest ratio accepted.
        limit: u32,
    },
    /// The picture has no pixels.
    #[error("the image is {width}x{height} pixels, expected at least 1x1")]
    EmptyImage {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// A prepared image or its features do not fit the model or the prompt.
    #[error("image {index}: {what} is {found}, expected {expected}")]
    ImageMismatch {
        /// Index among the images given.
        index: usize,
        /// What does not fit.
        what: &'static str,
        /// What was given.
        found: usize,
        /// What the model or prompt needs.
        expected: usize,
    },
    /// The prompt has no tokens.
    #[error("the prompt has no tokens")]
    EmptyPrompt,
    /// A token id is not in the model's vocabulary.
    #[error(
        "token id {id} is outside the model's vocabulary of {vocabulary}; tokenizer and weights \
         do not belong together"
    )]
    TokenOutOfRange {
        /// The id.
        id: u32,
        /// Size of the vocabulary.
        vocabulary: usize,
    },
    /// Prompt and answer do not fit the model.
    #[error(
        "the prompt has {prompt} tokens and max_new_tokens is {new}: together {total}, but the \
         model takes at most {limit}; shorten the prompt, shrink the images or lower \
         max_new_tokens",
        total = prompt.saturating_add(*new)
    )]
    TooLong {
        /// Prompt tokens.
        prompt: usize,
        /// Most new tokens asked for.
        new: usize,
        /// Most tokens the model takes.
        limit: usize,
    },
    /// A generation option is outside its range.
    #[error("generation option {option} is {found}, expected {expected}")]
    Option {
        /// Its name.
        option: &'static str,
        /// Its value.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
    /// Two rows of a batch claim the same slot.
    #[error("two rows of the batch use cache slot {slot}")]
    SlotTwice {
        /// The slot.
        slot: usize,
    },
    /// The model computed something that is not a number.
    #[error(
        "the model's logits are not numbers after {generated} generated tokens; with f16 this is \
         most often an overflow: use bf16 or f32"
    )]
    NotANumber {
        /// Tokens generated before.
        generated: usize,
    },
    /// The key/value cache refused.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// A tensor operation failed.
    #[error("tensor operation failed: {0}")]
    Tensor(#[source] Box<candle_core::Error>),
}

impl From<candle_core::Error> for ModelError {
    fn from(error: candle_core::Error) -> Self {
        Self::Tensor(Box::new(error))
    }
}
