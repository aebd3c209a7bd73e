use serde_json::Value;

use crate::project::{Project, run};

const GENERATION: &str = "generation: (max_new_tokens: 64)";

/// A project whose cases `one` and `two` were answered by the checkpoint that ships, and whose
/// registry from then on has the journal alone.
fn recorded() -> Project {
    let project = Project::new();
    project.file("cases/defaults.ron", &format!("(snapshot: Off, {GENERATION})\n"));
    project.open_case("one").open_case("two");
    run(&mut project.eval(&[])).exits(0);
    replay(&project);
    project
}

fn replay(project: &Project) {
    std::fs::rename(project.path("out/journal.jsonl"), project.path("recorded.jsonl")).unwrap();
    project.file("eyechart.ron", "(models: {\"then\": (replay: \"recorded.jsonl\")})");
}

fn trial(project: &Project, journal: &str, case: &str) -> Value {
    let journal = project.read(journal);
    let mut trials = journal.lines().skip(1).map(|line| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        line["trial"].take()
    });
    trials.find(|trial| trial["case"] == case).unwrap()
}

/// The message of the failed test.
fn failure(project: &Project, stdout: &str) -> String {
    let from = stdout.find("failures:").unwrap_or_default();
    project.redact(&stdout[from..])
}

#[test]
fn recorded_answers_are_judged_without_a_model() {
    let project = recorded();
    let said = run(&mut project.eval(&["--test-threads=1"])).exits(0);
    assert_eq!(said.test_lines(), ["test one::then ... ok", "test two::then ... ok"]);
    assert!(!said.stderr.contains("loaded in"), "{}", said.stderr);
    let (then, now) =
        (trial(&project, "recorded.jsonl", "one"), trial(&project, "out/journal.jsonl", "one"));
    for field in ["answer", "asked", "speaker", "place"] {
        assert_eq!(then[field], now[field], "{field}");
    }
    assert_eq!((&now["model"], &now["origin"]), (&"then".into(), &"replayed".into()));

    // Another expectation is judged on the answer of then.
    let fields = "images: [\"picture.png\"], prompt: \"What is in the picture?\"";
    project.case("one", &format!("{fields}, expect: Exact(\"never said\")"));
    let said = run(&mut project.eval(&[])).exits(101);
    assert!(said.stdout.contains("1 passed; 1 failed"), "{}", said.stdout);
    let text = then["answer"]["text"].as_str().unwrap();
    project.case("one", &format!("{fields}, expect: Exact(r#\"{text}\"#)"));
    run(&mut project.eval(&[])).exits(0);
}

#[test]
fn what_is_asked_otherwise_is_told_and_not_replayed() {
    let project = recorded();
    let expect = "expect: Not(Exact(\"never said\"))";
    let messages = |project: &Project| {
        let said = run(&mut project.eval(&["--test-threads=1"])).exits(101);
        assert!(said.stdout.contains("0 passed; 2 failed"), "{}", said.stdout);
        assert_eq!(trial(project, "out/journal.jsonl", "one")["status"], "error");
        failure(project, &said.stdout)
    };
    let asking = |prompt: &str, more: &str| {
        for case in ["one", "two"] {
            project.case(
                case,
                &format!("images: [\"picture.png\"], prompt: \"{prompt}\", {expect}{more}"),
            );
        }
    };
    let prompt = "What is in the picture?";
    asking(&format!("{prompt} "), "");
    insta::assert_snapshot!("changed_prompt", messages(&project));
    asking(prompt, ", generation: (max_new_tokens: 65)");
    assert!(messages(&project).contains("`generation` of this case is not what it was"));
    asking(prompt, ", runs: (times: 2, need: 1), generation: (temperature: 1.0)");
    assert!(messages(&project).contains("`generation` of this case is not what it was"));
    asking(prompt, "");
    run(&mut project.eval(&[])).exits(0);
    let mut picture = std::fs::read(project.path("cases/picture.png")).unwrap();
    picture.push(0);
    std::fs::write(project.path("cases/picture.png"), picture).unwrap();
    assert!(messages(&project).contains("picture 1 of this case is not what it was"));
}

#[test]
fn what_was_not_recorded_is_told() {
    let project = recorded();
    project.open_case("three");
    let said = run(&mut project.eval(&["three"])).exits(101);
    insta::assert_snapshot!("not_recorded", failure(&project, &said.stdout));
    project.file(
        "eyechart.ron",
        "(models: {\"then\": (replay: \"recorded.jsonl\", answers_of: \"llava\")})",
    );
    let said = run(&mut project.eval(&["one"])).exits(101);
    let known = "recorded.jsonl: has no trial of \"llava\"; it has those of tiny";
    assert!(said.stdout.contains(known), "{}", said.stdout);
    project.file("eyechart.ron", "(models: {\"then\": (replay: \"gone.jsonl\")})");
    let said = run(&mut project.eval(&["one"])).exits(101);
    assert!(said.stdout.contains("gone.jsonl: cannot be read"), "{}", said.stdout);
    run(&mut project.eval(&["--list"])).exits(0);
}

#[test]
fn a_run_does_not_replay_the_journal_it_writes() {
    let project = recorded();
    run(&mut project.eval(&[])).exits(0);
    let before = project.read("out/journal.jsonl");
    project.file("eyechart.ron", "(models: {\"then\": (replay: \"out/journal.jsonl\")})");
    let said = run(&mut project.eval(&[])).exits(3);
    assert!(said.stderr.contains("which this run would write over"), "{}", said.stderr);
    assert_eq!(project.read("out/journal.jsonl"), before);
}

#[test]
fn several_runs_boxes_and_inputs_are_replayed_too() {
    let project = Project::new();
    let asked = "images: [\"picture.png\"], prompt: \"What?\"";
    project.case(
        "boxes",
        &format!(
            "{asked}, {GENERATION}, snapshot: Off, \
         expect: Not(Boxes(truth: [(label: \"it\", xyxy: (0, 0, 9, 9))]))"
        ),
    );
    project.case(
        "drawn",
        &format!(
            "{asked}, snapshot: Off, generation: (max_new_tokens: 2, temperature: 2.0, seed: 5), \
         runs: (times: 3, need: 1), expect: Not(Exact(\"never said\"))"
        ),
    );
    project.case("input", &format!("{asked}, snapshot: Input"));
    let first = run(project.eval(&[]).env("INSTA_UPDATE", "always"));
    let then: Vec<Value> =
        ["boxes", "drawn", "input"].map(|case| trial(&project, "out/journal.jsonl", case)).to_vec();
    replay(&project);
    std::fs::rename(
        project.path("snapshots/input@tiny.input.snap"),
        project.path("snapshots/input@then.input.snap"),
    )
    .unwrap();
    let again = run(project.eval(&[]).env("CI", "1"));
    assert_eq!(again.code, first.code, "{}{}", again.stdout, again.stderr);
    for then in &then {
        let case = then["case"].as_str().unwrap();
        let now = trial(&project, "out/journal.jsonl", case);
        for field in ["status", "verdict", "attempts", "answer", "prepared", "speaker"] {
            assert_eq!(then[field], now[field], "{case}: {field}");
        }
    }
}
