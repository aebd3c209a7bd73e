//! ANLS, relaxed accuracy, POPE, MME, MMBench and CLIPScore on the golden files.

use eyechart::score::clip_score::{best_reference_cosine, clip_score, ref_clip_score};
use eyechart::score::document::{AnlsRules, RelaxedRules};
use eyechart::score::multiple_choice::*;
use eyechart::score::numpy::Float;
use eyechart::score::yes_no::*;
use serde::de::DeserializeOwned;
use serde_json::Value;

fn read(name: &str) -> Value {
    let path = format!("{}/fixtures/golden/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn rows(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

#[test]
fn anls_of_three_references() {
    let golden = read("anls");
    let keys = [
        (AnlsRules::Rrc, "rrc", "rrc", 1.0),
        (AnlsRules::Pix2Struct, "pix2struct_lower", "pix2struct_x100", 100.0),
        (AnlsRules::Mmf, "mmf_stvqa", "mmf_stvqa", 1.0),
    ];
    for (rules, key, aggregate, scale) in keys {
        let mut total = 0.0;
        for row in rows(&golden["rows"]) {
            let answers: Vec<String> = serde_json::from_value(row["answers"].clone()).unwrap();
            let found = rules.score(row["prediction"].as_str().unwrap(), &answers).unwrap();
            assert_eq!(Some(found), row[key].as_f64(), "{key}: {row}");
            total += found;
        }
        let mean = scale * total / rows(&golden["rows"]).len() as f64;
        let expected = golden["aggregate"][aggregate].as_f64().unwrap();
        assert!((mean - expected).abs() <= 1e-13 * expected, "{mean} {expected}");
    }
}

#[test]
fn relaxed_accuracy_of_pix2struct() {
    for row in rows(&read("relaxed_accuracy")["rows"]) {
        let [target, prediction] = [0, 1].map(|column| row[column].as_str().unwrap());
        let found = RelaxedRules::Pix2Struct.is_correct(prediction, &[target]);
        assert_eq!(found, row[2].as_bool(), "{row}");
    }
}

#[test]
fn pope() {
    let golden = read("pope");
    let mut pairs = Vec::new();
    for row in rows(&golden["rows"]) {
        let answer = PopeRules::Official.read(row["answer"].as_str().unwrap());
        assert_eq!(answer, YesNo::from_label(row["parsed"].as_str().unwrap()), "{row}");
        pairs.push((YesNo::from_label(row["label"].as_str().unwrap()).unwrap(), answer));
    }
    let found = pope_scores(&pairs);
    let expected = &golden["official"];
    let at = |key: &str| expected[key].as_f64().unwrap();
    assert_eq!(found.true_positives as f64, at("TP"));
    assert_eq!(found.false_positives as f64, at("FP"));
    assert_eq!(found.true_negatives as f64, at("TN"));
    assert_eq!(found.false_negatives as f64, at("FN"));
    assert_eq!(found.precision, at("precision"));
    assert_eq!(found.recall, at("recall"));
    assert_eq!(found.f1, at("f1"));
    assert_eq!(found.accuracy, at("acc"));
    assert_eq!(found.yes_ratio, at("yes_ratio"));
    assert_eq!(pope_scores(&[]).f1, 0.0);
    // lmms-eval's `pope_aggregate_yes_ratio` counts labels: one of three, where all answers are yes.
    let all_yes = [YesNo::Yes, YesNo::No, YesNo::No].map(|label| (label, Some(YesNo::Yes)));
    assert_eq!(PopeRules::LmmsEval.scores(&all_yes).yes_ratio, 1.0 / 3.0);
    assert_eq!(PopeRules::Official.scores(&all_yes).yes_ratio, 1.0);
}

#[test]
fn mme() {
    let golden = read("mme");
    for row in rows(&golden["parse_pred_ans"]) {
        let found = read_mme(row[0].as_str().unwrap());
        assert_eq!(found, YesNo::from_label(row[1].as_str().unwrap()), "{row}");
    }
    let mut items = Vec::new();
    for row in rows(&golden["rows"]) {
        let [category, question_id, truth, prediction] =
            ["category", "question_id", "gt", "pred"].map(|key| row[key].as_str().unwrap());
        let is_correct = read_mme(prediction) == YesNo::from_label(truth);
        assert_eq!(Some(f64::from(u8::from(is_correct))), row["score"].as_f64(), "{row}");
        items.push(MmeItem { category, question_id, is_correct });
    }
    let total = mme_total(&mme_categories(&items), &MME_PERCEPTION);
    assert_eq!(Some(total), golden["perception_total"].as_f64());
}

fn choices(row: &Value) -> Vec<Choice<'_>> {
    let choices = row["choices"].as_object().unwrap().iter();
    choices
        .map(|(letter, text)| Choice {
            letter: letter.chars().next().unwrap(),
            text: text.as_str().unwrap(),
        })
        .collect()
}

fn shown(inferred: Inferred) -> Value {
    match inferred {
        Inferred::Letter(letter) => letter.to_string().into(),
        Inferred::NoneOfThem => "Z".into(),
        Inferred::Unclear => false.into(),
    }
}

#[test]
fn mmbench() {
    let golden = read("mmbench");
    for row in rows(&golden["matching"]) {
        let prediction = row["prediction"].as_str().unwrap();
        let choices = choices(row);
        assert_eq!(shown(infer_option(prediction, &choices)), row["can_infer_option"], "{row}");
        assert_eq!(shown(infer_mmbench(prediction, &choices)), row["can_infer"], "{row}");
    }
    let mut items = Vec::new();
    for group in rows(&golden["circular_groups"]) {
        for row in rows(&group["rotations"]) {
            let found = infer_mmbench(row["prediction"].as_str().unwrap(), &choices(row));
            let index = row["index"].as_u64().unwrap();
            items.push(CircularItem { index, is_correct: shown(found) == row["GT"] });
        }
    }
    let found = circular_scores(&items);
    for (group, (question, hit)) in rows(&golden["circular_groups"]).iter().zip(&found.questions) {
        assert_eq!(group["g_index"], *question);
        assert_eq!(group["hit"], u64::from(*hit));
    }
    assert_eq!(Some(found.circular), golden["circular_acc"].as_f64());
    assert_eq!(Some(found.vanilla), golden["vanilla_acc"].as_f64());
}

#[test]
fn blink_and_muirbench() {
    assert_eq!(infer_blink_lmms_eval(" (b) the dog"), Some('B'));
    assert_eq!(infer_blink_lmms_eval("Apple"), Some('A'));
    assert_eq!(infer_blink_lmms_eval("1"), None);
    assert!(is_blink_correct("(A)", "(A)") && !is_blink_correct("A", "(A)"));
    let choices = [("A", "a red car"), ("B", "a dog"), ("C", "red")]
        .map(|(letter, text)| Choice { letter: letter.chars().next().unwrap(), text });
    assert_eq!(infer_muirbench("Not (A), it is (B).", &choices), Some('B'));
    assert_eq!(infer_muirbench("B or C", &choices), Some('C'));
    assert_eq!(infer_muirbench("I believe it shows a red car there", &choices), Some('C'));
    assert_eq!(infer_muirbench("red", &choices), None);
    assert!(is_muirbench_correct_lmms_eval(" B. a dog", "B"));
    assert!(!is_muirbench_correct_lmms_eval("(B)", "B"));
    let accuracies =
        task_accuracies(&[("Jigsaw", true), ("IQ", false), ("Jigsaw", true), ("Jigsaw", false)]);
    assert_eq!(accuracies.tasks[1], ("IQ".to_owned(), 0.0));
    assert_eq!((accuracies.over_tasks, accuracies.over_questions), (1.0 / 3.0, 0.5));
    assert!(task_accuracies(&[]).over_tasks.is_nan());
}

fn check_clip_score<T: Float + DeserializeOwned + Into<f64>>(case: &Value, tolerance: f64) {
    let vectors = |key: &str| -> Vec<Vec<T>> { serde_json::from_value(case[key].clone()).unwrap() };
    let (images, captions) = (vectors("image"), vectors("cand"));
    let references: Vec<Vec<Vec<T>>> = serde_json::from_value(case["refs"].clone()).unwrap();
    let near = |found: T, expected: &Value| {
        let (found, expected): (f64, f64) = (found.into(), expected.as_f64().unwrap());
        assert!((found - expected).abs() <= tolerance * expected.abs(), "{found} {expected}");
    };
    for i in 0..images.len() {
        let references: Vec<&[T]> = references[i].iter().map(Vec::as_slice).collect();
        near(clip_score(&images[i], &captions[i]).unwrap(), &case["CLIPScore"][i]);
        near(
            best_reference_cosine(&captions[i], &references).unwrap(),
            &case["ref_text_max_cos"][i],
        );
        near(
            ref_clip_score(&images[i], &captions[i], &references).unwrap(),
            &case["RefCLIPScore"][i],
        );
    }
}

#[test]
fn clip_scores_of_given_features() {
    for case in rows(&read("clipscore")["cases"]) {
        match case["dtype"].as_str() {
            Some("float64") => check_clip_score::<f64>(case, 1e-15),
            _ => check_clip_score::<f32>(case, 1e-7),
        }
    }
}
