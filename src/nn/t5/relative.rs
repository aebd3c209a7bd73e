//! The bias that a distance between two tokens adds to their score.

use candle_core::{DType, Result, Tensor};

use super::T5Config;
use crate::nn::choose_rows;
use crate::weights::{TensorReader, WeightsError};

/// Which way a stack looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// The encoder: half of the buckets are for keys behind the query.
    Both,
    /// The decoder: all buckets are for keys up to the query.
    Back,
}

/// A bias for each bucket of distances and each head.
#[derive(Debug)]
pub(super) struct RelativeBias {
    /// `(buckets, heads)`, f32.
    table: Tensor,
    direction: Direction,
    max_distance: usize,
}

impl RelativeBias {
    pub(super) fn load(
        config: &T5Config,
        direction: Direction,
        reader: &TensorReader,
    ) -> std::result::Result<Self, WeightsError> {
        let shape = [config.buckets, config.heads];
        let reader = reader.under("relative_attention_bias");
        let table = reader.tensor("weight", &shape)?.to_dtype(DType::F32);
        Ok(Self {
            table: table.map_err(|source| reader.convert_error("weight", source))?,
            direction,
            max_distance: config.max_distance,
        })
    }

    /// `(heads, queries, keys)`, f32: the last of `keys` tokens are the queries.
    pub(super) fn scores(&self, queries: usize, keys: usize) -> Result<Tensor> {
        let (buckets, heads) = self.table.dims2()?;
        let before = keys - queries;
        let indices: Vec<u32> = (0..queries)
            .flat_map(|query| (0..keys).map(move |key| (before + query, key)))
            .map(|(query, key)| bucket(query, key, self.direction, buckets, self.max_distance))
            .collect();
        let indices = Tensor::from_vec(indices, queries * keys, self.table.device())?;
        let scores = choose_rows(&self.table, &indices)?.reshape((queries, keys, heads))?;
        scores.permute((2, 0, 1))?.contiguous()
    }
}

/// The bucket of a key seen from a query: one for each small distance, then wider and wider ones up
/// to `max_distance` (`T5Attention._relative_position_bucket`, which counts in f32).
#[expect(clippy::cast_possible_truncation, reason = "a bucket is below the number of buckets")]
#[expect(clippy::cast_sign_loss, reason = "only distances from `exact` on have a logarithm")]
fn bucket(
    query: usize,
    key: usize,
    direction: Direction,
    buckets: usize,
    max_distance: usize,
) -> u32 {
    let (buckets, first, distance) = match direction {
        Direction::Both if key > query => (buckets / 2, buckets / 2, key - query),
        Direction::Both => (buckets / 2, 0, query - key),
        Direction::Back => (buckets, 0, query.saturating_sub(key)),
    };
    let exact = buckets / 2;
    let bucket = if distance < exact {
        distance
    } else {
        let share = (distance as f32 / exact as f32).ln()
            / (max_distance as f64 / exact as f64).ln() as f32;
        let wide = exact + (share * (buckets - exact) as f32) as usize;
        wide.min(buckets - 1)
    };
    (first + bucket) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many neighbouring distances share each bucket: transformers 4.57.3
    /// `T5Attention._relative_position_bucket(torch.arange(-300, 301), True, 32, 128)` and its
    /// twin for the decoder, `(-torch.arange(0, 300), False, ..)`.
    #[test]
    fn buckets_equal_transformers() {
        let back = [
            (1, 16),
            (3, 1),
            (2, 1),
            (3, 2),
            (4, 2),
            (5, 1),
            (6, 2),
            (7, 1),
            (8, 1),
            (10, 2),
            (12, 1),
            (14, 1),
            (187, 1),
        ];
        let expected = runs(&back);
        let found: Vec<u32> = (0..300)
            .map(|distance| bucket(300, 300 - distance, Direction::Back, 32, 128))
            .collect();
        assert_eq!(found, expected);

        let both = [(1, 8), (4, 2), (7, 1), (9, 1), (14, 1), (18, 1), (27, 1), (210, 1)];
        let expected = runs(&both);
        for (distance, expected) in expected.iter().enumerate() {
            let seen = |key| bucket(300, key, Direction::Both, 32, 128);
            assert_eq!(seen(300 - distance), *expected, "{distance}");
            if distance > 0 {
                assert_eq!(seen(300 + distance), 16 + expected, "{distance}");
            }
        }
    }

    /// `(length, times)` runs of equal buckets, counted up from 0.
    fn runs(lengths: &[(usize, usize)]) -> Vec<u32> {
        let lengths = lengths.iter().flat_map(|(length, times)| [*length].repeat(*times));
        let buckets = lengths.enumerate().map(|(bucket, length)| [bucket as u32].repeat(length));
        buckets.flatten().collect()
    }
}
