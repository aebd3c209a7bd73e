//! A box that is known to be one, its area, and how far two of them overlap.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::PixelSize;

/// A box in pixels of the original picture: finite, `x1 < x2`, `y1 < y2`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "[f64; 4]", into = "[f64; 4]")]
pub struct PixelBox {
    x1: f64,
    y1: f64,
    x2: f64,
    y2: f64,
}

/// Why four numbers are not a box.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum GeometryError {
    /// A coordinate is infinite or not a number.
    #[error("a coordinate of ({}) is not a finite number", join(.0))]
    NotFinite([f64; 4]),
    /// The right edge is not right of the left one.
    #[error("x2 = {x2} is not greater than x1 = {x1}")]
    NoWidth {
        /// Left edge.
        x1: f64,
        /// Right edge.
        x2: f64,
    },
    /// The bottom edge is not below the top one.
    #[error("y2 = {y2} is not greater than y1 = {y1}")]
    NoHeight {
        /// Top edge.
        y1: f64,
        /// Bottom edge.
        y2: f64,
    },
}

impl PixelBox {
    /// A box from its left, top, right and bottom edges.
    pub fn new(x1: f64, y1: f64, x2: f64, y2: f64) -> Result<Self, GeometryError> {
        let edges = [x1, y1, x2, y2];
        if !edges.iter().all(|edge| edge.is_finite()) {
            return Err(GeometryError::NotFinite(edges));
        }
        if x1 >= x2 {
            return Err(GeometryError::NoWidth { x1, x2 });
        }
        if y1 >= y2 {
            return Err(GeometryError::NoHeight { y1, y2 });
        }
        Ok(Self { x1, y1, x2, y2 })
    }

    /// Left edge.
    pub fn x1(&self) -> f64 {
        self.x1
    }

    /// Top edge.
    pub fn y1(&self) -> f64 {
        self.y1
    }

    /// Right edge.
    pub fn x2(&self) -> f64 {
        self.x2
    }

    /// Bottom edge.
    pub fn y2(&self) -> f64 {
        self.y2
    }

    /// Left, top, right, bottom.
    pub fn edges(&self) -> [f64; 4] {
        [self.x1, self.y1, self.x2, self.y2]
    }

    /// Whether no part of it is beyond a picture of this size.
    pub fn is_within(&self, size: PixelSize) -> bool {
        self.x1 >= 0.0
            && self.y1 >= 0.0
            && self.x2 <= f64::from(size.width)
            && self.y2 <= f64::from(size.height)
    }
}

impl TryFrom<[f64; 4]> for PixelBox {
    type Error = GeometryError;

    fn try_from([x1, y1, x2, y2]: [f64; 4]) -> Result<Self, GeometryError> {
        Self::new(x1, y1, x2, y2)
    }
}

impl From<PixelBox> for [f64; 4] {
    fn from(bounds: PixelBox) -> Self {
        bounds.edges()
    }
}

impl fmt::Display for PixelBox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({})", join(&self.edges()))
    }
}

/// The area of a box in square pixels.
pub fn area(bounds: &PixelBox) -> f64 {
    (bounds.x2 - bounds.x1) * (bounds.y2 - bounds.y1)
}

/// Intersection over union, from 0 (apart, or only touching) to 1 (the same box).
///
/// Equal to torchvision's `box_iou` in `f64`, and to pycocotools' `iou` up to the rounding in its
/// `x + w`.
pub fn iou(a: &PixelBox, b: &PixelBox) -> f64 {
    let width = (a.x2.min(b.x2) - a.x1.max(b.x1)).max(0.0);
    let height = (a.y2.min(b.y2) - a.y1.max(b.y1)).max(0.0);
    let intersection = width * height;
    if intersection == 0.0 {
        return 0.0;
    }
    intersection / (area(a) + area(b) - intersection)
}

fn join(edges: &[f64; 4]) -> String {
    let [x1, y1, x2, y2] = edges;
    format!("{x1}, {y1}, {x2}, {y2}")
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Golden {
        pairs: Vec<Pair>,
    }

    #[derive(Deserialize)]
    struct Pair {
        a_xywh: [f64; 4],
        b_xywh: [f64; 4],
        pycocotools_iou: f64,
        a_xyxy: [f64; 4],
        b_xyxy: [f64; 4],
        tv_iou_f64: Option<f64>,
    }

    impl Pair {
        fn iou(&self) -> Option<f64> {
            let a = PixelBox::try_from(self.a_xyxy).ok()?;
            let b = PixelBox::try_from(self.b_xyxy).ok()?;
            Some(iou(&a, &b))
        }

        /// Whether `x + w - x` gives back `w` for both boxes: then pycocotools, which works on
        /// `xywh`, and we, who work on `xyxy`, start from the same numbers.
        fn survives_conversion(&self) -> bool {
            let same = |xywh: &[f64; 4], xyxy: &[f64; 4]| {
                xyxy[2] - xyxy[0] == xywh[2] && xyxy[3] - xyxy[1] == xywh[3]
            };
            same(&self.a_xywh, &self.a_xyxy) && same(&self.b_xywh, &self.b_xyxy)
        }
    }

    fn golden() -> Vec<Pair> {
        let text = include_str!("../../fixtures/golden/iou_pairs.json");
        serde_json::from_str::<Golden>(text).unwrap().pairs
    }

    #[test]
    fn iou_equals_torchvision_in_f64_bit_for_bit() {
        let mut compared = 0;
        for pair in golden() {
            if let Some(ours) = pair.iou() {
                assert_eq!(Some(ours.to_bits()), pair.tv_iou_f64.map(f64::to_bits));
                compared += 1;
            }
        }
        assert!(compared > 200, "only {compared} pairs were comparable");
    }

    #[test]
    fn iou_equals_pycocotools_bit_for_bit_where_both_start_from_the_same_numbers() {
        let mut compared = 0;
        for pair in golden().iter().filter(|pair| pair.survives_conversion()) {
            if let Some(ours) = pair.iou() {
                assert_eq!(ours.to_bits(), pair.pycocotools_iou.to_bits());
                compared += 1;
            }
        }
        assert!(compared > 50, "only {compared} pairs were comparable");
    }

    #[derive(Deserialize)]
    struct Grounding {
        lmms_rows: Vec<Row>,
    }

    #[derive(Deserialize)]
    struct Row {
        bbox: [f64; 4],
        pred: [f64; 4],
        iou: f64,
    }

    #[test]
    fn iou_equals_lmms_eval_bit_for_bit() {
        let text = include_str!("../../fixtures/golden/rec_grounding.json");
        let rows = serde_json::from_str::<Grounding>(text).unwrap().lmms_rows;
        let mut compared = 0;
        for Row { bbox, pred, iou: theirs } in rows {
            if let (Ok(truth), Ok(found)) = (PixelBox::try_from(bbox), PixelBox::try_from(pred)) {
                assert_eq!(iou(&truth, &found).to_bits(), theirs.to_bits());
                compared += 1;
            }
        }
        assert!(compared > 100, "only {compared} rows were comparable");
    }

    #[test]
    fn what_is_no_box_says_why() {
        let say = |x1, y1, x2, y2| PixelBox::new(x1, y1, x2, y2).unwrap_err().to_string();
        assert_eq!(say(5.0, 0.0, 5.0, 1.0), "x2 = 5 is not greater than x1 = 5");
        assert_eq!(say(0.0, 3.5, 1.0, 2.0), "y2 = 2 is not greater than y1 = 3.5");
        assert_eq!(
            say(0.0, f64::NAN, 1.0, 2.0),
            "a coordinate of (0, NaN, 1, 2) is not a finite number"
        );
    }

    #[test]
    fn a_stored_box_is_checked_again() {
        let stored = serde_json::to_string(&PixelBox::new(1.0, 2.0, 3.0, 4.0).unwrap()).unwrap();
        assert_eq!(stored, "[1.0,2.0,3.0,4.0]");
        assert!(serde_json::from_str::<PixelBox>(&stored).is_ok());
        assert!(serde_json::from_str::<PixelBox>("[3.0,2.0,1.0,4.0]").is_err());
    }
}
