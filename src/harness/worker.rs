//! The thread that answers: one model after the other, each loaded once and only if needed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::answer::ModelInput;
use crate::answer_cache::AnswerCache;
use crate::case::Case;
use crate::engine::{
    self, Answered, Engine, EngineError, EngineSettings, Event, Fleet, ModelDescription, Preparer,
    TrialRequest,
};
use crate::journal::{Origin, Place};
use crate::model::Identity;
use crate::registry::{ModelEntry, Registry, Source};

use super::ask;
use super::caching::{self, Keeper};
use super::notices;
use super::plan::Planned;
use super::replay::ReplayError;
use super::say;
use super::second_round::SecondRound;
use super::support::{Unsupported, unsupported};

/// What a trial waits for.
#[derive(Debug)]
pub(super) struct Reply {
    /// The answer, or why there is none.
    pub(super) answered: Result<Answered, NoAnswer>,
    /// What answered; none if it could not be loaded.
    pub(super) by: Option<Arc<Answering>>,
}

/// A model that answers.
#[derive(Debug)]
pub(super) struct Answering {
    /// What it is and can do.
    pub(super) identity: Identity,
    /// Where it runs; none if only its input is made.
    pub(super) place: Option<Place>,
    /// The commit of its repository, if it comes from the hub.
    pub(super) revision: Option<String>,
    /// Where its answers come from.
    pub(super) origin: Origin,
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
    /// The journal of an earlier run has none that is good.
    NotReplayed(ReplayError),
}

pub(super) struct Job {
    pub(super) case: Arc<Case>,
    /// Which of the case's runs, from 0.
    pub(super) run: usize,
    /// What keeps the answer for later runs.
    pub(super) keeper: Option<Keeper>,
    pub(super) reply: SyncSender<Reply>,
}

/// The selected trials' requests, by model.
pub(super) struct Queue {
    groups: Vec<(ModelEntry, VecDeque<Job>)>,
}

impl Queue {
    pub(super) fn new(models: Vec<ModelEntry>) -> Self {
        Self { groups: models.into_iter().map(|model| (model, VecDeque::new())).collect() }
    }

    /// Adds the nth run of a trial; its reply comes through the returned channel, which closes
    /// without one if the worker dies.
    pub(super) fn push(&mut self, planned: &Planned, run: usize) -> Receiver<Reply> {
        let (reply, receiver) = sync_channel(1);
        let case = Arc::clone(&planned.case);
        self.groups[planned.model_index].1.push_back(Job { case, run, keeper: None, reply });
        receiver
    }

    /// Answers everything, from the cache if there is one and it can; then asks other networks about
    /// answers where that is wanted.
    pub(super) fn serve(
        self,
        settings: &EngineSettings,
        registry: &Registry,
        cache: Option<&AnswerCache>,
    ) {
        let mut second_round = SecondRound::default();
        for (model, jobs) in self.groups {
            let (about_input, jobs): (VecDeque<Job>, VecDeque<Job>) =
                jobs.into_iter().partition(|job| job.case.is_about_input());
            if !about_input.is_empty() {
                prepare_inputs(&model, about_input);
            }
            let jobs = match cache {
                Some(cache) if !jobs.is_empty() => {
                    caching::answer_known(&model, settings, cache, jobs, &mut second_round)
                }
                _ => jobs,
            };
            if jobs.is_empty() {
                continue;
            }
            match Fleet::load(&model, settings) {
                Ok((fleet, missing)) => {
                    for (device, error) in missing {
                        say(&notices::device_left_out(&model.name, device, &error));
                    }
                    serve_model(&model, fleet, jobs, &mut second_round);
                }
                Err(error) => refuse_model(jobs, &error),
            }
        }
        second_round.serve(registry, settings);
    }
}

/// Tells each job what its model would get. No weights are loaded.
fn prepare_inputs(model: &ModelEntry, mut jobs: VecDeque<Job>) {
    let preparer = match Preparer::load(model) {
        Ok(preparer) => preparer,
        Err(error) => return refuse_model(jobs, &error),
    };
    let by = Arc::new(Answering {
        identity: preparer.identity().clone(),
        place: None,
        revision: revision(model),
        origin: Origin::Computed,
    });
    jobs.retain(|job| is_possible(job, &by));
    for job in &jobs {
        let prepared = preparer.prepare(&ask::request(&job.case, job.run, &by.identity));
        let answered = Err(match prepared {
            Ok(input) => NoAnswer::Prepared(Box::new(input)),
            Err(error) => NoAnswer::Failed(error),
        });
        reply(job, Reply { answered, by: Some(Arc::clone(&by)) });
    }
}

pub(super) fn revision(model: &ModelEntry) -> Option<String> {
    match &model.source {
        Source::Hub { revision, .. } => Some(revision.clone()),
        Source::Folder(_) | Source::Replay { .. } => None,
    }
}

fn serve_model(
    model: &ModelEntry,
    mut fleet: Fleet,
    mut jobs: VecDeque<Job>,
    second_round: &mut SecondRound,
) {
    let descriptions = fleet.engines().iter().map(Engine::description);
    let descriptions: Vec<_> = descriptions.collect();
    say(&notices::loaded(&descriptions, ("case", "cases"), jobs.len()));
    for notice in engine::settings_notices(model) {
        say(&notices::setting(&model.name, &notice));
    }
    let answering: Vec<Arc<Answering>> =
        fleet.engines().iter().map(|engine| Arc::new(answering(model, engine))).collect();
    let Some(first) = answering.first() else { return };
    jobs.retain(|job| is_possible(job, first));
    let requests: Vec<TrialRequest> =
        jobs.iter().map(|job| ask::request(&job.case, job.run, &first.identity)).collect();
    fleet.answer_all(&requests, &mut |engine, event| match event {
        Event::Ended { index, answered } => {
            if let Some(notice) = notices::self_check(&jobs[index].case.name, &answered) {
                say(&notice);
            }
            let answered = answered.map_err(NoAnswer::Failed);
            let reply = Reply { answered, by: Some(Arc::clone(&answering[engine])) };
            let Job { case, keeper, reply: receiver, .. } = &jobs[index];
            if let Some(keeper) = keeper {
                keeper.keep(&reply);
            }
            second_round.pass_on(case, receiver.clone(), reply);
        }
        Event::OutOfMemory(event) => {
            let cases = event.requests.iter().map(|index| jobs[*index].case.name.as_str());
            say(&notices::out_of_memory(&event, &cases.collect::<Vec<_>>()));
        }
    });
}

fn answering(model: &ModelEntry, engine: &Engine) -> Answering {
    let ModelDescription { device, precision, memory_in_use_bytes, .. } =
        engine.description().clone();
    Answering {
        identity: engine.identity().clone(),
        place: Some(Place { device, precision, model_memory_bytes: memory_in_use_bytes }),
        revision: revision(model),
        origin: Origin::Computed,
    }
}

/// Whether the model can do what the case asks; if not, the trial is told.
fn is_possible(job: &Job, by: &Arc<Answering>) -> bool {
    let Some(unsupported) = unsupported(&job.case.demands(), &by.identity) else { return true };
    let answered = Err(NoAnswer::Unsupported(unsupported));
    reply(job, Reply { answered, by: Some(Arc::clone(by)) });
    false
}

fn refuse_model(jobs: VecDeque<Job>, error: &EngineError) {
    for job in &jobs {
        let answered = Err(NoAnswer::Failed(error.clone()));
        reply(job, Reply { answered, by: None });
    }
}

fn reply(job: &Job, reply: Reply) {
    // The receiver is gone only if its trial was dropped unrun.
    let _ = job.reply.send(reply);
}
