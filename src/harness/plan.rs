//! What will be run: every case on every chosen model, grouped by model.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

use crate::answer::DeviceClass;
use crate::case::{
    Case, CaseName, Discovered, Expectation, FoundCase, InvalidCase, SnapshotPer, SnapshotPolicy,
    Traits,
};
use crate::dataset::RowTests;
use crate::model::Identity;
use crate::registry::{ModelEntry, Registry};
use crate::snapshot::{SnapshotFolder, SnapshotKey, SnapshotKind};

use super::RunError;
use super::datasets::PlannedDataset;
use super::gate::{Gated, PlannedGate};
use super::partition::{Partition, Shared};
use super::selection::Selection;
use super::support::{Unsupported, unsupported};

/// A case on a model whose turn has come.
#[derive(Debug)]
pub(super) struct Planned {
    /// The case.
    pub(super) case: Arc<Case>,
    /// The model's name.
    pub(super) model: Arc<str>,
    /// The model's place in [`Plan::models`].
    pub(super) model_index: usize,
    /// The data set whose row it is.
    pub(super) member: Option<Member>,
}

/// A case on a model that waits for its turn. A suite has many of these, so they are small.
#[derive(Debug)]
pub(super) struct Waiting {
    /// The case.
    pub(super) source: CaseSource,
    /// The model's name.
    pub(super) model: Arc<str>,
    /// The model's place in [`Plan::models`].
    pub(super) model_index: u32,
    /// What the model is known to be unable to do.
    pub(super) unsupported: Option<Box<Unsupported>>,
    /// The data set whose row it is.
    pub(super) member: Option<Box<Member>>,
}

/// Where a case is until its turn comes.
#[derive(Debug, Clone)]
pub(super) enum CaseSource {
    /// In its file.
    File(Arc<FoundCase>),
    /// In memory, as a row of a data set.
    Row(Arc<Case>),
}

impl CaseSource {
    pub(super) fn name(&self) -> &CaseName {
        match self {
            Self::File(found) => &found.name,
            Self::Row(case) => &case.name,
        }
    }

    pub(super) fn path(&self) -> PathBuf {
        match self {
            Self::File(found) => found.path(),
            Self::Row(case) => case.path.clone(),
        }
    }

    pub(super) fn ignore(&self) -> Option<&str> {
        match self {
            Self::File(found) => found.traits.ignore.as_deref(),
            Self::Row(case) => case.ignore.as_deref(),
        }
    }

    fn unsupported(&self, model: &Identity) -> Option<Unsupported> {
        match self {
            Self::File(found) => unsupported(&found.traits.demands, model),
            Self::Row(case) => unsupported(&case.demands(), model),
        }
    }

    fn needs_opinion(&self) -> bool {
        match self {
            Self::File(found) => found.traits.needs_opinion,
            Self::Row(case) => case.expectation.as_ref().is_some_and(Expectation::needs_opinion),
        }
    }
}

impl Waiting {
    fn new(
        source: CaseSource,
        model: &Arc<str>,
        model_index: u32,
        known: Option<&Identity>,
    ) -> Self {
        Self {
            unsupported: known.and_then(|known| source.unsupported(known)).map(Box::new),
            source,
            model: Arc::clone(model),
            model_index,
            member: None,
        }
    }

    /// `folder::case::model`.
    pub(super) fn name(&self) -> String {
        format!("{}::{}", self.source.name(), self.model)
    }

    /// The trial as its turn comes.
    ///
    /// # Errors
    /// The case's file is no longer what it was when it was found.
    pub(super) fn turn(&self) -> Result<Planned, Box<InvalidCase>> {
        let case = match &self.source {
            CaseSource::Row(case) => Arc::clone(case),
            CaseSource::File(found) => Arc::new(found.read().map_err(|error| {
                Box::new(InvalidCase { name: found.name.clone(), path: found.path(), error })
            })?),
        };
        Ok(Planned {
            case,
            model: Arc::clone(&self.model),
            model_index: self.model_index as usize,
            member: self.member.as_deref().copied(),
        })
    }
}

/// A row's place in its data set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    /// The data set's place in [`Plan::gated`], if a gate of it is run.
    pub(super) group: Option<usize>,
    /// The row's place among all of the data set.
    pub(super) index: usize,
    /// Whether a wrong row fails its test.
    pub(super) tests: RowTests,
}

/// One line of the test output.
#[derive(Debug)]
pub(super) enum PlannedTrial {
    /// A case on a model.
    Run(Arc<Waiting>),
    /// A case file that cannot be run.
    Invalid(Arc<InvalidCase>),
    /// A demand on all rows of a data set.
    Gate(Arc<PlannedGate>),
    /// A row of a data set that is only listed or filtered out, and therefore not read.
    Idle(Box<Idle>),
}

/// A row of a data set that is not read.
#[derive(Debug)]
pub(super) struct Idle {
    /// `folder::dataset::id::model`.
    pub(super) name: String,
    /// The model's name.
    pub(super) model: Arc<str>,
    /// Why it is ignored, if it is.
    pub(super) ignored: Option<String>,
}

impl PlannedTrial {
    pub(super) fn name(&self) -> Cow<'_, str> {
        match self {
            Self::Run(waiting) => waiting.name().into(),
            Self::Invalid(invalid) => invalid.name.as_str().into(),
            Self::Gate(gate) => gate.name.as_str().into(),
            Self::Idle(idle) => idle.name.as_str().into(),
        }
    }

    /// The model's name; none for a case file that cannot be run on any.
    pub(super) fn model(&self) -> Option<&str> {
        match self {
            Self::Run(planned) => Some(&planned.model),
            Self::Gate(gate) => Some(&gate.model),
            Self::Idle(idle) => Some(&idle.model),
            Self::Invalid(_) => None,
        }
    }

    pub(super) fn is_ignored(&self) -> bool {
        match self {
            Self::Run(waiting) => {
                waiting.unsupported.is_some() || waiting.source.ignore().is_some()
            }
            Self::Gate(gate) => gate.dataset.ignored().is_some(),
            Self::Idle(idle) => idle.ignored.is_some(),
            Self::Invalid(_) => false,
        }
    }

    /// Why it is ignored, if it is.
    pub(super) fn ignored(&self) -> Option<String> {
        match self {
            Self::Run(waiting) => match &waiting.unsupported {
                Some(unsupported) => Some(unsupported.to_string()),
                None => waiting.source.ignore().map(str::to_owned),
            },
            Self::Gate(gate) => gate.dataset.ignored().map(str::to_owned),
            Self::Idle(idle) => idle.ignored.clone(),
            Self::Invalid(_) => None,
        }
    }

    /// Whether it ends only after another network was asked about an answer.
    fn needs_opinion(&self) -> bool {
        match self {
            Self::Run(waiting) => waiting.source.needs_opinion(),
            Self::Gate(gate) => gate.dataset.needs_opinion(),
            Self::Idle(_) | Self::Invalid(_) => false,
        }
    }

    /// Whether the model can be asked at all.
    pub(super) fn is_possible(&self) -> bool {
        match self {
            Self::Run(waiting) => waiting.unsupported.is_none(),
            Self::Idle(_) => false,
            Self::Gate(gate) => gate.group.is_some(),
            Self::Invalid(_) => true,
        }
    }
}

/// The trials of a run, sorted by model and name, so that one model is in memory at a time.
#[derive(Debug)]
pub(super) struct Plan {
    trials: Vec<PlannedTrial>,
    models: Vec<ModelEntry>,
    cases: Vec<Arc<FoundCase>>,
    datasets: Vec<PlannedDataset>,
    gated: Vec<Gated>,
}

impl Plan {
    /// `identity` tells what a model is and can do, if that is known before it is loaded. Of the
    /// tests that `selection` has, those of `partition` are kept.
    pub(super) fn new(
        discovered: Vec<Discovered>,
        models: Vec<&ModelEntry>,
        identity: impl Fn(&ModelEntry) -> Option<Identity>,
        partition: Option<Partition>,
        selection: &mut Selection<'_>,
    ) -> Result<Self, RunError> {
        let mut suite = Suite::open(discovered);
        let known: Vec<_> = models.iter().map(|model| (*model, identity(model))).collect();
        if let Some(partition) = partition {
            selection.keep_share(partition, suite.shared(&known));
        }
        let selection = &*selection;
        for dataset in &mut suite.datasets {
            dataset.read(&models, selection);
        }
        let Suite { invalid, cases, datasets } = suite;
        let mut trials: Vec<PlannedTrial> =
            invalid.into_iter().map(|invalid| PlannedTrial::Invalid(Arc::new(invalid))).collect();
        let mut gated = Vec::new();
        for (model_index, (model, known)) in (0..).zip(&known) {
            let runs_here = cases.iter().filter(|case| case.runs_on(&model.name));
            let (name, index): (Arc<str>, u32) = (model.name.as_str().into(), model_index);
            let plan = |source| Waiting::new(source, &name, index, known.as_ref());
            let files = runs_here.map(|case| plan(CaseSource::File(Arc::clone(case))));
            trials.extend(files.map(|waiting| PlannedTrial::Run(Arc::new(waiting))));
            for dataset in datasets.iter().filter(|one| one.dataset().runs_on(&model.name)) {
                trials.extend(dataset.trials(&model.name, selection, &plan, &mut gated));
            }
        }
        // Whoever waits for the second round must not keep the others from being recorded.
        trials.sort_by_key(PlannedTrial::needs_opinion);
        let models: Vec<ModelEntry> = models.into_iter().cloned().collect();
        if trials.is_empty() {
            let models = models.into_iter().map(|model| model.name).collect();
            let cases = cases.len() + datasets.len();
            return Err(RunError::NothingToRun { cases, models });
        }
        Ok(Self { trials, models, cases, datasets, gated })
    }

    pub(super) fn trials(&self) -> &[PlannedTrial] {
        &self.trials
    }

    pub(super) fn models(&self) -> &[ModelEntry] {
        &self.models
    }

    /// The data sets that have a gate to be judged, each on a model.
    pub(super) fn gated(&self) -> &[Gated] {
        &self.gated
    }

    /// Whether any case or row has a snapshot.
    pub(super) fn keeps_snapshots(&self) -> bool {
        let of_cases = self.cases.iter().map(|case| case.traits.snapshot);
        let of_rows = self.datasets.iter().map(|dataset| dataset.dataset().snapshot());
        of_cases.chain(of_rows).any(|kept| kept != SnapshotPolicy::Off)
    }

    /// Tells cargo-insta about the snapshots of all cases on all models of the registry, chosen
    /// or not.
    pub(super) fn mark_snapshots(
        &self,
        snapshots: &SnapshotFolder,
        registry: &Registry,
    ) -> std::io::Result<()> {
        let keys = self.cases.iter().flat_map(|case| {
            let models = registry.models().iter().filter(|model| case.runs_on(&model.name));
            models.flat_map(|model| {
                let Traits { snapshot, snapshot_per, .. } = *case.traits;
                snapshot_keys(&case.name, snapshot, snapshot_per, &model.name)
            })
        });
        let datasets = self.datasets.iter().map(PlannedDataset::dataset);
        let rows = datasets.flat_map(|dataset| {
            let models = registry.models().iter().filter(|model| dataset.runs_on(&model.name));
            let kept = dataset.snapshot();
            models.flat_map(move |model| {
                let per = SnapshotPer::Model;
                dataset.row_names().flat_map(move |row| snapshot_keys(&row, kept, per, &model.name))
            })
        });
        snapshots.mark_referenced(keys.chain(rows))
    }
}

/// What was discovered, data sets opened.
struct Suite {
    invalid: Vec<InvalidCase>,
    cases: Vec<Arc<FoundCase>>,
    datasets: Vec<PlannedDataset>,
}

impl Suite {
    fn open(discovered: Vec<Discovered>) -> Self {
        let mut suite = Self { invalid: Vec::new(), cases: Vec::new(), datasets: Vec::new() };
        for found in discovered {
            match found {
                Discovered::Case(case) => suite.cases.push(case),
                Discovered::Invalid(invalid) => suite.invalid.push(*invalid),
                Discovered::Dataset(file) => match PlannedDataset::open(&file) {
                    Ok(dataset) => suite.datasets.push(dataset),
                    Err(invalid) => suite.invalid.push(invalid),
                },
            }
        }
        suite
    }

    /// All tests, to be shared out.
    fn shared<'s>(
        &'s self,
        models: &'s [(&ModelEntry, Option<Identity>)],
    ) -> impl Iterator<Item = Shared> + 's {
        let alone = |name: String, is_ignored| Shared { is_ignored, unit: name.clone(), name };
        let invalid = self.invalid.iter().map(move |one| alone(one.name.to_string(), false));
        let on_models = models.iter().flat_map(move |(model, known)| {
            let cases = self.cases.iter().filter(|case| case.runs_on(&model.name));
            let cases = cases.map(move |case| {
                let known =
                    known.as_ref().and_then(|known| unsupported(&case.traits.demands, known));
                let is_ignored = known.is_some() || case.traits.ignore.is_some();
                alone(format!("{}::{}", case.name, model.name), is_ignored)
            });
            let datasets = self.datasets.iter().filter(|one| one.dataset().runs_on(&model.name));
            cases.chain(datasets.flat_map(|dataset| dataset.shared(&model.name)))
        });
        invalid.chain(on_models)
    }
}

/// The snapshots of a case on a model, on all devices.
fn snapshot_keys<'a>(
    case: &CaseName,
    kept: SnapshotPolicy,
    per: SnapshotPer,
    model: &'a str,
) -> impl Iterator<Item = SnapshotKey<'a>> + use<'a> {
    let texts = match (kept.keeps_text(), per) {
        (false, _) => Vec::new(),
        (true, SnapshotPer::Model) => vec![SnapshotKind::Answer],
        (true, SnapshotPer::DeviceClass) => DeviceClass::ALL.map(SnapshotKind::AnswerOn).to_vec(),
    };
    let input = kept.keeps_input().then_some(SnapshotKind::Input);
    let stem = case.snapshot_stem();
    let key = move |kind| SnapshotKey { stem: stem.clone(), model, kind };
    texts.into_iter().chain(input).map(key)
}
