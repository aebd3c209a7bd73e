//! Checks of what the rows of a data set have in common with the cases of its folder.

use std::path::PathBuf;
use std::sync::Arc;

use super::super::defaults::{Defaults, added};
use super::super::error::CaseError;
use super::super::place::Place;
use super::super::schema::RawPreset;
use super::super::{Dimension, GenerationOverrides, KnownFailure, ModelPattern, SnapshotPolicy};
use super::{conversation, settings};
use crate::image::Viewing;
use crate::ordered_map::OrderedMap;
use crate::request::Task;

/// As the user wrote it.
pub(crate) struct StatedCommon {
    pub(crate) system: Option<String>,
    pub(crate) preset: Option<RawPreset>,
    pub(crate) dimension: Option<Dimension>,
    pub(crate) models: Option<Vec<String>>,
    pub(crate) generation: Option<GenerationOverrides>,
    pub(crate) snapshot: Option<SnapshotPolicy>,
    pub(crate) tags: Option<Vec<String>>,
    pub(crate) ignore: Option<String>,
    pub(crate) xfail: Option<OrderedMap<String>>,
}

/// What every row has, the folder's defaults included.
#[derive(Debug, Clone)]
pub(crate) struct Common {
    pub(crate) image_folder: Option<PathBuf>,
    pub(crate) orientation: Viewing,
    pub(crate) system: Option<String>,
    pub(crate) preset: Option<Task>,
    pub(crate) dimension: Option<Dimension>,
    pub(crate) models: Arc<[ModelPattern]>,
    pub(crate) generation: GenerationOverrides,
    pub(crate) snapshot: SnapshotPolicy,
    pub(crate) tags: Vec<String>,
    pub(crate) ignore: Option<String>,
    pub(crate) xfail: Vec<KnownFailure>,
}

/// Checks what is stated, within the folder's defaults. A folder's snapshots are its cases' alone.
pub(crate) fn common(
    stated: StatedCommon,
    defaults: &Defaults,
    models: &[String],
    place: Place<'_>,
) -> Result<Common, CaseError> {
    let StatedCommon { system, dimension, models: globs, generation, snapshot, .. } = stated;
    let StatedCommon { preset, tags, ignore, xfail, .. } = stated;
    let system =
        system.map(|text| conversation::system(text, place.field("system"))).transpose()?;
    let stated = settings::Stated { models: globs, generation, tags, ignore, xfail };
    let stated = settings::check(stated, models, place)?;
    let generation = stated.generation.or(defaults.generation);
    settings::check_together(&generation, place.field("generation"))?;
    Ok(Common {
        image_folder: defaults.image_folder.clone(),
        orientation: defaults.orientation.unwrap_or_default(),
        system: system.or_else(|| defaults.system.clone()),
        dimension: dimension.or(defaults.dimension),
        models: stated.models.or_else(|| defaults.models.clone()).unwrap_or_default(),
        preset: preset.or(defaults.preset).and_then(RawPreset::task),
        generation,
        snapshot: snapshot.unwrap_or(SnapshotPolicy::Off),
        tags: added(defaults.tags.clone(), stated.tags),
        ignore: stated.ignore.or_else(|| defaults.ignore.clone()),
        xfail: stated.xfail.or_else(|| defaults.xfail.clone()).unwrap_or_default(),
    })
}
