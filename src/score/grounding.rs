/*!
Referring expressions: one box predicted for one box meant.

`Acc@t` is the share of items with IoU >= t; also the mean IoU and the share of predictions whose
centre lies in the true box, as `EvolvingLMMs-Lab/lmms-eval tasks/refcoco/utils_rec.py`. Must not
know files or models.
*/

use std::sync::LazyLock;

use regex::Regex;

use super::numpy::mean_left_to_right;
use super::overlap::iou;
use super::python_text::{decimals_to_ascii, parse_float};

/// The thresholds of `Acc@t` that lmms-eval reports.
pub const THRESHOLDS: [f64; 5] = [0.1, 0.3, 0.5, 0.7, 0.9];

/// One prediction and what was meant, both `[x1, y1, x2, y2]` in the same frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroundedItem {
    /// The true box.
    pub truth: [f64; 4],
    /// The predicted box; lmms-eval and Qwen-VL take all zeros where none could be read.
    pub prediction: [f64; 4],
}

/// The scores of one item.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroundedScore {
    /// Continuous IoU; 0 for two empty boxes, where the references divide by zero.
    pub iou: f64,
    /// Whether the prediction's centre lies in the true box, edges included.
    pub center_hit: bool,
}

/// Scores of many items.
#[derive(Debug, Clone, PartialEq)]
pub struct GroundingScores {
    /// Each item's.
    pub items: Vec<GroundedScore>,
    /// Mean IoU; NaN for no items.
    pub mean_iou: f64,
    /// Share of items with IoU >= t, for each of [`THRESHOLDS`].
    pub accuracy_at: [f64; THRESHOLDS.len()],
    /// Share of predictions with their centre in the true box.
    pub center_accuracy: f64,
}

/// Scores one item.
pub fn grounded_score(item: &GroundedItem) -> GroundedScore {
    let overlap = iou(item.truth, item.prediction);
    GroundedScore {
        iou: if overlap.is_nan() { 0.0 } else { overlap },
        center_hit: contains_center(item.truth, item.prediction),
    }
}

/// Scores items, in order: means are plain sums from left to right.
pub fn grounding_scores(items: &[GroundedItem]) -> GroundingScores {
    let items: Vec<GroundedScore> = items.iter().map(grounded_score).collect();
    let ious: Vec<f64> = items.iter().map(|item| item.iou).collect();
    GroundingScores {
        mean_iou: mean_left_to_right(&ious),
        accuracy_at: THRESHOLDS.map(|threshold| share(&items, |item| item.iou >= threshold)),
        center_accuracy: share(&items, |item| item.center_hit),
        items,
    }
}

/// Whether a box's centre lies in another one, edges included; both `[x1, y1, x2, y2]`.
pub(super) fn contains_center(truth: [f64; 4], prediction: [f64; 4]) -> bool {
    let x = (prediction[0] + prediction[2]) / 2.0;
    let y = (prediction[1] + prediction[3]) / 2.0;
    (truth[0]..=truth[2]).contains(&x) && (truth[1]..=truth[3]).contains(&y)
}

fn share(items: &[GroundedScore], holds: impl Fn(&GroundedScore) -> bool) -> f64 {
    items.iter().filter(|item| holds(item)).count() as f64 / items.len() as f64
}

static LMMS_BOX: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let number = r"(-?\d+(?:\.\d+)?)";
    Regex::new(&format!(r"\[\s*{number},\s*{number},\s*{number},\s*{number}\s*\]")).ok()
});

/// The first `[a, b, c, d]` in a text, as lmms-eval reads it: no exponents, nothing between a
/// number and its comma. lmms-eval goes on with four zeros where this finds nothing.
pub fn parse_lmms_eval_box(text: &str) -> Option<[f64; 4]> {
    let found = LMMS_BOX.as_ref()?.captures(text)?;
    let number = |group: usize| decimals_to_ascii(&found[group]).parse().ok();
    Some([number(1)?, number(2)?, number(3)?, number(4)?])
}

static QWEN_VL_BOX: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\((.*?)\),\((.*?)\)").ok());

/// The first `(x1,y1),(x2,y2)` in a text, as `QwenLM/Qwen-VL eval_mm/evaluate_grounding.py` reads it.
/// It goes on with four zeros where this finds nothing.
pub fn parse_qwen_vl_box(text: &str) -> Option<[f64; 4]> {
    let found = QWEN_VL_BOX.as_ref()?.captures(text)?;
    let (x1, y1) = parse_point(&found[1])?;
    let (x2, y2) = parse_point(&found[2])?;
    Some([x1, y1, x2, y2])
}

fn parse_point(text: &str) -> Option<(f64, f64)> {
    let (x, y) = text.split_once(',')?;
    Some((parse_float(x)?, parse_float(y)?))
}
