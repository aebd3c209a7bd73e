//! Answers from the journal of an earlier run, in place of a model's.
//!
//! There is nothing to wait for, so the test threads look them up themselves. An answer is good only
//! for the question it was given to: a prompt, picture or option that is another by now is an error.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::asked::{Asked, Change};
use crate::case::Case;
use crate::checksum::FileSums;
use crate::engine::{Answered, TrialRequest};
use crate::journal::{FILE_NAME, JournalError, Origin, Recording, Speaker, TrialRecord};
use crate::model::{self, Identity};
use crate::registry::{ModelEntry, Source};

use super::support::unsupported;
use super::worker::{Answering, NoAnswer, Reply};
use super::{RunError, ask};

/// A model of the registry that is a journal.
#[derive(Debug)]
pub(super) struct Replay {
    entry: ModelEntry,
    journal: PathBuf,
    answers_of: Option<String>,
    recording: OnceLock<Result<Recording, Arc<JournalError>>>,
}

/// Why a recorded answer is not there or not good.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReplayError {
    #[error(transparent)]
    Journal(Arc<JournalError>),
    #[error("{}: has no trial of this case on {model}; run the model itself once more", path.display())]
    NotRecorded { path: PathBuf, model: String },
    #[error("{}: the trial was recorded without an answer: {message}", path.display())]
    WithoutAnswer { path: PathBuf, message: String },
    #[error("{}: only {recorded} of {times} runs are recorded; run the model itself once more", path.display())]
    TooFewRuns { path: PathBuf, recorded: usize, times: usize },
    #[error(
        "{}: {change} of this case is not what it was when the answer was recorded; run the model \
         itself once more", path.display()
    )]
    Changed { path: PathBuf, change: Change },
    #[error("{}: does not say what was asked, it is of an older eyechart; run the model itself once more", path.display())]
    NothingAsked { path: PathBuf },
    #[error("{}: was answered by the family {family}, which is not known here", path.display())]
    UnknownFamily { path: PathBuf, family: String },
    #[error("a picture of the case cannot be read: {0}")]
    Picture(std::io::Error),
}

impl Replay {
    /// The model of an entry, if that is a journal.
    pub(super) fn of(entry: &ModelEntry) -> Option<Self> {
        let Source::Replay { journal, model } = &entry.source else { return None };
        Some(Self {
            entry: entry.clone(),
            journal: journal.clone(),
            answers_of: model.clone(),
            recording: OnceLock::new(),
        })
    }

    /// The recorded answers to all runs of a case.
    pub(super) fn replies(&self, case: &Case, pictures: &FileSums) -> Vec<Reply> {
        match self.recorded(case) {
            Ok((record, by)) => self.good_replies(case, pictures, record, by),
            Err(error) => vec![Reply { answered: Err(error.into()), by: None }],
        }
    }

    fn recorded(&self, case: &Case) -> Result<(TrialRecord, Arc<Answering>), ReplayError> {
        let recording = self.recording.get_or_init(|| {
            Recording::open(&self.journal, self.answers_of.as_deref(), &self.entry.name)
                .map_err(Arc::new)
        });
        let recording =
            recording.as_ref().map_err(|error| ReplayError::Journal(Arc::clone(error)))?;
        let found = recording.find(case.name.as_str());
        let found = found.map_err(|error| ReplayError::Journal(Arc::new(error)))?;
        let Some(record) = found else {
            let model = recording.model().to_owned();
            return Err(ReplayError::NotRecorded { path: self.journal.clone(), model });
        };
        let by = self.answering(&record)?;
        Ok((record, Arc::new(by)))
    }

    /// What answered then.
    fn answering(&self, record: &TrialRecord) -> Result<Answering, ReplayError> {
        let path = || self.journal.clone();
        let Some(speaker) = &record.speaker else {
            let message = record.message.clone().unwrap_or_default();
            return Err(ReplayError::WithoutAnswer { path: path(), message });
        };
        let Speaker { family, language_model, boxes, revision } = speaker;
        let known = model::family_named(family)
            .ok_or_else(|| ReplayError::UnknownFamily { path: path(), family: family.clone() })?;
        let mut capabilities = known.capabilities;
        capabilities.boxes = self.entry.boxes.or(*boxes);
        Ok(Answering {
            identity: Identity {
                family: known.name,
                language_model: language_model.clone(),
                capabilities,
            },
            place: record.place.clone(),
            revision: revision.clone(),
            origin: Origin::Replayed,
        })
    }

    fn good_replies(
        &self,
        case: &Case,
        pictures: &FileSums,
        record: TrialRecord,
        by: Arc<Answering>,
    ) -> Vec<Reply> {
        let answers = match (
            unsupported(&case.demands(), &by.identity),
            self.check(case, pictures, &record, &by),
        ) {
            (Some(unsupported), _) => vec![Err(NoAnswer::Unsupported(unsupported))],
            (None, Err(error)) => vec![Err(error.into())],
            (None, Ok(())) => self.answers(case, record),
        };
        let reply = |answered| Reply { answered, by: Some(Arc::clone(&by)) };
        answers.into_iter().map(reply).collect()
    }

    /// Whether the same is asked as then.
    fn check(
        &self,
        case: &Case,
        pictures: &FileSums,
        record: &TrialRecord,
        by: &Answering,
    ) -> Result<(), ReplayError> {
        let path = || self.journal.clone();
        let Some(before) = &record.asked else {
            return Err(ReplayError::NothingAsked { path: path() });
        };
        let TrialRequest { images, orientation, conversation, options } =
            ask::request(case, 0, &by.identity);
        let now = Asked::of(&conversation, &options, &images, pictures)
            .map(|asked| Asked { orientation, ..asked });
        match now.map_err(ReplayError::Picture)?.change_since(before) {
            Some(change) => Err(ReplayError::Changed { path: path(), change }),
            None => Ok(()),
        }
    }

    fn answers(&self, case: &Case, record: TrialRecord) -> Vec<Result<Answered, NoAnswer>> {
        let path = || self.journal.clone();
        if case.is_about_input()
            && let Some(input) = record.input()
        {
            return vec![Err(NoAnswer::Prepared(Box::new(input.clone())))];
        }
        let (times, message) = (case.runs.times, record.message.unwrap_or_default());
        let answers: Vec<_> = match record.attempts.is_empty() {
            true => vec![(record.answer, record.opinions)],
            false => record.attempts.into_iter().map(|one| (one.answer, one.opinions)).collect(),
        };
        let recorded = answers.len();
        if recorded < times {
            return vec![Err(ReplayError::TooFewRuns { path: path(), recorded, times }.into())];
        }
        let answer = |(answer, opinions): (Option<_>, Vec<_>)| match answer {
            Some(answer) => Ok(Answered { opinions, ..Answered::from(answer) }),
            None => {
                let message = message.clone();
                Err(ReplayError::WithoutAnswer { path: path(), message }.into())
            }
        };
        answers.into_iter().take(times).map(answer).collect()
    }
}

impl From<ReplayError> for NoAnswer {
    fn from(error: ReplayError) -> Self {
        Self::NotReplayed(error)
    }
}

/// Refuses to replay the journal that this run is about to write over.
pub(super) fn refuse_own_journal(models: &[ModelEntry], out: &Path) -> Result<(), RunError> {
    let own = out.join(FILE_NAME);
    let is_own = |journal: &Path| match (journal.canonicalize(), own.canonicalize()) {
        (Ok(journal), Ok(own)) => journal == own,
        _ => false,
    };
    let replayed = models.iter().find_map(|model| match &model.source {
        Source::Replay { journal, .. } if is_own(journal) => Some(&model.name),
        _ => None,
    });
    match replayed {
        Some(model) => Err(RunError::ReplaysItself { model: model.clone(), journal: own }),
        None => Ok(()),
    }
}
