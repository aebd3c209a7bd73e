//! The program `eyechart models`, run as a user runs it.

use std::path::Path;
use std::process::Command;

/// Exit code, stdout and stderr; the hub's cache is `cache` in the folder.
fn models(project: &Path) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eyechart"));
    command.arg("models").current_dir(project).env("HF_HUB_CACHE", "cache");
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn write(path: &Path, content: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

const REGISTRY: &str = r#"(models: {
    "here": (dir: "here"),
    "sharded": (dir: "sharded"),
    "no-weights": (dir: "no-weights"),
    "nowhere": (dir: "nowhere"),
    "unknown": (dir: "unknown"),
    "cached": (hub: "owner/cached", revision: "c0ffee"),
    "to-come": (hub: "owner/to-come", revision: "c0ffee"),
})"#;

#[test]
fn every_state_of_a_model_is_told() {
    let project = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| write(&project.path().join(name), content);
    let config = br#"{"model_type": "qwen3_vl"}"#;
    file("eyechart.ron", REGISTRY.as_bytes());
    file("here/config.json", config);
    file("here/model.safetensors", &[0; 1500]);
    file("sharded/config.json", config);
    let index = br#"{"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}"#;
    file("sharded/model.safetensors.index.json", index);
    file("sharded/model-1.safetensors", &[0; 10]);
    file("no-weights/config.json", config);
    file("unknown/config.json", br#"{"model_type": "gpt2"}"#);
    let snapshot = "cache/models--owner--cached/snapshots/c0ffee";
    file(&format!("{snapshot}/config.json"), config);
    file(&format!("{snapshot}/pytorch_model.bin"), &[0; 2_000_000]);
    let (code, out, problems) = models(project.path());
    assert_eq!((code, problems.as_str()), (Some(0), ""));
    // The families grow, and are listed in every message about an unknown one.
    let models = out.split_once("\nmodels of").unwrap().1;
    let known = regex::Regex::new("known are [a-z0-9_, -]*").unwrap();
    insta::assert_snapshot!(known.replace(models, "known are .."));
}

/// The three parts of MiniGPT-v2 count together.
#[test]
fn a_model_in_parts_is_measured_as_a_whole() {
    let oracle = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/oracle/minigpt_v2/published");
    let project = tempfile::tempdir().unwrap();
    let registry = format!("(models: {{\"parts\": (dir: {:?})}})", oracle.display().to_string());
    write(&project.path().join("eyechart.ron"), registry.as_bytes());
    let (code, out, problems) = models(project.path());
    assert_eq!((code, problems.as_str()), (Some(0), ""));
    let line = out.lines().find(|line| line.starts_with("parts: ")).unwrap();
    assert!(line.starts_with("parts: MiniGPT-v2, "), "{line}");
}

#[test]
fn families_and_what_they_can_do_are_listed() {
    let project = tempfile::tempdir().unwrap();
    let (code, out, problems) = models(project.path());
    assert_eq!(code, Some(1));
    assert!(problems.contains("eyechart.ron: cannot be read"), "{problems}");
    insta::assert_snapshot!(out);
}
