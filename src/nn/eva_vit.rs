/*!
The vision tower of BLIP-2, InstructBLIP and MiniGPT-v2: the ViT "g" of EVA-CLIP (arXiv 2211.07636)
with learned positions, plain pre-norm blocks, and a norm behind them that is not EVA's own.

Follows salesforce/LAVIS `lavis/models/eva_vit.py` and huggingface/transformers v4.57.3
`models/blip_2/modeling_blip_2.py`, `Blip2VisionModel`. Knows nothing of how pictures are resized or
what reads the features.
*/

use candle_core::{DType, Result, Tensor};
use candle_nn::{LayerNorm, Module};

use super::square_patches::{PatchSizes, SquarePatches};
use super::{Activation, Bias, Linear, VisionBlock, layer_norm, linear};
use crate::weights::{TensorReader, WeightsError};

/// The sizes of the tower. All are at least 1; `hidden` is a multiple of `heads`.
#[derive(Debug, Clone)]
pub struct EvaVitConfig {
    /// Transformer blocks.
    pub depth: usize,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Width inside the feed-forward part.
    pub intermediate: usize,
    /// Attention heads.
    pub heads: usize,
    /// Pictures and patches.
    pub sizes: PatchSizes,
    /// Rows (and columns) of the table of positions in the checkpoint; where the picture has another
    /// number of patches, the table is interpolated.
    pub position_side: usize,
    /// Added to the variance in the blocks' norms.
    pub eps: f64,
    /// Activation of the feed-forward part; EVA's is the exact GELU.
    pub activation: Activation,
    /// Where the queries' and values' constants are.
    pub qkv_bias: QkvBias,
}

/// How a checkpoint holds the constants that are added to queries and values. Keys have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QkvBias {
    /// `qkv.bias` for all three; zeros for the keys (transformers).
    Fused,
    /// `q_bias` and `v_bias` (LAVIS, EVA).
    Apart,
    /// There are none.
    Absent,
}

/// How a checkpoint names the tower's tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvaNames {
    /// `embeddings.*`, `encoder.layers.N.self_attn.*` (huggingface/transformers `blip_2`).
    Transformers,
    /// `patch_embed.proj.*`, `blocks.N.attn.*` (salesforce/LAVIS `eva_vit.py`).
    Lavis,
}

/// The names of one layout, the block's ones relative to the block.
struct Names {
    class_token: &'static str,
    positions: &'static str,
    patch: &'static str,
    blocks: &'static str,
    norm1: &'static str,
    norm2: &'static str,
    attention: &'static str,
    projection: &'static str,
}

impl EvaNames {
    const fn names(self) -> Names {
        match self {
            Self::Transformers => Names {
                class_token: "embeddings.class_embedding",
                positions: "embeddings.position_embedding",
                patch: "embeddings.patch_embedding",
                blocks: "encoder.layers",
                norm1: "layer_norm1",
                norm2: "layer_norm2",
                attention: "self_attn",
                projection: "projection",
            },
            Self::Lavis => Names {
                class_token: "cls_token",
                positions: "pos_embed",
                patch: "patch_embed.proj",
                blocks: "blocks",
                norm1: "norm1",
                norm2: "norm2",
                attention: "attn",
                projection: "proj",
            },
        }
    }
}

/// The tower with its weights.
#[derive(Debug)]
pub struct EvaVit {
    patches: SquarePatches,
    blocks: Vec<VisionBlock>,
    /// Its weights' type is the type of the features.
    final_norm: LayerNorm,
}

impl EvaVit {
    /// Reads the tower from under `reader`. The norm behind the blocks is given, because its place in
    /// a checkpoint and its type differ: with f32 weights it is computed in f32, and the features are
    /// f32, whatever the type of the tower.
    pub fn load(
        config: &EvaVitConfig,
        names: EvaNames,
        final_norm: LayerNorm,
        reader: &TensorReader,
    ) -> std::result::Result<Self, WeightsError> {
        let names = names.names();
        let blocks = reader.under(names.blocks);
        let blocks = (0..config.depth).map(|index| block(config, &names, &blocks.under(index)));
        let class_token = reader.tensor(names.class_token, &[1, 1, config.hidden])?;
        let class_token = class_token
            .squeeze(0)
            .map_err(|source| reader.convert_error(names.class_token, source))?;
        let positions = positions(config, names.positions, reader)?;
        let convolution = reader.under(names.patch);
        Ok(Self {
            patches: SquarePatches::load(
                config.sizes,
                Bias::With,
                class_token,
                positions,
                &convolution,
            )?,
            blocks: blocks.collect::<std::result::Result<_, _>>()?,
            final_norm,
        })
    }

    /// Features of pictures `(3, side, side)`: `(pictures, 1 + patches, hidden)`, the class token
    /// first, then the patches row by row, in the type of the norm behind the blocks.
    pub fn encode(&self, pictures: &[&Tensor]) -> Result<Tensor> {
        let lengths = self.patches.lengths(pictures.len());
        let mut hidden = self.patches.embed(pictures)?;
        for block in &self.blocks {
            hidden = block.forward(&hidden, &lengths, None)?;
        }
        let dtype = self.final_norm.weight().dtype();
        let normed = self.final_norm.forward(&hidden.to_dtype(dtype)?)?;
        let (rows, width) = normed.dims2()?;
        normed.reshape((pictures.len(), rows / pictures.len(), width))
    }
}

/// The table of positions, interpolated in f32 if the picture has another number of patches.
fn positions(
    config: &EvaVitConfig,
    name: &str,
    reader: &TensorReader,
) -> std::result::Result<Tensor, WeightsError> {
    let stored = 1 + config.position_side * config.position_side;
    let table = reader.cast_to(DType::F32).tensor(name, &[1, stored, config.hidden])?;
    let table = table
        .squeeze(0)
        .and_then(|table| interpolate_positions(&table, config.sizes.grid_side()))
        .and_then(|table| table.to_dtype(reader.dtype()));
    table.map_err(|source| reader.convert_error(name, source))
}

/// Positions of a grid of `side` x `side` patches from the table of another square grid,
/// `(1 + n^2, hidden)` f32: the class token's row stays, the others are interpolated as
/// `torch.nn.functional.interpolate(mode="bicubic", align_corners=False)` does
/// (salesforce/LAVIS `eva_vit.py`, `interpolate_pos_embed`). A table of that size stays as it is.
pub fn interpolate_positions(table: &Tensor, side: usize) -> Result<Tensor> {
    let stored = (table.dim(0)? - 1).isqrt();
    if stored == side {
        return Ok(table.clone());
    }
    let axis = cubic_weights(stored, side);
    // The weight of a point of the new grid on a point of the old one is the product of both axes'.
    let mut weights = Vec::with_capacity(side * side * stored * stored);
    for row in &axis {
        for column in &axis {
            weights.extend(row.iter().flat_map(|y| column.iter().map(move |x| y * x)));
        }
    }
    let weights = Tensor::from_vec(weights, (side * side, stored * stored), table.device())?;
    let patches = weights.matmul(&table.narrow(0, 1, stored * stored)?)?;
    Tensor::cat(&[&table.narrow(0, 0, 1)?, &patches], 0)
}

/// For each of `to` points, its weights on `from` points along one axis.
#[expect(clippy::cast_possible_truncation, reason = "points lie in -1..=from")]
fn cubic_weights(from: usize, to: usize) -> Vec<Vec<f32>> {
    let scale = from as f32 / to as f32;
    let last = from as i64 - 1;
    let weights = |index: usize| {
        let point = scale * (index as f32 + 0.5) - 0.5;
        let mut weights = vec![0.0; from];
        for offset in -1..=2_i64 {
            let neighbour = point.floor() as i64 + offset;
            let distance = (point - neighbour as f32).abs();
            // Beyond the border the border's own row counts again.
            let clamped = usize::try_from(neighbour.clamp(0, last)).unwrap_or(0);
            weights[clamped] += cubic(distance);
        }
        weights
    };
    (0..to).map(weights).collect()
}

/// The cubic convolution kernel with a = -0.75 (pytorch/pytorch `aten/src/ATen/native/UpSample.h`,
/// `cubic_convolution1` and `cubic_convolution2`).
fn cubic(distance: f32) -> f32 {
    const A: f32 = -0.75;
    let x = distance;
    if x <= 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        ((A * x - 5.0 * A) * x + 8.0 * A) * x - 4.0 * A
    } else {
        0.0
    }
}

fn block(
    config: &EvaVitConfig,
    names: &Names,
    reader: &TensorReader,
) -> std::result::Result<VisionBlock, WeightsError> {
    let EvaVitConfig { hidden, intermediate, eps, activation, heads, .. } = *config;
    let (attention, mlp) = (reader.under(names.attention), reader.under("mlp"));
    Ok(VisionBlock {
        attention_norm: layer_norm(hidden, eps, &reader.under(names.norm1))?,
        qkv: qkv(hidden, config.qkv_bias, &attention)?,
        projection: linear(hidden, hidden, Bias::With, &attention.under(names.projection))?,
        feed_forward_norm: layer_norm(hidden, eps, &reader.under(names.norm2))?,
        expand: linear(hidden, intermediate, Bias::With, &mlp.under("fc1"))?,
        activation,
        contract: linear(intermediate, hidden, Bias::With, &mlp.under("fc2"))?,
        heads,
    })
}

fn qkv(
    hidden: usize,
    bias: QkvBias,
    reader: &TensorReader,
) -> std::result::Result<Linear, WeightsError> {
    let fused = reader.under("qkv");
    match bias {
        QkvBias::Fused => linear(hidden, 3 * hidden, Bias::With, &fused),
        QkvBias::Absent => linear(hidden, 3 * hidden, Bias::Without, &fused),
        QkvBias::Apart => {
            let weight = fused.tensor("weight", &[3 * hidden, hidden])?;
            let queries = reader.tensor("q_bias", &[hidden])?;
            let values = reader.tensor("v_bias", &[hidden])?;
            let bias = queries
                .zeros_like()
                .and_then(|keys| Tensor::cat(&[&queries, &keys, &values], 0))
                .map_err(|source| reader.convert_error("q_bias", source))?;
            Linear::new(weight, Some(bias)).map_err(|source| fused.convert_error("weight", source))
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    fn table(patches: &[f32]) -> Tensor {
        let class = [9.0_f32];
        let rows = class.iter().chain(patches).copied().collect();
        Tensor::from_vec(rows, (1 + patches.len(), 1), &Device::Cpu).unwrap()
    }

    /// Numbers of torch 2.5.1 `interpolate(x, size, mode="bicubic", align_corners=False)`.
    #[test]
    fn interpolated_positions_equal_torch() {
        let squares: Vec<f32> = (0..16).map(|index| (index * index) as f32).collect();
        let cases: [(&[f32], [f32; 9]); 2] = [
            (
                &[1.0, -2.0, 0.5, 3.0],
                [
                    1.345_264_2,
                    -0.695_312_8,
                    -2.735_888_7,
                    0.771_701_75,
                    0.625,
                    0.478_298_78,
                    0.198_140_08,
                    1.945_312_3,
                    3.692_484_1,
                ],
            ),
            (
                &squares,
                [
                    1.681_721,
                    5.101_848_6,
                    12.697_905,
                    35.605_33,
                    54.125,
                    76.820_61,
                    136.343_77,
                    169.962_98,
                    207.758_2,
                ],
            ),
        ];
        for (patches, expected) in cases {
            let rows = interpolate_positions(&table(patches), 3).unwrap();
            let rows: Vec<f32> = rows.flatten_all().unwrap().to_vec1().unwrap();
            assert_eq!(rows[0], 9.0);
            for (row, expected) in rows[1..].iter().zip(expected) {
                assert!(
                    (row - expected).abs() < 1e-5 * expected.abs().max(1.0),
                    "{row} {expected}"
                );
            }
        }
    }

    #[test]
    fn a_table_of_the_right_size_stays() {
        let table = table(&[1.0, 2.0, 3.0, 4.0]);
        let same = interpolate_positions(&table, 2).unwrap();
        assert_eq!(same.to_vec2::<f32>().unwrap(), table.to_vec2::<f32>().unwrap());
    }
}
