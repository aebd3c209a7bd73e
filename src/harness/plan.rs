//! What will be run: every case on every chosen model, grouped by model.

use std::sync::Arc;

use crate::case::{Case, Discovered, InvalidCase, SnapshotPolicy};
use crate::model::Identity;
use crate::registry::{ModelEntry, Registry};
use crate::snapshot::{SnapshotFolder, SnapshotKey};

use super::RunError;
use super::support::{Unsupported, unsupported};

/// A case on a model.
#[derive(Debug)]
pub(super) struct Planned {
    /// `folder::case::model`.
    pub(super) name: String,
    /// The case.
    pub(super) case: Arc<Case>,
    /// The model's name.
    pub(super) model: String,
    /// The model's place in [`Plan::models`].
    pub(super) model_index: usize,
    /// What the model is known to be unable to do.
    pub(super) unsupported: Option<Unsupported>,
}

/// One line of the test output.
#[derive(Debug)]
pub(super) enum PlannedTrial {
    /// A case on a model.
    Run(Arc<Planned>),
    /// A case file that cannot be run.
    Invalid(Arc<InvalidCase>),
}

impl PlannedTrial {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Run(planned) => &planned.name,
            Self::Invalid(invalid) => invalid.name.as_str(),
        }
    }

    /// Why it is ignored, if it is.
    pub(super) fn ignored(&self) -> Option<String> {
        match self {
            Self::Run(planned) => {
                let unsupported = planned.unsupported.map(|unsupported| unsupported.to_string());
                unsupported.or_else(|| planned.case.ignore.clone())
            }
            Self::Invalid(_) => None,
        }
    }

    /// Whether the model can be asked at all.
    pub(super) fn is_possible(&self) -> bool {
        match self {
            Self::Run(planned) => planned.unsupported.is_none(),
            Self::Invalid(_) => true,
        }
    }
}

/// The trials of a run, sorted by model and name, so that one model is in memory at a time.
#[derive(Debug)]
pub(super) struct Plan {
    trials: Vec<PlannedTrial>,
    models: Vec<ModelEntry>,
    cases: Vec<Arc<Case>>,
}

impl Plan {
    /// `identity` tells what a model is and can do, if that is known before it is loaded.
    pub(super) fn new(
        discovered: Vec<Discovered>,
        models: Vec<&ModelEntry>,
        identity: impl Fn(&ModelEntry) -> Option<Identity>,
    ) -> Result<Self, RunError> {
        let (mut trials, mut cases) = (Vec::new(), Vec::<Arc<Case>>::new());
        for found in discovered {
            match found {
                Discovered::Case(case) => cases.push(Arc::from(case)),
                Discovered::Invalid(invalid) => {
                    trials.push(PlannedTrial::Invalid(Arc::new(invalid)));
                }
            }
        }
        for (model_index, model) in models.iter().enumerate() {
            let runs_here = cases.iter().filter(|case| case.runs_on(&model.name));
            let known = identity(model);
            let known = known.as_ref();
            trials.extend(runs_here.map(|case| planned(case, model, model_index, known)));
        }
        let models: Vec<ModelEntry> = models.into_iter().cloned().collect();
        if trials.is_empty() {
            let models = models.into_iter().map(|model| model.name).collect();
            return Err(RunError::NothingToRun { cases: cases.len(), models });
        }
        Ok(Self { trials, models, cases })
    }

    pub(super) fn trials(&self) -> &[PlannedTrial] {
        &self.trials
    }

    pub(super) fn models(&self) -> &[ModelEntry] {
        &self.models
    }

    /// Tells cargo-insta about the snapshots of all cases on all models of the registry, chosen
    /// or not.
    pub(super) fn mark_snapshots(
        &self,
        snapshots: &SnapshotFolder,
        registry: &Registry,
    ) -> std::io::Result<()> {
        let kept = self.cases.iter().filter(|case| case.snapshot != SnapshotPolicy::Off);
        let keys = kept.flat_map(|case| {
            let models = registry.models().iter().filter(|model| case.runs_on(&model.name));
            models.map(|model| SnapshotKey { stem: case.name.snapshot_stem(), model: &model.name })
        });
        snapshots.mark_referenced(keys)
    }
}

fn planned(
    case: &Arc<Case>,
    model: &ModelEntry,
    model_index: usize,
    known: Option<&Identity>,
) -> PlannedTrial {
    PlannedTrial::Run(Arc::new(Planned {
        name: format!("{}::{}", case.name, model.name),
        case: Arc::clone(case),
        model: model.name.clone(),
        model_index,
        unsupported: known.and_then(|known| unsupported(case, known)),
    }))
}
