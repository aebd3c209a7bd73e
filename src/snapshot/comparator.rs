//! How a text is compared with the accepted one.

use std::sync::{Arc, Mutex, PoisonError};

use insta::internals::SnapshotContents;
use insta::{Comparator, MetaData, Snapshot};

use super::{ComparedTokens, Divergence, SnapshotOutcome, divergence, text};
use crate::answer::Answer;

/// Compares as insta does, except for near ties that are allowed, and remembers the result: whether
/// the assertion panics does not tell, because `INSTA_FORCE_PASS` and `INSTA_UPDATE` make differing
/// snapshots pass.
#[derive(Clone)]
pub(super) struct Spy {
    seen: Arc<Mutex<Option<SnapshotOutcome>>>,
    tokens: Option<(Answer, Option<f32>)>,
}

impl Spy {
    pub(super) fn new(tokens: Option<ComparedTokens<'_>>) -> Self {
        let tokens = tokens.map(|tokens| (tokens.answer.clone(), tokens.allow_near_tie));
        Self { seen: Arc::default(), tokens }
    }

    /// What was seen; none if there was nothing to compare with.
    pub(super) fn take_outcome(&self) -> Option<SnapshotOutcome> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn remember(&self, outcome: SnapshotOutcome) -> bool {
        let matches = outcome.is_settled();
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        matches
    }

    fn outcome(&self, reference: &Snapshot, test: &Snapshot) -> SnapshotOutcome {
        // A text that was quoted by another version is the same text.
        let is_same_text = || contents(reference) == contents(test);
        if insta::DefaultComparator.matches(reference, test) || is_same_text() {
            return SnapshotOutcome::Matched;
        }
        let accepted = contents(reference);
        let ids = divergence::ids_in(reference.metadata().description());
        let (divergence, allowed) = match (&self.tokens, ids) {
            (Some((answer, allowed)), Some(ids)) => (Divergence::between(answer, &ids), *allowed),
            _ => (None, None),
        };
        match (divergence, allowed) {
            (Some(divergence), Some(margin)) if divergence.is_within(margin) => {
                SnapshotOutcome::NearTie { accepted, divergence }
            }
            _ => SnapshotOutcome::Changed { accepted, divergence },
        }
    }

    /// The outcome where the head counts too.
    fn outcome_in_full(&self, reference: &Snapshot, test: &Snapshot) -> SnapshotOutcome {
        match self.outcome(reference, test) {
            SnapshotOutcome::Matched
                if !insta::DefaultComparator.matches_fully(reference, test) =>
            {
                SnapshotOutcome::HeadChanged {
                    fields: changed_fields(reference.metadata(), test.metadata()),
                }
            }
            SnapshotOutcome::NearTie { accepted, divergence } => {
                SnapshotOutcome::Changed { accepted, divergence: Some(divergence) }
            }
            outcome => outcome,
        }
    }
}

impl Comparator for Spy {
    fn matches(&self, reference: &Snapshot, test: &Snapshot) -> bool {
        self.remember(self.outcome(reference, test))
    }

    fn matches_fully(&self, reference: &Snapshot, test: &Snapshot) -> bool {
        self.remember(self.outcome_in_full(reference, test))
    }

    fn dyn_clone(&self) -> Box<dyn Comparator> {
        Box::new(self.clone())
    }
}

fn contents(snapshot: &Snapshot) -> String {
    match snapshot.contents() {
        SnapshotContents::Text(text) => text::restore(&text.to_string()),
        SnapshotContents::Binary(_) => String::new(),
    }
}

/// The parts of a head that differ, as insta names them.
fn changed_fields(accepted: &MetaData, now: &MetaData) -> Vec<String> {
    let differs = [
        ("source", accepted.source() != now.source()),
        ("expression", accepted.expression() != now.expression()),
        ("description", accepted.description() != now.description()),
        ("info", accepted.private_info() != now.private_info()),
        ("input_file", accepted.input_file() != now.input_file()),
    ];
    differs.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name.to_owned()).collect()
}
