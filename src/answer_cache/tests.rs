use std::collections::HashSet;

use super::*;
use crate::answer::{DeviceClass, ModelInput};
use crate::request::{GenerationOptions, Sampling};

fn answer(text: &str) -> CachedAnswer {
    let answer = Answer {
        token_ids: vec![1, 2],
        margins: vec![0.1, 1e-7],
        runners_up: vec![3, 4],
        peak_memory_bytes: Some(5),
        ..Answer::of_text(text)
    };
    CachedAnswer {
        answer,
        place: Place { device: "cpu".into(), precision: "f32".into(), model_memory_bytes: None },
    }
}

fn cache() -> (tempfile::TempDir, AnswerCache, Key) {
    let folder = tempfile::tempdir().unwrap();
    let cache = AnswerCache::new(folder.path().join("cache"));
    let parts = Parts {
        eyechart_version: "1",
        checkpoint: &[],
        device: DeviceClass::Cpu,
        precision: "f32",
        images_sha256: &[],
        input: &ModelInput::default(),
        generation: &GenerationOptions::default(),
    };
    let key = Key::of(&parts);
    (folder, cache, key)
}

fn found(cache: &AnswerCache, key: &Key) -> Option<CachedAnswer> {
    match cache.find(key) {
        Lookup::Hit(found) => Some(*found),
        Lookup::Miss => None,
        Lookup::Damaged(damage) => panic!("{damage}"),
    }
}

#[test]
fn what_is_kept_is_found_and_the_last_counts() {
    let (_folder, cache, key) = cache();
    assert_eq!(found(&cache, &key), None);
    for text in ["a\n\u{1}\"", "b"] {
        cache.keep(&key, &answer(text)).unwrap();
        assert_eq!(found(&cache, &key), Some(answer(text)));
    }
}

#[test]
fn every_part_of_a_question_makes_another_key() {
    let file =
        |name: &str, sha256: &str| CheckpointFile { name: name.into(), sha256: sha256.into() };
    let checkpoint = [file("model.safetensors", "1"), file("tokenizer.json", "2")];
    let (images, input) = (["3".to_owned()], ModelInput::default());
    let generation = GenerationOptions::default();
    let parts = Parts {
        eyechart_version: "0.1.0",
        checkpoint: &checkpoint,
        device: DeviceClass::Cpu,
        precision: "f32",
        images_sha256: &images,
        input: &input,
        generation: &generation,
    };
    let weights = [file("model.safetensors", "9"), file("tokenizer.json", "2")];
    let tokenizer = [file("model.safetensors", "1"), file("tokenizer.json", "9")];
    let prompt = ModelInput { rendered_prompt: "?".into(), ..input.clone() };
    let ids = ModelInput { token_ids: vec![7], ..input.clone() };
    let connector = ModelInput { connector_ids: vec![7], ..input.clone() };
    let sampling = Sampling::Seeded { temperature: 1.0, top_p: 1.0, top_k: 0, seed: 0 };
    let drawn = GenerationOptions { sampling, ..generation.clone() };
    let other_seed = Sampling::Seeded { temperature: 1.0, top_p: 1.0, top_k: 0, seed: 1 };
    let other_seed = GenerationOptions { sampling: other_seed, ..generation.clone() };
    let longer = GenerationOptions { max_new_tokens: 513, ..generation.clone() };
    let picture = ["9".to_owned()];
    let all = [
        parts.clone(),
        Parts { eyechart_version: "0.1.1", ..parts.clone() },
        Parts { checkpoint: &weights, ..parts.clone() },
        Parts { checkpoint: &tokenizer, ..parts.clone() },
        Parts { device: DeviceClass::Cuda, ..parts.clone() },
        Parts { precision: "bf16", ..parts.clone() },
        Parts { images_sha256: &picture, ..parts.clone() },
        Parts { input: &prompt, ..parts.clone() },
        Parts { input: &ids, ..parts.clone() },
        Parts { input: &connector, ..parts.clone() },
        Parts { generation: &drawn, ..parts.clone() },
        Parts { generation: &other_seed, ..parts.clone() },
        Parts { generation: &longer, ..parts.clone() },
    ];
    let keys: HashSet<String> = all.iter().map(|one| Key::of(one).digits().to_owned()).collect();
    assert_eq!(keys.len(), all.len());
    assert_eq!(Key::of(&parts), Key::of(&parts.clone()));
}

#[test]
fn damage_of_any_byte_is_seen() {
    let (_folder, cache, key) = cache();
    cache.keep(&key, &answer("b")).unwrap();
    let path = cache.path(&key);
    let whole = std::fs::read(&path).unwrap();
    let damaged = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        match cache.find(&key) {
            Lookup::Damaged(damage) => damage.to_string(),
            other => panic!("{other:?}"),
        }
    };
    for place in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[place] ^= 1;
        damaged(&bytes);
        damaged(&whole[..place]);
    }
    let message = damaged(&[b"0\n", &whole[65..]].concat());
    assert!(message.starts_with(&format!("{}: its answer has", path.display())), "{message}");
    cache.keep(&key, &answer("b")).unwrap();
    assert!(found(&cache, &key).is_some());
}

#[test]
fn writers_do_not_disturb_one_another() {
    let (_folder, cache, key) = cache();
    cache.keep(&key, &answer("0")).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let (cache, key) = (&cache, &key);
            scope.spawn(move || {
                for _ in 0..50 {
                    cache.keep(key, &answer(&writer.to_string())).unwrap();
                    assert!(found(cache, key).is_some());
                }
            });
        }
    });
    let folder = cache.path(&key).parent().unwrap().to_owned();
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 1, "no file is left behind");
}

/// A checkpoint of which `model::find_weight_files` finds the weights.
fn checkpoint(folder: &Path) -> PathBuf {
    let checkpoint = folder.join("checkpoint");
    std::fs::create_dir_all(&checkpoint).unwrap();
    let write = |name: &str, text: &str| std::fs::write(checkpoint.join(name), text).unwrap();
    write("config.json", r#"{"model_type": "qwen3_vl"}"#);
    write("model.safetensors", "weights");
    write("tokenizer.json", "tokenizer");
    write("README.md", "notes");
    checkpoint
}

#[test]
fn a_changed_file_of_a_checkpoint_has_another_sum() {
    let (folder, cache, _) = cache();
    let checkpoint = checkpoint(folder.path());
    let sums = || cache.checkpoint(&checkpoint).unwrap();
    let before = sums();
    let names: Vec<&str> = before.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["config.json", "model.safetensors", "tokenizer.json"]);
    assert_eq!(before[1].sha256, checksum::of_bytes(b"weights"));
    for (name, index) in [("model.safetensors", 1), ("tokenizer.json", 2)] {
        std::fs::write(checkpoint.join(name), "wEights").unwrap();
        assert_eq!(sums()[index].sha256, checksum::of_bytes(b"wEights"));
    }
    std::fs::write(checkpoint.join("README.md"), "other notes").unwrap();
    assert_eq!(sums()[0], before[0]);
}

/// Takes its time: what is younger than two seconds is not remembered.
#[cfg(unix)]
#[test]
fn a_sum_is_remembered_while_the_file_is_unchanged_and_a_forged_time_does_not_help() {
    let (folder, cache, _) = cache();
    let checkpoint = checkpoint(folder.path());
    let weights = checkpoint.join("model.safetensors");
    cache.checkpoint(&checkpoint).unwrap();
    assert!(!cache.folder.join("checksums").exists(), "too young");
    std::thread::sleep(std::time::Duration::from_millis(2100));
    cache.checkpoint(&checkpoint).unwrap();
    // That a remembered sum is used shows by one that is wrong.
    let note = cache.note(&weights.canonicalize().unwrap());
    let text = std::fs::read_to_string(&note).unwrap();
    let (right, wrong) = (checksum::of_bytes(b"weights"), "0".repeat(64));
    std::fs::write(&note, text.replace(&right, &wrong)).unwrap();
    let sum = || cache.checkpoint(&checkpoint).unwrap()[1].sha256.clone();
    assert_eq!(sum(), wrong);

    let modified = std::fs::metadata(&weights).unwrap().modified().unwrap();
    std::fs::write(&weights, "wEights").unwrap();
    let file = std::fs::File::options().write(true).open(&weights).unwrap();
    file.set_modified(modified).unwrap();
    assert_eq!(sum(), checksum::of_bytes(b"wEights"));
}
