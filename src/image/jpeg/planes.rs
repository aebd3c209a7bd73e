//! The samples of a component.

use super::blocks::Blocks;
use super::frame::Extent;
use super::idct::{self, Block};

/// A component's samples, in rows of whole blocks.
#[derive(Debug)]
pub(super) struct Plane {
    pub(super) extent: Extent,
    levels: Vec<u8>,
}

impl Plane {
    /// All samples 0.
    pub(super) fn new(extent: Extent) -> Self {
        let levels = vec![0; 64 * extent.padded_columns * extent.padded_rows];
        Self { extent, levels }
    }

    /// The samples of all blocks.
    pub(super) fn from_blocks(blocks: &Blocks, quantisation: &[u16; 64]) -> Self {
        let mut plane = Self::new(blocks.extent);
        for row in 0..blocks.extent.block_rows {
            for column in 0..blocks.extent.block_columns {
                plane.set_block(column, row, blocks.at(column, row), quantisation);
            }
        }
        plane
    }

    fn stride(&self) -> usize {
        8 * self.extent.padded_columns
    }

    pub(super) fn set_block(
        &mut self,
        column: usize,
        row: usize,
        block: &Block,
        quantisation: &[u16; 64],
    ) {
        let stride = self.stride();
        let out = &mut self.levels[8 * row * stride + 8 * column..];
        idct::levels(block, quantisation, out, stride);
    }

    /// The samples of a row that belong to the picture.
    pub(super) fn row(&self, y: usize) -> &[u8] {
        let start = y * self.stride();
        &self.levels[start..start + self.extent.width]
    }
}
