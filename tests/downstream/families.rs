use std::path::Path;

use serde_json::Value;

use crate::project::{Project, run};

const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");

/// A project with the checkpoint that ships and a random BLIP-2, which takes one picture and writes
/// no boxes. Cases that expect nothing pass, since their first answer is accepted.
fn two_families() -> Project {
    let project = Project::new();
    project.file(
        "eyechart.ron",
        &format!(
            r#"(models: {{
                "tiny": (dir: "{REPOSITORY}/fixtures/models/qwen3-vl-tiny"),
                "blip": (dir: "{REPOSITORY}/fixtures/oracle/blip2/opt"),
            }})"#
        ),
    );
    project.file("cases/defaults.ron", "(generation: (max_new_tokens: 3))\n");
    project
}

/// The journal's record of a trial.
fn record(project: &Project, case: &str, model: &str) -> Value {
    let journal = project.read("out/journal.jsonl");
    let mut records = journal.lines().skip(1).map(|line| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        line["trial"].take()
    });
    records.find(|record| record["case"] == case && record["model"] == model).unwrap()
}

fn asked(project: &Project, case: &str, model: &str) -> String {
    let input = record(project, case, model)["answer"]["input"].take();
    input["rendered_prompt"].as_str().unwrap().to_owned()
}

const BOXES: &str = "images: [\"picture.png\"], prompt: \"Where?\", models: [\"blip\"], \
                     expect: Boxes(truth: [(label: \"it\", xyxy: (0, 0, 9, 9))])";

const TWO_PICTURES: &str = "images: [\"picture.png\", \"picture.png\"], prompt: \"What differs?\"";

const ONE_PICTURE: &str = "images: [\"picture.png\"], prompt: \"What is it?\"";

#[test]
fn what_a_family_cannot_do_is_ignored_with_the_reason() {
    let project = two_families();
    project.case("one", ONE_PICTURE).case("two", TWO_PICTURES).case("boxes", BOXES);
    let said = run(project.eval(&[]).env("INSTA_UPDATE", "always")).exits(0);
    let mut lines = said.test_lines();
    lines.sort_unstable();
    let two = "unsupported: the case shows 2 pictures, models of this family see one";
    let boxes = "unsupported: the case expects boxes, models of this family write none (`boxes` of \
                 an entry of eyechart.ron can say otherwise)";
    let expected = [
        format!("test boxes::blip ... ignored, {boxes}"),
        "test one::blip ... ok".to_owned(),
        "test one::tiny ... ok".to_owned(),
        format!("test two::blip ... ignored, {two}"),
        "test two::tiny ... ok".to_owned(),
    ];
    assert_eq!(lines, expected, "{}", said.stdout);
    assert!(said.stderr.contains(&format!("1 ignored: {two}")), "{}", said.stderr);
    assert!(said.stderr.contains(&format!("1 ignored: {boxes}")), "{}", said.stderr);
    for report in ["out/results.csv", "out/junit.xml"] {
        assert!(project.read(report).contains(two), "{report}");
    }
    assert_eq!(record(&project, "two", "blip")["status"], "ignored");
    // Asked for or not: a model that takes one picture is not shown the first of two.
    let said = run(&mut project.eval(&["--ignored"])).exits(0);
    assert!(said.stdout.contains(two) && said.stdout.contains("0 passed"), "{}", said.stdout);
}

#[test]
fn the_registry_can_say_how_a_model_writes_boxes() {
    let project = two_families();
    project.file(
        "eyechart.ron",
        &format!(
            r#"(models: {{"blip": (dir: "{REPOSITORY}/fixtures/oracle/blip2/opt", boxes: Kosmos2)}})"#
        ),
    );
    project.case("boxes", BOXES);
    let said = run(&mut project.eval(&[])).exits(101);
    let wanted = "expected a box written as <object><patch_index_0000><patch_index_0000></object>";
    assert!(said.stdout.contains(wanted), "{}", said.stdout);
}

#[test]
fn listing_needs_no_checkpoint() {
    let project = two_families();
    project.case("two", TWO_PICTURES);
    let listed = |ignored: &[&str]| {
        let mut list = project.eval(&[&["--list"], ignored].concat());
        let said = run(list.env("HF_HUB_CACHE", project.path("hub"))).exits(0);
        said.stdout
            .lines()
            .filter_map(|line| line.strip_suffix(": test"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(listed(&["--ignored"]), ["two::blip"]);
    // A model of the hub is known from the cache, if its configuration is there.
    let hub = r#"(models: {"blip": (hub: "a/b", revision: "c0ffee")})"#;
    project.file("eyechart.ron", hub);
    assert_eq!(listed(&["--ignored"]), [""; 0]);
    let config =
        std::fs::read_to_string(format!("{REPOSITORY}/fixtures/oracle/blip2/opt/config.json"));
    project.file("hub/models--a--b/snapshots/c0ffee/config.json", &config.unwrap());
    assert_eq!(listed(&["--ignored"]), ["two::blip"]);
    project.file("eyechart.ron", r#"(models: {"blip": (dir: "nowhere")})"#);
    assert_eq!(listed(&[]), ["two::blip"]);
    assert_eq!(listed(&["--ignored"]), [""; 0]);
}

#[test]
fn each_family_is_asked_in_its_own_words() {
    let project = two_families();
    project.case("short", &format!("{ONE_PICTURE}, preset: ShortAnswer"));
    project.case("described", "images: [\"picture.png\"], preset: Description");
    project.file("cases/short/defaults.ron", "(preset: ShortAnswer)\n");
    let below = "images: [\"../picture.png\"], prompt: \"What is it?\"";
    project.case("short/folder", below);
    project.case("short/plain", &format!("{below}, preset: AsWritten"));
    project.case("short/where", &format!("{below}, preset: Grounding"));
    let said = run(project.eval(&[]).env("INSTA_UPDATE", "always")).exits(0);
    for case in ["short", "short::folder"] {
        assert_eq!(asked(&project, case, "blip"), "<image>Question: what is it? Short answer:");
        let tiny = asked(&project, case, "tiny");
        let suffix = "What is it?\nAnswer the question using a single word or phrase.<|im_end|>";
        assert!(tiny.contains(suffix), "{tiny}");
    }
    assert_eq!(asked(&project, "short::plain", "blip"), "<image>What is it?");
    assert_eq!(asked(&project, "described", "blip"), "<image>a photo of");
    let wanted = "test short::where::blip ... ignored, unsupported: BLIP-2 has no preset for \
                  Grounding";
    assert!(said.stdout.contains(wanted), "{}", said.stdout);
}

/// The shipped checkpoint as far as it needs no weights, in the project's folder.
fn without_weights(project: &Project) {
    let folder = Path::new(REPOSITORY).join("fixtures/models/qwen3-vl-tiny");
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json" || extension == "txt") {
            let text = std::fs::read_to_string(&path).unwrap();
            let name = path.file_name().unwrap().to_str().unwrap();
            project.file(&format!("bare/{name}"), &text);
        }
    }
    project.file("eyechart.ron", r#"(models: {"bare": (dir: "bare")})"#);
}

const INPUT: &str = "snapshots/input@bare.input.snap";

#[test]
fn what_a_model_gets_is_kept_without_weights() {
    let project = Project::new();
    without_weights(&project);
    project.case("input", "images: [\"picture.png\"], prompt: \"What is it?\", snapshot: Input");
    let said = run(&mut project.eval(&[])).exits(101);
    assert!(said.stdout.contains("this input has no accepted snapshot yet"), "{}", said.stdout);
    run(project.eval(&[]).env("INSTA_UPDATE", "always")).exits(0);
    insta::assert_snapshot!(project.read(INPUT).rsplit_once("---\n").unwrap().1);
    run(&mut project.eval(&[])).exits(0);
    assert_eq!(record(&project, "input", "bare")["input_snapshot"], "matched");

    // A change of the template, then one of preprocessing.
    let template = project.read("bare/chat_template.json");
    project.file(
        "bare/chat_template.json",
        &template.replace("<|im_start|>assistant", "<|im_start|> assistant"),
    );
    let said = run(&mut project.eval(&[])).exits(101);
    assert!(said.stdout.contains("+  \"<|im_start|> assistant\\n\""), "{}", said.stdout);
    project.file("bare/chat_template.json", &template);
    let preprocessor = project.read("bare/preprocessor_config.json");
    let other_mean = preprocessor.replacen("0.5", "0.4", 1);
    assert_ne!(preprocessor, other_mean);
    project.file("bare/preprocessor_config.json", &other_mean);
    let said = run(&mut project.eval(&[])).exits(101);
    assert!(
        said.stdout.contains("the input differs from the accepted snapshot"),
        "{}",
        said.stdout
    );
    assert!(said.stdout.contains("+  0: 64x64, seen as"), "{}", said.stdout);
}

#[test]
fn answer_and_input_can_both_be_kept() {
    let project = Project::new();
    let fields = "images: [\"picture.png\"], prompt: \"What is it?\", snapshot: Both";
    project.case("both", fields);
    run(project.eval(&[]).env("INSTA_UPDATE", "always")).exits(0);
    for snapshot in ["snapshots/both@tiny.snap", "snapshots/both@tiny.input.snap"] {
        assert!(project.exists(snapshot), "{snapshot}");
    }
    run(&mut project.eval(&[])).exits(0);
    // The snapshots of cases that did not run are kept.
    project.open_case("one");
    let update = ["test", "--release", "--accept", "--unreferenced=delete", "--test", "eval"];
    let arguments = [update.as_slice(), &["--", "one"]].concat();
    run(&mut project.insta(&arguments)).exits(0);
    assert!(project.exists("snapshots/both@tiny.input.snap"));
}
