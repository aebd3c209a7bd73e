/*!
Layers that more than one family uses: linear maps and norms read from a checkpoint, rotary
positions, attention, the key/value cache, what a language model can do, and the Llama decoder.

Knows nothing of families, prompts or pictures. Shapes are written in comments as
`(heads, tokens, head_dim)`; there is no batch axis where rows have different lengths.
*/

mod attention;
mod cache;
pub mod eva_vit;
mod language;
mod layers;
mod llama;
pub mod rotary;
mod segments;

pub use attention::{Visibility, attend};
pub use cache::{CacheError, CacheShape, KeyValueCache};
pub use language::LanguageModel;
pub use layers::{Bias, layer_norm, linear, rms_norm};
pub use llama::{HeadWeights, Llama, LlamaConfig};
pub use segments::{LayerCache, Segment, attend_segments};
