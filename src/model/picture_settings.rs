/*!
Where a checkpoint says how its pictures are prepared: `processor_config.json`, which has it inside since
transformers 5, or `preprocessor_config.json`. Of both, the former counts, as in transformers 5
(v5.24.0 `image_processing_base.py`, `get_image_processor_dict`).
*/

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::ModelError;
use super::fields::FieldCheck;
use crate::weights::{CheckpointFolder, WeightsError};

/// The file of versions before 5.
const PREPROCESSOR: &str = "preprocessor_config.json";
/// The file since.
const PROCESSOR: &str = "processor_config.json";
/// The object in it.
const INNER: &str = "image_processor";

/// The settings, and the place that they are from.
#[derive(Debug)]
pub(crate) struct PictureSettings {
    fields: Map<String, Value>,
    file: &'static str,
    folder: CheckpointFolder,
}

impl PictureSettings {
    /// Finds them.
    pub(crate) fn find(folder: &CheckpointFolder) -> Result<Self, ModelError> {
        let processor: Option<Map<String, Value>> = folder.optional_json(PROCESSOR)?;
        let inner = processor.and_then(|mut processor| match processor.remove(INNER) {
            Some(Value::Object(fields)) => Some(fields),
            _ => None,
        });
        let (mut fields, file) = match inner {
            Some(fields) => (fields, PROCESSOR),
            None => (required(folder)?, PREPROCESSOR),
        };
        // Fast processors of transformers 4 write what they leave to the default as null.
        fields.retain(|_, value| !value.is_null());
        Ok(Self { fields, file, folder: folder.clone() })
    }

    /// As a `T`.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, ModelError> {
        serde_json::from_value(Value::Object(self.fields.clone())).map_err(|source| {
            let path = self.folder.path().join(self.file);
            ModelError::Weights(WeightsError::Json { path, source })
        })
    }

    /// For errors about fields.
    pub(crate) fn check(&self) -> FieldCheck {
        let check = FieldCheck::new(self.folder.path().join(self.file));
        match self.file {
            PROCESSOR => check.under(INNER),
            _ => check,
        }
    }
}

fn required(folder: &CheckpointFolder) -> Result<Map<String, Value>, WeightsError> {
    folder.required_json(
        PREPROCESSOR,
        "how pictures are resized; transformers 5 has it in processor_config.json, as image_processor",
    )
}
