//! What the models of a project would take of memory, before anything is loaded.

use std::fmt::{self, Display, Formatter};
use std::path::Path;

use crate::case::{self, Case, Checks, Discovered};
use crate::engine::{self, BatchSize, EngineError, Preparer, TrialRequest, room};
use crate::model::{Demand, Prediction};
use crate::registry::{ModelEntry, Precision, Registry};
use crate::weights::readable_size;

use super::support::unsupported;
use super::{CASES, RunError, Settings, ask, known_names};

/// Batches that are shown unless one is fixed.
const SHOWN_BATCHES: [usize; 3] = [1, room::MOST_ON_CPU, room::MOST_ON_GPU];

/// What one model would take.
#[derive(Debug)]
pub struct Forecast {
    model: String,
    precision: Precision,
    /// Or why nothing can be said.
    found: Result<Memory, EngineError>,
}

/// Memory for the cases of a model.
#[derive(Debug)]
struct Memory {
    cases: usize,
    demand: Demand,
    /// By batch.
    predictions: Vec<(usize, Prediction)>,
}

/// Predicts for each chosen model of the project, from its configuration, the headers of its weights
/// and the cases, whose pictures and prompts are prepared. Rows of data sets are left out.
///
/// # Errors
/// A variable, the registry or the folder of cases cannot be used.
pub fn forecast(project: &Path) -> Result<Vec<Forecast>, RunError> {
    let variable = |name: &str| std::env::var(name).ok();
    let settings = Settings::read(variable, project, project.join("target/eyechart"))?;
    let registry = Registry::load(project)?;
    let known = known_names(&registry);
    let found = case::discover(&project.join(CASES), &known, Checks::Structure)?;
    let cases: Vec<Case> = found.iter().filter_map(as_case).collect();
    let globs = settings.models.as_deref().unwrap_or(registry.default_models());
    let batches = match settings.engine.batch {
        BatchSize::Fixed(batch) => vec![batch.get()],
        BatchSize::Automatic => SHOWN_BATCHES.to_vec(),
    };
    let forecasts = registry.select(globs)?.into_iter().map(|entry| {
        let precision = settings.engine.precision_of(entry);
        let found = memory(entry, precision, &cases, &batches);
        Forecast { model: entry.name.clone(), precision, found }
    });
    Ok(forecasts.collect())
}

/// The case, unless its file was changed between two looks at it.
fn as_case(found: &Discovered) -> Option<Case> {
    match found {
        Discovered::Case(case) => case.read().ok(),
        Discovered::Invalid(_) | Discovered::Dataset(_) => None,
    }
}

fn memory(
    entry: &ModelEntry,
    precision: Precision,
    cases: &[Case],
    batches: &[usize],
) -> Result<Memory, EngineError> {
    let preparer = Preparer::load(entry)?;
    let identity = preparer.identity();
    let is_asked = |case: &&Case| {
        let runs = case.runs_on(&entry.name) && case.ignore.is_none() && !case.is_about_input();
        runs && unsupported(&case.demands(), identity).is_none()
    };
    let asked = cases.iter().filter(is_asked);
    let requests: Vec<TrialRequest> = asked.map(|case| ask::request(case, 0, identity)).collect();
    let demand = preparer.demand(&requests);
    let footprint = engine::footprint(entry, precision)?;
    let predict = |batch: &usize| {
        let together = (*batch).min(requests.len().max(1));
        (*batch, footprint.predict(&demand, &room::bounds(together)))
    };
    let predictions = batches.iter().map(predict).collect();
    Ok(Memory { cases: requests.len(), demand, predictions })
}

impl Display for Forecast {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Self { model, precision, found } = self;
        match found {
            Ok(memory) => write!(formatter, "{model} ({}): {memory}", precision.label()),
            Err(error) => writeln!(formatter, "{model} ({}): {error}", precision.label()),
        }
    }
}

impl Display for Memory {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Demand { prompt_tokens, visual_tokens, tokens, .. } = self.demand;
        let noun = if self.cases == 1 { "case" } else { "cases" };
        writeln!(
            formatter,
            "{} {noun}, prompts of up to {prompt_tokens} tokens, pictures of up to {visual_tokens}, \
             with the answer up to {tokens}",
            self.cases,
        )?;
        let heads = ["weights", "cache", "activations", "together"];
        writeln!(
            formatter,
            "  {:>5}{}",
            "batch",
            heads.map(|head| format!("{head:>13}")).concat()
        )?;
        for (batch, prediction) in &self.predictions {
            let Prediction { weights, cache, activations } = *prediction;
            let cells = [weights, cache, activations, prediction.together()];
            let cells = cells.map(|bytes| format!("{:>13}", readable_size(bytes)));
            writeln!(formatter, "  {batch:>5}{}", cells.concat())?;
        }
        Ok(())
    }
}
