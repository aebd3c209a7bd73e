//! COCO mAP on the golden files.

use eyechart::score::detection::{
    CategoryUse, Detection, DetectionTask, TruthBox, evaluate, iou_thresholds, recall_levels,
};
use eyechart::score::overlap::TruthKind;
use serde_json::Value;

fn read(name: &str) -> Value {
    let path = format!("{}/fixtures/golden/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn numbers<const N: usize>(value: &Value) -> [f64; N] {
    serde_json::from_value::<Vec<f64>>(value.clone()).unwrap().try_into().unwrap()
}

fn ids(value: &Value) -> Vec<i64> {
    value.as_array().unwrap().iter().map(|one| one["id"].as_i64().unwrap()).collect()
}

fn truth(one: &Value) -> TruthBox {
    let kind = if one["iscrowd"] == 1 { TruthKind::Crowd } else { TruthKind::Single };
    TruthBox {
        id: one["id"].as_i64().unwrap(),
        image_id: one["image_id"].as_i64().unwrap(),
        category_id: one["category_id"].as_i64().unwrap(),
        bbox: numbers(&one["bbox"]),
        area: one["area"].as_f64().unwrap(),
        kind,
    }
}

fn detection(one: &Value) -> Detection {
    Detection {
        image_id: one["image_id"].as_i64().unwrap(),
        category_id: one["category_id"].as_i64().unwrap(),
        bbox: numbers(&one["bbox"]),
        score: one["score"].as_f64().unwrap(),
    }
}

fn load(name: &str) -> (DetectionTask, Vec<Detection>) {
    let gt = read(&format!("{name}_gt"));
    let dt = read(&format!("{name}_dt"));
    let task = DetectionTask {
        images: ids(&gt["images"]),
        categories: ids(&gt["categories"]),
        truths: gt["annotations"].as_array().unwrap().iter().map(truth).collect(),
    };
    (task, dt.as_array().unwrap().iter().map(detection).collect())
}

fn check(name: &str) {
    let expected = read(&format!("{name}_expected"));
    assert_eq!(iou_thresholds(), numbers(&expected["iouThrs"]));
    assert_eq!(recall_levels(), numbers(&expected["recThrs"]));
    let (task, detections) = load(name);
    let found = evaluate(&task, &detections, CategoryUse::Separate);
    assert_eq!(found.stats, numbers(&expected["stats"]), "{name}");
    for (k, category) in found.categories.iter().enumerate() {
        let at = |key: &str| expected[key][k].as_f64().unwrap();
        assert_eq!(Some(category.category_id), expected["catIds"][k].as_i64());
        assert_eq!(category.average_precision, at("AP_per_category_area_all_maxdet100"));
        assert_eq!(category.average_precision_50, at("AP50_per_category"));
        for (t, row) in expected["recall_TxKxAxM"].as_array().unwrap().iter().enumerate() {
            for a in 0..4 {
                let recall: [f64; 3] = std::array::from_fn(|m| category.recall(t, a, m));
                assert_eq!(recall, numbers(&row[k][a]), "{name}, category {k}");
            }
        }
    }
    let curves = &expected["precision_t0_t5_first_category_all_100"];
    for (row, t) in [0, 5].into_iter().enumerate() {
        let precision: [f64; 101] = numbers(&curves[row]);
        assert_eq!(found.categories[0].precision(t, 0, 2), precision);
    }
}

#[test]
fn figures_equal_pycocotools() {
    check("det_int");
    check("det_edge");
}

#[test]
fn pooled_categories_equal_pycocotools() {
    let (task, detections) = load("det_int");
    let found = evaluate(&task, &detections, CategoryUse::Pooled);
    let expected = read("det_int_expected_useCats0");
    assert_eq!(found.stats, numbers(&expected["stats"]));
}

#[test]
fn nothing_at_all_gives_the_references_minus_one() {
    let nothing = evaluate(&DetectionTask::default(), &[], CategoryUse::Separate);
    assert_eq!(nothing.stats, [-1.0; 12]);
}
