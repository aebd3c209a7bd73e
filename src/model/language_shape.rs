//! The sizes of language models and towers that several families have, as far as they decide about
//! memory.

use super::BlockShape;
use crate::nn::LlamaConfig;
use crate::nn::eva_vit::EvaVitConfig;

/// Widths, vocabulary and cache of a language model.
pub(super) struct LanguageShape {
    pub(super) blocks: BlockShape,
    pub(super) vocabulary: usize,
    pub(super) cached_numbers: usize,
}

impl LanguageShape {
    pub(super) fn of_llama(config: &LlamaConfig) -> Self {
        let LlamaConfig { hidden, intermediate, layers, heads, kv_heads, head_dim, .. } = *config;
        Self {
            blocks: BlockShape {
                hidden,
                inner: 2 * intermediate,
                projected: (heads + 2 * kv_heads) * head_dim,
                heads,
            },
            vocabulary: config.vocabulary,
            cached_numbers: 2 * layers * kv_heads * head_dim,
        }
    }
}

/// The widths of EVA's blocks.
pub(super) fn eva_blocks(config: &EvaVitConfig) -> BlockShape {
    let EvaVitConfig { hidden, intermediate, heads, .. } = *config;
    BlockShape { hidden, inner: intermediate, projected: 3 * hidden, heads }
}
