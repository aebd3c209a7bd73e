/*!
T5 (arXiv 1910.10683) in its version 1.1, which Flan-T5 is: an encoder that reads embeddings, and a
decoder that writes the answer while looking at what the encoder made of them.

Follows huggingface/transformers v4.57.3 `models/t5/modeling_t5.py`. Positions are relative, so that
nothing bounds a sequence. Each slot keeps the keys and values of its prompt for every layer of the
decoder; they are shared, not copied, when a slot is copied.
*/

mod block;
mod decoder;
mod encoder;
mod prompts;
mod relative;

use candle_core::{DType, Device, Result as TensorResult, Tensor};

use super::{Activation, CacheError, HeadWeights, LanguageModel, Linear, Phase, look_up};
use crate::weights::{TensorReader, WeightsError};
use decoder::Decoder;
use encoder::Encoder;

/// More tokens than any prompt has: no table of positions ends.
const UNBOUNDED: usize = 1 << 24;

/// Where the embeddings may be; transformers writes one of the three names, since they are the same
/// tensor.
const EMBEDDING_NAMES: [&str; 3] = ["shared", "encoder.embed_tokens", "decoder.embed_tokens"];

/// The sizes of the network. All are at least 1.
#[derive(Debug, Clone, Copy)]
pub struct T5Config {
    /// Size of the vocabulary.
    pub vocabulary: usize,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Width inside the gated feed-forward part.
    pub intermediate: usize,
    /// Layers of the encoder.
    pub encoder_layers: usize,
    /// Layers of the decoder.
    pub decoder_layers: usize,
    /// Attention heads.
    pub heads: usize,
    /// Numbers per head.
    pub head_dim: usize,
    /// Buckets of relative positions, an even number from 4.
    pub buckets: usize,
    /// Distance from which on all positions share a bucket; above a quarter of the buckets for the
    /// encoder, half of them for the decoder.
    pub max_distance: usize,
    /// Added to the mean square in norms.
    pub eps: f64,
    /// Activation of the gate.
    pub activation: Activation,
    /// Where the output head comes from.
    pub head: HeadWeights,
    /// Whether what the head is given is scaled.
    pub output_scale: OutputScale,
    /// The token that the decoder starts from.
    pub start_token: u32,
}

/// What the decoder's output is multiplied by in front of the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputScale {
    /// `hidden^-0.5`, as in T5 1.0.
    InverseRoot,
    /// Nothing, as in T5 1.1.
    One,
}

/// Encoder and decoder with their weights and the decoder's cache.
#[derive(Debug)]
pub struct T5 {
    config: T5Config,
    embeddings: Tensor,
    encoder: Encoder,
    decoder: Decoder,
    head: Linear,
}

impl T5 {
    /// Reads `shared`, `encoder`, `decoder` and, unless it is tied, `lm_head` from under `root`.
    pub fn load(config: T5Config, root: &TensorReader) -> Result<Self, WeightsError> {
        let table = [config.vocabulary, config.hidden];
        let name = EMBEDDING_NAMES.into_iter().find(|name| root.under(name).contains("weight"));
        let embeddings = root.under(name.unwrap_or(EMBEDDING_NAMES[0])).tensor("weight", &table)?;
        let head = config.head.load(&embeddings, &root.under("lm_head"))?;
        Ok(Self {
            embeddings,
            encoder: Encoder::load(&config, &root.under("encoder"))?,
            decoder: Decoder::load(&config, &root.under("decoder"))?,
            head,
            config,
        })
    }

    fn logits(&self, hidden: &Tensor) -> TensorResult<Tensor> {
        let hidden = match self.config.output_scale {
            OutputScale::InverseRoot => (hidden * (self.config.hidden as f64).powf(-0.5))?,
            OutputScale::One => hidden.clone(),
        };
        self.head.forward(Phase::DecodeStep.rows(&hidden))?.to_dtype(DType::F32)
    }
}

impl LanguageModel for T5 {
    fn device(&self) -> &Device {
        self.embeddings.device()
    }

    fn dtype(&self) -> DType {
        self.embeddings.dtype()
    }

    fn vocabulary(&self) -> usize {
        self.config.vocabulary
    }

    fn max_positions(&self) -> usize {
        UNBOUNDED
    }

    fn embed(&self, ids: &[u32]) -> TensorResult<Tensor> {
        look_up(&self.embeddings, ids)
    }

    fn reserve(&mut self, slots: usize, capacity: usize) -> Result<(), CacheError> {
        self.decoder.reserve(slots, capacity)
    }

    fn prefill(&mut self, prompts: &[(usize, Tensor)]) -> Result<Tensor, CacheError> {
        for (slot, prompt) in prompts {
            let encoded = self.encoder.forward(prompt)?;
            self.decoder.look_at(*slot, &encoded)?;
        }
        let start = |(slot, _): &(usize, Tensor)| (*slot, self.config.start_token);
        self.decode_step(&prompts.iter().map(start).collect::<Vec<_>>())
    }

    fn decode_step(&mut self, rows: &[(usize, u32)]) -> Result<Tensor, CacheError> {
        let (slots, ids): (Vec<usize>, Vec<u32>) = rows.iter().copied().unzip();
        let hidden = self.decoder.step(self.embed(&ids)?, &slots)?;
        Ok(self.logits(&hidden)?)
    }

    fn copy_slot(&mut self, from: usize, to: usize) -> Result<(), CacheError> {
        self.decoder.copy_slot(from, to)
    }
}
