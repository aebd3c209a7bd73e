/*!
Layers that more than one family uses: linear maps and norms read from a checkpoint, rotary
positions, attention, the key/value cache, what a language model can do, the Llama
decoder, and CLIP's vision tower.

Knows nothing of families, prompts or pictures. Shapes are written in comments as
`(heads, tokens, head_dim)`; there is no batch axis where rows have different lengths.
*/

mod activation;
mod attention;
mod cache;
mod clip;
mod decoder;
pub mod fused;
mod language;
mod layers;
mod llama;
pub mod rotary;
mod segments;
mod vector_math;

pub use activation::{activate, gated};
pub use attention::{Visibility, attend};
pub use cache::{CacheError, CacheShape, KeyValueCache};
pub use clip::{CLIP_NORM_EPS, ClipConfig, ClipTower};
pub use decoder::{
    Decoder, DecoderConfig, FeedForward, GatedFeedForward, HeadNormKind, HeadWeights,
};
pub use language::LanguageModel;
pub use layers::{Bias, layer_norm, linear, rms_norm};
pub use llama::{Llama, LlamaConfig};
pub use segments::{LayerCache, Segment, attend_segments};
