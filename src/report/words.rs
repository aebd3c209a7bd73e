//! How reports call statuses, finish reasons and snapshot outcomes.

use crate::answer::FinishReason;
use crate::journal::Status;
use crate::snapshot::SnapshotOutcome;

pub(super) fn status_word(status: Status) -> &'static str {
    match status {
        Status::Passed => "passed",
        Status::Failed => "failed",
        Status::KnownFailure => "known failure",
        Status::UnexpectedPass => "unexpected pass",
        Status::Error => "error",
        Status::Recorded => "recorded",
        Status::Ignored => "ignored",
    }
}

pub(super) fn finish_word(finish: FinishReason) -> &'static str {
    match finish {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
    }
}

pub(super) fn snapshot_word(snapshot: &SnapshotOutcome) -> &'static str {
    match snapshot {
        SnapshotOutcome::Off => "off",
        SnapshotOutcome::Matched => "matched",
        SnapshotOutcome::NearTie { .. } => "near tie",
        SnapshotOutcome::Accepted { .. } => "accepted",
        SnapshotOutcome::New => "new",
        SnapshotOutcome::Changed { .. } => "changed",
        SnapshotOutcome::HeadChanged { .. } => "head changed",
        SnapshotOutcome::Unusable { .. } => "unusable",
    }
}
