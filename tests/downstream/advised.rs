use serde_json::Value;

use crate::project::{Project, run};

/// The shipped checkpoint as two models and as their judge, and networks that score.
fn project() -> Project {
    let project = Project::new();
    let repository = env!("CARGO_MANIFEST_DIR");
    let tiny = format!("(dir: \"{repository}/fixtures/models/qwen3-vl-tiny\")");
    let scorer = |name: &str| format!("(dir: \"{repository}/fixtures/oracle/scorers/{name}\")");
    project.file(
        "eyechart.ron",
        &format!(
            "(models: {{\"one\": {tiny}, \"two\": {tiny}, \"judge\": {tiny}}},\n \
             scorers: {{\"clip\": {}, \"sentences\": {}}},\n \
             default_models: [\"one\", \"two\"])",
            scorer("clip"),
            scorer("sentences")
        ),
    );
    project.file("cases/defaults.ron", "(snapshot: Off, generation: (max_new_tokens: 12))\n");
    project
}

fn trials(project: &Project) -> Vec<Value> {
    let text = project.read("out/journal.jsonl");
    let trials = text.lines().skip(1).map(|line| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        line["trial"].take()
    });
    trials.collect()
}

const ASKED: &str = "images: [\"picture.png\"], prompt: \"What is in the picture?\"";

#[test]
fn a_judge_is_loaded_once_after_all_answers_and_kept_to_the_letter() {
    let project = project();
    project.case(
        "marked",
        &format!("{ASKED}, expect: Judge(model: \"judge\", rubric: \"Says that it is grey.\")"),
    );
    let compared =
        "Preferred(model: \"judge\", rubric: \"Says that it is grey.\", over: \"A dog.\")";
    project.case("preferred", &format!("{ASKED}, expect: {compared}"));
    project.case("zz_open", &format!("{ASKED}, expect: Not(Exact(\"never said\"))"));
    let said = run(&mut project.eval(&["--test-threads=1"])).exits(101);
    assert_eq!(said.stderr.matches("answers to judge on judge").count(), 1, "{}", said.stderr);
    let order: Vec<&str> = said.test_lines();
    assert!(order[0].contains("zz_open::one") && order[1].contains("zz_open::two"), "{order:?}");

    let trials = trials(&project);
    assert_eq!(trials.len(), 6);
    for trial in &trials {
        let case = trial["case"].as_str().unwrap();
        let opinions = trial["opinions"].as_array().map(Vec::as_slice).unwrap_or_default();
        let expected = match case {
            "marked" => 1,
            "preferred" => 2,
            _ => 0,
        };
        assert_eq!(opinions.len(), expected, "{trial}");
        for opinion in opinions {
            assert_eq!(opinion["adviser"], "judge");
            assert_eq!(opinion["sha256"].as_str().unwrap().len(), 64);
            assert!(opinion["said"]["reply"]["text"].is_string(), "{opinion}");
        }
        if case != "zz_open" {
            // A model of scenes marks nothing: that is told apart from a wrong answer.
            assert_eq!(trial["status"], "error", "{trial}");
            assert_eq!(trial["verdict"]["reading"], "unjudged");
            assert!(trial["answer"]["text"].is_string());
            let unread = &opinions[0]["said"]["reply"]["unread"];
            assert!(unread.as_str().unwrap().starts_with("it holds no "), "{unread}");
        }
    }
    // The two positions are two prompts.
    let preferred = trials.iter().find(|trial| trial["case"] == "preferred").unwrap();
    assert_ne!(preferred["opinions"][0]["sha256"], preferred["opinions"][1]["sha256"]);
}

#[test]
fn networks_score_answers() {
    let project = project();
    let clip = |min: &str| {
        format!(
            "{ASKED}, expect: ClipScore(scorer: \"clip\", references: [\"a grey square\"], min: {min})"
        )
    };
    project.case("clip_high", &clip("2.5")).case("clip_low", &clip("0.000001"));
    let similar =
        "expect: Similarity(scorer: \"sentences\", references: [\"never said\"], min: 1.0)";
    project.case("similar", &format!("{ASKED}, {similar}"));
    let wrong = "expect: Similarity(scorer: \"clip\", references: [\"a square\"], min: 0.1)";
    project.case("wrong_kind", &format!("{ASKED}, {wrong}"));
    let said = run(&mut project.eval(&["::one"])).exits(101);
    assert!(said.stderr.contains("3 answers scored by clip"), "{}", said.stderr);
    assert!(said.stderr.contains("1 answer scored by sentences"), "{}", said.stderr);
    let trials = trials(&project);
    let find = |case: &str| trials.iter().find(|trial| trial["case"] == case).unwrap();
    let scores = &find("clip_high")["opinions"][0]["said"]["clip_scores"];
    let score = scores["clip_score"].as_f64().unwrap();
    assert!((0.0..2.5).contains(&score) && scores["ref_clip_score"].is_f64(), "{scores}");
    assert_eq!(find("clip_high")["status"], "failed");
    let cosine = find("similar")["opinions"][0]["said"]["similarity"].as_f64().unwrap();
    assert!((-1.0..1.0).contains(&cosine), "{cosine}");
    assert_eq!(find("similar")["status"], "failed");
    assert_eq!(find("wrong_kind")["status"], "error");
    let message = project.redact(find("wrong_kind")["message"].as_str().unwrap());
    assert!(
        message.contains("is a CLIP checkpoint, expected an encoder of sentences"),
        "{message}"
    );
}

#[test]
fn captions_of_a_data_set_are_scored_for_gates() {
    let project = project();
    project.file(
        "cases/captions.json",
        r#"{"images": [{"id": 1, "file_name": "picture.png"}, {"id": 2, "file_name": "picture.png"}],
            "annotations": [{"id": 1, "image_id": 1, "caption": "a grey square"},
                            {"id": 2, "image_id": 2, "caption": "grey"},
                            {"id": 3, "image_id": 2, "caption": "nothing at all"}]}"#,
    );
    project.file(
        "cases/captions.dataset.ron",
        "(source: CocoCaptions(annotations: \"captions.json\", images: \"{file_name}\"),\n \
         prompt: \"Describe the picture.\",\n generation: (max_new_tokens: 12),\n \
         scores: [ClipScore(\"clip\"), Similarity(\"sentences\")],\n \
         gate: [(metric: clip_score, min: -1.0), (metric: ref_clip_score, min: -100.0), \
         (metric: sentence_similarity, min: 1.5), (metric: bleu_1, min: 0.0)])",
    );
    let said = run(&mut project.eval(&["::one", "--test-threads=1"])).exits(101);
    assert!(said.stdout.contains("5 passed; 1 failed"), "{}", said.stdout);
    let trials = trials(&project);
    let row = trials.iter().find(|trial| trial["case"] == "captions::2").unwrap();
    assert_eq!((&row["status"], &row["verdict"]), (&Value::from("recorded"), &Value::Null));
    assert_eq!(row["opinions"].as_array().unwrap().len(), 2);
    // The mean of the rows, by hand.
    let similarity = |trial: &Value| trial["opinions"][1]["said"]["similarity"].as_f64();
    let all: Vec<f64> = trials.iter().filter_map(similarity).collect();
    assert_eq!(all.len(), 2);
    let gate = trials.iter().find(|trial| trial["case"] == "captions::gate_sentence_similarity");
    let message = gate.unwrap()["message"].as_str().unwrap();
    let mean = format!("sentence_similarity is {:.4}", (all[0] + all[1]) / 2.0);
    assert!(message.starts_with(&mean), "{message}, not {mean}");
}
