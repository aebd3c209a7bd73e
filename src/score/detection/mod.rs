/*!
COCO mAP of boxes, as `cocodataset/cocoapi pycocotools/cocoeval.py` (`iouType="bbox"`).

Average precision over IoU thresholds .50 to .95 and 101 recall levels, and average recall, by size of
object and number of detections. The quirks are kept: a ground truth with id 0 never counts as
matched. Must not know files or models.
*/

mod accumulate;
mod matching;

use std::collections::HashMap;

use super::numpy::mean;
use super::overlap::TruthKind;
use accumulate::{Curves, accumulate};
use matching::{ImageOutcome, Scene, match_scene};

/// Number of IoU thresholds: .50, .55, ..., .95.
pub const IOU_THRESHOLDS: usize = 10;
/// Number of recall levels: 0, .01, ..., 1.
pub const RECALL_LEVELS: usize = 101;
/// How many detections of an image (and category) count.
pub const MAX_DETECTIONS: [usize; 3] = [1, 10, 100];
/// All sizes, small, medium, large: bounds of the area, both included.
pub const AREAS: [(f64, f64); 4] = [(0.0, 1e10), (0.0, 1024.0), (1024.0, 9216.0), (9216.0, 1e10)];

/// The names of [`DetectionScores::stats`], in order.
pub const STAT_NAMES: [&str; 12] =
    ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"];

/// A box that should be found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TruthBox {
    /// Id of the annotation.
    pub id: i64,
    /// Id of its image.
    pub image_id: i64,
    /// Id of its category.
    pub category_id: i64,
    /// x, y, width, height.
    pub bbox: [f64; 4],
    /// The annotation's own area (of its outline, usually), which decides its size.
    pub area: f64,
    /// One object or a crowd.
    pub kind: TruthKind,
}

/// A box that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// Id of its image.
    pub image_id: i64,
    /// Id of its category.
    pub category_id: i64,
    /// x, y, width, height.
    pub bbox: [f64; 4],
    /// Confidence.
    pub score: f64,
}

/// Whether a detection must have the category of what it finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CategoryUse {
    /// Yes (`useCats = 1`).
    Separate,
    /// No: all categories are one (`useCats = 0`).
    Pooled,
}

/// What detections are measured on.
#[derive(Debug, Clone, Default)]
pub struct DetectionTask {
    /// Ids of all images, those without boxes included.
    pub images: Vec<i64>,
    /// Ids of all categories.
    pub categories: Vec<i64>,
    /// All annotations; those of other images or categories are left out, as the reference does.
    pub truths: Vec<TruthBox>,
}

/// The figures of a set of detections.
#[derive(Debug, Clone)]
pub struct DetectionScores {
    /// pycocotools' twelve figures; -1 where nothing is to be found.
    pub stats: [f64; 12],
    /// Each category's, in order of ids; a single one with id -1 if categories are pooled.
    pub categories: Vec<CategoryScores>,
}

/// The figures of one category.
#[derive(Debug, Clone)]
pub struct CategoryScores {
    /// Id of the category.
    pub category_id: i64,
    /// Average precision over all thresholds, all sizes, 100 detections; -1 if nothing is to be found.
    pub average_precision: f64,
    /// The same at IoU .50.
    pub average_precision_50: f64,
    curves: Curves,
}

impl CategoryScores {
    /// Recall by threshold, size and number of detections; -1 if nothing is to be found.
    pub fn recall(&self, threshold: usize, area: usize, max_detections: usize) -> f64 {
        self.curves.recall(threshold, area, max_detections)
    }

    /// Precision at each recall level; all -1 if nothing is to be found.
    pub fn precision(&self, threshold: usize, area: usize, max_detections: usize) -> &[f64] {
        self.curves.precision(threshold, area, max_detections)
    }
}

/// The IoU thresholds, as `numpy.linspace` gives them.
pub fn iou_thresholds() -> [f64; IOU_THRESHOLDS] {
    linspace(0.5, 0.95)
}

/// The recall levels, as `numpy.linspace` gives them.
pub fn recall_levels() -> [f64; RECALL_LEVELS] {
    linspace(0.0, 1.0)
}

fn linspace<const N: usize>(start: f64, stop: f64) -> [f64; N] {
    let step = (stop - start) / (N - 1) as f64;
    std::array::from_fn(|i| if i + 1 == N { stop } else { i as f64 * step + start })
}

/// Evaluates detections. Those of unknown images or categories are left out.
pub fn evaluate(
    task: &DetectionTask,
    detections: &[Detection],
    category_use: CategoryUse,
) -> DetectionScores {
    let index = Index::new(task, category_use);
    let scenes = index.scenes(task, detections);
    let categories: Vec<CategoryScores> = index
        .category_ids
        .iter()
        .zip(scenes)
        .map(|(id, scenes)| category_scores(*id, &scenes))
        .collect();
    DetectionScores { stats: summarize(&categories), categories }
}

fn category_scores(category_id: i64, scenes: &[Scene]) -> CategoryScores {
    let outcomes: Vec<[ImageOutcome; AREAS.len()]> = scenes.iter().map(match_scene).collect();
    let curves = accumulate(scenes, &outcomes);
    let at = |thresholds: std::ops::Range<usize>| {
        let values = thresholds.flat_map(|threshold| curves.precision(threshold, 0, 2));
        mean_of_set(values.copied())
    };
    let (average_precision, average_precision_50) = (at(0..IOU_THRESHOLDS), at(0..1));
    CategoryScores { category_id, average_precision, average_precision_50, curves }
}

/// The mean of the values that are set; -1 if none is.
fn mean_of_set(values: impl Iterator<Item = f64>) -> f64 {
    let set: Vec<f64> = values.filter(|value| *value > -1.0).collect();
    if set.is_empty() { -1.0 } else { mean(&set) }
}

fn summarize(categories: &[CategoryScores]) -> [f64; 12] {
    let all = 0..IOU_THRESHOLDS;
    // Sums run over thresholds, then recall levels, then categories.
    let precision = |thresholds: std::ops::Range<usize>, area: usize| {
        mean_of_set(thresholds.flat_map(|threshold| {
            (0..RECALL_LEVELS).flat_map(move |level| {
                categories.iter().map(move |one| one.precision(threshold, area, 2)[level])
            })
        }))
    };
    let recall = |area: usize, max_detections: usize| {
        mean_of_set((0..IOU_THRESHOLDS).flat_map(|threshold| {
            categories.iter().map(move |one| one.recall(threshold, area, max_detections))
        }))
    };
    [
        precision(all.clone(), 0),
        precision(0..1, 0),
        precision(5..6, 0),
        precision(all.clone(), 1),
        precision(all.clone(), 2),
        precision(all, 3),
        recall(0, 0),
        recall(0, 1),
        recall(0, 2),
        recall(1, 2),
        recall(2, 2),
        recall(3, 2),
    ]
}

/// Positions of image and category ids in sorted order.
struct Index {
    category_use: CategoryUse,
    category_ids: Vec<i64>,
    images: HashMap<i64, usize>,
    categories: HashMap<i64, usize>,
}

impl Index {
    fn new(task: &DetectionTask, category_use: CategoryUse) -> Self {
        let (_, images) = sorted_positions(&task.images);
        let (ids, categories) = sorted_positions(&task.categories);
        let category_ids = match category_use {
            CategoryUse::Separate => ids,
            CategoryUse::Pooled => vec![-1],
        };
        Self { category_use, category_ids, images, categories }
    }

    /// For each category, the images with anything in them, in order of image ids.
    fn scenes(&self, task: &DetectionTask, detections: &[Detection]) -> Vec<Vec<Scene>> {
        let mut truths = self.sorted(&task.truths, |truth| (truth.image_id, truth.category_id));
        let mut found = self.sorted(detections, |one| (one.image_id, one.category_id));
        let mut scenes: Vec<Vec<Scene>> = self.category_ids.iter().map(|_| Vec::new()).collect();
        while let Some(key) = first_key(&truths, &found) {
            let truths = take_group(&mut truths, key);
            let found = take_group(&mut found, key);
            scenes[key.0].push(Scene::new(truths, found));
        }
        scenes
    }

    /// Known boxes, by category and image, and by order of the file within those.
    fn sorted<T: Copy>(&self, boxes: &[T], ids: impl Fn(&T) -> (i64, i64)) -> Keyed<T> {
        let place = |one: &T| {
            let (image, category) = ids(one);
            let (image, category) = (*self.images.get(&image)?, *self.categories.get(&category)?);
            Some(match self.category_use {
                CategoryUse::Separate => ((category, image), 0, *one),
                CategoryUse::Pooled => ((0, image), category, *one),
            })
        };
        let mut placed: Vec<_> = boxes.iter().filter_map(place).collect();
        placed.sort_by_key(|(key, category, _)| (*key, *category));
        // Taken from the end.
        placed.reverse();
        placed.into_iter().map(|(key, _, one)| (key, one)).collect()
    }
}

/// Boxes by (category, image), the first last.
type Keyed<T> = Vec<((usize, usize), T)>;

fn first_key(truths: &Keyed<TruthBox>, found: &Keyed<Detection>) -> Option<(usize, usize)> {
    let keys = [truths.last().map(|last| last.0), found.last().map(|last| last.0)];
    keys.into_iter().flatten().min()
}

fn take_group<T>(boxes: &mut Keyed<T>, key: (usize, usize)) -> Vec<T> {
    let mut group = Vec::new();
    while let Some((_, one)) = boxes.pop_if(|(other, _)| *other == key) {
        group.push(one);
    }
    group
}

fn sorted_positions(ids: &[i64]) -> (Vec<i64>, HashMap<i64, usize>) {
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let positions = sorted.iter().enumerate().map(|(position, id)| (*id, position)).collect();
    (sorted, positions)
}
