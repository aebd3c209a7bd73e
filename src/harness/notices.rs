//! What the person at the terminal is told while models answer.

use crate::answer::{MemoryShortage, SelfCheck};
use crate::case::CaseName;
use crate::engine::{Answered, DeviceChoice, EngineError, ModelDescription, OutOfMemory};
use crate::foreign;
use crate::weights::readable_size;

/// Most characters of an answer in a notice.
const LONGEST_ANSWER: usize = 1_000;

/// A model is in memory, on each of these devices, and at work on so many of what is named in the
/// singular and the plural.
pub(super) fn loaded(
    engines: &[&ModelDescription],
    (one, more): (&str, &str),
    count: usize,
) -> String {
    let Some(first) = engines.first() else { return String::new() };
    let devices: Vec<&str> = engines.iter().map(|engine| engine.device.as_str()).collect();
    let slowest = engines.iter().map(|engine| engine.load_time).max().unwrap_or_default();
    let noun = if count == 1 { one } else { more };
    format!(
        "eyechart: {count} {noun} on {} ({}, {}), loaded in {:.2} s",
        first.name,
        devices.join(" and "),
        first.precision,
        slowest.as_secs_f64()
    )
}

/// The checkpoint's configuration says something that is not done, or not known.
pub(super) fn setting(model: &str, notice: &str) -> String {
    format!("eyechart: {model}: {notice}")
}

/// A device of several is not used.
pub(super) fn device_left_out(model: &str, device: DeviceChoice, error: &EngineError) -> String {
    format!("eyechart: {model} does without {device}: {error}")
}

/// A case is answered differently among others.
pub(super) fn self_check(
    case: &CaseName,
    answered: &Result<Answered, EngineError>,
) -> Option<String> {
    let answer = &answered.as_ref().ok()?.answer;
    let Some(SelfCheck::Differs(other)) = &answer.conditions.self_check else { return None };
    let lead = |margin: Option<f32>| {
        margin.map_or_else(|| "had ended".to_owned(), |margin| format!("led by {margin:.2e}"))
    };
    Some(format!(
        "eyechart: {case} is answered differently alone: after {} tokens, where it {} among others \
         and {} alone\n  among others: {}\n  alone: {}",
        other.shared_tokens,
        lead(other.margin),
        lead(other.margin_alone),
        told(&answer.text),
        told(&other.text_alone)
    ))
}

/// An answer in a notice.
fn told(answer: &str) -> String {
    foreign::quoted(&foreign::cut(answer, LONGEST_ANSWER))
}

/// Memory ran out while these cases were in work.
pub(super) fn out_of_memory(event: &OutOfMemory, cases: &[&str]) -> String {
    let MemoryShortage { batch, peak_memory_bytes } = event.shortage;
    let peak = peak_memory_bytes.map(|bytes| format!(" with {} in use", readable_size(bytes)));
    format!(
        "eyechart: out of memory{} while {batch} cases were in work ({}); going on with {} at a \
         time",
        peak.unwrap_or_default(),
        cases.join(", "),
        event.next_batch
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortage_names_the_cases_the_size_and_the_peak() {
        let event = |peak_memory_bytes| OutOfMemory {
            requests: vec![3, 4],
            shortage: MemoryShortage { batch: 2, peak_memory_bytes },
            next_batch: 1,
        };
        let cases = ["grounding::cat", "traffic"];
        let told = [Some(79_512_000_000), None].map(|peak| out_of_memory(&event(peak), &cases));
        insta::assert_snapshot!(told.join("\n"), @"
        eyechart: out of memory with 79.5 GB in use while 2 cases were in work (grounding::cat, traffic); going on with 1 at a time
        eyechart: out of memory while 2 cases were in work (grounding::cat, traffic); going on with 1 at a time
        ");
    }
}
