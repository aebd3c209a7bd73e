use std::collections::HashMap;

use serde_json::Value;

use crate::project::{Project, run};

/// Cases `changed`, `same` and `new`, as their names say.
fn project() -> Project {
    let project = Project::new();
    project.open_case("changed").open_case("same");
    run(project.eval(&[]).env("INSTA_UPDATE", "always")).exits(0);
    replace_text(&project, "changed@tiny", "what nobody said");
    project.open_case("new");
    project
}

/// Puts a text in the place of an accepted one.
fn replace_text(project: &Project, snapshot: &str, text: &str) {
    let path = format!("snapshots/{snapshot}.snap");
    let (head, _) = split(&project.read(&path));
    project.file(&path, &format!("{head}{text}\n"));
}

/// The head of a snapshot and its text.
fn split(snapshot: &str) -> (String, String) {
    let (head, text) = snapshot.split_at(snapshot.rfind("---\n").unwrap() + 4);
    (head.to_owned(), text.trim_end().to_owned())
}

/// For each case, its status and what came of its snapshot.
fn rows(project: &Project) -> HashMap<String, String> {
    let mut table = csv::Reader::from_path(project.path("out/results.csv")).unwrap();
    let rows = table.deserialize::<HashMap<String, String>>().map(Result::unwrap);
    rows.map(|row| (row["case"].clone(), format!("{}, {}", row["status"], row["snapshot"])))
        .collect()
}

fn record(project: &Project, case: &str) -> Value {
    let journal = project.read("out/journal.jsonl");
    let mut records = journal.lines().skip(1).map(|line| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        line["trial"].take()
    });
    records.find(|record| record["case"] == case).unwrap()
}

/// A way to run, the exit code, what reports say of `changed` and `new`, and which files are there
/// afterwards.
struct Mode {
    variables: &'static [(&'static str, &'static str)],
    code: i32,
    changed: &'static str,
    new: &'static str,
    files: &'static [&'static str],
}

const ACCEPTED: &str = "passed, accepted";

const MODES: [Mode; 7] = [
    Mode {
        variables: &[("INSTA_UPDATE", "always")],
        code: 0,
        changed: ACCEPTED,
        new: ACCEPTED,
        files: &["changed@tiny.snap", "new@tiny.snap", "same@tiny.snap"],
    },
    Mode {
        variables: &[("INSTA_UPDATE", "force")],
        code: 0,
        changed: ACCEPTED,
        new: ACCEPTED,
        files: &["changed@tiny.snap", "new@tiny.snap", "same@tiny.snap"],
    },
    Mode {
        variables: &[("INSTA_UPDATE", "new")],
        code: 101,
        changed: "failed, changed",
        new: "failed, new",
        files: &[
            "changed@tiny.snap",
            "changed@tiny.snap.new",
            "new@tiny.snap.new",
            "same@tiny.snap",
        ],
    },
    Mode {
        variables: &[("INSTA_UPDATE", "unseen")],
        code: 101,
        changed: "failed, changed",
        new: ACCEPTED,
        files: &["changed@tiny.snap", "changed@tiny.snap.new", "new@tiny.snap", "same@tiny.snap"],
    },
    Mode {
        variables: &[("INSTA_UPDATE", "no")],
        code: 101,
        changed: "failed, changed",
        new: "failed, new",
        files: &["changed@tiny.snap", "same@tiny.snap"],
    },
    Mode {
        variables: &[("CI", "1")],
        code: 101,
        changed: "failed, changed",
        new: "failed, new",
        files: &["changed@tiny.snap", "same@tiny.snap"],
    },
    // As `cargo insta test` does: all tests pass, so that it can collect every change.
    Mode {
        variables: &[("INSTA_FORCE_PASS", "1"), ("INSTA_UPDATE", "new")],
        code: 0,
        changed: "failed, changed",
        new: "failed, new",
        files: &[
            "changed@tiny.snap",
            "changed@tiny.snap.new",
            "new@tiny.snap.new",
            "same@tiny.snap",
        ],
    },
];

#[test]
fn reports_tell_the_truth_in_every_mode_of_insta() {
    for Mode { variables, code, changed, new, files } in MODES {
        let project = project();
        run(project.eval(&[]).envs(variables.iter().copied())).exits(code);
        let expected = [("changed", changed), ("new", new), ("same", "passed, matched")];
        let expected = expected.map(|(case, words)| (case.to_owned(), words.to_owned()));
        assert_eq!(rows(&project), HashMap::from(expected), "{variables:?}");
        let folder = std::fs::read_dir(project.path("snapshots")).unwrap();
        let mut found: Vec<String> =
            folder.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        found.sort();
        assert_eq!(found, files, "{variables:?}");
        let junit = project.read("out/junit.xml");
        let failures = if changed == ACCEPTED { 0 } else { if new == ACCEPTED { 1 } else { 2 } };
        assert!(junit.contains(&format!("failures=\"{failures}\"")), "{variables:?}: {junit}");
    }
}

#[test]
fn white_space_at_either_end_of_an_answer_counts() {
    let project = Project::new();
    project.open_case("one");
    run(project.eval(&[]).env("INSTA_UPDATE", "always")).exits(0);
    let (_, said) = split(&project.read("snapshots/one@tiny.snap"));
    let variants = [
        format!("{said} "),
        format!("{said}\n"),
        format!(" {said}"),
        format!("\n{said}"),
        format!("---\n{said}"),
        format!("{said}\r\n"),
    ];
    for accepted in variants {
        replace_text(&project, "one@tiny", &Value::from(accepted.as_str()).to_string());
        run(project.eval(&[]).env("CI", "1")).exits(101);
        let outcome = record(&project, "one")["snapshot"].take();
        assert_eq!(outcome["changed"]["accepted"], accepted.as_str());
    }
    // Quoted or not, the same text is the same.
    replace_text(&project, "one@tiny", &said);
    run(project.eval(&[]).env("CI", "1")).exits(0);
}

#[test]
fn a_snapshot_says_where_the_answer_was_computed_and_of_which_tokens_it_is() {
    let project = Project::new();
    project.open_case("one");
    let said = [("INSTA_UPDATE", "always"), ("EYECHART_DTYPE", "bf16")];
    run(project.eval(&[]).envs(said)).exits(0);
    let (head, _) = split(&project.read("snapshots/one@tiny.snap"));
    let answer = record(&project, "one")["answer"].take();
    let ids: Vec<String> =
        answer["token_ids"].as_array().unwrap().iter().map(ToString::to_string).collect();
    for line in ["  device: cpu\n", "  precision: bf16\n", &format!("token ids: {}", ids.join(" "))]
    {
        assert!(head.contains(line), "{head}");
    }
}

#[test]
fn a_case_can_have_a_snapshot_for_each_class_of_devices() {
    let project = Project::new();
    let fields = "images: [\"picture.png\"], prompt: \"What is it?\", snapshot_per: DeviceClass";
    project.case("one", fields);
    run(project.eval(&[]).env("INSTA_UPDATE", "always")).exits(0);
    assert!(project.exists("snapshots/one@tiny.cpu.snap"));
    // That of another device belongs to the case too; that of all devices no longer does.
    let text = project.read("snapshots/one@tiny.cpu.snap");
    for other in ["cuda", "metal"] {
        project.file(&format!("snapshots/one@tiny.{other}.snap"), &text);
    }
    project.file("snapshots/one@tiny.snap", &text);
    let arguments = ["test", "--release", "--test", "eval", "--unreferenced=delete"];
    run(&mut project.insta(&arguments)).exits(0);
    for class in ["cpu", "cuda", "metal"] {
        assert!(project.exists(&format!("snapshots/one@tiny.{class}.snap")), "{class}");
    }
    assert!(!project.exists("snapshots/one@tiny.snap"));
}

/// Accepts, in place of what the model says, what it would have said with the runner-up at one
/// token. Returns the token's margin.
fn accept_runner_up(project: &Project, case: &str) -> f64 {
    run(project.eval(&[]).env("INSTA_UPDATE", "always")).exits(0);
    let answer = record(project, case)["answer"].take();
    let list = |name: &str| answer[name].as_array().unwrap().clone();
    let margins: Vec<f64> = list("margins").iter().map(|one| one.as_f64().unwrap()).collect();
    // The nearest decision, as it would be the first to turn on other hardware.
    let nearest = (0..margins.len()).min_by(|a, b| margins[*a].total_cmp(&margins[*b])).unwrap();
    let mut ids: Vec<String> = list("token_ids")[..=nearest].iter().map(Value::to_string).collect();
    ids[nearest] = list("runners_up")[nearest].to_string();
    let path = format!("snapshots/{case}@tiny.snap");
    let (head, _) = split(&project.read(&path));
    let others = regex::Regex::new("token ids: [0-9 ]*").unwrap();
    let head = others.replace(&head, format!("token ids: {}", ids.join(" ")));
    project.file(&path, &format!("{head}something else\n"));
    margins[nearest]
}

#[test]
fn a_near_tie_is_told_and_allowed_only_where_the_case_says_so() {
    let project = Project::new();
    project.open_case("one");
    let margin = accept_runner_up(&project, "one");
    let said = run(project.eval(&[]).env("CI", "1")).exits(101);
    assert!(said.stdout.contains("first other token: number "), "{}", said.stdout);
    assert!(said.stdout.contains(&format!("ahead by {margin:.4} in logits")), "{}", said.stdout);
    assert!(said.stdout.contains("-something else"), "{}", said.stdout);
    assert_eq!(said.stdout.contains("a near tie"), margin < 0.125, "{margin}");

    let fields = "images: [\"picture.png\"], prompt: \"What is in the picture?\", \
                  expect: Not(Exact(\"never said\"))";
    project.case("one", &format!("{fields}, allow_near_tie: {:?}", margin * 1.01));
    run(project.eval(&[]).env("CI", "1")).exits(0);
    assert_eq!(rows(&project)["one"], "passed, near tie");
    project.case("one", &format!("{fields}, allow_near_tie: {:?}", margin * 0.99));
    run(project.eval(&[]).env("CI", "1")).exits(101);
    assert_eq!(rows(&project)["one"], "failed, changed");
}
