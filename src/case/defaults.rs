//! What the `defaults.ron` of a folder and of the folders around it set.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::schema::RawPreset;
use super::{
    Dimension, GenerationOverrides, KnownFailure, ModelPattern, Runs, SnapshotPer, SnapshotPolicy,
};
use crate::image::Viewing;

/// What cases of a folder have unless they say otherwise.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Defaults {
    pub(super) image_folder: Option<PathBuf>,
    pub(super) orientation: Option<Viewing>,
    pub(super) dimension: Option<Dimension>,
    pub(super) system: Option<String>,
    pub(super) preset: Option<RawPreset>,
    pub(super) models: Option<Arc<[ModelPattern]>>,
    pub(super) generation: GenerationOverrides,
    pub(super) snapshot: Option<SnapshotPolicy>,
    pub(super) snapshot_per: Option<SnapshotPer>,
    pub(super) allow_near_tie: Option<f32>,
    pub(super) runs: Option<Runs>,
    pub(super) tags: Vec<String>,
    pub(super) ignore: Option<String>,
    pub(super) xfail: Option<Vec<KnownFailure>>,
}

impl Defaults {
    /// These within `outer`: the nearer file wins field by field, within `generation` option by
    /// option; tags add up.
    pub(super) fn within(self, outer: &Self) -> Self {
        let outer = outer.clone();
        Self {
            image_folder: self.image_folder.or(outer.image_folder),
            orientation: self.orientation.or(outer.orientation),
            dimension: self.dimension.or(outer.dimension),
            system: self.system.or(outer.system),
            preset: self.preset.or(outer.preset),
            models: self.models.or(outer.models),
            generation: self.generation.or(outer.generation),
            snapshot: self.snapshot.or(outer.snapshot),
            snapshot_per: self.snapshot_per.or(outer.snapshot_per),
            allow_near_tie: self.allow_near_tie.or(outer.allow_near_tie),
            runs: self.runs.or(outer.runs),
            tags: added(outer.tags, self.tags),
            ignore: self.ignore.or(outer.ignore),
            xfail: self.xfail.or(outer.xfail),
        }
    }
}

/// The tags of both, each once.
pub(super) fn added(mut tags: Vec<String>, more: Vec<String>) -> Vec<String> {
    if more.is_empty() {
        return tags;
    }
    let known: HashSet<String> = tags.iter().cloned().collect();
    let mut added = HashSet::new();
    let is_new = |tag: &String| !known.contains(tag) && added.insert(tag.clone());
    tags.extend(more.into_iter().filter(is_new));
    tags
}
