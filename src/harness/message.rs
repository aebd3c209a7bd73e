//! What a failed trial tells the person who reads it.

use std::borrow::Cow;
use std::time::Duration;

use similar::{Algorithm, TextDiff};

use crate::answer::{Answer, FinishReason};
use crate::foreign;
use crate::journal::{Status, TrialRecord};
use crate::snapshot::{Ahead, Divergence, NEAR_TIE, SnapshotOutcome, input_text};

/// Most characters of a question, an answer or a reason in a message; reports and the journal have
/// the whole answer.
const LONGEST_TEXT: usize = 4_000;

/// Longest text that is compared line by line.
const LONGEST_DIFFED_BYTES: usize = 8 * 1024;

/// Longest time that a comparison looks for the fewest lines that differ.
const DIFF_TIME: Duration = Duration::from_millis(200);

/// The message of an answered trial; none if there is nothing to tell.
pub(super) fn of(record: &TrialRecord) -> Option<String> {
    if matches!(record.status, Status::Passed | Status::Recorded) {
        return None;
    }
    let mut parts: Vec<String> =
        record.answer.iter().map(|answer| question_and_answer(&record.question, answer)).collect();
    if let Some(verdict) = &record.verdict {
        parts.extend(verdict.reasons.iter().map(|reason| format!("  {}", within(reason, "  "))));
    }
    parts.extend(known_failure(record));
    if let Some(answer) = &record.answer {
        parts.extend(snapshot("answer", &record.snapshot, &answer.text));
    }
    if let Some(input) = record.input() {
        let text = input_text(input);
        parts.extend(snapshot("input", &record.input_snapshot, &text));
    }
    Some(parts.join("\n"))
}

/// What `--show-output` tells of a trial that passed.
pub(super) fn of_success(record: &TrialRecord) -> String {
    let answered = || Some(question_and_answer(&record.question, record.answer.as_ref()?));
    record.message.clone().or_else(answered).unwrap_or_default()
}

fn question_and_answer(question: &str, answer: &Answer) -> String {
    let tokens = answer.token_ids.len();
    let end = match answer.finish {
        FinishReason::Stop => format!("{tokens} tokens"),
        FinishReason::Length => {
            format!("cut off at the limit of {tokens} tokens; raise generation.max_new_tokens")
        }
    };
    let question = within(question, "          ");
    let text = foreign::quoted(&foreign::cut(&answer.text, LONGEST_TEXT));
    format!("question: {question}\nanswer:   {text} ({end})")
}

/// A text of others within a message: not too long, and its further lines indented.
fn within(text: &str, indent: &str) -> String {
    foreign::cut(text, LONGEST_TEXT).replace('\n', &format!("\n{indent}"))
}

fn known_failure(record: &TrialRecord) -> Option<String> {
    let reason = within(record.known_failure.as_ref()?, "  ");
    Some(match record.status {
        Status::UnexpectedPass => format!(
            "passed although `xfail` says it fails ({reason}); remove the entry if this is here \
             to stay"
        ),
        _ => format!("known to fail: {reason}"),
    })
}

/// What to tell of a snapshot of `what`, whose text is `now`.
fn snapshot(what: &str, outcome: &SnapshotOutcome, now: &str) -> Option<String> {
    match outcome {
        SnapshotOutcome::Off
        | SnapshotOutcome::Matched
        | SnapshotOutcome::NearTie { .. }
        | SnapshotOutcome::Accepted { .. } => None,
        SnapshotOutcome::New => Some(format!(
            "this {what} has no accepted snapshot yet; look at it with `cargo insta review`, or \
             accept all with INSTA_UPDATE=always"
        )),
        SnapshotOutcome::HeadChanged { fields } => Some(format!(
            "the {what} is the accepted one, but the head of its snapshot is not ({}), and insta is \
             told to compare that too (require_full_match); `cargo insta review` accepts it",
            fields.join(", ")
        )),
        SnapshotOutcome::Unusable { reason } => {
            Some(format!("the snapshot of this {what} cannot be used: {reason}"))
        }
        SnapshotOutcome::Changed { accepted, divergence } => {
            let place = divergence.map(|place| first_difference(&place, accepted, now));
            Some(format!(
                "the {what} differs from the accepted snapshot; `cargo insta review` accepts it\n\
                 {}{}",
                place.unwrap_or_default(),
                diff(accepted, now)
            ))
        }
    }
}

/// What differs, line by line. Of long texts only the lines around the first difference are compared,
/// and the comparison gets coarse where it would take long.
fn diff(accepted: &str, now: &str) -> String {
    let shared = accepted.bytes().zip(now.bytes()).take_while(|(a, b)| a == b).count();
    let parts = [accepted, now].map(|text| around(text, shared));
    let diff = TextDiff::configure()
        .algorithm(Algorithm::Myers)
        .timeout(DIFF_TIME)
        .diff_lines(&*parts[0], &*parts[1]);
    let mut unified = diff.unified_diff();
    unified.header("accepted", "now").missing_newline_hint(false).to_string()
}

/// The text, or of a long one the part that holds a byte.
fn around(text: &str, place: usize) -> Cow<'_, str> {
    if text.len() <= LONGEST_DIFFED_BYTES {
        return Cow::Borrowed(text);
    }
    let start = text.floor_char_boundary(place.saturating_sub(LONGEST_DIFFED_BYTES / 4));
    let end = text.floor_char_boundary(start + LONGEST_DIFFED_BYTES);
    let more = |bytes: usize| format!("(.. {bytes} more bytes ..)");
    Cow::Owned(format!("{}\n{}\n{}", more(start), &text[start..end], more(text.len() - end)))
}

/// The first token that differs, where the texts part, and how near the decision was.
fn first_difference(place: &Divergence, accepted: &str, now: &str) -> String {
    let number = place.shared_tokens + 1;
    let shown = |id: Option<u32>| id.map_or("the end".to_owned(), |id| format!("id {id}"));
    let (token, other) = (shown(place.token_id), shown(place.accepted_id));
    let (now, accepted) = parted(now, accepted);
    let how_near = match place.ahead {
        Some(Ahead::By(margin)) => {
            format!(", ahead by {} in logits{}", decimal(margin), tie(margin))
        }
        Some(Ahead::ByMoreThan(margin)) => {
            format!(", ahead by more than {} in logits", decimal(margin))
        }
        None => String::new(),
    };
    format!(
        "first other token: number {number}, {token} ({now:?}) where {other} ({accepted:?}) was \
         accepted{how_near}\n"
    )
}

fn tie(margin: f32) -> String {
    if margin.abs() >= NEAR_TIE {
        return String::new();
    }
    format!(
        ": a near tie (below {NEAR_TIE}), which other hardware may decide otherwise; \
         `allow_near_tie: {NEAR_TIE}` in the case accepts it"
    )
}

/// A margin in four significant digits at most, and never as 0 if it is none.
fn decimal(margin: f32) -> String {
    let text = format!("{margin:.4}");
    if text.trim_start_matches('-') == "0.0000" && margin != 0.0 {
        return format!("{margin:.1e}");
    }
    text
}

/// What follows in two texts where they first differ, a few words of each.
fn parted<'t>(left: &'t str, right: &'t str) -> (&'t str, &'t str) {
    const SHOWN: usize = 24;
    let shared = left.char_indices().zip(right.chars()).find(|((_, a), b)| a != b);
    let shared = shared.map_or(left.len().min(right.len()), |((start, _), _)| start);
    let rest = |text: &'t str| {
        let rest = &text[shared.min(text.len())..];
        let end = rest.char_indices().nth(SHOWN).map_or(rest.len(), |(end, _)| end);
        &rest[..end]
    };
    (rest(left), rest(right))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::{Reading, Verdict};

    fn record(status: Status, snapshot: SnapshotOutcome) -> TrialRecord {
        let (case, file) = ("grounding::red_car".into(), "cases/grounding/red_car.ron".into());
        TrialRecord {
            question: "what colour?".into(),
            answer: Some(Answer {
                token_ids: vec![1, 2, 3],
                ..Answer::of_text("a blue car\nand a tree")
            }),
            verdict: Some(Verdict {
                passed: false,
                points: 0.0,
                iou: None,
                center_accuracy: None,
                reading: Reading::Parsed,
                reasons: vec!["expected \"red\"".into()],
            }),
            snapshot,
            ..TrialRecord::unanswered(case, Some("tiny".into()), file, status)
        }
    }

    #[test]
    fn a_passed_trial_has_nothing_to_tell() {
        assert_eq!(of(&record(Status::Passed, SnapshotOutcome::Matched)), None);
    }

    #[test]
    fn messages_read_well() {
        let accepted = || "a red car\nand a tree".to_owned();
        let changed = SnapshotOutcome::Changed { accepted: accepted(), divergence: None };
        let parts = |ahead: Option<Ahead>| {
            let (token_id, accepted_id) = (Some(2), ahead.map(|_| 9));
            let place = Divergence { shared_tokens: 1, token_id, accepted_id, ahead };
            SnapshotOutcome::Changed { accepted: accepted(), divergence: Some(place) }
        };
        let xfail = |status| TrialRecord {
            known_failure: Some("sees no red".into()),
            ..record(status, SnapshotOutcome::Matched)
        };
        let mut cut_off = record(Status::Failed, SnapshotOutcome::New);
        if let Some(answer) = &mut cut_off.answer {
            answer.finish = FinishReason::Length;
        }
        let messages: Vec<String> = [
            record(Status::Failed, changed),
            record(Status::Failed, parts(Some(Ahead::By(0.03125)))),
            record(Status::Failed, parts(Some(Ahead::By(2.5)))),
            record(Status::Failed, parts(Some(Ahead::ByMoreThan(0.00001)))),
            record(Status::Failed, parts(None)),
            cut_off,
            xfail(Status::KnownFailure),
            xfail(Status::UnexpectedPass),
        ]
        .iter()
        .filter_map(of)
        .collect();
        insta::assert_snapshot!(messages.join("\n----\n"));
    }
}
