//! `eyechart score` as a user types it: the names in its JSON, exit codes, and what it says of files
//! that are wrong. What the figures are is held by `tests/golden` and `tests/offline.rs`.

use std::fmt::Write;
use std::process::Command;

use serde_json::{Value, json};

/// A folder of small files.
struct Files(tempfile::TempDir);

/// Each task with its options for annotations and results.
const TASKS: [(&str, [&str; 2]); 12] = [
    ("coco-caption", ["--annotations=captions.json", "--results"]),
    ("vqa", ["--annotations=vqa.json", "--results"]),
    ("coco-detection", ["--gt=instances.json", "--dt"]),
    ("refcoco", ["--annotations=boxes.json", "--results"]),
    ("anls", ["--annotations=short.json", "--results"]),
    ("chartqa", ["--annotations=short.json", "--results"]),
    ("textvqa", ["--annotations=short.json", "--results"]),
    ("exact-match", ["--annotations=short.json", "--results"]),
    ("pope", ["--annotations=yes_no.json", "--results"]),
    ("mme", ["--annotations=yes_no.json", "--results"]),
    ("mmbench", ["--annotations=choices.json", "--results"]),
    ("blink", ["--annotations=choices.json", "--results"]),
];

impl Files {
    fn new() -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        let answer = json!({"answer": "red", "answer_confidence": "yes", "answer_id": 1});
        files.write("captions.json", &json!({
            "images": [{"id": 1}], "annotations": [{"image_id": 1, "id": 1, "caption": "a red car"}]}));
        files.write("vqa.json", &json!({"annotations": [{
            "question_id": 1, "image_id": 1, "question_type": "what", "answer_type": "other",
            "answers": [answer.clone(), {"answer": "red", "answer_confidence": "yes", "answer_id": 2}]}]}));
        files.write(
            "instances.json",
            &json!({
            "images": [{"id": 1}], "categories": [{"id": 1}],
            "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 10, 10],
                             "area": 100, "iscrowd": 0}]}),
        );
        files.write("boxes.json", &json!([{"id": 1, "bbox": [0, 0, 10, 10]}]));
        files.write("short.json", &json!([{"id": 1, "answers": ["red", "red"]}]));
        files.write("yes_no.json", &json!([{"id": 1, "answer": "yes", "category": "color"}]));
        files.write("choices.json", &json!([
            {"id": 1, "question": "?", "choices": ["red", "blue"], "answer": "(A)", "category": "color"}]));
        files
    }

    fn write(&self, name: &str, value: &Value) {
        std::fs::write(self.0.path().join(name), value.to_string()).unwrap();
    }

    /// A right result of a task.
    fn result(task: &str) -> Value {
        match task {
            "coco-caption" => json!({"image_id": 1, "caption": "a red car"}),
            "coco-detection" => {
                json!({"image_id": 1, "category_id": 1, "bbox": [0, 0, 10, 10], "score": 0.5})
            }
            "refcoco" => json!({"id": 1, "answer": "[0, 0, 10, 10]"}),
            "pope" | "mme" => json!({"id": 1, "answer": "yes"}),
            "mmbench" | "blink" => json!({"id": 1, "prediction": "(A)"}),
            "vqa" => json!({"question_id": 1, "answer": "red"}),
            _ => json!({"id": 1, "answer": "red"}),
        }
    }

    /// Exit code, stdout and stderr.
    fn score(&self, task: &str, arguments: &[&str]) -> (i32, String, String) {
        let (_, [annotations, results]) = TASKS.iter().find(|(name, _)| *name == task).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_eyechart"));
        command.args(["score", task, annotations, results, "results.json"]).args(arguments);
        let said = command.current_dir(self.0.path()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (said.status.code().unwrap(), text(said.stdout), text(said.stderr))
    }
}

#[test]
fn each_task_gives_its_figures_by_their_names() {
    let files = Files::new();
    let mut shown = String::new();
    for (task, _) in TASKS {
        files.write("results.json", &json!([Files::result(task)]));
        let (code, json, said) = files.score(task, &["--format", "json"]);
        assert_eq!((code, said.as_str()), (0, ""), "{task}");
        let scores: Value = serde_json::from_str(&json).unwrap();
        let keys: Vec<&String> = scores.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["aggregate", "items"], "{task}");
        assert_eq!(scores["items"][0]["id"], 1, "{task}");
        let names = |value: &Value| {
            let names: Vec<&String> = value.as_object().unwrap().keys().collect();
            names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(" ")
        };
        writeln!(shown, "{task}: {}", names(&scores["aggregate"])).unwrap();
        writeln!(shown, "  {}", names(&scores["items"][0])).unwrap();
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn a_gate_decides_the_exit_code() {
    let files = Files::new();
    let result = json!({"question_id": 1, "answer": "blue"});
    files.write("results.json", &json!([result]));
    let (code, table, said) = files.score("vqa", &["--min", "vqa_accuracy=0"]);
    assert_eq!((code, said.as_str()), (0, ""));
    assert!(table.contains("vqa_accuracy"), "{table}");
    let (code, table, said) = files.score("vqa", &["--min", "vqa_accuracy=0.5"]);
    assert!(code == 1 && table.contains("vqa_accuracy"), "{code} {table}");
    assert!(said.contains("vqa_accuracy") && said.contains("0.5"), "{said}");
    let (code, _, said) = files.score("vqa", &["--min", "accuracy=0.5"]);
    assert!(code == 1 && said.contains("vqa_accuracy"), "{said}");
    let (code, _, said) = files.score("vqa", &["--min", "vqa_accuracy"]);
    assert!(code == 2 && said.contains("vqa_accuracy"), "{said}");
}

#[test]
fn wrong_files_are_refused_with_the_place_and_the_reason() {
    let files = Files::new();
    let mut shown = String::new();
    for (task, _) in TASKS {
        let right = Files::result(task);
        let id = if right.get("image_id").is_some() { "image_id" } else { "id" };
        let id = if right.get("question_id").is_some() { "question_id" } else { id };
        let with = |name: &str, value: Value| {
            let mut row = right.clone();
            row[name] = value;
            row
        };
        let without_answer = json!({id: 1});
        let wrong = [
            ("missing", None),
            ("broken", Some("[{\"id\": 1,".to_owned())),
            ("an object", Some("{\"a\": 1}".to_owned())),
            ("a number", Some("5".to_owned())),
            ("empty", Some(String::new())),
            ("no rows", Some("[]".to_owned())),
            ("wrong type", Some(json!([with(id, json!([1]))]).to_string())),
            ("no answer", Some(json!([without_answer]).to_string())),
            ("unknown id", Some(json!([with(id, json!(7))]).to_string())),
            ("twice", Some(json!([right, right]).to_string())),
        ];
        writeln!(shown, "== {task}").unwrap();
        for (what, text) in wrong {
            let path = files.0.path().join("results.json");
            let _ = std::fs::remove_file(&path);
            if let Some(text) = text {
                std::fs::write(&path, text).unwrap();
            }
            let (code, table, said) = files.score(task, &[]);
            // A model may find nothing, or the same twice.
            if task == "coco-detection" && ["no rows", "twice"].contains(&what) {
                assert_eq!(code, 0, "{said}");
                continue;
            }
            assert_eq!((code, table.as_str()), (2, ""), "{task}, {what}: {said}");
            write!(shown, "{what}: {said}").unwrap();
        }
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn questions_of_gqa_are_found_by_their_keys() {
    let files = Files::new();
    let question = |answer: &str| json!({"question": "?", "imageId": "n1", "answer": answer});
    files.write("short.json", &json!({"201": question("red"), "202": question("no")}));
    files.write(
        "results.json",
        &json!([
        {"questionId": "202", "prediction": "yes"}, {"questionId": "201", "prediction": "red"}]),
    );
    let (code, scores, said) = files.score("exact-match", &["--format", "json"]);
    assert_eq!((code, said.as_str()), (0, ""));
    let scores: Value = serde_json::from_str(&scores).unwrap();
    assert_eq!(scores["aggregate"]["exact_match"], 0.5);
    assert_eq!(scores["items"][0], json!({"id": "201", "exact_match": 1.0}));
}

#[test]
fn an_empty_prediction_is_not_the_right_answer_beside_it() {
    let files = Files::new();
    let tables = [
        json!([{"id": 1, "prediction": "", "answer": "A"}]).to_string(),
        json!([{"id": 1, "prediction": null, "answer": "A"}]).to_string(),
    ];
    for table in tables {
        std::fs::write(files.0.path().join("results.json"), table).unwrap();
        let (_, scores, _) = files.score("mmbench", &["--format", "json"]);
        let scores: Value = serde_json::from_str(&scores).unwrap();
        assert_eq!(scores["aggregate"]["mmbench"], 0.0);
        assert_eq!(scores["aggregate"]["unread"], 1.0);
    }
    let path = files.0.path().join("results.tsv");
    std::fs::write(&path, "index\tanswer\tprediction\n1\tA\t\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_eyechart"));
    command.args(["score", "mmbench", "--annotations=choices.json", "--results=results.tsv"]);
    let said = command.args(["--min", "unread=1"]).current_dir(files.0.path()).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
}
