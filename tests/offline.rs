//! Official files in, tables out: the golden files through the offline entry points, and every way in
//! which files can be wrong.

use std::path::{Path, PathBuf};

use eyechart::extract::BoxNotation;
use eyechart::offline::*;
use eyechart::score::detection::CategoryUse;
use eyechart::score::document::{AnlsRules, RelaxedRules};
use eyechart::score::vqa::VqaRules;
use eyechart::score::yes_no::PopeRules;
use serde_json::{Value, json};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/golden/{name}.json"))
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A folder with files that a test wrote.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn write_json(&self, name: &str, value: &Value) -> PathBuf {
        self.write(name, &value.to_string())
    }

    /// A message without the folder.
    fn message(&self, error: &OfflineError) -> String {
        error.to_string().replace(&format!("{}/", self.0.path().display()), "")
    }
}

fn as_json(table: &ScoreTable) -> Value {
    let mut bytes = Vec::new();
    table.write_json(&mut bytes).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

/// The golden corpus as the two official files.
fn caption_files(files: &Files) -> (PathBuf, PathBuf, Value) {
    let corpus = read(&golden("caption_synthetic"))["corpora"][0].clone();
    let (mut images, mut annotations, mut results) = (vec![], vec![], vec![]);
    for item in corpus["items"].as_array().unwrap() {
        let image_id = &item["image_id"];
        images.push(json!({"id": image_id}));
        for reference in item["refs"].as_array().unwrap() {
            let id = annotations.len();
            annotations.push(json!({"image_id": image_id, "id": id, "caption": reference}));
        }
        results.insert(0, json!({"image_id": image_id, "caption": item["hyp"]}));
    }
    let annotations = json!({"info": {}, "images": images, "annotations": annotations});
    let annotations = files.write_json("annotations.json", &annotations);
    (annotations, files.write_json("results.json", &json!(results)), corpus)
}

#[test]
fn captions_to_the_last_bit() {
    let files = Files::new();
    let (annotations, results, corpus) = caption_files(&files);
    let table = score_captions(&annotations, &results, CaptionOptions::OFFICIAL).unwrap();
    let found = as_json(&table);
    let (aggregate, expected) = (&found["aggregate"], &corpus["aggregate"]);
    for n in 1..=4 {
        assert_eq!(aggregate[format!("bleu_{n}")], expected["Bleu"][n - 1]);
    }
    assert_eq!(aggregate["rouge_l"], expected["ROUGE_L"]);
    assert_eq!(aggregate["cider_d"], expected["CIDEr"]);
    assert_eq!(aggregate["cider"], expected["CIDEr_plain_vrama91"]);
    for (item, expected) in
        found["items"].as_array().unwrap().iter().zip(corpus["items"].as_array().unwrap())
    {
        assert_eq!(item["id"], expected["image_id"]);
        assert_eq!(item["bleu_4"], expected["Bleu"][3]);
        assert_eq!(item["rouge_l"], expected["ROUGE_L"]);
        assert_eq!(item["cider_d"], expected["CIDEr"]);
    }
}

#[test]
fn vqa_with_tables() {
    let [questions, annotations, results] =
        ["questions", "annotations", "results"].map(|name| golden(&format!("vqa1_{name}")));
    let official =
        VqaFiles { questions: Some(&questions), annotations: &annotations, results: &results };
    let found = as_json(&score_vqa(official, VqaRules::Official).unwrap());
    let expected = &read(&golden("vqa1_expected"))["precision_2_official_default"]["accuracy"];
    let aggregate = &found["aggregate"];
    assert_eq!(aggregate["official_percent"], expected["overall"]);
    assert_eq!(aggregate["official_percent_by_question_type"], expected["perQuestionType"]);
    assert_eq!(aggregate["official_percent_by_answer_type"], expected["perAnswerType"]);
    assert!((aggregate["vqa_accuracy"].as_f64().unwrap() - 0.868_049_594_659).abs() < 1e-9);
    assert!(aggregate["by_question_type"]["how many"].as_f64().unwrap() < 1.0);
    assert_eq!(found["items"].as_array().unwrap().len(), 233);
    assert_eq!(found["items"][0], json!({"id": 1004, "vqa_accuracy": 0.0}));
}

#[test]
fn detection_figures() {
    let found =
        score_detection(&golden("det_edge_gt"), &golden("det_edge_dt"), CategoryUse::Separate)
            .unwrap();
    let found = as_json(&found);
    let expected = read(&golden("det_edge_expected"));
    assert_eq!(found["aggregate"]["stats"], expected["stats"]);
    assert_eq!(found["aggregate"]["AP50"], expected["stats"][1]);
    let ap = &expected["AP_per_category_area_all_maxdet100"];
    assert_eq!(found["items"][0]["ap"], ap[0]);
}

#[test]
fn boxes_in_json_lines() {
    let files = Files::new();
    let truths = files.write(
        "truth.jsonl",
        "{\"id\": 1, \"bbox\": [0, 0, 2, 2]}\n{\"id\": \"b\", \"bbox\": [0, 0, 1, 1]}\n",
    );
    let results = files.write(
        "results.jsonl",
        "{\"id\": \"b\", \"answer\": \"nowhere\"}\n\n{\"question_id\": 1, \"answer\": \"at [0, 0, 2, 1]\"}\n",
    );
    let found = as_json(&score_grounding(&truths, &results, BoxFormat::Corners).unwrap());
    assert_eq!(found["aggregate"]["mean_iou"], 0.25);
    assert_eq!(found["aggregate"]["acc@0.5"], 0.5);
    assert_eq!(found["aggregate"]["unread"], 1.0);
    assert_eq!(found["items"][0], json!({"id": 1, "iou": 0.5, "center_hit": 1.0}));
}

#[test]
fn answers_are_read_in_a_notation_and_its_frame() {
    let files = Files::new();
    let row = |id: i64| json!({"id": id, "bbox": [0, 0, 100, 50], "width": 200, "height": 100});
    let truths = files.write_json("truths.json", &json!([row(1), row(2), row(3)]));
    let answer = |id: i64, box_: [i64; 4]| json!({"id": id, "answer": json!([{"bbox_2d": box_}]).to_string(), "resized": [56, 28]});
    // The same numbers are a box in one frame and beyond the other.
    let results = [answer(1, [0, 0, 28, 14]), answer(2, [0, 0, 500, 500]), answer(3, [9, 0, 5, 5])];
    let results = files.write_json("results.json", &json!(results));
    let unread = |notation| {
        let answers = AnswerBoxes::Notation(notation);
        let corners = BoxFormat::Corners;
        let table = score_grounding_answers(&truths, &results, corners, answers).unwrap();
        let table = as_json(&table);
        (
            table["items"][0]["iou"].clone(),
            table["items"][1]["iou"].clone(),
            table["aggregate"]["unread"].clone(),
        )
    };
    assert_eq!(unread(BoxNotation::Qwen2_5Vl), (json!(1.0), json!(0.0), json!(2.0)));
    let (small, right, unreadable) = unread(BoxNotation::Qwen3Vl);
    // 5.6 x 1.4 pixels of 100 x 50.
    assert!((small.as_f64().unwrap() - 7.84 / 5000.0).abs() < 1e-12, "{small}");
    assert_eq!((right, unreadable), (json!(1.0), json!(1.0)));
    let sizeless = files.write_json("sizeless.json", &json!([{"id": 1, "bbox": [0, 0, 1, 1]}]));
    let one = files.write_json("one.json", &json!([answer(1, [0, 0, 1, 1])]));
    let answers = AnswerBoxes::Notation(BoxNotation::Qwen3Vl);
    let error = score_grounding_answers(&sizeless, &one, BoxFormat::Corners, answers).unwrap_err();
    assert!(files.message(&error).starts_with("sizeless.json: 1 has no `width`"), "{error}");
}

#[test]
fn short_answers_by_id_and_in_order() {
    let files = Files::new();
    let docvqa = files.write_json(
        "docvqa.json",
        &json!({"dataset_name": "docvqa", "data": [
            {"questionId": 7, "question": "?", "answers": ["abc", "abd"]},
            {"questionId": 8, "question": "?", "answers": ["x"]},
        ]}),
    );
    let results = files.write_json(
        "results.json",
        &json!([
            {"questionId": 8, "answer": "y"}, {"questionId": 7, "answer": "ABD"},
        ]),
    );
    let found = as_json(&score_anls(&docvqa, &results, AnlsRules::Rrc).unwrap());
    assert_eq!(found["aggregate"]["anls"], 0.5);
    assert_eq!(found["items"][0], json!({"id": 7, "anls": 1.0}));
    let chartqa = files.write_json("chartqa.json", &json!([
        {"imgname": "a.png", "query": "?", "label": "10"}, {"imgname": "b.png", "query": "?", "label": "No"},
    ]));
    let answers =
        files.write_json("answers.json", &json!([{"answer": "10.4"}, {"prediction": "no"}]));
    let found = as_json(&score_relaxed(&chartqa, &answers, RelaxedRules::Pix2Struct).unwrap());
    assert_eq!(found["aggregate"]["relaxed_accuracy"], 1.0);
    let labels = files.write("pope.json", "{\"question_id\": 1, \"text\": \"Is it?\", \"label\": \"yes\"}\n{\"question_id\": 2, \"text\": \"Is it?\", \"label\": \"no\"}\n");
    let answers = files.write("a.json", "{\"question\": \"Is it?\", \"answer\": \"Yes.\"}\n{\"question\": \"Is it?\", \"answer\": \"Yes.\"}\n");
    let found = as_json(&score_pope(&labels, &answers, PopeRules::Official).unwrap());
    assert_eq!(found["aggregate"]["accuracy"], 0.5);
    assert_eq!(found["aggregate"]["yes_ratio"], 1.0);
    assert_eq!(found["items"][1], json!({"id": 2, "correct": 0.0}));
}

#[test]
fn a_broken_object_is_told_where_it_breaks() {
    let files = Files::new();
    let results = files.write("results.json", "[]");
    let refused = |text: &str| {
        let questions = files.write("q.json", text);
        files.message(&score_anls(&questions, &results, AnlsRules::Rrc).unwrap_err())
    };
    assert_eq!(
        refused("{\n \"data\": [\n  {\"questionId\": 1, \"answers\": 5}\n ]\n}"),
        "q.json:3:32: invalid type: integer `5`, expected an answer or a list of answers"
    );
    assert_eq!(refused("{\"data\": [}"), "q.json:1:11: expected value");
    assert_eq!(refused("{\"id\": 1, \"answer\": \"a\"}\n{\"id\" 2}"), "q.json:2:7: expected `:`");
    assert_eq!(refused("[]"), "q.json: holds no questions: there is nothing to score");
}

#[test]
fn both_questions_of_an_mme_image_share_an_id() {
    let files = Files::new();
    let row =
        |answer: &str| json!({"question_id": "OCR/1.png", "category": "OCR", "answer": answer});
    let truths = files.write_json("mme.json", &json!([row("Yes"), row("No")]));
    let results = files.write_json("r.json", &json!([
        {"question_id": "OCR/1.png", "answer": "yes"}, {"question_id": "OCR/1.png", "answer": "yes"},
    ]));
    let found = as_json(&score_mme(&truths, &results).unwrap());
    assert_eq!(found["aggregate"]["by_category"], json!({"OCR": 50.0}));
    assert_eq!(found["aggregate"]["perception"], 50.0);
}

#[test]
fn what_the_official_scripts_refuse_is_refused_with_the_reason() {
    let files = Files::new();
    let annotations = files.write_json("ann.json", &json!({
        "images": [{"id": 1}, {"id": 2}, {"id": 3}],
        "annotations": [{"image_id": 1, "id": 1, "caption": "a dog"}, {"image_id": 2, "id": 2, "caption": "a cat"}],
    }));
    let refused = |results: &str, images: ImageSelection| {
        let results = files.write("res.json", results);
        let options = CaptionOptions { images, ..CaptionOptions::OFFICIAL };
        files.message(&score_captions(&annotations, &results, options).unwrap_err())
    };
    let with = ImageSelection::WithResults;
    assert_eq!(
        refused(r#"[{"image_id": 9, "caption": "x"}]"#, with),
        "res.json: image_id 9 is not in ann.json: the official script refuses results for anything \
         else; were they made for another split?"
    );
    assert_eq!(
        refused(r#"[{"image_id": 1, "caption": "x"}, {"image_id": 1, "caption": "y"}]"#, with),
        "res.json: image_id 1 occurs twice: keep one result for each"
    );
    assert_eq!(
        refused(r#"[{"image_id": 1, "caption": "x"}]"#, ImageSelection::All),
        "res.json: 2 of 3 have no result, the first is image_id 2: the official script needs a \
         result for each"
    );
    assert_eq!(
        refused(r#"[{"image_id": 3, "caption": "x"}]"#, with),
        "ann.json: image_id 3 has no reference captions, so nothing can be compared with it"
    );
    assert_eq!(refused("[]", with), "res.json: holds no captions: there is nothing to score");
    assert_eq!(
        refused("[{\"image_id\": 1,\n \"caption\": 5}]", with),
        "res.json:2:13: invalid type: integer `5`, expected a string"
    );
    assert_eq!(refused("{\"a\": 1}", with), "res.json:1:0: invalid type: map, expected a sequence");
    assert_eq!(refused("[{\"image_id\": 1", with), "res.json:1:15: EOF while parsing an object");
    let path = files.0.path().join("res.json");
    std::fs::write(&path, b"[\n {\"\xff\"}]").unwrap();
    let error = score_captions(&annotations, &path, CaptionOptions::OFFICIAL).unwrap_err();
    assert_eq!(files.message(&error), "res.json:2:4: the text is not UTF-8 here");
    let broken = refused("[{\"image_id\": 1, \"caption\": \"a\\u2028b\"}]", with);
    assert!(broken.starts_with("res.json: image_id 1: caption 0 holds the line break '\\u{2028}'"));
    let missing =
        score_captions(Path::new("/nowhere.json"), &annotations, CaptionOptions::OFFICIAL);
    assert!(missing.unwrap_err().to_string().starts_with("/nowhere.json: cannot be read: "));
}

#[test]
fn vqa_needs_the_same_questions_on_both_sides() {
    let files = Files::new();
    let answer = json!({"answer": "yes", "answer_confidence": "yes", "answer_id": 1});
    let annotation = |id: i64| {
        json!({"question_id": id, "image_id": 1, "question_type": "is", "answer_type": "yes/no",
               "answers": [answer.clone(), answer.clone()]})
    };
    let annotations = json!({"annotations": [annotation(1), annotation(2)]});
    let annotations = files.write_json("ann.json", &annotations);
    let refused = |results: &str| {
        let results = files.write("res.json", results);
        let official = VqaFiles { questions: None, annotations: &annotations, results: &results };
        files.message(&score_vqa(official, VqaRules::Official).unwrap_err())
    };
    assert!(refused(r#"[{"question_id": 1, "answer": "yes"}]"#).contains("1 of 2 have no result"));
    let rows = |ids: &[i64]| {
        json!(ids.iter().map(|id| json!({"question_id": id, "answer": "a"})).collect::<Vec<_>>())
    };
    assert!(refused(&rows(&[1, 2, 3]).to_string()).contains("question_id 3 is not in ann.json"));
    assert!(refused(&rows(&[1, 2, 2]).to_string()).contains("question_id 2 occurs twice"));
    assert!(refused("[1]").starts_with("res.json:1:2: invalid type: integer `1`"));
    let results = files.write_json("res.json", &rows(&[1]));
    let other = files.write("other.json", "{\"info\": {}}");
    let files_of = VqaFiles { questions: None, annotations: &other, results: &results };
    let error = score_vqa(files_of, VqaRules::Official).unwrap_err();
    assert_eq!(files.message(&error), "other.json:1:12: missing field `annotations`");
}

#[test]
fn detections_of_unknown_images_are_refused() {
    let files = Files::new();
    let dt = files
        .write("dt.json", r#"[{"image_id": -5, "category_id": 1, "bbox": [0,0,1,1], "score": 1}]"#);
    let error = score_detection(&golden("det_int_gt"), &dt, CategoryUse::Separate).unwrap_err();
    assert!(error.to_string().contains("image_id -5 is not in"));
    let dt = files
        .write("dt.json", r#"[{"image_id": 5, "category_id": 1, "bbox": [0,0,1], "score": 1}]"#);
    let error = score_detection(&golden("det_int_gt"), &dt, CategoryUse::Separate).unwrap_err();
    assert!(files.message(&error).starts_with("dt.json:1:"), "{error}");
    let nothing = files.write("dt.json", "[]");
    let found = score_detection(&golden("det_int_gt"), &nothing, CategoryUse::Separate).unwrap();
    assert_eq!(found.figure("AP"), Some(0.0));
}

#[test]
fn gates_pass_fail_and_know_the_names() {
    let mut table = ScoreTable::new(vec![]);
    table.set("cider_d", 0.9);
    table.set("nothing", f64::NAN);
    table.set_value("by_answer_type", AggregateValue::Table(vec![("yes/no".to_owned(), 0.5)]));
    let check = |text: &str| text.parse::<Gate>().unwrap().check(&table);
    assert_eq!(check("cider_d=0.9"), Ok(()));
    assert_eq!(check("by_answer_type.yes/no = 0.5"), Ok(()));
    assert_eq!(check("cider_d=1").unwrap_err().to_string(), "cider_d is 0.9, below 1");
    assert!(check("nothing=0").is_err());
    assert_eq!(
        check("cider=1").unwrap_err().to_string(),
        "there is no figure \"cider\"; there are: cider_d, nothing, by_answer_type.yes/no"
    );
    for wrong in ["cider_d", "cider_d=", "=1", "cider_d=high", "cider_d=NaN"] {
        assert!(wrong.parse::<Gate>().is_err(), "{wrong}");
    }
    assert_eq!(as_json(&table)["aggregate"]["nothing"], Value::Null);
    assert!(table.to_text().contains("by_answer_type.yes/no      0.5000"));
}

fn two_captions(files: &Files) -> TokenizedCaptions {
    let annotations = files.write_json("ann.json", &json!({
        "images": [{"id": 1}, {"id": 2}],
        "annotations": [{"image_id": 1, "id": 1, "caption": "A dog."}, {"image_id": 2, "id": 2, "caption": "a cat"}],
    }));
    let results = json!([{"image_id": 2, "caption": "x"}, {"image_id": 1, "caption": "The dog"}]);
    let results = files.write_json("res.json", &results);
    TokenizedCaptions::load(&annotations, &results, CaptionOptions::OFFICIAL).unwrap()
}

#[test]
fn spice_is_whatever_the_command_writes() {
    let files = Files::new();
    let captions = two_captions(&files);
    let script = files.write(
        "spice.sh",
        "grep -q '\"test\":\"the dog\"' \"$1\" && echo '[{\"image_id\": 2, \"scores\": {\"All\": {\"f\": null}}}, {\"image_id\": 1, \"scores\": {\"All\": {\"f\": 0.25}}}]' > \"$2\"\n",
    );
    let command = format!("sh {} {{input}} {{output}}", script.display()).parse().unwrap();
    let found = external::spice(&captions, &command, files.0.path()).unwrap();
    assert_eq!(found.aggregate, 0.25);
    assert!(found.items[0] == 0.25 && found.items[1].is_nan());
    let failing = "false {input} {output}".parse().unwrap();
    let error = external::spice(&captions, &failing, files.0.path()).unwrap_err();
    assert!(error.to_string().contains("where success was expected"), "{error}");
    assert!("java -jar spice.jar".parse::<external::SpiceCommand>().is_err());
}

#[test]
fn a_jar_that_is_not_there_is_an_error() {
    let files = Files::new();
    let captions = two_captions(&files);
    let error = external::meteor(&captions, Path::new("/nowhere/meteor-1.5.jar")).unwrap_err();
    assert!(error.to_string().starts_with("java -jar /nowhere/meteor-1.5.jar "), "{error}");
}
