//! A decoder layer's attention, its projections of queries, keys and values as one.

use candle_core::{DType, Result as TensorResult, Tensor};

use super::{AttentionMap, DecoderConfig, HeadNormKind, Norm};
use crate::nn::fused::{Fused, HeadChange, HeadCounts, HeadNorms, Scores};
use crate::nn::rotary::RotaryTable;
use crate::nn::{
    CacheError, LayerCache, Linear, Phase, Segment, add, attend_segments, stacked_linear,
};
use crate::weights::{TensorReader, WeightsError};

#[derive(Debug)]
pub(super) struct Attention {
    /// Queries, keys and values, one behind the other.
    qkv: Linear,
    /// Of what was seen.
    pub(super) output: Linear,
    /// Of queries, and of keys.
    norms: Option<(Norm, Norm)>,
    counts: HeadCounts,
}

impl Attention {
    pub(super) fn load(
        config: &DecoderConfig,
        reader: &TensorReader,
    ) -> Result<Self, WeightsError> {
        let HeadCounts { heads, kv_heads, head_dim } = config.heads;
        let (width, kv_width) = (heads * head_dim, kv_heads * head_dim);
        let parts = [("q_proj", width), ("k_proj", kv_width), ("v_proj", kv_width)];
        let norm = |name| Norm::load(head_dim, config.rms_eps, &reader.under(name));
        let output = [("o_proj", config.hidden)];
        Ok(Self {
            qkv: stacked_linear(config.hidden, &parts, config.attention_bias, reader)?,
            output: stacked_linear(width, &output, config.attention_bias, reader)?,
            norms: match config.head_norms {
                HeadNormKind::None => None,
                HeadNormKind::RootMeanSquare => Some((norm("q_norm")?, norm("k_norm")?)),
            },
            counts: config.heads,
        })
    }

    /// What is seen, `(rows, heads * head_dim)`, before the map `output`.
    pub(super) fn forward(
        &self,
        hidden: &Tensor,
        rotary: &RotaryTable,
        segments: &[Segment],
        cache: &mut LayerCache<'_>,
    ) -> Result<Tensor, CacheError> {
        let HeadCounts { heads, kv_heads, head_dim } = self.counts;
        let qkv = self.qkv.forward(hidden)?;
        let qkv = qkv.reshape((hidden.dim(0)?, heads + 2 * kv_heads, head_dim))?;
        let (query_norm, key_norm) = self.norms.as_ref().map(|(q, k)| (q, k)).unzip();
        let queries = rotary.apply(&normed_heads(&qkv.narrow(1, 0, heads)?, query_norm)?)?;
        let keys = rotary.apply(&normed_heads(&qkv.narrow(1, heads, kv_heads)?, key_norm)?)?;
        let values = normed_heads(&qkv.narrow(1, heads + kv_heads, kv_heads)?, None)?;
        let scale = (head_dim as f64).powf(-0.5);
        attend_segments(&queries, &keys, &values, scale, segments, cache)
    }

    pub(super) fn add_to_map(&mut self, map: AttentionMap, change: &Tensor) -> TensorResult<()> {
        let HeadCounts { heads, kv_heads, head_dim } = self.counts;
        let (start, rows) = match map {
            AttentionMap::Query => (0, heads * head_dim),
            AttentionMap::Value => ((heads + kv_heads) * head_dim, kv_heads * head_dim),
        };
        let weight = self.qkv.weight()?;
        let changed = add(&weight.narrow(0, start, rows)?.to_dtype(DType::F32)?, change)?;
        let changed = changed.to_dtype(weight.dtype())?;
        let end = start + rows;
        let behind = weight.narrow(0, end, weight.dim(0)? - end)?;
        let pieces = [weight.narrow(0, 0, start)?, changed, behind];
        self.qkv = Linear::new(Tensor::cat(&pieces, 0)?, self.qkv.bias().cloned())?;
        Ok(())
    }

    pub(super) fn forward_fused(
        &self,
        fused: &Fused,
        phase: Phase,
        normed: &Tensor,
        rotary: &RotaryTable,
        places: (&[Segment], &Tensor),
        cache: &LayerCache<'_>,
    ) -> TensorResult<Tensor> {
        let qkv = self.qkv.forward(phase.rows(normed))?;
        let norms = self.norms.as_ref().map(|(queries, keys)| HeadNorms {
            queries: &queries.weight,
            keys: &keys.weight,
            eps: queries.eps,
        });
        let heads = HeadChange { counts: self.counts, norms, rotary: Some(rotary) };
        let scores = Scores::scaled(self.counts.head_dim);
        let attended = fused.attention(&qkv, heads, places, scores, cache)?;
        self.output.forward(phase.rows(&attended))
    }
}

/// `(tokens, heads, head_dim)` to contiguous `(heads, tokens, head_dim)`, each head normed.
fn normed_heads(heads: &Tensor, norm: Option<&Norm>) -> TensorResult<Tensor> {
    let heads = heads.transpose(0, 1)?.contiguous()?;
    norm.map_or(Ok(heads.clone()), |norm| norm.forward(&heads))
}
