/*!
Which detection of one image finds which box: greedy, best score first.

Owns one image and one category; must not know the curves that are drawn from it.
*/

use std::cmp::Ordering;

use super::{
    AREAS, Detection, IOU_THRESHOLDS, MAX_DETECTIONS, TruthBox, TruthKind, iou_thresholds,
};
use crate::score::overlap::iou_pycocotools;

/// What is in one image, of one category.
#[derive(Debug)]
pub(super) struct Scene {
    truths: Vec<TruthBox>,
    /// Best score first, at most as many as may count.
    pub(super) detections: Vec<Detection>,
    /// Of each detection with each truth.
    ious: Vec<f64>,
}

impl Scene {
    pub(super) fn new(truths: Vec<TruthBox>, mut detections: Vec<Detection>) -> Self {
        detections.sort_by(|a, b| b.score.partial_cmp(&a.score).unwrap_or(Ordering::Equal));
        detections.truncate(MAX_DETECTIONS[2]);
        let pairs =
            detections.iter().flat_map(|found| truths.iter().map(move |truth| (found, truth)));
        let ious = pairs
            .map(|(found, truth)| iou_pycocotools(found.bbox, truth.bbox, truth.kind))
            .collect();
        Self { truths, detections, ious }
    }

    fn iou(&self, detection: usize, truth: usize) -> f64 {
        self.ious[detection * self.truths.len() + truth]
    }
}

/// A set of thresholds, one bit each.
type Thresholds = u16;

/// What became of the detections of one image, for one range of areas.
#[derive(Debug, Default)]
pub(super) struct ImageOutcome {
    /// At which thresholds each detection found something.
    pub(super) matched: Vec<Thresholds>,
    /// At which thresholds each detection does not count.
    pub(super) ignored: Vec<Thresholds>,
    /// How many boxes there are to find.
    pub(super) to_find: usize,
}

/// Matches the detections for each range of areas.
pub(super) fn match_scene(scene: &Scene) -> [ImageOutcome; AREAS.len()] {
    AREAS.map(|area| match_area(scene, area))
}

fn is_outside(value: f64, (low, high): (f64, f64)) -> bool {
    value < low || value > high
}

fn match_area(scene: &Scene, area: (f64, f64)) -> ImageOutcome {
    let is_ignored =
        |truth: &TruthBox| truth.kind == TruthKind::Crowd || is_outside(truth.area, area);
    let (mut order, last): (Vec<usize>, Vec<usize>) =
        (0..scene.truths.len()).partition(|truth| !is_ignored(&scene.truths[*truth]));
    let to_find = order.len();
    order.extend(last);
    let count = scene.detections.len();
    let mut outcome = ImageOutcome { matched: vec![0; count], ignored: vec![0; count], to_find };
    for (bit, threshold) in iou_thresholds().into_iter().enumerate() {
        match_at(scene, &order, threshold, 1 << bit, &mut outcome);
    }
    ignore_unmatched_outside(scene, area, &mut outcome);
    outcome
}

fn match_at(
    scene: &Scene,
    order: &[usize],
    threshold: f64,
    bit: Thresholds,
    outcome: &mut ImageOutcome,
) {
    let mut taken = vec![false; order.len()];
    for detection in 0..scene.detections.len() {
        let Some(place) = best_place(scene, order, &taken, detection, threshold, outcome.to_find)
        else {
            continue;
        };
        taken[place] = true;
        if place >= outcome.to_find {
            outcome.ignored[detection] |= bit;
        }
        // The reference stores the id it matched and takes 0 for "none".
        if scene.truths[order[place]].id != 0 {
            outcome.matched[detection] |= bit;
        }
    }
}

/// The place in `order` of the free truth that overlaps most; of equal ones the last. One that is
/// to be ignored is taken only if none that counts overlaps enough.
fn best_place(
    scene: &Scene,
    order: &[usize],
    taken: &[bool],
    detection: usize,
    threshold: f64,
    to_find: usize,
) -> Option<usize> {
    let mut best = None;
    let mut best_iou = threshold.min(1.0 - 1e-10);
    for (place, truth) in order.iter().enumerate() {
        if taken[place] && scene.truths[*truth].kind != TruthKind::Crowd {
            continue;
        }
        if place >= to_find && best.is_some_and(|best| best < to_find) {
            break;
        }
        let iou = scene.iou(detection, *truth);
        if iou >= best_iou {
            (best, best_iou) = (Some(place), iou);
        }
    }
    best
}

fn ignore_unmatched_outside(scene: &Scene, area: (f64, f64), outcome: &mut ImageOutcome) {
    const ALL: Thresholds = (1 << IOU_THRESHOLDS) - 1;
    for (position, detection) in scene.detections.iter().enumerate() {
        if is_outside(detection.bbox[2] * detection.bbox[3], area) {
            outcome.ignored[position] |= ALL & !outcome.matched[position];
        }
    }
}
