//! The program `eyechart check`, run as a user runs it.

use std::path::Path;
use std::process::Command;

/// Exit code, stdout and stderr.
fn check(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eyechart"));
    let output = command.arg("check").args(arguments).current_dir(folder).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// A project whose `cases` folder has these files.
fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let cases = folder.path().join("cases");
    std::fs::create_dir(&cases).unwrap();
    std::fs::copy("fixtures/cases/ok/images/cat.png", cases.join("cat.png")).unwrap();
    for (name, text) in files {
        std::fs::write(cases.join(name), text).unwrap();
    }
    folder
}

const VALID: &str = "(images: [\"cat.png\"], prompt: \"What is this?\", expect: Exact(\"cat\"))";

#[test]
fn valid_cases_are_counted() {
    let project = project(&[("a.ron", VALID), ("b.ron", VALID)]);
    let (code, out, problems) = check(project.path(), &[]);
    assert_eq!((code, out.as_str(), problems.as_str()), (Some(0), "2 cases, all valid\n", ""));
}

#[test]
fn every_problem_is_shown_with_its_place() {
    let project = project(&[
        ("good.ron", VALID),
        ("typo.ron", "(\n    images: [\"cat.png\"],\n    promt: \"What is this?\",\n)\n"),
        ("missing.ron", "(\n    images: [\"cat.jpg\"],\n    prompt: \"这是什么？\",\n)\n"),
    ]);
    let (code, out, problems) = check(project.path(), &[]);
    assert_eq!((code, out.as_str()), (Some(1), "3 cases, 2 invalid\n"));
    insta::assert_snapshot!(problems, @r#"
    cases/missing.ron:2:14: no picture at cases/cat.jpg; did you mean "cat.png"?
    2 |     images: ["cat.jpg"],
      |              ^
    cases/typo.ron:3:5: unknown field `promt` of Case; did you mean `prompt`? (known: images, orientation, prompt, turns, system, preset, expect, dimension, id, models, generation, snapshot, snapshot_per, allow_near_tie, runs, tags, ignore, xfail)
    3 |     promt: "What is this?",
      |     ^
    "#);
}

#[test]
fn globs_are_held_against_the_models_of_the_project() {
    let case = "(images: [\"cat.png\"], prompt: \"?\", models: [\"qwen3-*\", \"gwen-*\"])";
    let project = project(&[("a.ron", case)]);
    assert_eq!(check(project.path(), &[]).0, Some(0));
    let registry = "(models: {\"qwen3-vl-tiny\": (dir: \"models/tiny\")})";
    std::fs::write(project.path().join("eyechart.ron"), registry).unwrap();
    let (code, _, problems) = check(project.path(), &[]);
    assert_eq!(code, Some(1));
    let headline = "cases/a.ron:1:56: no model matches \"gwen-*\"; known are qwen3-vl-tiny\n";
    assert!(problems.starts_with(headline), "{problems}");
}

#[test]
fn the_folder_can_be_named() {
    let project = project(&[("a.ron", VALID)]);
    let root = Path::new("/");
    let cases = project.path().join("cases");
    assert_eq!(check(root, &[cases.to_str().unwrap()]).0, Some(0));
}

#[test]
fn nothing_to_check_is_a_failure() {
    let project = project(&[]);
    let (code, out, problems) = check(project.path(), &[]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert_eq!(problems, "error: no case found: cases has no file that matches **/*.ron\n");
    let (code, _, problems) = check(project.path(), &["elsewhere"]);
    assert_eq!(code, Some(1));
    assert_eq!(problems, "error: there is no folder elsewhere; cases are RON files in it\n");
}

#[test]
fn arguments_that_make_no_sense_have_a_code_of_their_own() {
    let project = project(&[]);
    assert_eq!(check(project.path(), &["a", "b"]).0, Some(2));
    assert_eq!(check(project.path(), &["--strict"]).0, Some(2));
}
