/*!
Kernels of our own for a CUDA GPU. In decode steps, candle's separate operations are bound by the time
of a launch: a step of Qwen3-VL-2B takes some 700 launches with them and 230 with these. Over many rows
they are bound by memory: scores of attention are as many as the square of a picture's patches.

What a row becomes depends on the row alone, not on how many others go with it (`products.rs`).

[`Fused::open`] gives none where they do not apply (no CUDA, head sizes that are no multiple of 8); then
the general operations of [`crate::nn`] run, which are also what the kernels' results are tested against.
Knows nothing of families.
*/

#[cfg(not(feature = "cuda"))]
mod absent;
#[cfg(feature = "cuda")]
mod blas;
#[cfg(feature = "cuda")]
pub(super) mod cuda;
#[cfg(feature = "cuda")]
pub(super) mod launch;
#[cfg_attr(not(feature = "cuda"), path = "absent_products.rs")]
pub(super) mod products;
#[cfg_attr(not(feature = "cuda"), path = "absent_rows.rs")]
pub(super) mod rows;

#[cfg(all(test, feature = "cuda"))]
pub(super) mod testing;

#[cfg(not(feature = "cuda"))]
pub use absent::Fused;
#[cfg(feature = "cuda")]
pub use cuda::Fused;

use candle_core::Tensor;

use super::rotary::RotaryTable;

/// The heads of an attention layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadCounts {
    /// Query heads.
    pub heads: usize,
    /// Key/value heads; `heads` is a multiple.
    pub kv_heads: usize,
    /// Numbers per head.
    pub head_dim: usize,
}

/// What is done to heads before they attend.
#[derive(Debug, Clone, Copy)]
pub struct HeadChange<'a> {
    /// How many there are.
    pub counts: HeadCounts,
    /// Norms of queries and keys.
    pub norms: Option<HeadNorms<'a>>,
    /// By which queries and keys are rotated.
    pub rotary: Option<&'a RotaryTable>,
}

/// How products of queries and keys become scores.
#[derive(Debug, Clone, Copy)]
pub struct Scores<'a> {
    /// Factor of the products.
    pub scale: f64,
    /// What is added by distance, `(heads, distances)`, f32: the last column for a query's own token,
    /// the one before it for the token before (T5).
    pub distance_bias: Option<&'a Tensor>,
}

impl Scores<'_> {
    /// Products over the root of the head's size.
    pub fn scaled(head_dim: usize) -> Self {
        Self { scale: (head_dim as f64).powf(-0.5), distance_bias: None }
    }
}

/// The norms of queries and keys, where a family has them.
#[derive(Debug, Clone, Copy)]
pub struct HeadNorms<'a> {
    /// Weight for queries, `(head_dim)`.
    pub queries: &'a Tensor,
    /// Weight for keys, `(head_dim)`.
    pub keys: &'a Tensor,
    /// Added to the mean of squares.
    pub eps: f64,
}
