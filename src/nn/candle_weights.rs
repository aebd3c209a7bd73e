//! Checkpoints for networks of candle-transformers, which read theirs through a `VarBuilder`.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};

use candle_core::{DType, Device, Error, Result as TensorResult, Shape, Tensor};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};

use crate::weights::{TensorReader, WeightsError};

/// Builds a network out of what lies under the reader's prefix.
///
/// # Errors
/// A tensor is missing or of another shape than the network wants.
pub fn build<N>(
    reader: &TensorReader,
    network: impl FnOnce(VarBuilder<'static>) -> TensorResult<N>,
) -> Result<N, WeightsError> {
    let failure = Failure::default();
    let tensors = Tensors { reader: reader.clone(), failure: Arc::clone(&failure) };
    let (dtype, device) = (reader.dtype(), reader.device().clone());
    network(VarBuilder::from_backend(Box::new(tensors), dtype, device))
        .map_err(|source| taken(&failure).unwrap_or_else(|| reader.convert_error("", source)))
}

/// Gives candle the tensors of a reader, and keeps what was wrong with one, which candle's error
/// would only hold as text.
struct Tensors {
    reader: TensorReader,
    failure: Failure,
}

type Failure = Arc<Mutex<Option<WeightsError>>>;

fn taken(failure: &Failure) -> Option<WeightsError> {
    failure.lock().ok().and_then(|mut failure| failure.take())
}

impl Tensors {
    /// Checkpoints that came from TensorFlow call the numbers of a norm gamma and beta, which
    /// transformers renames as it loads them.
    fn stored_name<'n>(&self, name: &'n str) -> Cow<'n, str> {
        let older = [("LayerNorm.weight", "LayerNorm.gamma"), ("LayerNorm.bias", "LayerNorm.beta")];
        let older = older.iter().find_map(|(now, then)| {
            let older = format!("{}{then}", name.strip_suffix(now)?);
            (!self.reader.contains(name) && self.reader.contains(&older)).then_some(older)
        });
        older.map_or(Cow::Borrowed(name), Cow::Owned)
    }
}

impl SimpleBackend for Tensors {
    fn get(&self, shape: Shape, name: &str, _: Init, _: DType, _: &Device) -> TensorResult<Tensor> {
        let name = self.stored_name(name);
        self.reader.tensor(&name, shape.dims()).map_err(|error| {
            let message = Error::Msg(error.to_string());
            if let Ok(mut failure) = self.failure.lock() {
                *failure = Some(error);
            }
            message
        })
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> TensorResult<Tensor> {
        candle_core::bail!("tensor `{name}` asked for without a shape")
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.reader.contains(name)
    }
}
