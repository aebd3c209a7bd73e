/*!
Rotary position embedding (Su et al. 2021, arXiv 2104.09864) in the half-split layout:
`(x1, x2) -> (x1 cos - x2 sin, x2 cos + x1 sin)` with `x1` and `x2` the halves of a head.

How positions become angles differs by family; this module only turns angles into tables and
applies them.
*/

use candle_core::{DType, Device, Result, Tensor};

/// Up to so many tokens, cosines and sines are computed on the CPU.
const FEW_TOKENS: usize = 64;

/// Cosines and sines, each `(tokens, head_dim / 2)`, in the type of the queries.
#[derive(Debug, Clone)]
pub struct RotaryTable {
    cos: Tensor,
    sin: Tensor,
}

impl RotaryTable {
    /// From the angle of each token and frequency, row by row; computed in f32, then cast.
    pub fn new(angles: Vec<f32>, tokens: usize, dtype: DType, device: &Device) -> Result<Self> {
        Self::scaled(angles, tokens, 1.0, dtype, device)
    }

    /// The same, cosines and sines multiplied by `scale`.
    pub fn scaled(
        angles: Vec<f32>,
        tokens: usize,
        scale: f32,
        dtype: DType,
        device: &Device,
    ) -> Result<Self> {
        let frequencies = angles.len() / tokens.max(1);
        // A step's few angles are not worth the launches.
        let computing = if tokens > FEW_TOKENS { device } else { &Device::Cpu };
        let angles = Tensor::from_vec(angles, (tokens, frequencies), computing)?;
        let place = |table: Tensor| {
            let table = if scale == 1.0 { table } else { (table * f64::from(scale))? };
            table.to_dtype(dtype)?.to_device(device)
        };
        Ok(Self { cos: place(angles.cos()?)?, sin: place(angles.sin()?)? })
    }

    /// Several tables, one behind the other.
    pub fn joined(tables: &[&Self]) -> Result<Self> {
        let join = |part: fn(&Self) -> &Tensor| {
            Tensor::cat(&tables.iter().map(|table| part(table)).collect::<Vec<_>>(), 0)
        };
        Ok(Self { cos: join(|table| &table.cos)?, sin: join(|table| &table.sin)? })
    }

    /// Cosines and sines.
    #[cfg(feature = "cuda")]
    pub(super) fn tables(&self) -> (&Tensor, &Tensor) {
        (&self.cos, &self.sin)
    }

    /// Rotates `(heads, tokens, head_dim)`.
    pub fn apply(&self, heads: &Tensor) -> Result<Tensor> {
        let heads = heads.contiguous()?.unsqueeze(0)?;
        candle_nn::rotary_emb::rope(&heads, &self.cos, &self.sin)?.squeeze(0)
    }

    /// Rotates each head of `(tokens, heads * head_dim)`, computing in the table's type.
    pub fn apply_to_rows(&self, rows: &Tensor, heads: usize) -> Result<Tensor> {
        let (tokens, width) = rows.dims2()?;
        let wide = rows.contiguous()?.to_dtype(self.cos.dtype())?;
        let wide = wide.reshape((1, tokens, heads, width / heads))?;
        let turned = candle_nn::rotary_emb::rope_thd(&wide, &self.cos, &self.sin)?;
        turned.reshape((tokens, width))?.to_dtype(rows.dtype())
    }
}

/// The frequencies `theta^(-2i / dim)` for `i` in `0..dim / 2`, in f32.
pub fn inverse_frequencies(theta: f32, dim: usize) -> Vec<f32> {
    (0..dim).step_by(2).map(|index| 1.0 / theta.powf(index as f32 / dim as f32)).collect()
}
