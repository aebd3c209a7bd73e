use serde_json::Value;

use crate::project::{Project, run};

const CASE: &str = "images: [\"picture.png\"], prompt: \"What is in the picture?\", \
                    generation: (temperature: 3.0, seed: 40, max_new_tokens: 3)";

/// The record of the only case.
fn record(project: &Project) -> Value {
    let journal = project.read("out/journal.jsonl");
    let mut line: Value = serde_json::from_str(journal.lines().nth(1).unwrap()).unwrap();
    line["trial"].take()
}

fn texts(record: &Value) -> Vec<String> {
    let attempts = record["attempts"].as_array().unwrap().iter();
    attempts.map(|one| one["answer"]["text"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_case_is_run_several_times_and_needs_so_many_right_answers() {
    let project = Project::new();
    project.file("cases/defaults.ron", "(snapshot: Off)\n");
    project.case("drawn", &format!("{CASE}, expect: Regex(\".\"), runs: (times: 5, need: 5)"));
    run(&mut project.eval(&[])).exits(0);
    let all = record(&project);
    let seeds: Vec<u64> = all["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|attempt| attempt["seed"].as_u64().unwrap())
        .collect();
    assert_eq!(seeds, [40, 41, 42, 43, 44]);
    let texts = texts(&all);
    assert!(texts.iter().any(|text| *text != texts[0]), "each run draws: {texts:?}");
    assert_eq!(all["answer"]["text"].as_str(), Some(texts[0].as_str()));

    // The first run is that of the same case without `runs`.
    project.case("drawn", &format!("{CASE}, expect: Regex(\".\")"));
    run(&mut project.eval(&[])).exits(0);
    assert_eq!(record(&project)["answer"]["text"].as_str(), Some(texts[0].as_str()));

    // What one run said is right as often as runs said it, and no more often.
    let right = texts.iter().filter(|text| **text == texts[0]).count();
    let pattern = format!("^{}$", regex::escape(&texts[0]));
    let expecting = |need: usize| {
        project.case(
            "drawn",
            &format!("{CASE}, expect: Regex(r#\"{pattern}\"#), runs: (times: 5, need: {need})"),
        );
    };
    expecting(right);
    run(&mut project.eval(&[])).exits(0);
    let mut table = csv::Reader::from_path(project.path("out/results.csv")).unwrap();
    let row: std::collections::HashMap<String, String> =
        table.deserialize().next().unwrap().unwrap();
    assert_eq!((row["runs"].as_str(), row["runs_right"].clone()), ("5", right.to_string()));
    let points = record(&project)["verdict"]["points"].as_f64().unwrap();
    assert!((points - right as f64).abs() < 1e-12, "five points a right run, over five runs");

    expecting(right + 1);
    let said = run(&mut project.eval(&[])).exits(101);
    let reason = format!("{right} of 5 runs are right, needed are {}", right + 1);
    assert!(said.stdout.contains(&reason), "{}", said.stdout);
    assert!(said.stdout.contains("(seed 4"), "{}", said.stdout);
}

#[test]
fn the_snapshot_is_that_of_the_first_run() {
    let project = Project::new();
    project.case("drawn", &format!("{CASE}, expect: Regex(\".\"), runs: (times: 3, need: 3)"));
    run(project.eval(&[]).env("INSTA_UPDATE", "always")).exits(0);
    let before = project.read("snapshots/drawn@tiny.snap");
    project.case("drawn", CASE);
    run(&mut project.eval(&[])).exits(0);
    assert_eq!(project.read("snapshots/drawn@tiny.snap"), before);
}
