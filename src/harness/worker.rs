//! The thread that answers: one model after the other, each loaded once and only if needed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::answer::ModelInput;
use crate::case::Case;
use crate::engine::{
    Answered, Engine, EngineError, EngineSettings, ModelDescription, Preparer, TrialRequest,
};
use crate::extract::BoxNotation;
use crate::journal::Place;
use crate::model::Identity;
use crate::registry::ModelEntry;

use super::ask;
use super::plan::Planned;
use super::say;
use super::support::{Unsupported, unsupported};

/// What a trial waits for.
#[derive(Debug)]
pub(super) struct Reply {
    /// The answer, or why there is none.
    pub(super) answered: Result<Answered, NoAnswer>,
    /// How the model writes boxes.
    pub(super) notation: Option<BoxNotation>,
    /// Where it ran; none if it could not be loaded.
    pub(super) place: Option<Place>,
}

/// Why a trial has no answer.
#[derive(Debug)]
pub(super) enum NoAnswer {
    /// The model cannot do what the case asks, which only loading it told.
    Unsupported(Unsupported),
    /// Only what the model would get was asked for: this.
    Prepared(Box<ModelInput>),
    /// Something failed.
    Failed(EngineError),
}

struct Job {
    case: Arc<Case>,
    reply: SyncSender<Reply>,
}

/// The selected trials' requests, by model.
pub(super) struct Queue {
    groups: Vec<(ModelEntry, VecDeque<Job>)>,
}

impl Queue {
    pub(super) fn new(models: Vec<ModelEntry>) -> Self {
        Self { groups: models.into_iter().map(|model| (model, VecDeque::new())).collect() }
    }

    /// Adds a trial; its reply comes through the returned channel, which closes without one if
    /// the worker dies.
    pub(super) fn push(&mut self, planned: &Planned) -> Receiver<Reply> {
        let (reply, receiver) = sync_channel(1);
        let case = Arc::clone(&planned.case);
        self.groups[planned.model_index].1.push_back(Job { case, reply });
        receiver
    }

    /// Answers everything.
    pub(super) fn serve(self, settings: &EngineSettings) {
        for (model, jobs) in self.groups {
            let (about_input, jobs): (VecDeque<Job>, VecDeque<Job>) =
                jobs.into_iter().partition(|job| job.case.is_about_input());
            if !about_input.is_empty() {
                prepare_inputs(&model, about_input);
            }
            if jobs.is_empty() {
                continue;
            }
            match Engine::load(&model, settings) {
                Ok(engine) => serve_model(engine, jobs, settings.batch.get()),
                Err(error) => refuse_model(jobs, &error),
            }
        }
    }
}

/// Tells each job what its model would get. No weights are loaded.
fn prepare_inputs(model: &ModelEntry, mut jobs: VecDeque<Job>) {
    let preparer = match Preparer::load(model) {
        Ok(preparer) => preparer,
        Err(error) => return refuse_model(jobs, &error),
    };
    let identity = preparer.identity();
    jobs.retain(|job| is_possible(job, identity, None));
    for job in &jobs {
        let prepared = preparer.prepare(&ask::request(&job.case, identity));
        let answered = Err(match prepared {
            Ok(input) => NoAnswer::Prepared(Box::new(input)),
            Err(error) => NoAnswer::Failed(error),
        });
        reply(job, Reply { answered, notation: None, place: None });
    }
}

fn serve_model(mut engine: Engine, mut jobs: VecDeque<Job>, batch: usize) {
    announce(engine.description(), jobs.len());
    let identity = engine.identity().clone();
    let notation = identity.capabilities.boxes;
    let ModelDescription { device, precision, .. } = engine.description().clone();
    let place = Place { device, precision };
    jobs.retain(|job| is_possible(job, &identity, Some(&place)));
    while !jobs.is_empty() {
        let together: Vec<Job> = jobs.drain(..batch.min(jobs.len())).collect();
        let requests: Vec<TrialRequest> =
            together.iter().map(|job| ask::request(&job.case, &identity)).collect();
        let answers = engine.answer(&requests.iter().collect::<Vec<_>>());
        for (job, answered) in together.iter().zip(answers) {
            let answered = answered.map_err(NoAnswer::Failed);
            reply(job, Reply { answered, notation, place: Some(place.clone()) });
        }
    }
}

/// Whether the model can do what the case asks; if not, the trial is told.
fn is_possible(job: &Job, model: &Identity, place: Option<&Place>) -> bool {
    let Some(unsupported) = unsupported(&job.case, model) else { return true };
    let answered = Err(NoAnswer::Unsupported(unsupported));
    reply(job, Reply { answered, notation: None, place: place.cloned() });
    false
}

fn refuse_model(jobs: VecDeque<Job>, error: &EngineError) {
    for job in &jobs {
        let answered = Err(NoAnswer::Failed(error.clone()));
        reply(job, Reply { answered, notation: None, place: None });
    }
}

fn reply(job: &Job, reply: Reply) {
    // The receiver is gone only if its trial was dropped unrun.
    let _ = job.reply.send(reply);
}

fn announce(model: &ModelDescription, cases: usize) {
    let ModelDescription { name, device, precision, load_time } = model;
    let seconds = load_time.as_secs_f64();
    let noun = if cases == 1 { "case" } else { "cases" };
    say(&format!(
        "eyechart: {cases} {noun} on {name} ({device}, {precision}), loaded in {seconds:.2} s"
    ));
}
