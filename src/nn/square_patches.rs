/*!
Square pictures cut into square patches, each mapped to the width of a tower: the convolution with
stride = kernel with which the towers of CLIP and EVA-CLIP begin.
*/

use candle_core::{DType, Device, Result, Tensor};

use super::{Bias, Linear, add};
use crate::weights::{TensorReader, WeightsError};

/// Colours of a pixel.
const CHANNELS: usize = 3;

/// The sizes of pictures and patches.
#[derive(Debug, Clone, Copy)]
pub struct PatchSizes {
    /// Edge of the picture in pixels, at least that of a patch.
    pub image_side: usize,
    /// Edge of a patch in pixels.
    pub patch_side: usize,
}

impl PatchSizes {
    /// Patches along an edge of the picture.
    pub fn grid_side(&self) -> usize {
        self.image_side / self.patch_side
    }

    /// Patches of a picture.
    pub fn patches(&self) -> usize {
        self.grid_side() * self.grid_side()
    }

    /// The class token and one for each patch.
    pub fn tokens(&self) -> usize {
        1 + self.patches()
    }
}

/// The beginning of a tower, with its weights.
#[derive(Debug)]
pub(super) struct SquarePatches {
    sizes: PatchSizes,
    map: Linear,
    /// `(1, hidden)`, stands before the patches.
    class_token: Tensor,
    /// One row for each token, `(1 + patches, hidden)`.
    positions: Tensor,
}

impl SquarePatches {
    /// Reads the convolution's `weight` and, if there is one, `bias`.
    pub(super) fn load(
        sizes: PatchSizes,
        bias: Bias,
        class_token: Tensor,
        positions: Tensor,
        reader: &TensorReader,
    ) -> std::result::Result<Self, WeightsError> {
        let (hidden, side) = (class_token.elem_count(), sizes.patch_side);
        let weight = reader.tensor("weight", &[hidden, CHANNELS, side, side])?;
        let weight = weight.reshape((hidden, CHANNELS * side * side));
        let weight = weight.map_err(|source| reader.convert_error("weight", source))?;
        let bias = match bias {
            Bias::With => Some(reader.tensor("bias", &[hidden])?),
            Bias::Without => None,
        };
        let map = Linear::new(weight, bias);
        let map = map.map_err(|source| reader.convert_error("weight", source))?;
        Ok(Self { sizes, map, class_token, positions })
    }

    /// Pictures `(3, image_side, image_side)` to the rows of their tokens, one picture behind the
    /// other: `(pictures * (1 + patches), hidden)`.
    pub(super) fn embed(&self, pictures: &[&Tensor]) -> Result<Tensor> {
        let cut = pictures.iter().map(|pixels| self.cut(pixels)).collect::<Result<Vec<_>>>()?;
        let patches = self.map.forward(&Tensor::cat(&cut, 0)?)?;
        let (count, hidden) = (pictures.len(), patches.dim(1)?);
        let patches = patches.reshape((count, self.sizes.patches(), hidden))?;
        let class_tokens = self.class_token.unsqueeze(0)?.expand((count, 1, hidden))?;
        let tokens = add(&Tensor::cat(&[&class_tokens, &patches], 1)?, &self.positions)?;
        tokens.reshape((count * self.sizes.tokens(), hidden))
    }

    /// The rows of each picture that [`SquarePatches::embed`] gives.
    pub(super) fn lengths(&self, pictures: usize) -> Vec<usize> {
        vec![self.sizes.tokens(); pictures]
    }

    /// `(3, side, side)` to `(patches, 3 * patch_side^2)`, each row in the order of the convolution's
    /// weight.
    fn cut(&self, pixels: &Tensor) -> Result<Tensor> {
        let (grid, side) = (self.sizes.grid_side(), self.sizes.patch_side);
        let pixels = pixels.to_device(self.device())?.to_dtype(self.dtype())?;
        // Pixels beyond the last whole patch are left out, as a convolution does.
        let pixels = pixels.narrow(1, 0, grid * side)?.narrow(2, 0, grid * side)?;
        let pixels = pixels.reshape((CHANNELS, grid, side, grid, side))?;
        let pixels = pixels.permute((1, 3, 0, 2, 4))?.contiguous()?;
        pixels.reshape((grid * grid, CHANNELS * side * side))
    }

    fn device(&self) -> &Device {
        self.class_token.device()
    }

    fn dtype(&self) -> DType {
        self.class_token.dtype()
    }
}
