//! What an answer depends on.

use serde::Serialize;

use crate::answer::{DeviceClass, ModelInput};
use crate::checksum;
use crate::request::GenerationOptions;

use super::CheckpointFile;

/// The SHA-256 of everything that an answer depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(String);

/// Everything that an answer depends on.
#[derive(Debug, Clone, Serialize)]
pub struct Parts<'a> {
    /// The program's version.
    pub eyechart_version: &'a str,
    /// Weights, tokenizer and the configuration of the processor.
    pub checkpoint: &'a [CheckpointFile],
    /// The kind of device.
    pub device: DeviceClass,
    /// The number format: `f32`, `f16` or `bf16`.
    pub precision: &'a str,
    /// SHA-256 of each picture's file.
    pub images_sha256: &'a [String],
    /// The rendered prompt, its ids, and the pictures as the model sees them.
    pub input: &'a ModelInput,
    /// How the answer is generated.
    pub generation: &'a GenerationOptions,
}

impl Key {
    /// The key of a question.
    pub fn of(parts: &Parts<'_>) -> Self {
        // Plain data with text keys always has a JSON form.
        let json = serde_json::to_vec(parts).unwrap_or_default();
        Self(checksum::of_bytes(&json))
    }

    /// 64 hexadecimal digits.
    pub fn digits(&self) -> &str {
        &self.0
    }
}
