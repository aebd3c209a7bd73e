/*!
The vision tower: patch embedding, interpolated learned positions, 2-D rotary attention, and the
mergers that hand its output to the language model.

Follows huggingface/transformers v4.57.3 `models/qwen3_vl/modeling_qwen3_vl.py`,
`Qwen3VLVisionModel`. Pictures of any sizes stand one behind the other in the rows; attention never
crosses pictures, so a picture's features do not depend on what else is in the batch.
*/

use std::collections::{HashMap, HashSet};

use candle_core::{DType, Device, Result as TensorResult, Tensor};
use candle_nn::{LayerNorm, Module};

use super::VisionConfig;
use super::patches::merge_block_order;
use crate::model::{ImageFeatures, ModelError, PreparedImage};
use crate::nn::rotary::{RotaryTable, inverse_frequencies};
use crate::nn::{
    Activation, Bias, Linear, VisionBlock, add, choose_rows, layer_norm, linear, scale_rows,
};
use crate::weights::{TensorReader, WeightsError};

/// Added to the variance in the tower's norms; not in the configuration.
const NORM_EPS: f64 = 1e-6;
/// Base of the tower's rotary frequencies; not in the configuration.
const ROPE_THETA: f32 = 10_000.0;

/// The tower with its weights.
#[derive(Debug)]
pub(super) struct VisionTower {
    patch_embed: Linear,
    positions: PositionTable,
    blocks: Vec<VisionBlock>,
    merger: Merger,
    /// One per entry of `config.deepstack`.
    deepstack_mergers: Vec<Merger>,
    config: VisionConfig,
    dtype: DType,
    device: Device,
}

impl VisionTower {
    pub(super) fn load(config: &VisionConfig, reader: &TensorReader) -> Result<Self, WeightsError> {
        let blocks =
            (0..config.depth).map(|index| block(config, &reader.under("blocks").under(index)));
        let deepstack = (0..config.deepstack.len()).map(|index| {
            let reader = reader.under("deepstack_merger_list").under(index);
            Merger::load(config, MergerNorm::AfterShuffle, &reader)
        });
        Ok(Self {
            patch_embed: patch_embed(config, &reader.under("patch_embed.proj"))?,
            positions: PositionTable::load(config, &reader.under("pos_embed"))?,
            blocks: blocks.collect::<Result<_, _>>()?,
            merger: Merger::load(config, MergerNorm::BeforeShuffle, &reader.under("merger"))?,
            deepstack_mergers: deepstack.collect::<Result<_, _>>()?,
            config: config.clone(),
            dtype: reader.dtype(),
            device: reader.device().clone(),
        })
    }

    /// Features of pictures, whose pixels are `(patches, patch_numbers)` in merge-block order.
    pub(super) fn encode(
        &self,
        images: &[&PreparedImage],
    ) -> Result<Vec<ImageFeatures>, ModelError> {
        let lengths: Vec<usize> = images.iter().map(|image| image.grid.0 * image.grid.1).collect();
        let grids: Vec<(usize, usize)> = images.iter().map(|image| image.grid).collect();
        let places = self.places(&grids)?;
        let of_each: Vec<&GridPlaces> = grids.iter().map(|grid| &places[grid]).collect();
        let positions: Vec<&Tensor> = of_each.iter().map(|place| &place.positions).collect();
        let rotary: Vec<&RotaryTable> = of_each.iter().map(|place| &place.rotary).collect();
        let rotary = RotaryTable::joined(&rotary)?;
        let mut hidden = self.embed(images, &Tensor::cat(&positions, 0)?)?;
        let mut deep = Vec::with_capacity(self.deepstack_mergers.len());
        for (index, block) in self.blocks.iter().enumerate() {
            hidden = block.forward(&hidden, &lengths, Some(&rotary))?;
            if let Some(tap) = self.config.deepstack.iter().position(|block| *block == index) {
                deep.push(self.deepstack_mergers[tap].forward(&hidden)?);
            }
        }
        self.take_apart(&self.merger.forward(&hidden)?, &deep, &lengths)
    }

    /// The pictures' patches with their `positions`, both `(rows, hidden)`.
    fn embed(&self, images: &[&PreparedImage], positions: &Tensor) -> TensorResult<Tensor> {
        let place =
            |image: &&PreparedImage| image.pixels.to_device(&self.device)?.to_dtype(self.dtype);
        let pixels = images.iter().map(place).collect::<TensorResult<Vec<_>>>()?;
        self.patch_embed.forward_added(&Tensor::cat(&pixels, 0)?, positions)
    }

    /// Once for each size of grid, of which a batch has few.
    fn places(
        &self,
        grids: &[(usize, usize)],
    ) -> TensorResult<HashMap<(usize, usize), GridPlaces>> {
        let distinct: HashSet<_> = grids.iter().copied().collect();
        let place = |grid| {
            let positions = self.positions.interpolate(grid, self.config.merge)?;
            Ok((grid, GridPlaces { positions, rotary: self.rotary(grid)? }))
        };
        distinct.into_iter().map(place).collect()
    }

    /// Each picture's part of the merged rows.
    fn take_apart(
        &self,
        tokens: &Tensor,
        deep: &[Tensor],
        lengths: &[usize],
    ) -> Result<Vec<ImageFeatures>, ModelError> {
        let mut start = 0;
        let mut features = Vec::with_capacity(lengths.len());
        for length in lengths {
            let count = length / (self.config.merge * self.config.merge);
            let part = |rows: &Tensor| rows.narrow(0, start, count);
            let deep = deep.iter().map(part).collect::<TensorResult<_>>()?;
            features.push(ImageFeatures { tokens: part(tokens)?, deep });
            start += count;
        }
        Ok(features)
    }

    /// Half of a head's angles follow the patch's row, the other half its column.
    fn rotary(&self, grid: (usize, usize)) -> TensorResult<RotaryTable> {
        let frequencies = inverse_frequencies(ROPE_THETA, self.config.head_dim() / 2);
        let mut angles = Vec::with_capacity(grid.0 * grid.1 * frequencies.len() * 2);
        for (row, column) in merge_block_order(grid, self.config.merge) {
            angles.extend(frequencies.iter().map(|frequency| frequency * row as f32));
            angles.extend(frequencies.iter().map(|frequency| frequency * column as f32));
        }
        // The reference rotates in f32 whatever the type of the weights.
        RotaryTable::new(angles, grid.0 * grid.1, DType::F32, &self.device)
    }
}

/// What the places of a grid's patches give, in merge-block order.
struct GridPlaces {
    /// `(rows * columns, hidden)`
    positions: Tensor,
    rotary: RotaryTable,
}

/// The 3-D convolution with stride = kernel, which is a linear map of each patch's numbers.
fn patch_embed(config: &VisionConfig, reader: &TensorReader) -> Result<Linear, WeightsError> {
    let weight = reader.tensor("weight", &config.patch_weight)?;
    let bias = reader.tensor("bias", &[config.hidden])?;
    let flat = weight.reshape((config.hidden, config.patch_numbers));
    let map = flat.and_then(|flat| Linear::new(flat, Some(bias)));
    map.map_err(|source| reader.convert_error("weight", source))
}

/// Learned positions on a square grid, `(side * side, hidden)`.
#[derive(Debug)]
struct PositionTable {
    table: Tensor,
    side: usize,
}

impl PositionTable {
    fn load(config: &VisionConfig, reader: &TensorReader) -> Result<Self, WeightsError> {
        let side = config.position_side;
        Ok(Self { table: reader.tensor("weight", &[side * side, config.hidden])?, side })
    }

    /// Bilinear interpolation to `grid`, corners on corners, rows in merge-block order
    /// (`Qwen3VLVisionModel.fast_pos_embed_interpolate`). Returns `(rows * columns, hidden)`.
    fn interpolate(&self, grid: (usize, usize), merge: usize) -> TensorResult<Tensor> {
        let rows = sample_points(grid.0, self.side);
        let columns = sample_points(grid.1, self.side);
        let mut corners = [const { (Vec::new(), Vec::new()) }; 4];
        for (row, column) in merge_block_order(grid, merge) {
            for (corner, (indices, weights)) in corners.iter_mut().enumerate() {
                let (y, vertical) = rows[row][corner / 2];
                let (x, horizontal) = columns[column][corner % 2];
                indices.push(y * self.side as u32 + x);
                weights.push(vertical * horizontal);
            }
        }
        let mut sum: Option<Tensor> = None;
        for (indices, weights) in corners {
            let term = self.weighted_rows(indices, weights)?;
            sum = Some(match sum {
                Some(sum) => add(&sum, &term)?,
                None => term,
            });
        }
        sum.map_or_else(|| self.table.narrow(0, 0, 0), Ok)
    }

    fn weighted_rows(&self, indices: Vec<u32>, weights: Vec<f32>) -> TensorResult<Tensor> {
        let device = self.table.device();
        let count = indices.len();
        let indices = Tensor::from_vec(indices, count, device)?;
        let weights = Tensor::from_vec(weights, count, device)?.to_dtype(self.table.dtype())?;
        scale_rows(&choose_rows(&self.table, &indices)?, &weights)
    }
}

/// `torch.linspace(0, side - 1, count)` in f32; for each point the table index below and above it
/// and their weights.
#[expect(clippy::cast_possible_truncation, reason = "points lie in 0..side")]
#[expect(clippy::cast_sign_loss, reason = "points are not negative")]
fn sample_points(count: usize, side: usize) -> Vec<[(u32, f32); 2]> {
    let last = (side - 1) as f32;
    let step = if count > 1 { last / (count - 1) as f32 } else { 0.0 };
    (0..count)
        .map(|index| {
            // torch counts the second half from the end.
            let point = match index < count / 2 || count == 1 {
                true => step * index as f32,
                false => last - step * (count - 1 - index) as f32,
            };
            let below = (point as u32).min(side as u32 - 1);
            let above = (below + 1).min(side as u32 - 1);
            let fraction = point - below as f32;
            [(below, 1.0 - fraction), (above, fraction)]
        })
        .collect()
}

fn block(config: &VisionConfig, reader: &TensorReader) -> Result<VisionBlock, WeightsError> {
    let VisionConfig { hidden, intermediate, activation, heads, .. } = *config;
    let (attention, mlp) = (reader.under("attn"), reader.under("mlp"));
    Ok(VisionBlock {
        attention_norm: layer_norm(hidden, NORM_EPS, &reader.under("norm1"))?,
        qkv: linear(hidden, 3 * hidden, Bias::With, &attention.under("qkv"))?,
        projection: linear(hidden, hidden, Bias::With, &attention.under("proj"))?,
        feed_forward_norm: layer_norm(hidden, NORM_EPS, &reader.under("norm2"))?,
        expand: linear(hidden, intermediate, Bias::With, &mlp.under("linear_fc1"))?,
        activation,
        contract: linear(intermediate, hidden, Bias::With, &mlp.under("linear_fc2"))?,
        heads,
    })
}

/// Where a merger's norm stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MergerNorm {
    /// On each patch (the main merger).
    BeforeShuffle,
    /// On the joined patches of a block (the deepstack mergers).
    AfterShuffle,
}

/// Joins the patches of a merge block into one token of the language model's width.
#[derive(Debug)]
struct Merger {
    norm: LayerNorm,
    kind: MergerNorm,
    fc1: Linear,
    fc2: Linear,
    joined: usize,
}

impl Merger {
    fn load(
        config: &VisionConfig,
        kind: MergerNorm,
        reader: &TensorReader,
    ) -> Result<Self, WeightsError> {
        let joined = config.hidden * config.merge * config.merge;
        let normed = match kind {
            MergerNorm::BeforeShuffle => config.hidden,
            MergerNorm::AfterShuffle => joined,
        };
        let (fc1, fc2) = (reader.under("linear_fc1"), reader.under("linear_fc2"));
        Ok(Self {
            norm: layer_norm(normed, NORM_EPS, &reader.under("norm"))?,
            kind,
            fc1: linear(joined, joined, Bias::With, &fc1)?,
            fc2: linear(joined, config.out_hidden, Bias::With, &fc2)?,
            joined,
        })
    }

    /// `(patches, hidden)` to `(patches / merge^2, out_hidden)`. Blocks are neighbours already.
    fn forward(&self, hidden: &Tensor) -> TensorResult<Tensor> {
        let join = |hidden: &Tensor| hidden.reshape(((), self.joined));
        let joined = match self.kind {
            MergerNorm::BeforeShuffle => join(&self.norm.forward(hidden)?)?,
            MergerNorm::AfterShuffle => self.norm.forward(&join(hidden)?)?,
        };
        // The exact GELU, unlike the tower's blocks.
        self.fc2.forward(&self.fc1.forward_activated(&joined, Activation::Gelu)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `torch.linspace(0, 47, n)` ends exactly on the last row.
    #[test]
    fn corners_fall_on_corners() {
        for count in [2, 3, 7, 48, 100] {
            let points = sample_points(count, 48);
            assert_eq!(points[0][0], (0, 1.0));
            let [(below, weight), _] = points[count - 1];
            assert_eq!((below, weight), (47, 1.0));
        }
    }
}
