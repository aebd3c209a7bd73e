/*!
Verdicts on boxes.

**Which boxes count.** Where n boxes are true, the first n that the answer writes count, the faulty
ones among them, and later ones are only mentioned: a model cannot win by listing many. With one
true box that is the rule of RefCOCO evaluations, the first box and never the best one. The boxes
that count are assigned to the true ones one to one, so that the sum of their IoUs is the largest;
labels play no part.

The IoU is that of continuous coordinates ([`crate::geometry::iou`]). The answer passes if every
true box has an IoU of at least `min_iou`; the marks are five times the mean IoU, to which a true
box without a counterpart adds 0.
*/

use super::assignment::best_assignment;
use super::grounding::contains_center;
use super::{Evidence, FULL_MARKS, Reading, Verdict};
use crate::answer::FinishReason;
use crate::case::LabelledBox;
use crate::extract::{self, BoxError, BoxNotation, BoxReading, FoundBox};
use crate::geometry::{FrameError, PixelBox, iou};

pub(super) fn judge(truth: &[LabelledBox], min_iou: f64, evidence: &Evidence<'_>) -> Verdict {
    let verdict = match (evidence.notation, evidence.image_sizes.first()) {
        (None, _) => {
            let reason = "models of this family write no boxes; xfail or models can say so";
            Verdict::wrong(Reading::Unparsable, reason.to_owned())
        }
        (_, None) => Verdict::wrong(Reading::Unparsable, "there is no picture".to_owned()),
        (Some(notation), Some(size)) => match extract::boxes(evidence.text, notation, *size) {
            BoxReading::Found(found) if is_cut_off(&found, evidence) => {
                evidence.without(&wanted(notation))
            }
            BoxReading::Found(found) => compare(truth, min_iou, &found),
            BoxReading::Absent => evidence.without(&wanted(notation)),
        },
    };
    Verdict {
        iou: Some(verdict.iou.unwrap_or(0.0)),
        center_accuracy: Some(verdict.center_accuracy.unwrap_or(0.0)),
        ..verdict
    }
}

/// Whether the only box was being written when the token limit was reached.
fn is_cut_off(found: &[FoundBox], evidence: &Evidence<'_>) -> bool {
    evidence.finish == FinishReason::Length && matches!(found, [only] if only.written.is_none())
}

fn wanted(notation: BoxNotation) -> String {
    format!("a box written as {}", notation.example())
}

fn compare(truth: &[LabelledBox], min_iou: f64, found: &[FoundBox]) -> Verdict {
    let (counted, surplus) = found.split_at(found.len().min(truth.len()));
    let assigned = assigned(truth, counted);
    let overlaps: Vec<f64> = assigned.iter().map(|(truth, found)| overlap(truth, *found)).collect();
    let hits = assigned.iter().filter(|(truth, found)| hits_center(truth, *found)).count();
    let mean = overlaps.iter().sum::<f64>() / truth.len() as f64;
    let mut reasons = misses(truth, &overlaps, min_iou);
    reasons.extend(counted.iter().filter_map(fault));
    if !surplus.is_empty() {
        reasons.push(format!(
            "{} more {} after the first {} not counted",
            surplus.len(),
            if surplus.len() == 1 { "box" } else { "boxes" },
            counted.len(),
        ));
    }
    Verdict {
        passed: overlaps.iter().all(|overlap| *overlap >= min_iou),
        points: FULL_MARKS * mean,
        iou: Some(mean),
        center_accuracy: Some(hits as f64 / truth.len() as f64),
        reading: reading(counted),
        reasons,
    }
}

/// Each true box with the bounds assigned to it, if there are any.
fn assigned<'b>(
    truth: &'b [LabelledBox],
    counted: &'b [FoundBox],
) -> Vec<(&'b LabelledBox, Option<&'b PixelBox>)> {
    let bounds = |place: usize| counted.get(place).and_then(|found| found.bounds.as_ref().ok());
    let gains: Vec<Vec<f64>> = truth
        .iter()
        .map(|truth_box| (0..truth.len()).map(|place| overlap(truth_box, bounds(place))).collect())
        .collect();
    let columns = best_assignment(&gains);
    truth.iter().zip(columns).map(|(truth, column)| (truth, bounds(column))).collect()
}

fn overlap(truth: &LabelledBox, found: Option<&PixelBox>) -> f64 {
    found.map_or(0.0, |found| iou(&truth.bounds, found))
}

fn hits_center(truth: &LabelledBox, found: Option<&PixelBox>) -> bool {
    found.is_some_and(|found| contains_center(truth.bounds.edges(), found.edges()))
}

fn misses(truth: &[LabelledBox], overlaps: &[f64], min_iou: f64) -> Vec<String> {
    truth
        .iter()
        .zip(overlaps)
        .filter(|(_, overlap)| **overlap < min_iou)
        .map(|(truth, overlap)| {
            let LabelledBox { label, bounds } = truth;
            format!("{label}: IoU {overlap:.2} with {bounds}, {min_iou} needed")
        })
        .collect()
}

fn fault(found: &FoundBox) -> Option<String> {
    let error = found.bounds.as_ref().err()?;
    Some(match found.written {
        Some([x1, y1, x2, y2]) => {
            format!("the answer's box [{x1}, {y1}, {x2}, {y2}] is none: {error}")
        }
        None => format!("a box of the answer cannot be read: {error}"),
    })
}

fn reading(counted: &[FoundBox]) -> Reading {
    let has = |wanted: fn(&BoxError) -> bool| {
        counted.iter().filter_map(|found| found.bounds.as_ref().err()).any(wanted)
    };
    let is_beyond =
        |error: &BoxError| matches!(error, BoxError::Frame(FrameError::OutOfRange { .. }));
    if has(is_beyond) {
        Reading::OutOfRange
    } else if has(|_| true) {
        Reading::Unparsable
    } else {
        Reading::Parsed
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{cut_off, said};
    use super::*;

    fn truth(boxes: &[[f64; 4]]) -> Vec<LabelledBox> {
        let labelled = |(edges, index): (&[f64; 4], usize)| LabelledBox {
            label: format!("car {index}"),
            bounds: PixelBox::try_from(*edges).unwrap(),
        };
        boxes.iter().zip(1..).map(labelled).collect()
    }

    const LEFT: [f64; 4] = [0.0, 0.0, 100.0, 100.0];
    const RIGHT: [f64; 4] = [500.0, 0.0, 600.0, 100.0];

    #[test]
    fn the_first_box_counts_and_never_the_best() {
        let text = r#"[{"bbox_2d":[0,0,100,50]},{"bbox_2d":[0,0,100,100]}]"#;
        let verdict = judge(&truth(&[LEFT]), 0.5, &said(text));
        assert_eq!((verdict.passed, verdict.iou, verdict.points), (true, Some(0.5), 2.5));
        assert_eq!(verdict.reasons, ["1 more box after the first 1 not counted"]);
        let verdict = judge(&truth(&[LEFT]), 0.75, &said(text));
        assert!(!verdict.passed);
        assert_eq!(verdict.reasons[0], "car 1: IoU 0.50 with (0, 0, 100, 100), 0.75 needed");
    }

    #[test]
    fn several_boxes_are_assigned_at_their_best() {
        let text = r#"[{"bbox_2d":[500,0,600,100]},{"bbox_2d":[0,0,100,100]}]"#;
        let verdict = judge(&truth(&[LEFT, RIGHT]), 0.9, &said(text));
        assert_eq!((verdict.passed, verdict.iou), (true, Some(1.0)));
        assert_eq!(verdict.center_accuracy, Some(1.0));
        let verdict = judge(&truth(&[LEFT, RIGHT]), 0.9, &said(r#"{"bbox_2d":[500,0,600,100]}"#));
        assert_eq!((verdict.passed, verdict.iou), (false, Some(0.5)));
        assert_eq!(verdict.center_accuracy, Some(0.5));
        assert_eq!(verdict.reasons, ["car 1: IoU 0.00 with (0, 0, 100, 100), 0.9 needed"]);
    }

    #[test]
    fn a_box_beyond_the_picture_is_neither_clamped_nor_passed_over() {
        let text = r#"[{"bbox_2d":[0,0,1500,100]},{"bbox_2d":[0,0,100,100]}]"#;
        let verdict = judge(&truth(&[LEFT]), 0.5, &said(text));
        assert_eq!((verdict.passed, verdict.reading), (false, Reading::OutOfRange));
        assert_eq!(
            verdict.reasons[1],
            "the answer's box [0, 0, 1500, 100] is none: 1500 is outside 0 to 1000"
        );
        let verdict = judge(&truth(&[LEFT]), 0.5, &said(r#"{"bbox_2d":[9,0,5,5]}"#));
        assert_eq!(verdict.reading, Reading::Unparsable);
    }

    #[test]
    fn without_a_box_there_is_a_cause() {
        let truth = truth(&[LEFT]);
        let reading = |evidence: Evidence<'_>| judge(&truth, 0.5, &evidence).reading;
        assert_eq!(reading(said("on the left")), Reading::Unparsable);
        assert_eq!(reading(said("")), Reading::Empty);
        assert_eq!(reading(cut_off(r#"[{"bbox_2d":[1,"#)), Reading::Truncated);
        let mute = Evidence { notation: None, ..said("[0, 0, 1, 1]") };
        let verdict = judge(&truth, 0.5, &mute);
        assert_eq!((verdict.reading, verdict.iou), (Reading::Unparsable, Some(0.0)));
    }
}
