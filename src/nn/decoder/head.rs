//! The output head of a language model: a tensor of its own, or the embedding table.

use candle_core::{DType, Result as TensorResult, Tensor};

use crate::nn::Linear;
use crate::weights::{TensorReader, WeightsError};

/// Where a language model's output head comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadWeights {
    /// It is the embedding table; a checkpoint that has another one contradicts itself.
    Tied,
    /// It is the embedding table unless the checkpoint has another one (transformers 5).
    TiedUnlessStored,
    /// The checkpoint has a tensor for it.
    Own,
}

impl HeadWeights {
    /// What a configuration's `tie_word_embeddings` says.
    pub fn tied(is_tied: bool) -> Self {
        if is_tied { Self::Tied } else { Self::Own }
    }

    /// The head beside `embeddings` `(vocabulary, hidden)`; its `weight` is read from under `head`.
    pub fn load(self, embeddings: &Tensor, head: &TensorReader) -> Result<Linear, WeightsError> {
        let convert = |source| head.convert_error("weight", source);
        let shared = || Linear::of_shared(embeddings).map_err(convert);
        if self != Self::Own && !head.contains("weight") {
            return shared();
        }
        let own = head.tensor("weight", embeddings.dims())?;
        let is_shared = match self {
            Self::Own => false,
            Self::Tied | Self::TiedUnlessStored => are_equal(&own, embeddings).map_err(convert)?,
        };
        match self {
            _ if is_shared => shared(),
            Self::Tied => Err(head.other_head("weight")),
            Self::TiedUnlessStored | Self::Own => Linear::new(own, None).map_err(convert),
        }
    }
}

fn are_equal(one: &Tensor, other: &Tensor) -> TensorResult<bool> {
    let differing = one.ne(other)?.to_dtype(DType::F32)?.max_all()?;
    Ok(differing.to_scalar::<f32>()? == 0.0)
}
