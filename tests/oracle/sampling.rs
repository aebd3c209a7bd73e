use eyechart::decode::sampling::{distribution, penalised};
use serde::Deserialize;

use crate::{largest_difference, read_json};

#[derive(Deserialize)]
struct Entry {
    temperature: f64,
    top_k: usize,
    top_p: f64,
    repetition_penalty: f32,
    context: Vec<u32>,
    logits: Vec<f32>,
    kept: Vec<u32>,
    probabilities: Vec<f32>,
}

#[test]
fn what_the_filters_leave_equals_transformers() {
    let entries: Vec<Entry> = read_json("sampling.json");
    assert!(entries.len() >= 24);
    for (index, entry) in entries.into_iter().enumerate() {
        let penalty = entry.repetition_penalty;
        let logits = penalised(&entry.logits, &entry.context, penalty).unwrap();
        let mut ours = distribution(&logits, entry.temperature, entry.top_k, entry.top_p);
        ours.sort_by_key(|candidate| candidate.id);
        let ids: Vec<u32> = ours.iter().map(|candidate| candidate.id).collect();
        assert_eq!(ids, entry.kept, "entry {index}");
        let shares: Vec<f32> = ours.iter().map(|candidate| candidate.probability).collect();
        assert!(largest_difference(&shares, &entry.probabilities) < 1e-6, "entry {index}");
    }
}
