/*!
The trait that every model family implements, and one folder per family.

A family is two halves. The [`Processor`] turns pictures and a conversation into tensors and
token ids; it needs no weights and may run on other threads. The [`VisionLanguageModel`] is the
network with its key/value cache, driven by [`crate::decode`]. Neither knows of cases or scores.
*/

pub mod blip2;
pub mod chat_template;
pub(crate) mod clip_config;
pub(crate) mod clip_image;
mod error;
mod family;
mod field_table;
pub(crate) mod fields;
mod footprint;
mod generation;
mod instruct_blip;
mod joined;
mod language_shape;
mod llama_config;
pub mod llava;
pub mod minigpt_v2;
pub(crate) mod picture_settings;
mod python_json;
pub mod qwen3_vl;
mod rope_fields;
mod saved_by;
mod sentencepiece;
mod shown;
pub(crate) mod square_image;
pub mod tokenizer;
mod tokenizer_config;
mod tokenizer_limits;
mod word_pieces;

use std::ops::Range;
use std::sync::Arc;

use ::image::RgbImage;
use candle_core::{DType, Device, Tensor};

pub use error::ModelError;
pub use family::{
    Identity, KnownFamily, families, family_named, find_weight_files, identify, known_families,
    known_family_names, load, load_processor, notices,
};
pub use field_table::Notice;
pub use footprint::{BlockShape, Bounds, Demand, FeatureShape, Footprint, Prediction, Shape};

pub use generation::GenerationRules;

use crate::extract::BoxNotation;
use crate::geometry::PixelSize;
use crate::request::Conversation;

/// One picture, ready for the vision tower.
#[derive(Debug, Clone)]
pub struct PreparedImage {
    /// What the tower reads, f32 on the CPU; the shape is the family's own.
    /// Qwen3-VL: `(patches, channels * temporal * patch * patch)`.
    pub pixels: Tensor,
    /// Size of the picture as decoded.
    pub original: PixelSize,
    /// Size as the tower sees it.
    pub resized: PixelSize,
    /// Rows and columns of the patch grid.
    pub grid: (usize, usize),
    /// Tokens that stand for this picture in the prompt.
    pub visual_tokens: usize,
}

impl PreparedImage {
    /// The same once it is encoded: for prompts, which look at sizes alone. Its pixels are an empty
    /// tensor.
    pub fn without_pixels(&self) -> Result<Self, ModelError> {
        Ok(Self { pixels: Tensor::zeros(0, DType::F32, &Device::Cpu)?, ..self.clone() })
    }
}

/// A rendered and tokenised prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreparedPrompt {
    /// The template's output, with one placeholder per image (not repeated per visual token).
    pub rendered: String,
    /// Token ids, each image's placeholder repeated once per visual token.
    pub token_ids: Vec<u32>,
    /// Where each shown image stands in `token_ids`, in the order shown:
    /// the index of the request's image, and its span of placeholder tokens.
    pub image_spans: Vec<(usize, Range<usize>)>,
    /// The ids that the repetition penalty counts beside the answer's own: the prompt's for a model
    /// that continues it, the decoder's start token for an encoder-decoder model.
    pub penalised_ids: Vec<u32>,
    /// The prompt in the tokens of a connector that reads it too (InstructBLIP's Q-Former); empty
    /// for all other families.
    pub connector_ids: Vec<u32>,
}

impl PreparedPrompt {
    /// The prompt of a model that continues it, with nothing for the connector to read.
    pub fn of_tokens(
        rendered: String,
        token_ids: Vec<u32>,
        image_spans: Vec<(usize, Range<usize>)>,
    ) -> Self {
        let penalised_ids = token_ids.clone();
        Self { rendered, token_ids, image_spans, penalised_ids, connector_ids: Vec::new() }
    }
}

/// What the vision tower and connector made of one picture, on the model's device.
#[derive(Debug, Clone)]
pub struct ImageFeatures {
    /// `(visual_tokens, hidden)`: replaces the placeholder embeddings. Where the connector reads
    /// the prompt too (InstructBLIP), these are the tower's own features, and the connector runs
    /// when the prompt is read.
    pub tokens: Tensor,
    /// Further features that the language model adds at deeper layers
    /// (Qwen3-VL's deepstack), each `(visual_tokens, hidden)`; empty for most families.
    pub deep: Vec<Tensor>,
}

/// One sequence about to enter the cache.
#[derive(Debug)]
pub struct PrefillRow<'a> {
    /// The cache slot that will hold it.
    pub slot: Slot,
    /// Its prompt.
    pub prompt: &'a PreparedPrompt,
    /// The request's images, indexed as in [`PreparedPrompt::image_spans`].
    pub images: &'a [PreparedImage],
    /// Their features, same indices.
    pub features: &'a [ImageFeatures],
}

/// A row of the key/value cache that one sequence owns while it is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(pub usize);

/// What a family can do; asked before a run is planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Whether one conversation may show more than one picture.
    pub several_images: Support,
    /// Whether answers can hold boxes, and how they are written.
    pub boxes: Option<BoxNotation>,
}

/// Whether a family can do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// It was made for it.
    Supported,
    /// It was not.
    Unsupported,
}

/// The half of a family that needs no weights.
pub trait Processor: Send + Sync {
    /// What the family can do.
    fn capabilities(&self) -> Capabilities;

    /// Resizes and normalises one picture.
    fn prepare_image(&self, image: &RgbImage) -> Result<PreparedImage, ModelError>;

    /// Renders the conversation with the family's template and tokenises it.
    /// `images` are the request's pictures, indexed as in [`crate::request::Part::Image`].
    fn prepare_prompt(
        &self,
        conversation: &Conversation,
        images: &[PreparedImage],
    ) -> Result<PreparedPrompt, ModelError>;

    /// The text of generated ids, special tokens left out.
    fn decode_text(&self, token_ids: &[u32]) -> Result<String, ModelError>;

    /// Ids that end a generation.
    fn stop_tokens(&self) -> &[u32];

    /// What the checkpoint asks of every answer beside.
    fn generation_rules(&self) -> GenerationRules {
        GenerationRules::default()
    }
}

/// The half of a family that has weights and a cache.
///
/// A slot holds one sequence. Rows of a batch may have different lengths: nothing is padded, so
/// a row's result does not depend on its neighbours beyond the rounding of batched products.
pub trait VisionLanguageModel: Send {
    /// The other half, which other threads may use meanwhile.
    fn processor(&self) -> Arc<dyn Processor>;

    /// Runs the vision tower; one entry per picture, in order.
    fn encode_images(
        &mut self,
        images: &[&PreparedImage],
    ) -> Result<Vec<ImageFeatures>, ModelError>;

    /// Makes room for `slots` sequences of up to `capacity` tokens each and forgets all content.
    /// Called again with no more than was allocated, it only forgets; called for no slot, it gives
    /// all memory of the cache back.
    fn reserve(&mut self, slots: usize, capacity: usize) -> Result<(), ModelError>;

    /// Reads prompts into their slots (replacing what was there);
    /// returns the logits after the last prompt token, `(rows, vocabulary)`, f32.
    fn prefill(&mut self, rows: &[PrefillRow<'_>]) -> Result<Tensor, ModelError>;

    /// Appends one token to each slot; returns the logits after it, `(rows, vocabulary)`, f32.
    fn decode_step(&mut self, rows: &[(Slot, u32)]) -> Result<Tensor, ModelError>;

    /// Makes `to` continue from the content of `from` (a beam that survives).
    fn copy_slot(&mut self, from: Slot, to: Slot) -> Result<(), ModelError>;

    /// Longest sequence (prompt and answer) the model was made for, in tokens.
    fn max_positions(&self) -> usize;
}
