//! The coefficients of a component, kept until the last scan.

use super::frame::Extent;
use super::idct::Block;

/// A component's blocks, row by row.
#[derive(Debug)]
pub(super) struct Blocks {
    pub(super) extent: Extent,
    blocks: Vec<Block>,
}

impl Blocks {
    pub(super) fn new(extent: Extent) -> Self {
        Self { extent, blocks: vec![[0; 64]; extent.padded_columns * extent.padded_rows] }
    }

    pub(super) fn at(&self, column: usize, row: usize) -> &Block {
        &self.blocks[row * self.extent.padded_columns + column]
    }

    pub(super) fn at_mut(&mut self, column: usize, row: usize) -> &mut Block {
        &mut self.blocks[row * self.extent.padded_columns + column]
    }
}

/// Places in a block, by the order of the file (figure A.6 of the standard); sixteen more at its end catch
/// runs that lead beyond it.
pub(super) const NATURAL_ORDER: [usize; 80] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
    13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63,
    63, 63, 63, 63, 63, 63,
];
