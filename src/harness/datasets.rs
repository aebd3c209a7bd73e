//! The part of the plan that data sets make: a trial for each row, and one for each gate.
//!
//! Only the rows that are run are read; of the others, and of all in a list, only the name is
//! known.

use std::collections::HashMap;
use std::sync::Arc;

use crate::case::{CaseError, CaseName, DatasetFile, InvalidCase};
use crate::dataset::{Dataset, Gate, Row, RowTests};
use crate::registry::ModelEntry;

use super::gate::{Gated, PlannedGate};
use super::partition::Shared;
use super::plan::{CaseSource, Idle, Member, Planned, PlannedTrial, Waiting};
use super::selection::Selection;

/// A data set that was opened, with the rows that any model is asked.
#[derive(Debug)]
pub(super) struct PlannedDataset {
    file: DatasetFile,
    dataset: Arc<Dataset>,
    rows: Arc<Vec<Row>>,
    /// Place in `rows` of each row that is read.
    places: Vec<Option<usize>>,
    /// Why no row could be read.
    broken: Option<Arc<InvalidCase>>,
    /// Why single rows cannot be asked, by place in the data set.
    bad: HashMap<usize, Arc<InvalidCase>>,
}

impl PlannedDataset {
    /// Opens a data set; its rows are read by [`Self::read`].
    pub(super) fn open(file: &DatasetFile) -> Result<Self, InvalidCase> {
        let dataset = Dataset::open(file).map_err(|error| invalid(file, error))?;
        let places = vec![None; dataset.len()];
        Ok(Self {
            file: file.clone(),
            dataset: Arc::new(dataset),
            rows: Arc::default(),
            places,
            broken: None,
            bad: HashMap::new(),
        })
    }

    /// Reads the rows that are run on one of the models.
    pub(super) fn read(&mut self, models: &[&ModelEntry], selection: &Selection<'_>) {
        let models = models.iter().map(|model| model.name.as_str());
        let models: Vec<&str> = models.filter(|model| self.dataset.runs_on(model)).collect();
        let wanted = wanted(&self.dataset, &models, selection);
        if wanted.is_empty() {
            return;
        }
        match self.dataset.each_row(&wanted, selection.pictures) {
            Ok(rows) => self.keep(&wanted, rows),
            Err(error) => self.broken = Some(Arc::new(invalid(&self.file, error))),
        }
    }

    /// Keeps the rows at these places, and the reasons of those that cannot be asked.
    fn keep(&mut self, wanted: &[usize], rows: Vec<Result<Row, CaseError>>) {
        let mut kept = Vec::with_capacity(rows.len());
        for (index, row) in wanted.iter().zip(rows) {
            match row {
                Ok(row) => {
                    self.places[*index] = Some(kept.len());
                    kept.push(row);
                }
                Err(error) => {
                    self.bad.insert(*index, Arc::new(invalid(&self.file, error)));
                }
            }
        }
        self.rows = Arc::new(kept);
    }

    /// Why there is no figure over all rows, if one of them cannot be asked.
    fn no_figure(&self) -> Option<Arc<InvalidCase>> {
        let first = self.bad.keys().min().map(|index| (index, &self.bad[index]));
        let Some((index, first)) = first else { return self.broken.clone() };
        let (count, all) = (self.bad.len(), self.dataset.len());
        let row = self.dataset.row_names().nth(*index).map(|name| name.to_string());
        let message = format!(
            "{count} of {all} rows cannot be asked, so there is no figure; the first is {}: {}",
            row.unwrap_or_default(),
            first.error.problem()
        );
        let error = CaseError::in_data(first.error.path(), None, message);
        Some(Arc::new(InvalidCase { error, ..InvalidCase::clone(first) }))
    }

    /// The tests on a model, to be shared out: gates keep their rows together, all of which they
    /// need.
    pub(super) fn shared<'d>(&'d self, model: &'d str) -> impl Iterator<Item = Shared> + 'd {
        let gates = gate_names(&self.dataset, model);
        let together = (!gates.is_empty()).then(|| format!("{}::{model}", self.file.name));
        let rows = self.dataset.row_names().map(move |row| format!("{row}::{model}"));
        let names = rows.chain(gates.into_iter().map(|(_, _, name)| name));
        let is_ignored = self.dataset.ignored().is_some();
        names.map(move |name| {
            let unit = together.clone().unwrap_or_else(|| name.clone());
            Shared { is_ignored, unit, name }
        })
    }

    pub(super) fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// The trials on a model; `plan` makes a trial of a row's case.
    pub(super) fn trials(
        &self,
        model: &str,
        selection: &Selection<'_>,
        plan: &dyn Fn(CaseSource) -> Waiting,
        gated: &mut Vec<Gated>,
    ) -> Vec<PlannedTrial> {
        let gates = gate_names(&self.dataset, model);
        let ignored = self.dataset.ignored().is_some();
        let is_gated =
            gates.iter().any(|(_, _, name)| selection.is_run(name, Some(model), ignored));
        let no_figure = is_gated.then(|| self.no_figure()).flatten();
        let group = (is_gated && no_figure.is_none()).then_some(gated.len());
        let mut trials = Vec::with_capacity(self.dataset.len() + gates.len());
        let shared: Arc<str> = model.into();
        let mut own = Vec::new();
        for (index, case) in self.dataset.row_names().enumerate() {
            let name = format!("{case}::{model}");
            let is_run = selection.is_run(&name, Some(model), ignored);
            match self.row(index) {
                Some(row) if is_run || group.is_some() => {
                    let member = Member { group, index, tests: self.dataset.row_tests() };
                    let source = CaseSource::Row(Arc::clone(&row.case));
                    let member = Some(Box::new(member));
                    let planned = Arc::new(Waiting { member, ..plan(source) });
                    if is_run {
                        trials.push(PlannedTrial::Run(planned));
                    } else {
                        own.push(planned);
                        trials.push(self.idle(name, &shared));
                    }
                }
                _ => trials.push(self.unread(index, &case, &shared, name, is_run)),
            }
        }
        let partial = (!own.is_empty() && own.len() < self.dataset.len()).then(|| {
            let (all, run) = (self.dataset.len(), self.dataset.len() - own.len());
            format!("only {run} of {all} rows were selected, and a gate needs all or none of them")
        });
        if partial.is_some() {
            own.clear();
        }
        trials.extend(gates.into_iter().map(|(gate, case, name)| match &no_figure {
            Some(broken) => broken_trial(broken, &case, model),
            None => self.gate_trial(gate, case, name, model, group, partial.clone()),
        }));
        if group.is_some() {
            gated.push(Gated { rows: Arc::clone(&self.rows), own });
        }
        trials
    }

    fn row(&self, index: usize) -> Option<&Row> {
        self.rows.get(self.places[index]?)
    }

    fn idle(&self, name: String, model: &Arc<str>) -> PlannedTrial {
        let ignored = self.dataset.ignored().map(str::to_owned);
        PlannedTrial::Idle(Box::new(Idle { name, model: Arc::clone(model), ignored }))
    }

    /// A row that is not run, or that should be but could not be read.
    fn unread(
        &self,
        index: usize,
        case: &CaseName,
        model: &Arc<str>,
        name: String,
        is_run: bool,
    ) -> PlannedTrial {
        match self.broken.as_ref().or_else(|| self.bad.get(&index)) {
            Some(broken) if is_run => broken_trial(broken, case, model),
            _ => self.idle(name, model),
        }
    }

    fn gate_trial(
        &self,
        gate: &Gate,
        case: CaseName,
        name: String,
        model: &str,
        group: Option<usize>,
        partial: Option<String>,
    ) -> PlannedTrial {
        PlannedTrial::Gate(Arc::new(PlannedGate {
            name,
            case: case.to_string(),
            model: model.to_owned(),
            gate: gate.clone(),
            dataset: Arc::clone(&self.dataset),
            group,
            partial,
        }))
    }
}

/// A test that fails because its data set could not be read.
fn broken_trial(broken: &InvalidCase, case: &CaseName, model: &str) -> PlannedTrial {
    let InvalidCase { path, error, .. } = broken.clone();
    PlannedTrial::Invalid(Arc::new(InvalidCase { name: case.child(model), path, error }))
}

type NamedGate<'d> = (&'d Gate, CaseName, String);

fn gate_names<'d>(dataset: &'d Dataset, model: &str) -> Vec<NamedGate<'d>> {
    let named = |gate| {
        let case = dataset.gate_name(gate);
        let name = format!("{case}::{model}");
        (gate, case, name)
    };
    dataset.gates().iter().map(named).collect()
}

/// The rows that are run on any model: those that are selected, and all if a gate is.
fn wanted(dataset: &Dataset, models: &[&str], selection: &Selection<'_>) -> Vec<usize> {
    let ignored = dataset.ignored().is_some();
    let has_gate = |model: &&str| {
        let mut gates = gate_names(dataset, model).into_iter();
        gates.any(|(_, _, gate)| selection.is_run(&gate, Some(model), ignored))
    };
    if models.iter().any(has_gate) {
        return (0..dataset.len()).collect();
    }
    let is_wanted = |name: &CaseName| {
        let is_run =
            |model: &&str| selection.is_run(&format!("{name}::{model}"), Some(model), ignored);
        models.iter().any(is_run)
    };
    let names = dataset.row_names().enumerate();
    names.filter(|(_, name)| is_wanted(name)).map(|(index, _)| index).collect()
}

fn invalid(file: &DatasetFile, error: CaseError) -> InvalidCase {
    InvalidCase { name: file.name.clone(), path: file.path.clone(), error }
}

/// Whether a wrong row fails its test.
pub(super) fn fails_alone(planned: &Planned) -> bool {
    planned.member.is_none_or(|member| member.tests == RowTests::Judged)
}
