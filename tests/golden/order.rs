//! What must hold however things are ordered or swapped: references, answers, detections, models,
//! right and wrong.

use eyechart::extract::Preference;
use eyechart::score::caption::{CaptionCorpus, TokenizedItem, bleu, cider, rouge_l};
use eyechart::score::comparison::Comparison;
use eyechart::score::detection::{CategoryUse, Detection, DetectionTask, TruthBox, evaluate};
use eyechart::score::document::{AnlsRules, RelaxedRules};
use eyechart::score::exact_match::ExactMatchRules;
use eyechart::score::overlap::{TruthKind, giou, iou};
use eyechart::stats::*;
use proptest::collection::vec;
use proptest::prelude::*;

fn caption() -> impl Strategy<Value = String> {
    vec("[a-d]", 0..9).prop_map(|words| words.join(" "))
}

fn whole_box() -> impl Strategy<Value = [f64; 4]> {
    // Small whole numbers, so that moving and growing a box rounds nothing.
    (0..100_u32, 0..100_u32, 1..64_u32, 1..64_u32)
        .prop_map(|(x, y, w, h)| [x, y, x + w, y + h].map(f64::from))
}

fn preference() -> impl Strategy<Value = Preference> {
    prop_oneof![Just(Preference::First), Just(Preference::Second), Just(Preference::Neither)]
}

/// The same replies, seen from the other answer: it stands first where this one stands second.
fn swapped(one: Comparison) -> Comparison {
    Comparison { standing_first: one.standing_second, standing_second: one.standing_first }
}

proptest! {
    #[test]
    fn references_have_no_order(
        candidate in caption(), references in vec(caption(), 1..6), others in vec(caption(), 1..4),
    ) {
        let backward: Vec<String> = references.iter().rev().cloned().collect();
        let corpus = |references| {
            let first = TokenizedItem { candidate: &candidate, references };
            let second = TokenizedItem { candidate: &others[0], references: &others };
            CaptionCorpus::new([first, second])
        };
        let (one, other) = (corpus(&references), corpus(&backward));
        prop_assert_eq!(bleu(&one).items, bleu(&other).items);
        prop_assert_eq!(rouge_l(&one).items, rouge_l(&other).items);
        // Sums over references may differ in their last digits.
        for (one, other) in cider(&one).clipped.items.iter().zip(cider(&other).clipped.items) {
            prop_assert!((one - other).abs() < 1e-12);
        }
    }

    #[test]
    fn more_references_never_lower_rouge(
        candidate in caption(), references in vec(caption(), 2..6)
    ) {
        let score = |references: &[String]| {
            let item = TokenizedItem { candidate: &candidate, references };
            rouge_l(&CaptionCorpus::new([item])).items[0]
        };
        prop_assert!(score(&references) >= score(&references[1..]));
    }

    #[test]
    fn boxes_may_be_moved_turned_and_grown_together(a in whole_box(), b in whole_box()) {
        let each = |change: fn([f64; 4]) -> [f64; 4]| (change(a), change(b));
        let changes = [
            each(|[x1, y1, x2, y2]| [x1 + 16.0, y1 - 8.0, x2 + 16.0, y2 - 8.0]),
            each(|[x1, y1, x2, y2]| [y1, x1, y2, x2]),
            each(|[x1, y1, x2, y2]| [-x2, y1, -x1, y2]),
            each(|bounds| bounds.map(|edge| edge * 4.0)),
        ];
        for (moved_a, moved_b) in changes {
            prop_assert_eq!(iou(moved_a, moved_b), iou(a, b));
            prop_assert!((giou(moved_a, moved_b) - giou(a, b)).abs() < 1e-12);
        }
        let apart = [b[0] + 200.0, b[1], b[2] + 200.0, b[3]];
        prop_assert_eq!(iou(a, apart), 0.0);
    }

    #[test]
    fn answers_have_no_order_and_more_never_lower_the_score(
        said in "[a-c0-9%. ]{0,6}", answers in vec("[a-c0-9%. ]{0,6}", 2..5)
    ) {
        let backward: Vec<String> = answers.iter().rev().cloned().collect();
        for rules in [AnlsRules::Rrc, AnlsRules::Pix2Struct, AnlsRules::Mmf] {
            let score = |answers: &[String]| rules.score(&said, answers).unwrap();
            prop_assert_eq!(score(&answers), score(&backward));
            prop_assert!(score(&answers) >= score(&answers[1..]));
        }
        for rules in [RelaxedRules::Pix2Struct, RelaxedRules::VlmEvalKit] {
            let right = |answers: &[String]| rules.is_correct(&said, answers).unwrap();
            prop_assert_eq!(right(&answers), right(&backward));
            prop_assert!(right(&answers) || !right(&answers[1..]));
        }
        for rules in [ExactMatchRules::Strict, ExactMatchRules::LmmsEval, ExactMatchRules::VlmEvalKit] {
            prop_assert_eq!(rules.is_match(&said, &answers), rules.is_match(&said, &backward));
            prop_assert!(rules.is_match(&answers[0], &answers));
            let one_way = rules.is_match(&said, &answers[..1]);
            prop_assert_eq!(one_way, rules.is_match(&answers[0], std::slice::from_ref(&said)));
        }
    }

    #[test]
    fn detections_of_different_scores_have_no_order(
        truths in vec((0..3_i64, whole_box()), 1..12), found in vec((0..3_i64, whole_box()), 0..30),
    ) {
        let truth = |(id, (image_id, bbox)): (usize, &(i64, [f64; 4]))| {
            let [x, y, x2, y2] = *bbox;
            let bbox = [x, y, x2 - x, y2 - y];
            let (area, kind) = (bbox[2] * bbox[3], TruthKind::Single);
            TruthBox { id: id as i64 + 1, image_id: *image_id, category_id: 1, bbox, area, kind }
        };
        let truths: Vec<TruthBox> = truths.iter().enumerate().map(truth).collect();
        let task = DetectionTask { images: vec![0, 1, 2], categories: vec![1], truths };
        let detection = |(place, (image_id, [x, y, x2, y2])): (usize, &(i64, [f64; 4]))| {
            let bbox = [*x, *y, x2 - x, y2 - y];
            let score = 1.0 / (place + 1) as f64;
            Detection { image_id: *image_id, category_id: 1, bbox, score }
        };
        let found: Vec<Detection> = found.iter().enumerate().map(detection).collect();
        let backward: Vec<Detection> = found.iter().rev().cloned().collect();
        let stats = evaluate(&task, &found, CategoryUse::Separate).stats;
        prop_assert_eq!(stats, evaluate(&task, &backward, CategoryUse::Separate).stats);
        // Of one category it does not matter whether categories are told apart.
        prop_assert_eq!(stats, evaluate(&task, &found, CategoryUse::Pooled).stats);
    }

    #[test]
    fn what_one_answer_gains_by_a_judge_the_other_loses(
        standing_first in preference(), standing_second in preference()
    ) {
        let one = Comparison { standing_first, standing_second };
        let other = swapped(one);
        prop_assert_eq!(one.points() + other.points(), 5.0);
        prop_assert_eq!(one.is_biased(), other.is_biased());
    }

    #[test]
    fn shares_of_right_and_wrong_are_mirrored(count in 1..3000_u64, part in 0.0..=1.0) {
        let right = (count as f64 * part) as u64;
        let share = |successes| Proportion::new(successes, count).unwrap();
        let kinds =
            [ProportionInterval::Wald, ProportionInterval::Wilson, ProportionInterval::ClopperPearson];
        for kind in kinds {
            let one = share(right).interval(kind, 0.95);
            let other = share(count - right).interval(kind, 0.95);
            prop_assert!((one.low + other.high - 1.0).abs() < 1e-9, "{one:?} {other:?}");
            prop_assert!(one.low <= share(right).share() + 1e-12);
            prop_assert!(one.high >= share(right).share() - 1e-12);
            let wider = share(right).interval(kind, 0.99);
            prop_assert!(wider.low <= one.low + 1e-12 && wider.high >= one.high - 1e-12);
        }
    }

    #[test]
    fn paired_tests_turn_around_and_have_no_order(
        pairs in vec((0..4_u8, 0..4_u8), 2..30)
    ) {
        let scores = |pairs: &[(u8, u8)]| -> (Vec<f64>, Vec<f64>) {
            pairs.iter().map(|(a, b)| (f64::from(*a), f64::from(*b))).unzip()
        };
        let (a, b) = scores(&pairs);
        let backward: Vec<(u8, u8)> = pairs.iter().rev().copied().collect();
        let (last, first) = scores(&backward);
        prop_assert_eq!(wilcoxon(&a, &b), wilcoxon(&b, &a));
        prop_assert_eq!(wilcoxon(&a, &b), wilcoxon(&last, &first));
        let p = |one: &[f64], other: &[f64]| compare_pairs(one, other).unwrap().p_value;
        prop_assert!((p(&a, &b) - p(&last, &first)).abs() < 1e-9);
        prop_assert!((0.0..=1.0).contains(&p(&a, &b)));
    }

    #[test]
    fn resampled_means_stay_among_the_values(
        values in vec(-5.0..5.0, 1..20), seed in any::<u64>()
    ) {
        let resampling = resample_items(values.len(), 20, seed);
        let found = bootstrap(&resampling, |draw| {
            draw.iter().map(|place| values[*place]).sum::<f64>() / draw.len() as f64
        });
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let interval = found.interval(0.95).unwrap();
        prop_assert!(interval.low >= low - 1e-12 && interval.high <= high + 1e-12);
        prop_assert!(interval.low <= interval.high);
        // Items that are clusters of their own are drawn as items are.
        let alone: Vec<usize> = (0..values.len()).collect();
        prop_assert_eq!(resample_clusters(&alone, 20, seed), resampling);
    }

    #[test]
    fn a_plan_has_the_power_that_was_asked_for(
        effect in 0.01..0.5, deviation in 0.05..1.0, correlation in -0.5..0.9, power in 0.5..0.99
    ) {
        let (deviation_a, deviation_b, alpha) = (deviation, deviation, 0.05);
        let question =
            PowerQuestion { effect, deviation_a, deviation_b, correlation, alpha, power };
        let plan = question.plan().unwrap();
        let needed = plan.items_needed();
        prop_assert!(plan.power_of(needed) >= power - 1e-9);
        prop_assert!(needed == 1 || plan.power_of(needed - 1) <= power + 1e-9);
        prop_assert!(plan.detectable_effect(needed) <= effect * (1.0 + 1e-9));
    }
}
