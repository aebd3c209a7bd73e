/*!
Positions of prompt tokens for M-RoPE, and their rotary angles.

Follows huggingface/transformers v4.57.3 `models/qwen3_vl/modeling_qwen3_vl.py`:
`Qwen3VLModel.get_rope_index` and `Qwen3VLTextRotaryEmbedding.apply_interleaved_mrope`.
*/

use std::ops::Range;

use super::TextConfig;

/// A token's position in time, row and column.
pub(super) type Position = [u32; 3];

/// An image's tokens in the prompt and its merged grid `(rows, columns)`.
pub(super) struct ImagePlace {
    pub(super) span: Range<usize>,
    pub(super) grid: (usize, usize),
}

/// The positions of a prompt of `length` tokens, and the position of the token after it.
///
/// Text counts on by one on all axes. An image that starts at `s` has time `s` and counts rows and
/// columns from `s`; the text behind it goes on at the largest position so far plus one.
pub(super) fn prompt_positions(length: usize, images: &[ImagePlace]) -> (Vec<Position>, u32) {
    let mut positions = Vec::with_capacity(length);
    let mut next = 0;
    for ImagePlace { span, grid: (rows, columns) } in images {
        next = extend_text(&mut positions, next, span.start);
        let (rows, columns) = (*rows as u32, *columns as u32);
        for row in 0..rows {
            positions.extend((0..columns).map(|column| [next, next + row, next + column]));
        }
        next += rows.max(columns);
    }
    next = extend_text(&mut positions, next, length);
    (positions, next)
}

fn extend_text(positions: &mut Vec<Position>, next: u32, end: usize) -> u32 {
    let end = next + end.saturating_sub(positions.len()) as u32;
    positions.extend((next..end).map(|position| [position; 3]));
    end
}

/// Turns positions into angles, one per pair of a head's numbers.
#[derive(Debug)]
pub(super) struct InterleavedRope {
    /// Frequency, and the axis whose position it multiplies.
    frequencies: Vec<(f32, usize)>,
}

impl InterleavedRope {
    pub(super) fn new(config: &TextConfig) -> Self {
        let frequencies = config.rope.frequencies(config.head_dim);
        let [_, rows, columns] = config.mrope_section;
        let axis = |index: usize| match index % 3 {
            1 if index < 3 * rows => 1,
            2 if index < 3 * columns => 2,
            _ => 0,
        };
        let frequencies = frequencies.into_iter().enumerate();
        Self { frequencies: frequencies.map(|(index, freq)| (freq, axis(index))).collect() }
    }

    /// The angles of each position, row by row: `(positions, head_dim / 2)`.
    pub(super) fn angles(&self, positions: &[Position]) -> Vec<f32> {
        let of_one = |position: &Position| {
            let position = *position;
            self.frequencies.iter().map(move |(freq, axis)| freq * position[*axis] as f32)
        };
        positions.iter().flat_map(of_one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the reference notes: three text tokens, an image of 3 rows and 2 columns,
    /// then text, which resumes at 3 + 3.
    #[test]
    fn text_resumes_behind_the_longer_side() {
        let images = [ImagePlace { span: 3..9, grid: (3, 2) }];
        let (positions, next) = prompt_positions(11, &images);
        let expected = [
            [0, 0, 0],
            [1, 1, 1],
            [2, 2, 2],
            [3, 3, 3],
            [3, 3, 4],
            [3, 4, 3],
            [3, 4, 4],
            [3, 5, 3],
            [3, 5, 4],
            [6, 6, 6],
            [7, 7, 7],
        ];
        assert_eq!(positions, expected);
        assert_eq!(next, 8);
    }
}
