/*!
From the outcomes of all images to precision and recall, one category at a time.

Owns the curves; must not know how boxes were matched.
*/

use std::cmp::Ordering;

use super::matching::{ImageOutcome, Scene};
use super::{AREAS, IOU_THRESHOLDS, MAX_DETECTIONS, RECALL_LEVELS, recall_levels};

/// Precision and recall of one category, for every threshold, area and number of detections.
#[derive(Debug, Clone)]
pub(super) struct Curves {
    precision: Vec<[f64; RECALL_LEVELS]>,
    recall: Vec<f64>,
}

fn slot(threshold: usize, area: usize, max_detections: usize) -> usize {
    (threshold * AREAS.len() + area) * MAX_DETECTIONS.len() + max_detections
}

impl Curves {
    /// Where nothing is to be found.
    fn unset() -> Self {
        let slots = IOU_THRESHOLDS * AREAS.len() * MAX_DETECTIONS.len();
        Self { precision: vec![[-1.0; RECALL_LEVELS]; slots], recall: vec![-1.0; slots] }
    }

    pub(super) fn precision(&self, threshold: usize, area: usize, max_detections: usize) -> &[f64] {
        &self.precision[slot(threshold, area, max_detections)]
    }

    pub(super) fn recall(&self, threshold: usize, area: usize, max_detections: usize) -> f64 {
        self.recall[slot(threshold, area, max_detections)]
    }
}

/// Draws the curves of one category.
pub(super) fn accumulate(scenes: &[Scene], outcomes: &[[ImageOutcome; AREAS.len()]]) -> Curves {
    let mut curves = Curves::unset();
    let levels = recall_levels();
    for (index, limit) in MAX_DETECTIONS.into_iter().enumerate() {
        let ranked = ranking(scenes, limit);
        for area in 0..AREAS.len() {
            let to_find: usize = outcomes.iter().map(|image| image[area].to_find).sum();
            if to_find == 0 {
                continue;
            }
            let flags: Vec<Flags> =
                ranked.iter().map(|place| Flags::of(outcomes, *place, area)).collect();
            for threshold in 0..IOU_THRESHOLDS {
                let slot = slot(threshold, area, index);
                let curve = &mut curves.precision[slot];
                curves.recall[slot] = draw(&flags, 1 << threshold, to_find, &levels, curve);
            }
        }
    }
    curves
}

/// A detection's image and its place among the image's detections.
type Place = (u32, u32);

/// The detections that count, best score first; of equally good ones in order of images.
fn ranking(scenes: &[Scene], limit: usize) -> Vec<Place> {
    let mut ranked: Vec<(f64, Place)> = Vec::new();
    for (image, scene) in scenes.iter().enumerate() {
        for (position, detection) in scene.detections.iter().take(limit).enumerate() {
            ranked.push((detection.score, (image as u32, position as u32)));
        }
    }
    ranked.sort_by(|a, b| b.0.partial_cmp(&a.0).unwrap_or(Ordering::Equal));
    ranked.into_iter().map(|(_, place)| place).collect()
}

/// What became of one detection, one bit a threshold.
#[derive(Clone, Copy)]
struct Flags {
    matched: u16,
    ignored: u16,
}

impl Flags {
    fn of(outcomes: &[[ImageOutcome; AREAS.len()]], place: Place, area: usize) -> Self {
        let outcome = &outcomes[place.0 as usize][area];
        let position = place.1 as usize;
        Self { matched: outcome.matched[position], ignored: outcome.ignored[position] }
    }
}

/// Fills in the precision at each recall level and returns the recall that is reached.
fn draw(
    flags: &[Flags],
    threshold: u16,
    to_find: usize,
    levels: &[f64; RECALL_LEVELS],
    curve: &mut [f64; RECALL_LEVELS],
) -> f64 {
    let mut points = points(flags, threshold, to_find as f64);
    // Precision as the best that is still to come.
    let mut best = 0.0_f64;
    for (_, precision) in points.iter_mut().rev() {
        best = best.max(*precision);
        *precision = best;
    }
    let mut from = 0;
    for (level, value) in levels.iter().zip(curve) {
        from += points[from..].partition_point(|(recall, _)| recall < level);
        *value = points.get(from).map_or(0.0, |(_, precision)| *precision);
    }
    points.last().map_or(0.0, |(recall, _)| *recall)
}

/// Recall and precision after each detection that is not ignored.
fn points(flags: &[Flags], threshold: u16, to_find: f64) -> Vec<(f64, f64)> {
    let (mut hits, mut misses) = (0.0, 0.0);
    let counted = flags.iter().filter(|flags| flags.ignored & threshold == 0);
    let point = |flags: &Flags| {
        *(if flags.matched & threshold != 0 { &mut hits } else { &mut misses }) += 1.0;
        (hits / to_find, hits / (misses + hits + f64::EPSILON))
    };
    counted.map(point).collect()
}
