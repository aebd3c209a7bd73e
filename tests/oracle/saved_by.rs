//! Every checkpoint as transformers 4.57.3 and 5.24.0 save it once they have loaded it: the same
//! prompts, logits and ids. `tools/oracle/resave.py` wrote the files, and saw both versions give the
//! recorded ids with them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use eyechart::model::{load_processor, notices};
use serde::Deserialize;
use tempfile::TempDir;

use crate::damage::{copy, message_of};
use crate::fixture::{Features, Fixture, check_all, check_batches};
use crate::{oracle, read_json};

const VERSIONS: [&str; 2] = ["4", "5"];

const WHOLE: [&str; 10] = [
    "qwen3_vl/tied",
    "qwen3_vl/untied",
    "qwen3_vl/bf16",
    "qwen3_vl/experts",
    "llava/hub",
    "llava/renamed",
    "blip2/opt",
    "blip2/t5",
    "instruct_blip/vicuna",
    "instruct_blip/t5",
];

/// The files as saved, in a folder of their own. The weights are those of `before` where saving left
/// them as they were; then none are stored beside the saved files.
fn saved(version: &str, name: &str, before: &Path) -> TempDir {
    let folder = copy(&oracle(&format!("saved_by/{version}/{name}")));
    let is_weights = |name: &str| {
        ["model", "pytorch_model", "tokenizer.model"].iter().any(|start| name.starts_with(start))
    };
    let has_weights = files(folder.path()).iter().any(|name| name.ends_with(".safetensors"));
    for file in files(before).into_iter().filter(|name| !has_weights && is_weights(name)) {
        std::fs::copy(before.join(&file), folder.path().join(&file)).unwrap();
    }
    folder
}

fn files(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    names.map(|name| name.into_string().unwrap()).collect()
}

/// The checkpoint with its data. Prompts that the version's own tokenizer cuts otherwise once it has saved
/// it are compared with those, and left out of what follows.
fn load(version: &str, name: &str, folder: &TempDir) -> Fixture {
    let mut fixture = Fixture::load(folder.path(), name, oracle("pictures"), None);
    let path = format!("saved_by/{version}/{name}/prompts.json");
    if !oracle(&path).exists() {
        return fixture;
    }
    let prompts: HashMap<String, Vec<u32>> = read_json(&path);
    for (case, ids) in &prompts {
        let index = fixture.oracle.cases.iter().position(|each| each.name == *case).unwrap();
        assert_eq!(fixture.prepare(index).prompt.token_ids, *ids, "{name}, {case}");
        fixture.oracle.cases.remove(index);
        fixture.oracle.batches.retain(|batch| !batch.cases.contains(case));
    }
    fixture
}

fn check_saved(version: &str) {
    for name in WHOLE {
        let folder = saved(version, name, &oracle(name));
        eprintln!("{name} of transformers {version}");
        assert!(check_all(load(version, name, &folder), Features::Recorded) >= 13, "{name}");
        check_batches(load(version, name, &folder));
    }
}

#[test]
fn what_transformers_4_saves_equals_what_it_loaded() {
    check_saved("4");
}

#[test]
fn what_transformers_5_saves_equals_what_it_loaded() {
    check_saved("5");
}

/// Nothing of what transformers writes is unknown; what it says of drawing is told.
#[test]
fn each_field_that_transformers_writes_is_known() {
    let mut told = Vec::new();
    for version in VERSIONS {
        for name in WHOLE {
            let folder = saved(version, name, &oracle(name));
            let notices = notices(folder.path()).unwrap();
            told.extend(
                notices
                    .iter()
                    .map(|notice| format!("{version} {name}: {}", notice.within(folder.path()))),
            );
        }
    }
    insta::assert_snapshot!(told.join("\n"));
}

/// The original layout with a tower that transformers saved.
#[test]
fn a_saved_tower_serves_the_original_layout() {
    for version in VERSIONS {
        let parent = copy(&oracle("llava"));
        let tower = parent.path().join("clip-vit-tiny-patch7-28");
        std::fs::remove_dir_all(&tower).unwrap();
        let name = "llava/clip-vit-tiny-patch7-28";
        std::fs::rename(saved(version, name, &oracle(name)).path(), &tower).unwrap();
        let original = parent.path().join("original");
        let fixture = Fixture::load(&original, "llava/original", oracle("pictures"), None);
        assert!(check_all(fixture, Features::Recorded) >= 13);
    }
}

/// MiniGPT-v2 on a Llama that transformers saved. Version 5 leaves `tokenizer.model` out.
#[test]
fn a_saved_llama_serves_minigpt_v2() {
    for version in VERSIONS {
        let published = oracle("minigpt_v2/published");
        let folder = copy(&published);
        let llama = folder.path().join("llama");
        std::fs::remove_dir_all(&llama).unwrap();
        let name = "minigpt_v2/published/llama";
        std::fs::rename(saved(version, name, &published.join("llama")).path(), &llama).unwrap();
        let load =
            || Fixture::load(folder.path(), "minigpt_v2/published", oracle("pictures"), None);
        assert!(check_all(load(), Features::Recorded) >= 10);
        std::fs::remove_file(llama.join("tokenizer.model")).unwrap();
        let message = message_of(load_processor(folder.path()));
        assert!(message.contains("tokenizer.model: not found"), "{message}");
        assert!(message.contains("transformers 5 leaves out"), "{message}");
    }
}

/// The checkpoint that ships.
#[test]
fn the_shipped_checkpoint_saved_anew_gives_the_same_answers() {
    let shipped = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/models/qwen3-vl-tiny");
    let pictures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("cases/images");
    for version in VERSIONS {
        let folder = saved(version, "trained", &shipped);
        let load = || Fixture::load(folder.path(), "qwen3_vl/trained", pictures.clone(), None);
        assert!(check_all(load(), Features::Absent) >= 60);
    }
}

/// The tokenizer of a Q-Former from its words alone.
#[test]
fn a_q_former_reads_vocab_txt() {
    for name in ["instruct_blip/vicuna", "instruct_blip/t5"] {
        let folder = saved("4", name, &oracle(name));
        std::fs::remove_file(folder.path().join("qformer_tokenizer/tokenizer.json")).unwrap();
        let mut fixture = Fixture::load(folder.path(), name, oracle("pictures"), None);
        let cases: Vec<Connected> = read_json::<Recorded>(&format!("{name}/oracle.json")).cases;
        assert!(cases.len() >= 10);
        for (index, case) in cases.iter().enumerate() {
            assert_eq!(fixture.prepare(index).prompt.connector_ids, case.connector_ids, "{name}");
        }
    }
}

#[derive(Deserialize)]
struct Recorded {
    cases: Vec<Connected>,
}

#[derive(Deserialize)]
struct Connected {
    connector_ids: Vec<u32>,
}
