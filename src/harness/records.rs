//! The records of trials, before and without an answer.

use std::path::{Component, Path, PathBuf};

use crate::asked::Asked;
use crate::case::{Case, InvalidCase};
use crate::engine::TrialRequest;
use crate::foreign;
use crate::journal::{JournalError, Place, Speaker, Status, TrialRecord};
use crate::model::Identity;
use crate::request::{Part, Role};

use super::ask;
use super::gate::PlannedGate;
use super::judge::Judge;
use super::plan::{Planned, Waiting};
use super::worker::Answering;

impl Judge {
    pub(super) fn gate_record(
        &self,
        planned: &PlannedGate,
        status: Status,
        message: String,
    ) -> TrialRecord {
        let PlannedGate { case, model, gate, dataset, .. } = planned;
        let file = self.relative(dataset.path());
        TrialRecord {
            dimension: Some(dataset.dimension()),
            tags: dataset.tags().to_vec(),
            question: format!("{} >= {}", gate.metric(), gate.min()),
            message: Some(message),
            ..TrialRecord::unanswered(case.clone(), Some(model.clone()), file, status)
        }
    }

    /// A case file that cannot be run.
    pub(super) fn invalid(&self, invalid: &InvalidCase) -> TrialRecord {
        let InvalidCase { name, path, error } = invalid;
        TrialRecord {
            line: error.position().map(|position| position.line),
            message: Some(self.shorten(&error.to_string())),
            ..TrialRecord::unanswered(name.to_string(), None, self.relative(path), Status::Error)
        }
    }

    /// A trial whose case file can no longer be run.
    pub(super) fn changed(&self, waiting: &Waiting, invalid: &InvalidCase) -> TrialRecord {
        TrialRecord { model: Some(waiting.model.to_string()), ..self.invalid(invalid) }
    }

    /// A trial whose earlier record cannot be read.
    pub(super) fn unreadable(&self, waiting: &Waiting, error: &JournalError) -> TrialRecord {
        let (case, model) = (waiting.source.name().to_string(), Some(waiting.model.to_string()));
        let file = self.relative(&waiting.source.path());
        let message = Some(self.shorten(&error.to_string()));
        TrialRecord { message, ..TrialRecord::unanswered(case, model, file, Status::Error) }
    }

    pub(super) fn ignored(
        &self,
        planned: &Planned,
        by: Option<&Answering>,
        reason: String,
    ) -> TrialRecord {
        let message = Some(reason);
        TrialRecord { status: Status::Ignored, message, ..self.blank(planned, by) }
    }

    pub(super) fn error(
        &self,
        planned: &Planned,
        by: Option<&Answering>,
        error: String,
    ) -> TrialRecord {
        let message = Some(error);
        TrialRecord { status: Status::Error, message, ..self.blank(planned, by) }
    }

    /// What is known of a trial before it has an answer.
    pub(super) fn blank(&self, planned: &Planned, by: Option<&Answering>) -> TrialRecord {
        let Planned { case, model, .. } = planned;
        let (name, file) = (case.name.to_string(), self.relative(&case.path));
        TrialRecord {
            line: case.line,
            dimension: Some(case.dimension),
            tags: case.tags.clone(),
            question: question(case),
            known_failure: case.known_failure(model).map(|known| known.reason.clone()),
            place: place(by).cloned(),
            origin: by.map(|by| by.origin).unwrap_or_default(),
            speaker: by.map(speaker),
            asked: by.and_then(|by| self.asked(case, by)),
            ..TrialRecord::unanswered(name, Some(model.to_string()), file, Status::Error)
        }
    }

    /// The case's question in short; none if a picture cannot be read, which is an error elsewhere.
    fn asked(&self, case: &Case, by: &Answering) -> Option<Asked> {
        let TrialRequest { images, orientation, conversation, options } =
            ask::request(case, 0, &by.identity);
        Asked::of(&conversation, &options, &images, &self.pictures)
            .ok()
            .map(|asked| Asked { orientation, ..asked })
    }

    /// The text with paths relative to the project, as a reader at its root wants them.
    pub(super) fn shorten(&self, text: &str) -> String {
        let prefix = format!("{}{}", self.project.display(), std::path::MAIN_SEPARATOR);
        text.replace(&prefix, "")
    }

    pub(super) fn relative(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.project).unwrap_or(path).to_owned()
    }

    /// The path for readers: relative to the project, `folder/..` left out.
    pub(super) fn shown(&self, path: &Path) -> String {
        let mut shown = PathBuf::new();
        for component in self.relative(path).components() {
            let goes_up = component == Component::ParentDir;
            if !(goes_up && shown.file_name().is_some() && shown.pop()) {
                shown.push(component);
            }
        }
        foreign::path(&shown)
    }
}

pub(super) fn place(by: Option<&Answering>) -> Option<&Place> {
    by?.place.as_ref()
}

fn speaker(by: &Answering) -> Speaker {
    let Identity { family, language_model, capabilities } = &by.identity;
    Speaker {
        family: (*family).to_owned(),
        language_model: language_model.clone(),
        boxes: capabilities.boxes,
        revision: by.revision.clone(),
    }
}

/// The last thing the user asked.
pub(super) fn question(case: &Case) -> String {
    let turns = case.conversation.turns.iter().rev();
    let last = turns.into_iter().find(|turn| turn.role == Role::User);
    let texts = last.into_iter().flat_map(|turn| &turn.parts).filter_map(|part| match part {
        Part::Text(text) => Some(text.as_str()),
        Part::Image(_) => None,
    });
    texts.collect::<Vec<_>>().join(" ").trim().to_owned()
}
