//! Which transformers wrote a checkpoint's configuration, as far as that decides what it means.

use serde::Deserialize;

use super::ModelError;
use crate::nn::HeadWeights;
use crate::weights::CheckpointFolder;

/// The version that wrote `config.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SavedBy {
    /// Version 4 or before, or none that is told.
    Four,
    /// Version 5 or later.
    Five,
}

#[derive(Deserialize)]
struct Version {
    transformers_version: Option<String>,
}

impl SavedBy {
    /// What `transformers_version` of `config.json` says.
    pub(super) fn of(folder: &CheckpointFolder) -> Result<Self, ModelError> {
        let Version { transformers_version } =
            folder.required_json("config.json", "the configuration")?;
        let first = transformers_version.as_deref().and_then(|version| version.split('.').next());
        let major = first.and_then(|major| major.parse::<u32>().ok());
        Ok(if major.is_some_and(|major| major >= 5) { Self::Five } else { Self::Four })
    }

    /// The head of a model whose configuration says that it is tied, or that it is not.
    ///
    /// Version 4 ties it whatever the file holds (`PreTrainedModel.tie_weights`); version 5 does not
    /// if the file holds two tensors that differ.
    pub(super) fn head(self, is_tied: bool) -> HeadWeights {
        match (is_tied, self) {
            (false, _) => HeadWeights::Own,
            (true, Self::Four) => HeadWeights::Tied,
            (true, Self::Five) => HeadWeights::TiedUnlessStored,
        }
    }
}
