//! Overlaps and referring expressions on the golden files.

use eyechart::score::grounding::{
    GroundedItem, grounding_scores, parse_lmms_eval_box, parse_qwen_vl_box,
};
use eyechart::score::overlap::{TruthKind, giou, giou_loss, iou, iou_pycocotools, iou_refer};
use serde_json::Value;

fn read(name: &str) -> Value {
    let path = format!("{}/fixtures/golden/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn four(value: &Value) -> [f64; 4] {
    serde_json::from_value(value.clone()).unwrap()
}

/// NaN is null in the file.
fn assert_same(found: f64, expected: &Value, pair: &Value) {
    match expected.as_f64() {
        Some(expected) => assert_eq!(found, expected, "{pair}"),
        None => assert!(found.is_nan(), "{pair}"),
    }
}

#[test]
fn overlaps_by_every_convention() {
    for pair in read("iou_pairs")["pairs"].as_array().unwrap() {
        let [a, b] = ["a_xyxy", "b_xyxy"].map(|key| four(&pair[key]));
        assert_same(iou(a, b), &pair["tv_iou_f64"], pair);
        assert_same(giou(a, b), &pair["tv_giou_f64"], pair);
        assert_same(giou_loss(a, b, 1e-7), &pair["tv_giou_loss_eps1e-7_f64"], pair);
        let [c, d] = [a, b].map(|corners| corners.map(|value| value as f32));
        assert_same(f64::from(iou(c, d)), &pair["tv_iou_f32"], pair);
        assert_same(f64::from(giou(c, d)), &pair["tv_giou_f32"], pair);
        assert_same(f64::from(giou_loss(c, d, 1e-7)), &pair["tv_giou_loss_eps1e-7_f32"], pair);
        let [a, b] = ["a_xywh", "b_xywh"].map(|key| four(&pair[key]));
        assert_same(iou_refer(a, b), &pair["refer_computeIoU"], pair);
        assert_same(iou_pycocotools(a, b, TruthKind::Single), &pair["pycocotools_iou"], pair);
        assert_same(
            iou_pycocotools(a, b, TruthKind::Crowd),
            &pair["pycocotools_iou_b_crowd"],
            pair,
        );
    }
}

#[test]
fn referring_expressions_equal_lmms_eval() {
    let golden = read("rec_grounding");
    let rows = golden["lmms_rows"].as_array().unwrap();
    let item =
        |row: &Value| GroundedItem { truth: four(&row["bbox"]), prediction: four(&row["pred"]) };
    let items: Vec<GroundedItem> = rows.iter().map(item).collect();
    let found = grounding_scores(&items);
    for (row, score) in rows.iter().zip(&found.items) {
        assert_eq!(Some(score.iou), row["iou"].as_f64());
        assert_eq!(Some(score.center_hit), row["center_acc"].as_bool());
    }
    let aggregate = &golden["lmms_aggregate"];
    assert_eq!(Some(found.mean_iou), aggregate["IoU"].as_f64());
    assert_eq!(Some(found.center_accuracy), aggregate["Center_ACC"].as_f64());
    for (threshold, accuracy) in ["0.1", "0.3", "0.5", "0.7", "0.9"].iter().zip(found.accuracy_at) {
        assert_eq!(Some(accuracy), aggregate[format!("ACC@{threshold}")].as_f64());
    }
}

#[test]
fn boxes_in_texts_equal_the_references() {
    let golden = read("rec_grounding");
    for row in golden["lmms_parse"].as_array().unwrap() {
        let found = parse_lmms_eval_box(row["text"].as_str().unwrap()).unwrap_or_default();
        assert_eq!(found, four(&row["lmms_parse"]), "{row}");
    }
    for row in golden["qwen_vl_parse_0_999_grid"].as_array().unwrap() {
        let found = parse_qwen_vl_box(row[0].as_str().unwrap()).unwrap_or_default();
        assert_eq!(found, four(&row[1]), "{row}");
    }
}
