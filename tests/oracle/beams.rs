use std::collections::HashMap;
use std::path::Path;

use eyechart::answer::FinishReason;
use eyechart::decode::{Generated, generate};
use eyechart::request::{EarlyStopping, GenerationOptions};
use serde::Deserialize;
use serde_json::json;

use crate::damage;
use crate::fixture::{Fixture, Prepared, TOLERANCE, row};
use crate::{oracle, read_json};

#[derive(Deserialize)]
struct Searches {
    stop: Vec<u32>,
    searches: Vec<Search>,
}

/// Searches among the data of a whole family.
#[derive(Deserialize)]
struct Beams {
    beams: Vec<Search>,
}

#[derive(Deserialize)]
struct Search {
    case: String,
    num_beams: usize,
    length_penalty: f64,
    early_stopping: EarlyStopping,
    repetition_penalty: f32,
    min_new_tokens: usize,
    max_new_tokens: usize,
    ids: Vec<u32>,
    score: Option<f32>,
}

impl Search {
    fn options(&self) -> GenerationOptions {
        GenerationOptions {
            max_new_tokens: self.max_new_tokens,
            min_new_tokens: self.min_new_tokens,
            repetition_penalty: self.repetition_penalty,
            num_beams: self.num_beams,
            length_penalty: self.length_penalty,
            early_stopping: self.early_stopping,
            ..GenerationOptions::default()
        }
    }

    /// A negative length penalty multiplies the sum of log probabilities, and its rounding.
    fn rounding_growth(&self) -> f32 {
        (self.ids.len() as f32).powf(-self.length_penalty as f32).max(1.0)
    }

    fn check(&self, answer: &Generated) {
        let place = format!("{} with {:?}", self.case, self.options());
        assert_eq!(answer.token_ids, self.ids, "{place}");
        assert_eq!(answer.margins.len(), self.ids.len(), "{place}");
        let stopped = self.ids.len() < self.max_new_tokens;
        assert!(!stopped || answer.finish == FinishReason::Stop, "{place}");
        match (answer.beam_score, self.score) {
            (Some(found), Some(expected)) => {
                // A score is made of log probabilities, each within the bound of the logits.
                let bound = TOLERANCE * self.rounding_growth();
                assert!((found - expected).abs() < bound, "{place}: {found}, not {expected}");
            }
            (found, expected) => assert_eq!(found, expected, "{place}"),
        }
    }
}

fn prepare(fixture: &mut Fixture, case: &str) -> Prepared {
    let index = fixture.oracle.cases.iter().position(|known| known.name == case).unwrap();
    fixture.prepare(index)
}

/// Answers and scores of a family's beam searches, some of whose beams end before others.
pub(crate) fn check(name: &str) {
    let Beams { beams } = read_json(&format!("{name}/oracle.json"));
    assert!(check_all(Fixture::random(name), &beams) >= 20, "{name}");
}

/// Every search alone; returns their number.
fn check_all(mut fixture: Fixture, searches: &[Search]) -> usize {
    let mut prepared = HashMap::new();
    for search in searches {
        let prepared =
            prepared.entry(&search.case).or_insert_with(|| prepare(&mut fixture, &search.case));
        let options = search.options();
        let row = row(prepared, &options);
        search.check(&generate(fixture.model.as_mut(), &[row]).unwrap()[0]);
    }
    searches.len()
}

fn searches(name: &str) -> Searches {
    read_json(&format!("qwen3_vl/{name}/beams.json"))
}

/// A random checkpoint with the stop tokens of its searches, since it hardly stops at its own.
fn random(name: &str, stop: &[u32]) -> Fixture {
    let folder = damage::copy(&oracle(&format!("qwen3_vl/{name}")));
    damage::set(folder.path(), "generation_config.json", "/eos_token_id", json!(stop));
    Fixture::load(folder.path(), &format!("qwen3_vl/{name}"), oracle("pictures"), None)
}

#[test]
fn beams_on_random_checkpoints_equal_transformers() {
    for name in ["tied", "untied", "bf16"] {
        let Searches { stop, searches } = searches(name);
        assert!(check_all(random(name, &stop), &searches) >= 50, "{name}");
    }
}

/// Answers that end by themselves, at lengths that the penalty changes.
#[test]
fn beams_on_the_trained_checkpoint_equal_transformers() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let checkpoint = root.join("fixtures/models/qwen3-vl-tiny");
    let fixture = Fixture::load(&checkpoint, "qwen3_vl/trained", root.join("cases/images"), None);
    assert!(check_all(fixture, &searches("trained").searches) >= 50);
}

/// Rows of one, two, three and five beams together give what each gives alone.
#[test]
fn rows_of_different_beam_counts_do_not_touch_each_other() {
    let Searches { stop, searches } = searches("tied");
    let mut fixture = random("tied", &stop);
    // Every 7th runs into all beam counts, both penalties and bounds.
    let chosen: Vec<&Search> = searches.iter().step_by(7).collect();
    for batch in chosen.chunks(5) {
        let prepared: Vec<Prepared> =
            batch.iter().map(|search| prepare(&mut fixture, &search.case)).collect();
        let options: Vec<GenerationOptions> = batch.iter().map(|search| search.options()).collect();
        let rows = prepared.iter().zip(&options);
        let rows = rows.map(|(prepared, options)| row(prepared, options));
        let rows: Vec<_> = rows.collect();
        let answers = generate(fixture.model.as_mut(), &rows).unwrap();
        for (answer, search) in answers.iter().zip(batch) {
            search.check(answer);
        }
    }
}

#[test]
fn the_oracle_covers_what_decides_a_search() {
    let names = ["tied", "untied", "bf16", "trained"];
    let recorded: Vec<Searches> = names.into_iter().map(searches).collect();
    for Searches { searches, .. } in &recorded {
        let stopped = searches.iter().filter(|search| search.ids.len() < search.max_new_tokens);
        assert!(stopped.count() >= 20);
    }
    let all = || recorded.iter().flat_map(|recorded| &recorded.searches);
    for beams in [2, 3, 5] {
        for penalty in [-1.0, 0.0, 1.0, 2.0] {
            for stopping in
                [EarlyStopping::Heuristic, EarlyStopping::FirstFinished, EarlyStopping::Never]
            {
                let covered = all().any(|search| {
                    (search.num_beams, search.length_penalty, search.early_stopping)
                        == (beams, penalty, stopping)
                });
                assert!(covered, "{beams} beams, {penalty}, {stopping:?}");
            }
        }
    }
}
