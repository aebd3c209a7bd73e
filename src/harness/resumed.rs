//! What becomes of a trial that is in the journal already when a run goes on with it.
//!
//! Its answer is good only for the question it was given to, and its verdict only for what was
//! expected then: whatever asks something else by now is run again, all else is judged anew.

use std::sync::Arc;

use crate::answer::Answer;
use crate::asked::Asked;
use crate::case::Case;
use crate::engine::{Answered, TrialRequest};
use crate::extract::{BoxNotation, said};
use crate::journal::{Speaker, Status, TrialRecord};
use crate::model::{self, Identity};
use crate::opinion::Opinion;
use crate::score::advised::inquiries;

use super::ask;
use super::judge::{Judge, Judged};
use super::plan::{Planned, Waiting};
use super::records::question;
use super::support::unsupported;
use super::worker::{Answering, Reply};

/// What a record is good for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Worth {
    /// It stands as it is: there is no answer that could be judged.
    Record,
    /// Its answers are judged anew.
    Answers,
    /// Nothing, for this reason.
    Nothing(String),
}

/// What a trial's record is good for.
pub(super) fn worth(
    record: &TrialRecord,
    waiting: &Waiting,
    boxes: Option<BoxNotation>,
    judge: &Judge,
) -> Worth {
    let nothing = |reason: &str| Worth::Nothing(reason.to_owned());
    let Ok(planned) = waiting.turn() else { return nothing("its file was changed") };
    let Some(by) = answering(record, boxes) else {
        let was_ignored = record.status == Status::Ignored;
        return if was_ignored { nothing("it was ignored then") } else { Worth::Record };
    };
    let case = &planned.case;
    if record.status == Status::Ignored {
        let is_possible = unsupported(&case.demands(), &by.identity).is_none();
        return if is_possible { nothing("it was ignored then") } else { Worth::Record };
    }
    let TrialRequest { images, orientation, conversation, options } =
        ask::request(case, 0, &by.identity);
    let now = Asked::of(&conversation, &options, &images, &judge.pictures)
        .map(|asked| Asked { orientation, ..asked });
    match (now, &record.asked) {
        (Ok(now), Some(before)) => {
            if let Some(change) = now.change_since(before) {
                return Worth::Nothing(format!("{change} is not what it was when it was recorded"));
            }
        }
        _ => return nothing("what was asked then cannot be compared"),
    }
    let answers = answers(record);
    if case.is_about_input() || answers.iter().any(|(answer, _)| answer.is_none()) {
        return Worth::Record;
    }
    if answers.len() < case.runs.times {
        return nothing("it is to be run more often");
    }
    if answers.iter().any(|one| lacks_opinion(case, one)) {
        return nothing("another network is to be asked about its answer");
    }
    Worth::Answers
}

/// Judges the recorded answers by what is expected now.
pub(super) fn judged(
    record: &TrialRecord,
    planned: &Planned,
    boxes: Option<BoxNotation>,
    judge: &Judge,
) -> Judged {
    let by = answering(record, boxes).map(Arc::new);
    let answers = answers(record).into_iter().take(planned.case.runs.times);
    let replies = answers.filter_map(|(answer, opinions)| {
        let answered = Answered { opinions: opinions.to_vec(), ..Answered::from(answer?.clone()) };
        Some(Some(Reply { answered: Ok(answered), by: by.clone() }))
    });
    judge.judge(planned, replies.collect())
}

type RecordedAnswer<'r> = (Option<&'r Answer>, &'r [Opinion]);

/// The answers of all runs, with what other networks said of them.
fn answers(record: &TrialRecord) -> Vec<RecordedAnswer<'_>> {
    match record.attempts.is_empty() {
        true => vec![(record.answer.as_ref(), &record.opinions)],
        false => record.attempts.iter().map(|one| (one.answer.as_ref(), &*one.opinions)).collect(),
    }
}

fn lacks_opinion(case: &Case, (answer, opinions): &RecordedAnswer<'_>) -> bool {
    let (Some(expectation), Some(answer)) = (&case.expectation, answer) else { return false };
    let asked = inquiries(expectation, &question(case), &said(answer));
    asked.iter().any(|inquiry| inquiry.find(opinions).is_none())
}

/// What answered then; none if nothing did.
fn answering(record: &TrialRecord, stated: Option<BoxNotation>) -> Option<Answering> {
    let Speaker { family, language_model, boxes, revision } = record.speaker.as_ref()?;
    let known = model::family_named(family)?;
    let mut capabilities = known.capabilities;
    capabilities.boxes = stated.or(*boxes);
    let language_model = language_model.clone();
    Some(Answering {
        identity: Identity { family: known.name, language_model, capabilities },
        place: record.place.clone(),
        revision: revision.clone(),
        origin: record.origin,
    })
}
