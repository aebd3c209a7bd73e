//! The thread that answers: one model after the other, each loaded once and only if needed.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::engine::{
    Answered, Engine, EngineError, EngineSettings, ModelDescription, TrialRequest,
};
use crate::extract::BoxNotation;
use crate::journal::Place;
use crate::registry::ModelEntry;
use crate::request::GenerationOptions;

use super::plan::Planned;
use super::say;

/// What a trial waits for.
#[derive(Debug)]
pub(super) struct Reply {
    /// The answer, or why there is none.
    pub(super) answered: Result<Answered, EngineError>,
    /// How the model writes boxes.
    pub(super) notation: Option<BoxNotation>,
    /// Where it ran; none if it could not be loaded.
    pub(super) place: Option<Place>,
}

struct Job {
    request: TrialRequest,
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
        let case = &planned.case;
        let request = TrialRequest {
            images: case.images.clone(),
            conversation: case.conversation.clone(),
            options: case.generation.apply(GenerationOptions::default()),
        };
        self.groups[planned.model_index].1.push_back(Job { request, reply });
        receiver
    }

    /// Answers everything.
    pub(super) fn serve(self, settings: &EngineSettings) {
        for (model, jobs) in self.groups.into_iter().filter(|(_, jobs)| !jobs.is_empty()) {
            match Engine::load(&model, settings) {
                Ok(engine) => serve_model(engine, jobs, settings.batch.get()),
                Err(error) => refuse_model(jobs, &error),
            }
        }
    }
}

fn serve_model(mut engine: Engine, mut jobs: VecDeque<Job>, batch: usize) {
    announce(engine.description(), jobs.len());
    let notation = engine.capabilities().boxes;
    let ModelDescription { device, precision, .. } = engine.description().clone();
    let place = Place { device, precision };
    while !jobs.is_empty() {
        let together: Vec<Job> = jobs.drain(..batch.min(jobs.len())).collect();
        let requests: Vec<&TrialRequest> = together.iter().map(|job| &job.request).collect();
        let answers = engine.answer(&requests);
        for (job, answered) in together.iter().zip(answers) {
            reply(job, Reply { answered, notation, place: Some(place.clone()) });
        }
    }
}

fn refuse_model(jobs: VecDeque<Job>, error: &EngineError) {
    for job in &jobs {
        reply(job, Reply { answered: Err(error.clone()), notation: None, place: None });
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
