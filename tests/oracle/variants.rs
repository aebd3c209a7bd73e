//! Checkpoints with other settings in their files, against what transformers 4.57.3 and 5.24.0 answer
//! with them (`tools/oracle/variants.py`): scaled rotary positions under both keys, T5's head and scale,
//! and what `generation_config.json` asks for.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::damage::{copy, read, write};
use crate::fixture::Fixture;
use crate::{oracle, read_json};

#[derive(Deserialize)]
struct Variant {
    version: String,
    title: String,
    checkpoint: String,
    changes: Map<String, Value>,
    answers: Vec<Answer>,
}

#[derive(Deserialize)]
struct Answer {
    case: String,
    ids: Vec<u32>,
}

/// Puts fields into an object; inner configurations are changed, not replaced, and null takes away.
fn merge(content: &mut Map<String, Value>, changes: &Map<String, Value>) {
    for (key, change) in changes {
        match (content.get_mut(key), change) {
            (_, Value::Null) => {
                content.remove(key);
            }
            (Some(Value::Object(inner)), Value::Object(change)) if key.ends_with("_config") => {
                merge(inner, change);
            }
            _ => {
                content.insert(key.clone(), change.clone());
            }
        }
    }
}

/// Returns the number of answers.
fn check(variant: &Variant) -> usize {
    let Variant { version, title, checkpoint, changes, answers } = variant;
    let folder = copy(&oracle(checkpoint));
    for (file, change) in changes {
        let mut content = read(folder.path(), file).as_object().unwrap().clone();
        merge(&mut content, change.as_object().unwrap());
        write(folder.path(), file, &Value::Object(content).to_string());
    }
    let mut fixture = Fixture::load(folder.path(), checkpoint, oracle("pictures"), None);
    for Answer { case, ids } in answers {
        let index = fixture.oracle.cases.iter().position(|each| each.name == *case).unwrap();
        let answer = fixture.answer(index);
        assert_eq!(answer.token_ids, *ids, "transformers {version}, {checkpoint}, {title}: {case}");
    }
    answers.len()
}

fn check_those_of(is_meant: impl Fn(&Variant) -> bool) {
    let variants: Vec<Variant> = read_json("variants.json");
    let meant: Vec<&Variant> = variants.iter().filter(|variant| is_meant(variant)).collect();
    assert!(meant.len() >= 3);
    for variant in meant {
        assert!(check(variant) >= 5, "{}", variant.title);
    }
}

fn is_about(variant: &Variant, file: &str) -> bool {
    variant.changes.contains_key(file)
}

#[test]
fn configurations_mean_what_transformers_5_takes_them_for() {
    check_those_of(|variant| variant.version == "5" && is_about(variant, "config.json"));
}

#[test]
fn configurations_mean_what_transformers_4_takes_them_for() {
    check_those_of(|variant| variant.version == "4" && is_about(variant, "config.json"));
}

#[test]
fn generation_is_what_transformers_5_makes_of_the_file() {
    check_those_of(|variant| variant.version == "5" && !is_about(variant, "config.json"));
}

#[test]
fn generation_is_what_transformers_4_makes_of_the_file() {
    check_those_of(|variant| variant.version == "4" && !is_about(variant, "config.json"));
}
