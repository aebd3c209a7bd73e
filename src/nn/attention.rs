/*!
Scaled dot-product attention: of one sequence with grouped key/value heads, and of several sequences
that stand one behind the other in the same rows.

Queries are taken in blocks, so that the score matrix never grows with the square of the length,
and a causal block only touches the keys it may see. Scores are softmaxed in f32 whatever the
type of the inputs, as transformers' `eager_attention_forward` does
(huggingface/transformers `models/qwen3_vl/modeling_qwen3_vl.py`).
*/

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::ops::softmax_last_dim;

use super::activation::{Hidden, has_softmax_in_place, softmax_in_place};
use super::{fused, split_heads};

/// Most scores that one block of queries may have, in numbers (64 MiB of f32).
const MAX_BLOCK_SCORES: usize = 16 << 20;

/// Which keys a query sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// All of them.
    All,
    /// Query `i` sees the keys up to `i + (keys - queries)`: the queries are the last tokens.
    Causal,
}

/// Attention of `queries` `(heads, t, d)` over `keys` and `values` `(kv_heads, s, d)`.
/// Returns `(t, heads * d)`, contiguous. `heads` is a multiple of `kv_heads`.
pub fn attend(
    queries: &Tensor,
    keys: &Tensor,
    values: &Tensor,
    scale: f64,
    visibility: Visibility,
) -> Result<Tensor> {
    let (heads, count, head_dim) = queries.dims3()?;
    let length = keys.dim(1)?;
    let block = (MAX_BLOCK_SCORES / (heads * length).max(1)).clamp(1, count.max(1));
    let mut blocks = Vec::with_capacity(count.div_ceil(block));
    for start in (0..count).step_by(block) {
        let size = block.min(count - start);
        let queries = queries.narrow(1, start, size)?;
        let visible = match visibility {
            Visibility::All => length,
            Visibility::Causal => length - count + start + size,
        };
        let keys = keys.narrow(1, 0, visible)?;
        let values = values.narrow(1, 0, visible)?;
        blocks.push(attend_block(&queries, &keys, &values, scale, visibility)?);
    }
    // (heads, t, d) blocks to (t, heads * d).
    let attended = Tensor::cat(&blocks, 1)?;
    attended.transpose(0, 1)?.contiguous()?.reshape((count, heads * head_dim))
}

/// Queries, keys and values of several sequences, one behind the other, each `(rows, heads * d)`:
/// views of a wider tensor will do.
#[derive(Debug, Clone, Copy)]
pub struct AttentionRows<'a> {
    /// What looks.
    pub queries: &'a Tensor,
    /// What is looked at.
    pub keys: &'a Tensor,
    /// What is seen there, in the same rows as the keys.
    pub values: &'a Tensor,
    /// Heads of each.
    pub heads: usize,
    /// Rows of queries of each sequence.
    pub query_lengths: &'a [usize],
    /// Rows of keys of each sequence.
    pub key_lengths: &'a [usize],
}

/// Attention of each sequence's queries over all its keys, scaled by `1 / sqrt(d)`; sequences do not
/// see each other. Returns `(rows, heads * d)`, contiguous.
pub fn attend_each(rows: AttentionRows<'_>) -> Result<Tensor> {
    if let Some(attended) = fused::rows::attend_each(&rows)? {
        return Ok(attended);
    }
    let AttentionRows { queries, keys, values, heads, .. } = rows;
    let scale = ((queries.dim(1)? / heads) as f64).powf(-0.5);
    let (mut query, mut key) = (0, 0);
    let mut attended = Vec::with_capacity(rows.query_lengths.len());
    for (looking, seen) in rows.query_lengths.iter().zip(rows.key_lengths) {
        let part =
            |tensor: &Tensor, start, count| split_heads(&tensor.narrow(0, start, count)?, heads);
        let queries = part(queries, query, *looking)?;
        let (keys, values) = (part(keys, key, *seen)?, part(values, key, *seen)?);
        attended.push(attend(&queries, &keys, &values, scale, Visibility::All)?);
        (query, key) = (query + looking, key + seen);
    }
    match attended.len() {
        1 => Ok(attended.remove(0)),
        _ => Tensor::cat(&attended, 0),
    }
}

/// Attention of a block of queries `(heads, t, d)`; the last query sees all the keys.
fn attend_block(
    queries: &Tensor,
    keys: &Tensor,
    values: &Tensor,
    scale: f64,
    visibility: Visibility,
) -> Result<Tensor> {
    let (heads, count, head_dim) = queries.dims3()?;
    let (kv_heads, _, _) = keys.dims3()?;
    let groups = heads / kv_heads;
    // The heads of a group are neighbours, so they can be rows of one product.
    let queries = queries.contiguous()?.reshape((kv_heads, groups * count, head_dim))?;
    let scores = queries.matmul(&keys.transpose(1, 2)?)?.to_dtype(DType::F32)?;
    let weights = softmax(scores, scale, count, visibility)?.to_dtype(values.dtype())?;
    weights.matmul(values)?.reshape((heads, count, head_dim))
}

/// The weights that scores `(kv_heads, groups * count, length)` of `count` queries a head give.
fn softmax(scores: Tensor, scale: f64, count: usize, visibility: Visibility) -> Result<Tensor> {
    let hidden = match visibility {
        Visibility::Causal if count > 1 => Hidden::LaterTokens { queries: count },
        Visibility::Causal | Visibility::All => Hidden::Nothing,
    };
    if has_softmax_in_place(&scores) {
        softmax_in_place(&scores, scale, hidden)?;
        return Ok(scores);
    }
    let scores = (scores * scale)?;
    let Hidden::LaterTokens { queries } = hidden else { return softmax_last_dim(&scores) };
    let (kv_heads, rows, length) = scores.dims3()?;
    let mask = causal_mask(queries, length, scores.device())?;
    let scores = scores.reshape((kv_heads * rows / queries, queries, length))?;
    softmax_last_dim(&scores.broadcast_add(&mask)?)?.reshape((kv_heads, rows, length))
}

/// `(1, count, length)`: 0 where query `i` of the last `count` tokens sees key `j`, else -inf.
fn causal_mask(count: usize, length: usize, device: &Device) -> Result<Tensor> {
    let before = length - count;
    let mask: Vec<f32> = (0..count)
        .flat_map(|query| (0..length).map(move |key| key <= before + query))
        .map(|visible| if visible { 0.0 } else { f32::NEG_INFINITY })
        .collect();
    Tensor::from_vec(mask, (1, count, length), device)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(heads: usize, tokens: usize, head_dim: usize, seed: u64) -> Tensor {
        let numbers: Vec<f32> = (0..heads * tokens * head_dim)
            .map(|index| ((index as u64 * 2_654_435_761 + seed) % 1000) as f32 / 500.0 - 1.0)
            .collect();
        Tensor::from_vec(numbers, (heads, tokens, head_dim), &Device::Cpu).unwrap()
    }

    /// The last query's attention does not depend on how many queries were asked at once.
    #[test]
    fn causal_queries_together_equal_queries_alone() {
        let (queries, keys, values) = (filled(4, 5, 6, 1), filled(2, 5, 6, 2), filled(2, 5, 6, 3));
        let together = attend(&queries, &keys, &values, 0.4, Visibility::Causal).unwrap();
        for token in 0..5 {
            let query = queries.narrow(1, token, 1).unwrap().contiguous().unwrap();
            let keys = keys.narrow(1, 0, token + 1).unwrap();
            let values = values.narrow(1, 0, token + 1).unwrap();
            let alone = attend(&query, &keys, &values, 0.4, Visibility::Causal).unwrap();
            let difference = (together.narrow(0, token, 1).unwrap() - alone).unwrap();
            let largest = difference.abs().unwrap().max_all().unwrap();
            assert!(largest.to_scalar::<f32>().unwrap() < 1e-6);
        }
    }
}
