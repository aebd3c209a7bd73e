use std::collections::BTreeSet;

use serde_json::Value;

use crate::project::{Project, run};

fn finished_run() -> Project {
    let project = Project::new();
    project.file("cases/defaults.ron", "(snapshot: Off)\n");
    project.open_case("open");
    project
        .case("wrong", "images: [\"picture.png\"], prompt: \"?\", expect: Exact(\"never said\")");
    project.case(
        "skipped",
        "images: [\"picture.png\"], prompt: \"?\", ignore: \"not now\", expect: Regex(\".\")",
    );
    project.case("typo", "imags: []");
    run(&mut project.eval(&[])).exits(101);
    project
}

#[test]
fn the_journal_has_a_header_and_a_line_per_trial() {
    let project = finished_run();
    let lines: Vec<Value> = project
        .read("out/journal.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["run"]["format_version"], 1);
    let statuses: BTreeSet<(&str, &str)> = lines[1..]
        .iter()
        .map(|line| {
            (line["trial"]["case"].as_str().unwrap(), line["trial"]["status"].as_str().unwrap())
        })
        .collect();
    let expected =
        [("open", "passed"), ("skipped", "ignored"), ("typo", "error"), ("wrong", "failed")];
    assert_eq!(statuses, BTreeSet::from(expected));
}

#[test]
fn an_answer_records_what_it_took() {
    let project = finished_run();
    let journal = project.read("out/journal.jsonl");
    let open = journal.lines().find(|line| line.contains("\"case\":\"open\"")).unwrap();
    let answer = &serde_json::from_str::<Value>(open).unwrap()["trial"]["answer"];
    let timings = &answer["timings_seconds"];
    for stage in ["image_decoding", "preprocessing", "vision_encoding", "prefill"] {
        assert!(timings[stage].as_f64().unwrap() > 0.0, "{stage}: {timings}");
    }
    let tokens = answer["token_ids"].as_array().unwrap().len();
    assert_eq!(answer["margins"].as_array().unwrap().len(), tokens);
    let ids = answer["token_ids"].as_array().unwrap();
    let runners_up = answer["runners_up"].as_array().unwrap();
    assert!(
        runners_up.len() == tokens && ids.iter().zip(runners_up).all(|(id, other)| id != other)
    );
    assert!(answer["input"]["visual_tokens"].as_u64().unwrap() > 0);
    if cfg!(target_os = "linux") {
        assert!(answer["peak_memory_bytes"].as_u64().unwrap() > 1 << 20);
    }
}

#[test]
fn a_record_says_what_was_asked_of_whom_and_where_it_stands() {
    let project = finished_run();
    let journal = project.read("out/journal.jsonl");
    let open = journal.lines().find(|line| line.contains("\"case\":\"open\"")).unwrap();
    let record = &serde_json::from_str::<Value>(open).unwrap()["trial"];
    assert_eq!(record["line"], 1);
    assert_eq!(record["origin"], "computed");
    assert_eq!(
        record["speaker"],
        serde_json::json!({"family": "Qwen3-VL", "language_model": "qwen3_vl_text", "boxes": "Qwen3Vl"})
    );
    let picture = std::fs::read(project.path("cases/picture.png")).unwrap();
    let sum = eyechart::checksum::of_bytes(&picture);
    assert_eq!(record["asked"]["images_sha256"], serde_json::json!([sum]));
    assert_eq!(record["asked"]["generation"]["max_new_tokens"], 512);
}

#[test]
fn wrong_boxes_are_drawn_and_attached() {
    let project = Project::new();
    project.file("cases/defaults.ron", "(snapshot: Off)\n");
    let boxes = |label: &str| {
        format!(
            "images: [\"../picture.png\"], prompt: \"Where?\", generation: (max_new_tokens: 2), \
             expect: Boxes(truth: [(label: \"{label}\", xyxy: (10, 20, 30, 40))])"
        )
    };
    project.case("folder/wrong", &boxes("it"));
    run(&mut project.eval(&[])).exits(101);
    let drawn = image::open(project.path("out/overlays/folder__wrong@tiny.png")).unwrap();
    let drawn = drawn.to_rgb8();
    // The true box is outlined in green on the grey picture.
    assert_eq!(drawn.get_pixel(10, 20).0, [0, 200, 0]);
    assert_eq!(drawn.get_pixel(29, 39).0, [0, 200, 0]);
    assert_eq!((drawn.get_pixel(9, 20).0, drawn.get_pixel(20, 30).0), ([128; 3], [128; 3]));
    let junit = project.read("out/junit.xml");
    assert!(junit.contains("[[ATTACHMENT|out/overlays/folder__wrong@tiny.png]]"), "{junit}");
    assert!(junit.contains("file=\"cases/folder/wrong.ron\" line=\"1\""), "{junit}");
}

#[test]
fn the_reports_agree_with_one_another() {
    let project = finished_run();
    let mut table = csv::Reader::from_path(project.path("out/results.csv")).unwrap();
    assert_eq!(table.records().count(), 4);
    let summary: Value = serde_json::from_str(&project.read("out/summary.json")).unwrap();
    let total = &summary["rows"].as_array().unwrap().iter().find(|row| row["dimension"].is_null());
    let counts = &total.unwrap()["figures"]["counts"];
    assert_eq!((&counts["trials"], &counts["failed"]), (&3.into(), &1.into()));
    let junit = project.read("out/junit.xml");
    assert!(
        junit.contains(r#"name="tiny" package="testsuite/tiny" tests="3" errors="0" failures="1""#),
        "{junit}"
    );
    assert!(junit.contains(r#"skipped="1""#), "{junit}");
}
