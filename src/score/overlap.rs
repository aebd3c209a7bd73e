/*!
How much two boxes overlap, by each reference's convention: the last digit and the treatment of
empty boxes differ between them.

Boxes are arrays here, `[x1, y1, x2, y2]` or `[x, y, width, height]`, because the references take
boxes that `PixelBox` refuses (inverted, empty). Must not know texts or models.
*/

use super::numpy::Float;

fn smaller<T: Float>(one: T, other: T) -> T {
    if other < one { other } else { one }
}

fn larger<T: Float>(one: T, other: T) -> T {
    if other > one { other } else { one }
}

fn area<T: Float>([x1, y1, x2, y2]: [T; 4]) -> T {
    (x2 - x1) * (y2 - y1)
}

fn intersection<T: Float>(a: [T; 4], b: [T; 4]) -> T {
    let zero = T::default();
    let width = smaller(a[2], b[2]) - larger(a[0], b[0]);
    let height = smaller(a[3], b[3]) - larger(a[1], b[1]);
    larger(zero, width) * larger(zero, height)
}

/// The smallest box around both.
fn hull<T: Float>(a: [T; 4], b: [T; 4]) -> [T; 4] {
    [smaller(a[0], b[0]), smaller(a[1], b[1]), larger(a[2], b[2]), larger(a[3], b[3])]
}

/// `iou`: continuous coordinates, `[x1, y1, x2, y2]`, as `torchvision.ops.box_iou` and the VLM
/// evaluators (lmms-eval in `f64`, Qwen-VL in `f32`); NaN where both boxes are empty.
///
/// intersection / (area + area - intersection), where a width is `x2 - x1`.
pub fn iou<T: Float>(a: [T; 4], b: [T; 4]) -> T {
    let shared = intersection(a, b);
    shared / (area(a) + area(b) - shared)
}

/// `giou`: `torchvision.ops.generalized_box_iou`; NaN where a denominator is 0.
///
/// iou - (C - union) / C, with C the area of the smallest box around both.
pub fn giou<T: Float>(a: [T; 4], b: [T; 4]) -> T {
    let shared = intersection(a, b);
    let union = area(a) + area(b) - shared;
    let around = hull(a, b);
    let zero = T::default();
    let around = larger(zero, around[2] - around[0]) * larger(zero, around[3] - around[1]);
    shared / union - (around - union) / around
}

/// `giou_loss`: `torchvision.ops.generalized_box_iou_loss`, 1 - GIoU with `epsilon` (1e-7 there)
/// added to both denominators, so that it is defined for empty boxes.
pub fn giou_loss<T: Float>(a: [T; 4], b: [T; 4], epsilon: T) -> T {
    let shared = intersection(a, b);
    let union = area(a) + area(b) - shared;
    let around = area(hull(a, b));
    let giou = shared / (union + epsilon) - (around - union) / (around + epsilon);
    T::from(1.0) - giou
}

/// `iou@refer`: the convention of `lichengunc/refer pyEvalDemo.ipynb`, `[x, y, width, height]`:
/// `x + width - 1` is the last pixel, both ends count, and boxes that share one row or column of
/// pixels do not overlap. NaN where both boxes are empty.
pub fn iou_refer(a: [f64; 4], b: [f64; 4]) -> f64 {
    let last = |start: f64, length: f64| start + length - 1.0;
    let (left, top) = (a[0].max(b[0]), a[1].max(b[1]));
    let right = last(a[0], a[2]).min(last(b[0], b[2]));
    let bottom = last(a[1], a[3]).min(last(b[1], b[3]));
    let overlap = left < right && top < bottom;
    let shared = if overlap { (right - left + 1.0) * (bottom - top + 1.0) } else { 0.0 };
    shared / (a[2] * a[3] + b[2] * b[3] - shared)
}

/// Whether a ground truth stands for a crowd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TruthKind {
    /// One object.
    Single,
    /// A region with many objects, which is not held against a detection inside it.
    Crowd,
}

/// `iou@pycocotools`: `pycocotools.mask.iou` of boxes `[x, y, width, height]`; 0 where they do not
/// overlap. Against a crowd the denominator is the detection's area alone.
pub fn iou_pycocotools(detection: [f64; 4], truth: [f64; 4], kind: TruthKind) -> f64 {
    let [a, b] = [detection, truth];
    let width = (a[2] + a[0]).min(b[2] + b[0]) - a[0].max(b[0]);
    let height = (a[3] + a[1]).min(b[3] + b[1]) - a[1].max(b[1]);
    if !(width > 0.0 && height > 0.0) {
        return 0.0;
    }
    let shared = width * height;
    let union = match kind {
        TruthKind::Crowd => a[2] * a[3],
        TruthKind::Single => a[2] * a[3] + b[2] * b[3] - shared,
    };
    shared / union
}
