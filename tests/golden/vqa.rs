//! VQA accuracy, official and mmf's, on the golden files.

use std::collections::HashMap;

use eyechart::score::vqa::{HumanAnswer, TypeAccuracy, VqaAccuracyTable, VqaRules, round_percent};
use serde_json::Value;

fn read(name: &str) -> Value {
    let path = format!("{}/fixtures/golden/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn predictions(name: &str) -> HashMap<i64, String> {
    let rows = read(&format!("{name}_results"));
    let row = |row: &Value| {
        (row["question_id"].as_i64().unwrap(), row["answer"].as_str().unwrap().to_owned())
    };
    rows.as_array().unwrap().iter().map(row).collect()
}

fn answers(annotation: &Value) -> Vec<HumanAnswer<'_>> {
    let answers = annotation["answers"].as_array().unwrap().iter();
    let human = |one: &'_ Value| -> HumanAnswer<'static> {
        let one: &'static Value = Box::leak(Box::new(one.clone()));
        HumanAnswer {
            answer: one["answer"].as_str().unwrap(),
            confidence: one["answer_confidence"].as_str().unwrap(),
            id: one["answer_id"].as_i64(),
        }
    };
    answers.map(human).collect()
}

fn assert_table(found: &[TypeAccuracy], rounded: &Value, unrounded: &Value) {
    assert_eq!(found.len(), unrounded.as_object().unwrap().len());
    for one in found {
        assert_eq!(Some(one.percent), unrounded[&one.name].as_f64(), "{}", one.name);
        assert_eq!(Some(round_percent(one.percent)), rounded[&one.name].as_f64(), "{}", one.name);
    }
}

fn check_official(name: &str) {
    let expected = read(&format!("{name}_expected"));
    let [rounded, unrounded] =
        ["precision_2_official_default", "unrounded_percent"].map(|key| &expected[key]);
    let predictions = predictions(name);
    let mut table = VqaAccuracyTable::default();
    let annotations = read(&format!("{name}_annotations"));
    for (position, annotation) in annotations["annotations"].as_array().unwrap().iter().enumerate()
    {
        let id = annotation["question_id"].as_i64().unwrap();
        let found = VqaRules::Official.accuracy(&predictions[&id], &answers(annotation)).unwrap();
        assert_eq!(unrounded["evalQA"][position][0].as_i64(), Some(id));
        assert_eq!(unrounded["evalQA"][position][1].as_f64(), Some(100.0 * found), "{id}");
        assert_eq!(rounded["evalQA"][position][1].as_f64(), Some(round_percent(100.0 * found)));
        let [question, answer] =
            ["question_type", "answer_type"].map(|key| annotation[key].as_str().unwrap());
        table.add(question, answer, found);
    }
    let overall = table.overall();
    let [rounded, unrounded] = [rounded, unrounded].map(|one| &one["accuracy"]);
    assert_eq!(Some(overall.percent), unrounded["overall"].as_f64());
    assert_eq!(Some(round_percent(overall.percent)), rounded["overall"].as_f64());
    let [types, more] = ["perQuestionType", "perAnswerType"];
    assert_table(&table.by_question_type(), &rounded[types], &unrounded[types]);
    assert_table(&table.by_answer_type(), &rounded[more], &unrounded[more]);
}

#[test]
fn official_accuracy_and_tables() {
    check_official("vqa1");
    check_official("vqa2");
}

#[test]
fn textvqa_of_mmf() {
    let golden = read("textvqa_mmf");
    let predictions = predictions("vqa1");
    let annotations = read("vqa1_annotations");
    let annotations = annotations["annotations"].as_array().unwrap();
    let mut scores = Vec::new();
    for item in golden["items"].as_array().unwrap() {
        let id = item["question_id"].as_i64().unwrap();
        let annotation = annotations.iter().find(|one| one["question_id"] == id).unwrap();
        let found = VqaRules::TextVqa.accuracy(&predictions[&id], &answers(annotation)).unwrap();
        assert_eq!(Some(found), item["mmf_textvqa_score"].as_f64(), "{id}");
        let processed = VqaRules::TextVqa.normalize(&predictions[&id]);
        assert_eq!(Some(processed.as_str()), item["processed_pred"].as_str());
        scores.push(found);
    }
    let mean = scores.iter().sum::<f64>() / scores.len() as f64;
    assert_eq!(Some(mean), golden["aggregate"].as_f64());
}

#[test]
fn variants_disagree_where_their_rules_do() {
    let human = |answer, id| HumanAnswer { answer, confidence: "yes", id: Some(id) };
    let agreed: Vec<_> = (0..10).map(|id| human("Yes.", id)).collect();
    assert_eq!(VqaRules::Official.accuracy("yes", &agreed), Some(0.0));
    assert_eq!(VqaRules::LmmsEval.accuracy("yes", &agreed), Some(1.0));
    assert_eq!(VqaRules::VlmEvalKit.accuracy("yes", &agreed), Some(1.0));
    let twins = vec![human("yes", 1); 10];
    assert_eq!(VqaRules::Official.accuracy("yes", &twins), Some(0.0));
    assert_eq!(VqaRules::TextVqaLmmsEval.accuracy("yes", &twins), Some(1.0));
    let two: Vec<_> = (0..10).map(|id| human(if id < 2 { "a b" } else { "c" }, id)).collect();
    // ((1/3) * 2 + (2/3) * 8) / 10 without intermediate rounding.
    assert_eq!(VqaRules::LmmsEval.accuracy("b", &two), Some(0.6));
    assert_eq!(VqaRules::Official.accuracy("", &[]), None);
}
