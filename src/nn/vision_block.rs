/*!
The block that the vision towers are made of: norm, attention, norm, feed-forward part, each added to
what came in (Dosovitskiy et al. 2021, arXiv 2010.11929).

Pictures stand one behind the other in the rows; linear maps are shared, attention stays within a
picture.
*/

use candle_core::{Result, Tensor};
use candle_nn::{LayerNorm, Module};

use super::rotary::RotaryTable;
use super::{Activation, AttentionRows, Linear, attend_each, fused};

/// A block with its weights, which each family reads by its own names.
#[derive(Debug)]
pub struct VisionBlock {
    /// Before the attention.
    pub attention_norm: LayerNorm,
    /// Queries, keys and values, one behind the other, of a picture's rows.
    pub qkv: Linear,
    /// Of what was seen.
    pub projection: Linear,
    /// Before the feed-forward part.
    pub feed_forward_norm: LayerNorm,
    /// Into the feed-forward part.
    pub expand: Linear,
    /// In the feed-forward part.
    pub activation: Activation,
    /// Out of the feed-forward part.
    pub contract: Linear,
    /// Heads of the attention.
    pub heads: usize,
}

impl VisionBlock {
    /// `hidden` `(rows, width)` to the same shape. `lengths` are the pictures' rows; with `rotary`,
    /// which has an angle for each row, queries and keys are rotated.
    pub fn forward(
        &self,
        hidden: &Tensor,
        lengths: &[usize],
        rotary: Option<&RotaryTable>,
    ) -> Result<Tensor> {
        let normed = self.attention_norm.forward(hidden)?;
        let attended = self.attend(&normed, lengths, rotary)?;
        let hidden = self.projection.forward_added(&attended, hidden)?;
        let normed = self.feed_forward_norm.forward(&hidden)?;
        let inner = self.expand.forward_activated(&normed, self.activation)?;
        self.contract.forward_added(&inner, &hidden)
    }

    fn attend(
        &self,
        hidden: &Tensor,
        lengths: &[usize],
        rotary: Option<&RotaryTable>,
    ) -> Result<Tensor> {
        let qkv = self.qkv.forward(hidden)?;
        let width = qkv.dim(1)? / 3;
        let part = |index| qkv.narrow(1, index * width, width);
        let done = match rotary {
            Some(rotary) => fused::rows::rotate_heads(&qkv, rotary, self.heads)?,
            None => true,
        };
        let turned = |index| match rotary {
            Some(rotary) if !done => rotary.apply_to_rows(&part(index)?, self.heads),
            _ => part(index),
        };
        attend_each(AttentionRows {
            queries: &turned(0)?,
            keys: &turned(1)?,
            values: &part(2)?,
            heads: self.heads,
            query_lengths: lengths,
            key_lengths: lengths,
        })
    }
}
