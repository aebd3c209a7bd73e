//! Answers that the cache has, before a model is loaded for the others.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::answer::DeviceClass;
use crate::answer_cache::{AnswerCache, CachedAnswer, CheckpointFile, Key, Lookup, Parts};
use crate::checksum::FileSums;
use crate::engine::{self, Answered, EngineError, EngineSettings, Preparer, TrialRequest};
use crate::journal::{Origin, Place};
use crate::registry::ModelEntry;

use super::second_round::SecondRound;
use super::worker::{self, Answering, Job, Reply};
use super::{ask, say};

/// Keeps the answer to one question once it is there.
pub(super) struct Keeper {
    cache: AnswerCache,
    key: Key,
}

impl Keeper {
    /// Keeps an answer; where there is none, nothing.
    pub(super) fn keep(&self, reply: &Reply) {
        let place = reply.by.as_ref().and_then(|by| by.place.clone());
        if let (Ok(Answered { answer, .. }), Some(place)) = (&reply.answered, place) {
            let kept = CachedAnswer { answer: answer.clone(), place };
            if let Err(error) = self.cache.keep(&self.key, &kept) {
                say(&format!("eyechart: {error}"));
            }
        }
    }
}

/// Replies to the jobs whose answers are known, and returns the others, each with its keeper. No
/// weights are loaded.
pub(super) fn answer_known(
    model: &ModelEntry,
    settings: &EngineSettings,
    cache: &AnswerCache,
    jobs: VecDeque<Job>,
    second_round: &mut SecondRound,
) -> VecDeque<Job> {
    let known = match Known::of(model, settings, cache) {
        Ok(known) => known,
        Err(error) => {
            say(&format!("eyechart: no answer of {} is cached: {error}", model.name));
            return jobs;
        }
    };
    let (all, mut unknown) = (jobs.len(), VecDeque::new());
    for mut job in jobs {
        match known.reply(&mut job) {
            Some(reply) => second_round.pass_on(&job.case, job.reply, reply),
            None => unknown.push_back(job),
        }
    }
    let (name, found) = (&model.name, all - unknown.len());
    say(&format!("eyechart: {found} of {all} answers of {name} are cached"));
    unknown
}

/// What a model's answers depend on beside the question.
struct Known<'c> {
    cache: &'c AnswerCache,
    preparer: Preparer,
    checkpoint: Vec<CheckpointFile>,
    device: DeviceClass,
    precision: &'static str,
    pictures: FileSums,
    revision: Option<String>,
}

impl<'c> Known<'c> {
    fn of(
        model: &ModelEntry,
        settings: &EngineSettings,
        cache: &'c AnswerCache,
    ) -> Result<Self, String> {
        let preparer = Preparer::load(model).map_err(|error| error.to_string())?;
        let folder = engine::checkpoint_here(model).ok_or("its checkpoint is not here")?;
        Ok(Self {
            cache,
            preparer,
            checkpoint: cache.checkpoint(&folder).map_err(|error| error.to_string())?,
            device: settings.devices.class(),
            precision: settings.precision_of(model).label(),
            pictures: FileSums::default(),
            revision: worker::revision(model),
        })
    }

    /// The reply to a job from the cache; without one, the job gets a keeper.
    fn reply(&self, job: &mut Job) -> Option<Reply> {
        // What cannot be prepared, or is not possible, the model's own turn tells.
        let key = self.key(job).ok()?;
        match self.cache.find(&key) {
            Lookup::Hit(found) => {
                let CachedAnswer { answer, place } = *found;
                let by = Some(Arc::new(self.answering(place)));
                return Some(Reply { answered: Ok(answer.into()), by });
            }
            Lookup::Miss => {}
            Lookup::Damaged(damage) => say(&format!("eyechart: {damage}")),
        }
        job.keeper = Some(Keeper { cache: self.cache.clone(), key });
        None
    }

    fn key(&self, job: &Job) -> Result<Key, EngineError> {
        let request = ask::request(&job.case, job.run, self.preparer.identity());
        let input = self.preparer.prepare(&request)?;
        let TrialRequest { images, options, .. } = request;
        let sums = images.iter().map(|image| self.pictures.of(image).unwrap_or_default());
        Ok(Key::of(&Parts {
            eyechart_version: env!("CARGO_PKG_VERSION"),
            checkpoint: &self.checkpoint,
            device: self.device,
            precision: self.precision,
            images_sha256: &sums.collect::<Vec<_>>(),
            input: &input,
            generation: &options,
        }))
    }

    fn answering(&self, place: Place) -> Answering {
        Answering {
            identity: self.preparer.identity().clone(),
            place: Some(place),
            revision: self.revision.clone(),
            origin: Origin::Cached,
        }
    }
}
