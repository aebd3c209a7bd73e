//! Where an entry's checkpoint is, and what can be said of its model before it is loaded.

use std::path::{Path, PathBuf};

use super::EngineError;
use crate::extract::BoxNotation;
use crate::model::{self, Capabilities, Footprint, Identity, Processor};
use crate::registry::{ModelEntry, Precision, Source};
use crate::weights::HubCache;
#[cfg(feature = "hub")]
use crate::weights::hub;

/// What a registry entry's model is and can do, as far as that shows without loading it; none if
/// its checkpoint is not here or not usable, which loading will tell.
pub fn known_identity(entry: &ModelEntry) -> Option<Identity> {
    let identity = model::identify(&present_folder(&entry.source)?).ok()?;
    Some(Identity { capabilities: with_boxes(identity.capabilities, entry.boxes), ..identity })
}

/// What the configuration of an entry's checkpoint says that is not done, or not known; none if the
/// checkpoint is not here or not usable, which loading will tell.
pub fn settings_notices(entry: &ModelEntry) -> Vec<String> {
    let Some(folder) = present_folder(&entry.source) else { return Vec::new() };
    let notices = model::notices(&folder).unwrap_or_default();
    notices.iter().map(|notice| notice.within(&folder)).collect()
}

/// What an entry's model takes of memory. Nothing is loaded.
///
/// # Errors
/// The checkpoint is not here, or its configuration or weights cannot be read.
pub fn footprint(entry: &ModelEntry, precision: Precision) -> Result<Footprint, EngineError> {
    let folder = match present_folder(&entry.source) {
        Some(folder) => folder,
        None => checkpoint_folder(&entry.source)?,
    };
    Ok(Footprint::read(&folder, precision.data_type())?)
}

/// What a loaded model is and can do.
pub(super) fn identity_of(
    folder: &Path,
    processor: &dyn Processor,
    entry: &ModelEntry,
) -> Result<Identity, EngineError> {
    let capabilities = with_boxes(processor.capabilities(), entry.boxes);
    Ok(Identity { capabilities, ..model::identify(folder)? })
}

/// The registry's word on boxes counts over the family's.
fn with_boxes(family: Capabilities, registry: Option<BoxNotation>) -> Capabilities {
    Capabilities { boxes: registry.or(family.boxes), ..family }
}

/// The folder of an entry's checkpoint, if that is on this machine.
pub fn checkpoint_here(entry: &ModelEntry) -> Option<PathBuf> {
    present_folder(&entry.source)
}

/// Where the checkpoint is, as far as it is here already; it may lack files.
pub(super) fn present_folder(source: &Source) -> Option<PathBuf> {
    match source {
        Source::Replay { .. } => None,
        Source::Folder(folder) => Some(folder.clone()),
        Source::Hub { repository, revision } => HubCache::from_env().snapshot(repository, revision),
    }
}

/// Where the checkpoint is; what is missing of one of the hub is fetched.
pub(super) fn checkpoint_folder(source: &Source) -> Result<PathBuf, EngineError> {
    match source {
        Source::Folder(folder) => Ok(folder.clone()),
        Source::Hub { repository, revision } => hub_folder(repository, revision),
        Source::Replay { journal, .. } => {
            Err(EngineError::NoCheckpoint { journal: journal.clone() })
        }
    }
}

#[cfg(feature = "hub")]
fn hub_folder(repository: &str, revision: &str) -> Result<PathBuf, EngineError> {
    Ok(hub::fetch(repository, revision, &hub::HubSettings::from_env()?)?)
}

#[cfg(not(feature = "hub"))]
fn hub_folder(repository: &str, _revision: &str) -> Result<PathBuf, EngineError> {
    Err(EngineError::HubNotBuilt { repository: repository.to_owned() })
}
