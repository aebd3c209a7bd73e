/*!
COCO detection: `instances_val2017.json` and a list of detections, as `pycocotools` loads them.

Must not know how precision is averaged.
*/

use std::collections::HashSet;
use std::path::Path;

use serde::Deserialize;

use super::ids::IdSource;
use super::{AggregateValue, OfflineError, ScoreTable, files};
use crate::score::detection::{
    CategoryUse, Detection, DetectionTask, STAT_NAMES, TruthBox, evaluate,
};
use crate::score::overlap::TruthKind;

#[derive(Deserialize)]
struct InstanceFile {
    images: Vec<WithId>,
    categories: Vec<WithId>,
    annotations: Vec<Instance>,
}

#[derive(Deserialize)]
struct WithId {
    id: i64,
}

#[derive(Deserialize)]
struct Instance {
    id: i64,
    image_id: i64,
    category_id: i64,
    bbox: [f64; 4],
    area: f64,
    #[serde(default)]
    iscrowd: i64,
}

#[derive(Deserialize)]
struct Found {
    image_id: i64,
    category_id: i64,
    bbox: [f64; 4],
    score: f64,
}

/// pycocotools' twelve figures as `stats` and by name, and the average precision of each category as
/// the items.
pub fn score_detection(
    annotations: &Path,
    results: &Path,
    category_use: CategoryUse,
) -> Result<ScoreTable, OfflineError> {
    let task = load_task(annotations)?;
    let found: Vec<Found> = files::parse(results, &files::read(results)?)?;
    let known: HashSet<i64> = task.images.iter().copied().collect();
    if let Some(unknown) = found.iter().find(|one| !known.contains(&one.image_id)) {
        let source = IdSource { results, annotations, what: "image_id" };
        return Err(source.unknown(unknown.image_id));
    }
    let detections: Vec<Detection> = found.iter().map(Found::detection).collect();
    let scores = evaluate(&task, &detections, category_use);
    let mut table = ScoreTable::new(vec!["ap", "ap_50"]);
    table.set_value("stats", AggregateValue::List(scores.stats.to_vec()));
    for (name, value) in STAT_NAMES.into_iter().zip(scores.stats) {
        table.set(name, value);
    }
    for one in &scores.categories {
        table.push_item(one.category_id, [one.average_precision, one.average_precision_50]);
    }
    Ok(table)
}

fn load_task(path: &Path) -> Result<DetectionTask, OfflineError> {
    let file: InstanceFile = files::parse(path, &files::read(path)?)?;
    let mut seen = HashSet::with_capacity(file.annotations.len());
    if let Some(twice) = file.annotations.iter().find(|one| !seen.insert(one.id)) {
        let id = twice.id.into();
        return Err(OfflineError::Duplicate { path: path.to_owned(), what: "annotation id", id });
    }
    let ids = |list: &[WithId]| list.iter().map(|one| one.id).collect();
    Ok(DetectionTask {
        images: ids(&file.images),
        categories: ids(&file.categories),
        truths: file.annotations.iter().map(Instance::truth).collect(),
    })
}

impl Instance {
    fn truth(&self) -> TruthBox {
        let Self { id, image_id, category_id, bbox, area, iscrowd } = *self;
        let kind = if iscrowd == 0 { TruthKind::Single } else { TruthKind::Crowd };
        TruthBox { id, image_id, category_id, bbox, area, kind }
    }
}

impl Found {
    fn detection(&self) -> Detection {
        let Self { image_id, category_id, bbox, score } = *self;
        Detection { image_id, category_id, bbox, score }
    }
}
