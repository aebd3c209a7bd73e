/*!
Layers that more than one family uses: linear maps and norms read from a checkpoint, rotary
positions, attention, the key/value cache, what a language model can do, the language models (Llama,
OPT, T5), the vision towers of CLIP and EVA-CLIP, and the Q-Former.

Knows nothing of families, prompts or pictures. Shapes are written in comments as
`(heads, tokens, head_dim)`; there is no batch axis where rows have different lengths.
*/

mod activation;
mod attention;
mod cache;
pub mod candle_weights;
mod clip;
mod clip_text;
mod decoder;
mod elementwise;
mod epilogue;
pub mod eva_vit;
pub mod fused;
mod language;
mod largest;
mod layers;
mod linear;
mod llama;
pub mod opt;
pub mod qformer;
mod rope;
pub mod rotary;
mod segments;
mod square_patches;
mod stacked;
pub mod t5;
mod vector_math;
mod vision_block;

pub use activation::{Activation, gated};
pub use attention::{AttentionRows, Visibility, attend, attend_each};
pub use cache::{CacheError, CacheShape, KeyValueCache};
pub use clip::{CLIP_NORM_EPS, ClipConfig, ClipTower};
pub use clip_text::{ClipTextConfig, ClipTextTower};
pub use decoder::{
    AttentionMap, Decoder, DecoderConfig, FeedForward, GatedFeedForward, HeadNormKind, HeadWeights,
};
pub use elementwise::{add, choose_rows, multiply, scale_rows};
pub use language::LanguageModel;
pub use largest::{TwoLargest, two_largest};
pub use layers::{Bias, layer_norm, linear, look_up, split_heads};
pub use linear::{Linear, Phase, Rows};
pub use llama::{Llama, LlamaConfig};
pub use rope::{RampEnds, Rope, RopeScaling};
pub use segments::{LayerCache, Segment, attend_segments, clear_for, join_prompts, last_rows};
pub use square_patches::PatchSizes;
use stacked::stacked_linear;
pub use vision_block::VisionBlock;
