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
        refused("{\n \"data\": [\n  {\"questionId\": 1, \"answers\": {}}\n ]\n}"),
        "q.json: question_id 1 has no answers that are texts or numbers, so nothing can be compared \
         with it"
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

fn scorer(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/oracle/scorers").join(name)
}

#[test]
fn captions_are_scored_by_a_clip_checkpoint() {
    let files = Files::new();
    let folder = files.0.path().join("pictures");
    std::fs::create_dir(&folder).unwrap();
    let oracle = read(&scorer("clip").join("oracle.json"));
    let (mut candidates, mut references) = (serde_json::Map::new(), serde_json::Map::new());
    for one in oracle["scores"].as_array().unwrap() {
        let file = one["file"].as_str().unwrap();
        let pictures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/oracle/pictures");
        std::fs::copy(pictures.join(file), folder.join(file)).unwrap();
        let id = file.strip_suffix(".png").unwrap().to_owned();
        candidates.insert(id.clone(), one["caption"].clone());
        references.insert(id, one["references"].clone());
    }
    let candidates = files.write_json("candidates.json", &Value::Object(candidates));
    let references = files.write_json("references.json", &Value::Object(references));
    let captions =
        CaptionFiles { candidates: &candidates, images: &folder, references: Some(&references) };
    let found = as_json(&score_clip(&scorer("clip"), captions).unwrap());
    // The order of a JSON object in Rust's tests is that of its keys.
    let mut sums = [0.0; 2];
    for item in found["items"].as_array().unwrap() {
        let expected =
            oracle["scores"].as_array().unwrap().iter().find(|one| {
                one["file"].as_str().unwrap().strip_suffix(".png") == item["id"].as_str()
            });
        for (sum, name) in sums.iter_mut().zip(["clip_score", "ref_clip_score"]) {
            let (found, expected) = (&item[name], &expected.unwrap()[name]);
            let difference = found.as_f64().unwrap() - expected.as_f64().unwrap();
            assert!(difference.abs() < 1e-4, "{name} of {item}: {expected}");
            *sum += found.as_f64().unwrap();
        }
    }
    let mean = found["aggregate"]["ref_clip_score"].as_f64().unwrap();
    assert!((mean - sums[1] / 4.0).abs() < 1e-12);

    // The official script needs a caption for each picture, and a picture is needed for each caption.
    let refused = |captions: Value| {
        let candidates = files.write_json("other.json", &captions);
        let captions = CaptionFiles { candidates: &candidates, images: &folder, references: None };
        let message = score_clip(&scorer("clip"), captions).unwrap_err().to_string();
        message.replace(&format!("{}/", files.0.path().display()), "")
    };
    let all = json!({"square": "a", "tall": "b", "wide": "c", "edges": "d"});
    let mut more = all.clone();
    more["round"] = json!("e");
    let mut fewer = all;
    fewer.as_object_mut().unwrap().remove("tall");
    insta::assert_snapshot!([refused(fewer), refused(more), refused(json!({}))].join("\n"));
}

#[test]
fn answers_are_compared_with_references_by_an_encoder() {
    let files = Files::new();
    let oracle = read(&scorer("sentences").join("oracle.json"));
    let pairs = oracle["pairs"].as_array().unwrap();
    let rows = |row: &dyn Fn(usize, &Value) -> Value| {
        let rows = pairs.iter().enumerate().map(|(id, pair)| row(id, pair));
        rows.collect::<Vec<Value>>()
    };
    let truths = rows(&|id, pair| json!({"question_id": id, "answers": pair["references"]}));
    let answers = rows(&|id, pair| json!({"question_id": id, "answer": pair["text"]}));
    let annotations = files.write_json("a.json", &json!(truths));
    let results = files.write_json("r.json", &json!(answers));
    let found = as_json(&score_similarity(&scorer("sentences"), &annotations, &results).unwrap());
    for (item, pair) in found["items"].as_array().unwrap().iter().zip(pairs) {
        let found = item["sentence_similarity"].as_f64().unwrap();
        let expected = pair["similarity"].as_f64().unwrap();
        assert!((found - expected).abs() < 1e-4, "{item}: {pair}");
    }
    let error = score_similarity(&scorer("clip"), &annotations, &results).unwrap_err();
    assert!(error.to_string().ends_with("is a CLIP checkpoint, expected an encoder of sentences"));
}

/// Two questions of MMBench, the first with a rotation: three rows, each answered by its letter.
#[test]
fn a_question_counts_only_with_all_its_rotations() {
    let files = Files::new();
    let head = "index\tquestion\tA\tB\tC\tD\tanswer\tcategory\n";
    let table = format!(
        "{head}1\tWhich?\tred\tblue\t\t\tA\tcolour\n1000001\tWhich?\tblue\tred\t\t\tB\tcolour\n\
         2\tHow many?\tone\ttwo\tthree\t\tC\tcount\n"
    );
    let annotations = files.write("mmbench.tsv", &table);
    let score = |answers: [&str; 3]| {
        let rows = [1, 1_000_001, 2].iter().zip(answers);
        let rows: Vec<Value> =
            rows.map(|(index, text)| json!({"index": index, "prediction": text})).collect();
        let results = files.write_json("r.json", &json!(rows));
        as_json(&score_choices(&annotations, &results, ChoiceRules::MmBench).unwrap())
    };
    let aggregate = &score(["A", "B", "The answer is C."])["aggregate"];
    assert_eq!((&aggregate["circular"], &aggregate["vanilla"]), (&json!(1.0), &json!(1.0)));
    // The rotation is wrong, and the third says nothing that can be read.
    let found = score(["(A) red", "A", "cannot tell"]);
    let aggregate = &found["aggregate"];
    assert_eq!((&aggregate["circular"], &aggregate["vanilla"]), (&json!(0.0), &json!(0.5)));
    assert_eq!(aggregate["mmbench"], json!(1.0 / 3.0));
    assert_eq!((&aggregate["unread"], &aggregate["by_task"]["colour"]), (&json!(1.0), &json!(0.5)));
    assert_eq!(found["items"][1], json!({"id": 1_000_001, "correct": 0.0}));
}

#[test]
fn blink_and_muirbench_as_their_scripts_and_lmms_eval() {
    let files = Files::new();
    let blink = [
        json!({"idx": "val_1", "sub_task": "Counting", "choices": ["1", "2"], "answer": "(B)"}),
        json!({"idx": "val_2", "sub_task": "Counting", "choices": ["1", "2"], "answer": "(A)"}),
        json!({"idx": "val_3", "sub_task": "Depth", "choices": ["near", "far"], "answer": "(A)"}),
    ];
    let lines: Vec<String> = blink.iter().map(Value::to_string).collect();
    let annotations = files.write("blink.jsonl", &lines.join("\n"));
    let answers = json!([{"idx": "val_1", "prediction": "(B)"}, {"idx": "val_2", "prediction": "A."},
                         {"idx": "val_3", "prediction": "(A)"}]);
    let results = files.write_json("r.json", &answers);
    let score = |rules| as_json(&score_choices(&annotations, &results, rules).unwrap());
    let official = &score(ChoiceRules::Blink)["aggregate"];
    // Only the bare bracketed letter counts: one of two, and one of one.
    assert_eq!(official["blink"], json!(2.0 / 3.0));
    assert_eq!(official["accuracy_over_tasks"], json!(0.75));
    assert_eq!(score(ChoiceRules::BlinkLmmsEval)["aggregate"]["blink@lmms-eval"], json!(1.0));

    let muirbench = json!([{"idx": "1", "task": "Ordering", "options": ["x", "y"], "answer": "B"}]);
    let annotations = files.write_json("muirbench.json", &muirbench);
    let results = files.write_json("m.json", &json!([{"idx": "1", "response": "It is (B)"}]));
    let score = |rules| as_json(&score_choices(&annotations, &results, rules).unwrap());
    assert_eq!(score(ChoiceRules::MuirBench)["aggregate"]["muirbench"], json!(1.0));
    let lmms_eval = &score(ChoiceRules::MuirBenchLmmsEval)["aggregate"];
    assert_eq!(lmms_eval["muirbench@lmms-eval"], json!(0.0));

    let wrong = files.write_json("w.json", &json!([{"idx": "1", "options": ["x"], "answer": "B"}]));
    let error = score_choices(&wrong, &results, ChoiceRules::MuirBench).unwrap_err();
    assert_eq!(
        files.message(&error),
        "w.json: id 1 has no letter of one of its options as `answer`, so nothing can be compared \
         with it"
    );
}

#[test]
fn sentences_of_the_official_pickles() {
    let files = Files::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/datasets/ok/refcoco");
    let (refs, instances) = (folder.join("refs(unc).p"), folder.join("instances.json"));
    let refer = ReferFiles { refs: &refs, instances: &instances, split: "val" };
    // The box is x 1.5, y 2, width 4, height 3.25; the second prediction covers its left half.
    let results = json!([{"sent_id": 0, "bbox": [1.5, 2, 5.5, 5.25]},
                         {"sent_id": 1, "bbox": [1.5, 2, 3.5, 5.25]}]);
    let results = files.write_json("r.json", &results);
    let answers = AnswerBoxes::LmmsEval;
    let table = score_refer_answers(refer, &results, BoxFormat::Corners, answers).unwrap();
    let found = as_json(&table);
    assert_eq!(found["items"][0]["iou"], json!(1.0));
    assert_eq!(found["items"][1], json!({"id": 1, "iou": 0.5, "center_hit": 1.0}));
    assert_eq!(found["aggregate"]["mean_iou"], json!(0.75));
    // The instances tell the picture's size, so answers in a family's notation are read too:
    // thousandths of 8 x 6 pixels.
    let answer = r#"[{"bbox_2d": [187.5, 333.333333, 687.5, 875.0]}]"#;
    let said = json!([{"sent_id": 0, "answer": answer}, {"sent_id": 1, "answer": "no"}]);
    let results = files.write_json("s.json", &said);
    let answers = AnswerBoxes::Notation(BoxNotation::Qwen3Vl);
    let table = score_refer_answers(refer, &results, BoxFormat::Corners, answers).unwrap();
    let found = as_json(&table);
    let iou = found["items"][0]["iou"].as_f64().unwrap();
    assert!((iou - 1.0).abs() < 1e-6, "{iou}");
    assert_eq!(found["aggregate"]["unread"], json!(1.0));
    let no_such = ReferFiles { split: "train", ..refer };
    let error = score_refer_answers(no_such, &results, BoxFormat::Corners, answers).unwrap_err();
    assert!(error.to_string().contains("sentences of this split"), "{error}");
}

/// A `java` that is asked as METEOR is: it answers a `SCORE` line with how many words the candidate
/// has, and an `EVAL` line with a score for each image and one for all.
#[cfg(unix)]
const JAVA: &str = r#"#!/bin/sh
[ "$*" = "-jar -Xmx2G meteor-1.5.jar - - -stdio -l en -norm" ] || exit 9
while IFS= read -r line; do
    case "$line" in
        "SCORE ||| "*) candidate="${line##* ||| }"; set -- $candidate; echo "$#.0 1.0" ;;
        "EVAL ||| "*) printf '%s\n' 0.25 0.5 0.4 ;;
    esac
done
"#;

/// The same jar gives pycocoevalcap's figures to the last bit; this holds the talk with it.
#[cfg(unix)]
#[test]
fn meteor_is_spoken_to_as_its_wrapper_does() {
    use std::os::unix::fs::PermissionsExt;
    let files = Files::new();
    let java = files.write("java", JAVA);
    std::fs::set_permissions(&java, std::fs::Permissions::from_mode(0o755)).unwrap();
    let jar = files.write("meteor-1.5.jar", "");
    let annotations = files.write_json(
        "a.json",
        &json!({"images": [{"id": 1}, {"id": 2}], "annotations": [
            {"image_id": 1, "id": 1, "caption": "A dog."}, {"image_id": 2, "id": 2, "caption": "Two cats."}
        ]}),
    );
    let results = files.write_json(
        "r.json",
        &json!([{"image_id": 1, "caption": "a dog"}, {"image_id": 2, "caption": "cats"}]),
    );
    let path = format!("{}:{}", files.0.path().display(), std::env::var("PATH").unwrap());
    let said = std::process::Command::new(env!("CARGO_BIN_EXE_eyechart"))
        .args(["score", "coco-caption", "--format", "json", "--annotations"])
        .arg(&annotations)
        .arg("--results")
        .arg(&results)
        .arg("--meteor-jar")
        .arg(&jar)
        .env("PATH", path)
        .output()
        .unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let found: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(found["aggregate"]["meteor_1.5"], json!(0.4));
    assert_eq!(found["items"][0]["meteor_1.5"], json!(0.25));
    assert_eq!(found["items"][1]["meteor_1.5"], json!(0.5));
}
