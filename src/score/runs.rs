//! One verdict over several runs of a case.

use super::{Reading, Verdict};

/// The verdict over the runs of a case of which `need` must be right: marks and IoU are the means
/// over the runs, the reading is that of the first wrong one. `names` tells each run in reasons.
pub fn over_runs(verdicts: &[Verdict], names: &[String], need: usize) -> Verdict {
    let right = verdicts.iter().filter(|verdict| verdict.passed).count();
    let mut reasons =
        vec![format!("{right} of {} runs are right, needed are {need}", verdicts.len())];
    for (verdict, name) in verdicts.iter().zip(names).filter(|(verdict, _)| !verdict.passed) {
        reasons.extend(verdict.reasons.iter().map(|reason| format!("{name}: {reason}")));
    }
    let first_wrong = verdicts.iter().find(|verdict| !verdict.passed);
    Verdict {
        passed: right >= need,
        points: mean(verdicts.iter().map(|verdict| verdict.points)).unwrap_or_default(),
        iou: mean(verdicts.iter().filter_map(|verdict| verdict.iou)),
        center_accuracy: mean(verdicts.iter().filter_map(|verdict| verdict.center_accuracy)),
        reading: first_wrong.map_or(Reading::Parsed, |verdict| verdict.reading),
        reasons,
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enough_right_runs_pass_and_the_wrong_ones_are_named() {
        let wrong = Verdict::wrong(Reading::Refused, "declined".to_owned());
        let right = || Verdict { iou: Some(0.5), ..Verdict::right() };
        let verdicts = [right(), wrong, right()];
        let names = ["run 1", "run 2 (seed 8)", "run 3"].map(str::to_owned);
        let over = over_runs(&verdicts, &names, 2);
        assert!(over.passed);
        // (5 + 0 + 5) / 3, and the IoU of the two runs that have one.
        assert!((over.points - 10.0 / 3.0).abs() < 1e-12);
        assert_eq!((over.iou, over.reading), (Some(0.5), Reading::Refused));
        assert_eq!(
            over.reasons,
            ["2 of 3 runs are right, needed are 2", "run 2 (seed 8): declined"]
        );
        assert!(!over_runs(&verdicts, &names, 3).passed);
    }
}
