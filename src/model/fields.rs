/*!
Checks of a configuration file's fields, for all families: every error names the file and the
field, what it is and what it should be.
*/

use std::path::PathBuf;

use super::ModelError;
use crate::nn::Activation;

/// Largest width, count or length accepted; far above any model, far below an overflow.
const MAX_SIZE: usize = 1 << 24;

/// Makes errors that name the file and the field.
#[derive(Debug)]
pub(crate) struct FieldCheck {
    path: PathBuf,
    /// What stands before the names of fields, with its dot.
    section: String,
}

impl FieldCheck {
    /// For the fields of the file at `path`.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, section: String::new() }
    }

    /// For the fields of one object in it.
    pub(crate) fn under(&self, section: &str) -> Self {
        Self { path: self.path.clone(), section: format!("{}{section}.", self.section) }
    }

    /// The error that `field` is `found`.
    pub(crate) fn error(
        &self,
        field: &str,
        found: String,
        expected: impl Into<String>,
    ) -> ModelError {
        let (path, field) = (self.path.clone(), format!("{}{field}", self.section));
        ModelError::Config { path, field, found, expected: expected.into() }
    }

    /// An error of field, value and expectation unless `holds`.
    pub(crate) fn that(
        &self,
        holds: bool,
        otherwise: impl FnOnce() -> (&'static str, String, String),
    ) -> Result<(), ModelError> {
        if holds {
            return Ok(());
        }
        let (field, found, expected) = otherwise();
        Err(self.error(field, found, expected))
    }

    /// Whether each size is at least 1 and not absurd.
    pub(crate) fn sizes(&self, sizes: &[(&'static str, usize)]) -> Result<(), ModelError> {
        for (field, size) in sizes {
            self.that((1..=MAX_SIZE).contains(size), || {
                (*field, size.to_string(), format!("a number from 1 to {MAX_SIZE}"))
            })?;
        }
        Ok(())
    }

    /// The activation of a name that transformers uses (`activations.py`).
    pub(crate) fn activation(&self, field: &str, name: &str) -> Result<Activation, ModelError> {
        match name {
            "silu" | "swish" => Ok(Activation::Silu),
            "gelu_pytorch_tanh" | "gelu_new" => Ok(Activation::GeluTanh),
            "gelu" => Ok(Activation::Gelu),
            "relu" => Ok(Activation::Relu),
            _ => {
                let expected = "silu, gelu, gelu_pytorch_tanh or relu";
                Err(self.error(field, format!("`{name}`"), expected))
            }
        }
    }
}
