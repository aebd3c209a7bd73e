//! The program `eyechart plan`, run as a user runs it.

use std::path::Path;
use std::process::Command;

const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");

/// Exit code, stdout and stderr.
fn plan(project: &Path, variables: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eyechart"));
    command.arg("plan").current_dir(project).envs(variables.iter().copied());
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// A project with the shipped checkpoint and the smallest BLIP-2, one question, and a model that is
/// not there.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let registry = format!(
        "(models: {{\"tiny\": (dir: \"{REPOSITORY}/fixtures/models/qwen3-vl-tiny\"), \
         \"blip\": (dir: \"{REPOSITORY}/fixtures/oracle/blip2/t5\"), \"gone\": (dir: \"gone\")}})"
    );
    std::fs::write(folder.path().join("eyechart.ron"), registry).unwrap();
    let cases = folder.path().join("cases");
    std::fs::create_dir(&cases).unwrap();
    image::RgbImage::new(256, 256).save(cases.join("grey.png")).unwrap();
    let case =
        "(images: [\"grey.png\"], prompt: \"What is this?\", generation: (max_new_tokens: 30))";
    std::fs::write(cases.join("a.ron"), case).unwrap();
    folder
}

#[test]
fn memory_is_told_by_model_and_batch() {
    let project = project();
    let (code, out, problems) = plan(project.path(), &[]);
    assert_eq!((code, problems.as_str()), (Some(0), ""));
    insta::assert_snapshot!(out.replace(&project.path().display().to_string(), "PROJECT"));
}

#[test]
fn variables_choose_model_format_and_batch() {
    let project = project();
    let variables =
        [("EYECHART_MODELS", "tiny"), ("EYECHART_DTYPE", "bf16"), ("EYECHART_BATCH", "4")];
    let (code, out, _) = plan(project.path(), &variables);
    assert_eq!(code, Some(0));
    assert!(out.starts_with("tiny (bf16): 1 case, "), "{out}");
    assert_eq!(out.lines().count(), 3, "{out}");
}

#[test]
fn a_project_without_a_registry_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let (code, out, problems) = plan(folder.path(), &[]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(problems.contains("eyechart.ron"), "{problems}");
}
