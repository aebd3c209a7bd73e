//! What must hold for any input: symmetry, bounds, order independence.

use eyechart::extract;
use eyechart::score::caption::ptb::{Context, LineBreaks, raw_lines, tokenize};
use eyechart::score::caption::{CaptionCorpus, Cider, TokenizedItem, bleu, cider, rouge_l};
use eyechart::score::clip_score::{clip_score, ref_clip_score};
use eyechart::score::detection::{CategoryUse, Detection, DetectionTask, TruthBox, evaluate};
use eyechart::score::document::{AnlsRules, RelaxedRules, levenshtein};
use eyechart::score::grounding::{GroundedItem, grounding_scores};
use eyechart::score::multiple_choice::{CircularItem, circular_scores};
use eyechart::score::numpy;
use eyechart::score::overlap::{TruthKind, giou, iou, iou_pycocotools, iou_refer};
use eyechart::score::vqa::{HumanAnswer, VqaRules};
use eyechart::score::yes_no::{YesNo, pope_scores};
use eyechart::stats::*;
use proptest::prelude::*;

fn corner_box() -> impl Strategy<Value = [f64; 4]> {
    (0.0..500.0, 0.0..500.0, 0.5..300.0, 0.5..300.0)
        .prop_map(|(x, y, w, h): (f64, f64, f64, f64)| [x, y, x + w, y + h])
}

fn caption() -> impl Strategy<Value = String> {
    proptest::collection::vec("[a-e]{1,2}", 0..12).prop_map(|words| words.join(" "))
}

fn item() -> impl Strategy<Value = (String, Vec<String>)> {
    (caption(), proptest::collection::vec(caption(), 1..5))
}

fn corpus(items: &[(String, Vec<String>)]) -> CaptionCorpus {
    let item = |(candidate, references)| -> TokenizedItem<'_> {
        let candidate: &String = candidate;
        let references: &Vec<String> = references;
        TokenizedItem { candidate, references }
    };
    CaptionCorpus::new(items.iter().map(|(candidate, references)| item((candidate, references))))
}

fn detection() -> impl Strategy<Value = Detection> {
    (0..4_i64, 1..3_i64, corner_box(), 0.0..1.0).prop_map(|(image_id, category_id, bbox, score)| {
        Detection { image_id, category_id, bbox, score }
    })
}

fn truths() -> impl Strategy<Value = Vec<TruthBox>> {
    let one = (0..4_i64, 1..3_i64, corner_box(), any::<bool>());
    proptest::collection::vec(one, 1..20).prop_map(|list| {
        let truth =
            |(id, (image_id, category_id, bbox, crowd)): (usize, (i64, i64, [f64; 4], bool))| {
                let kind = if crowd { TruthKind::Crowd } else { TruthKind::Single };
                let area = bbox[2] * bbox[3];
                TruthBox { id: id as i64 + 1, image_id, category_id, bbox, area, kind }
            };
        list.into_iter().enumerate().map(truth).collect()
    })
}

proptest! {
    #[test]
    fn overlaps_are_symmetric_and_bounded(a in corner_box(), b in corner_box()) {
        for measure in [iou::<f64>, giou::<f64>, iou_refer] {
            prop_assert_eq!(measure(a, b), measure(b, a));
            prop_assert!(measure(a, b) <= 1.0 + 1e-12 && measure(a, b) > -1.0);
        }
        prop_assert_eq!(iou(a, a), 1.0);
        prop_assert!(giou(a, b) <= iou(a, b) + 1e-12);
        let single = iou_pycocotools(a, b, TruthKind::Single);
        prop_assert!(single <= iou_pycocotools(a, b, TruthKind::Crowd) + 1e-12);
    }

    #[test]
    fn any_text_is_tokenized(lines in proptest::collection::vec(any::<String>(), 0..6)) {
        let tokens = tokenize(&lines, Context::WholeCorpus, LineBreaks::Reproduce).unwrap();
        prop_assert_eq!(tokens.len(), lines.len());
        prop_assert!(tokens.iter().all(|line| !line.contains('\n')));
        let alone = tokenize(&lines, Context::EachCaption, LineBreaks::Reproduce).unwrap();
        prop_assert_eq!(alone.len(), lines.len());
    }

    #[test]
    fn tokens_of_tricky_text_are_lower_case(text in "[ -~\u{a0}\u{2019}\u{201c}é😀]{0,40}") {
        for line in raw_lines(&text) {
            prop_assert_eq!(line.to_lowercase(), line);
        }
    }

    #[test]
    fn caption_scores_are_bounded_and_independent_of_order(
        items in proptest::collection::vec(item(), 1..8)
    ) {
        let forward = corpus(&items);
        let reversed: Vec<_> = items.iter().rev().cloned().collect();
        let backward = corpus(&reversed);
        let (one, other) = (bleu(&forward), bleu(&backward));
        prop_assert_eq!(one.corpus, other.corpus);
        let mut items_backward = other.items;
        items_backward.reverse();
        prop_assert_eq!(&one.items, &items_backward);
        prop_assert!(one.items.iter().flatten().all(|score| (0.0..=1.0).contains(score)));
        let rouge = rouge_l(&forward);
        prop_assert!(rouge.items.iter().all(|score| (0.0..=1.0).contains(score)));
        let Cider { clipped, plain } = cider(&forward);
        let mut clipped_backward = cider(&backward).clipped.items;
        clipped_backward.reverse();
        prop_assert_eq!(&clipped.items, &clipped_backward);
        for (clipped, plain) in clipped.items.iter().zip(&plain.items) {
            prop_assert!((0.0..=10.0 + 1e-9).contains(clipped));
            prop_assert!(*plain >= 0.0 && *plain <= 10.0 + 1e-9);
        }
    }

    #[test]
    fn a_reference_as_candidate_is_perfect(references in proptest::collection::vec("[a-z]{1,5}( [a-z]{1,5}){4,9}", 1..4)) {
        let own = vec![(references[0].clone(), references)];
        prop_assert_eq!(rouge_l(&corpus(&own)).items[0], 1.0);
        prop_assert!(bleu(&corpus(&own)).items[0][3] > 0.999_999);
    }

    #[test]
    fn vqa_accuracy_is_bounded_and_grows_with_agreement(
        prediction in "[a-c]", answers in proptest::collection::vec("[a-c]", 1..12)
    ) {
        let human = |(id, answer): (usize, &'static str)| HumanAnswer { answer, confidence: "", id: Some(id as i64) };
        let answers: Vec<&'static str> = answers.iter().map(|a| if a == "a" { "x" } else if a == "b" { "y" } else { "z" }).collect();
        let prediction = match prediction.as_str() { "a" => "x", "b" => "y", _ => "z" };
        let humans: Vec<_> = answers.iter().copied().enumerate().map(human).collect();
        let mut more = humans.clone();
        more.push(human((99, prediction)));
        for rules in [VqaRules::Official, VqaRules::LmmsEval, VqaRules::TextVqa, VqaRules::TextVqaLmmsEval, VqaRules::VlmEvalKit] {
            let score = rules.accuracy(prediction, &humans).unwrap();
            prop_assert!((0.0..=1.0).contains(&score));
            prop_assert!(rules.accuracy(prediction, &more).unwrap() >= score - 1e-12);
            let mut shuffled = humans.clone();
            shuffled.reverse();
            prop_assert!((rules.accuracy(prediction, &shuffled).unwrap() - score).abs() < 1e-12);
        }
    }

    #[test]
    fn edit_distance_is_a_metric(a in ".{0,8}", b in ".{0,8}", c in ".{0,8}") {
        prop_assert_eq!(levenshtein(&a, &b), levenshtein(&b, &a));
        prop_assert_eq!(levenshtein(&a, &a), 0);
        prop_assert!(levenshtein(&a, &c) <= levenshtein(&a, &b) + levenshtein(&b, &c));
    }

    #[test]
    fn text_scores_are_bounded(prediction in ".{0,12}", answers in proptest::collection::vec(".{0,12}", 1..4)) {
        for rules in [AnlsRules::Rrc, AnlsRules::Pix2Struct, AnlsRules::Mmf] {
            let score = rules.score(&prediction, &answers).unwrap();
            prop_assert!((0.0..=1.0).contains(&score), "{:?} {}", rules, score);
        }
        prop_assert_eq!(RelaxedRules::Pix2Struct.is_correct(&answers[0].to_lowercase(), &[answers[0].to_lowercase()]).is_some(), true);
    }

    #[test]
    fn detection_figures_are_bounded_and_ignore_the_order_of_images(
        truths in truths(), detections in proptest::collection::vec(detection(), 0..40)
    ) {
        let task = DetectionTask { images: vec![0, 1, 2, 3], categories: vec![1, 2], truths };
        let found = evaluate(&task, &detections, CategoryUse::Separate);
        prop_assert!(found.stats.iter().all(|figure| *figure == -1.0 || (0.0..=1.0).contains(figure)));
        let mut shuffled = task.clone();
        shuffled.images.reverse();
        shuffled.categories.reverse();
        prop_assert_eq!(found.stats, evaluate(&shuffled, &detections, CategoryUse::Separate).stats);
        prop_assert!(found.stats[6] <= found.stats[7] && found.stats[7] <= found.stats[8]);
    }

    #[test]
    fn perfect_detections_have_perfect_precision(truths in truths()) {
        let truths: Vec<TruthBox> =
            truths.into_iter().map(|one| TruthBox { kind: TruthKind::Single, ..one }).collect();
        let detections: Vec<Detection> = truths.iter().map(|one| Detection {
            image_id: one.image_id, category_id: one.category_id, bbox: one.bbox, score: 0.5,
        }).collect();
        let task = DetectionTask { images: vec![0, 1, 2, 3], categories: vec![1, 2], truths };
        prop_assert!(evaluate(&task, &detections, CategoryUse::Separate).stats[0] > 0.999_999);
    }

    #[test]
    fn pairwise_sums_are_close_to_plain_ones(values in proptest::collection::vec(-1e3..1e3, 0..400)) {
        let plain: f64 = values.iter().sum();
        prop_assert!((numpy::sum(&values) - plain).abs() < 1e-9);
    }

    #[test]
    fn intervals_hold_the_share(count in 1..400_u64, successes in 0..400_u64) {
        prop_assume!(successes <= count);
        let share = Proportion::new(successes, count).unwrap();
        for kind in [ProportionInterval::Wald, ProportionInterval::Wilson, ProportionInterval::ClopperPearson] {
            let interval = share.interval(kind, 0.95);
            prop_assert!(0.0 <= interval.low && interval.high <= 1.0);
            prop_assert!(interval.low <= share.share() + 1e-12 && share.share() <= interval.high + 1e-12);
        }
    }

    #[test]
    fn comparisons_turn_around(pairs in proptest::collection::vec((0.0..1.0, 0.0..1.0), 2..40)) {
        let (a, b): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        let (one, other) = (compare_pairs(&a, &b).unwrap(), compare_pairs(&b, &a).unwrap());
        prop_assert!((one.p_value - other.p_value).abs() < 1e-9);
        prop_assert!((one.difference.mean + other.difference.mean).abs() < 1e-12);
        let singles: Vec<usize> = (0..a.len()).collect();
        let clustered = clustered_standard_error(&a, &singles, ClusterVariance::LmmsEval).unwrap();
        prop_assert!((clustered - estimate_mean(&a).unwrap().standard_error).abs() < 1e-12);
    }

    #[test]
    fn mcnemar_is_symmetric(first in 0..2000_u64, second in 0..2000_u64) {
        let (one, other) = (McNemar::from_counts(first, second), McNemar::from_counts(second, first));
        prop_assert_eq!(one.exact_p, other.exact_p);
        prop_assert!((0.0..=1.0).contains(&one.exact_p));
    }
}

fn features() -> impl Strategy<Value = Vec<f64>> {
    proptest::collection::vec(0.1..9.0, 1..40).prop_flat_map(|sizes: Vec<f64>| {
        let signs = proptest::collection::vec(any::<bool>(), sizes.len());
        signs.prop_map(move |signs| {
            sizes.iter().zip(signs).map(|(size, sign)| if sign { *size } else { -size }).collect()
        })
    })
}

/// Two vectors of one length.
fn pair_of_features() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
    (features(), features()).prop_map(|(mut one, mut other)| {
        let length = one.len().min(other.len());
        one.truncate(length);
        other.truncate(length);
        (one, other)
    })
}

fn grounded() -> impl Strategy<Value = GroundedItem> {
    (corner_box(), corner_box()).prop_map(|(truth, prediction)| GroundedItem { truth, prediction })
}

proptest! {
    #[test]
    fn clip_scores_are_symmetric_bounded_and_free_of_scale(
        (one, other) in pair_of_features(), factor in 0.01..100.0,
    ) {
        let score = clip_score(&one, &other).unwrap();
        prop_assert_eq!(score, clip_score(&other, &one).unwrap());
        prop_assert!((0.0..=2.5 + 1e-9).contains(&score));
        let scaled: Vec<f64> = one.iter().map(|value| value * factor).collect();
        prop_assert!((clip_score(&scaled, &other).unwrap() - score).abs() < 1e-9);
        // The harmonic mean lies between its parts, where both are positive.
        let with_itself = ref_clip_score(&one, &other, &[other.as_slice()]).unwrap();
        if score > 0.0 {
            let (low, high) = (score.min(1.0), score.max(1.0));
            prop_assert!(with_itself > low - 1e-9 && with_itself < high + 1e-9);
        }
    }

    #[test]
    fn grounding_figures_are_bounded_fall_with_the_threshold_and_ignore_order(
        items in proptest::collection::vec(grounded(), 1..20)
    ) {
        let scores = grounding_scores(&items);
        prop_assert!((0.0..=1.0).contains(&scores.mean_iou));
        prop_assert!(scores.accuracy_at.windows(2).all(|pair| pair[0] >= pair[1]));
        let reversed: Vec<GroundedItem> = items.into_iter().rev().collect();
        let backward = grounding_scores(&reversed);
        prop_assert_eq!(scores.accuracy_at, backward.accuracy_at);
        prop_assert_eq!(scores.center_accuracy, backward.center_accuracy);
    }

    #[test]
    fn a_question_right_in_all_rotations_is_right_unrotated(
        rotations in proptest::collection::vec(any::<[bool; 4]>(), 1..20)
    ) {
        let items: Vec<CircularItem> = rotations
            .iter()
            .zip(1_u64..)
            .flat_map(|(rights, question)| {
                rights.iter().zip(0_u64..).map(move |(is_correct, turn)| CircularItem {
                    index: question + turn * 1_000_000,
                    is_correct: *is_correct,
                })
            })
            .collect();
        let scores = circular_scores(&items);
        prop_assert!(scores.circular <= scores.vanilla && scores.vanilla <= 1.0);
        let reversed: Vec<CircularItem> = items.into_iter().rev().collect();
        let backward = circular_scores(&reversed);
        prop_assert_eq!((scores.circular, scores.vanilla), (backward.circular, backward.vanilla));
    }

    #[test]
    fn shares_of_yes_and_no_are_bounded_and_ignore_order(
        pairs in proptest::collection::vec((any::<bool>(), 0..3_u8), 1..40)
    ) {
        let word = |is_yes| if is_yes { YesNo::Yes } else { YesNo::No };
        let pairs: Vec<(YesNo, Option<YesNo>)> = pairs
            .into_iter()
            .map(|(label, said)| (word(label), (said < 2).then(|| word(said == 1))))
            .collect();
        let scores = pope_scores(&pairs);
        let counted = scores.true_positives + scores.false_positives
            + scores.true_negatives + scores.false_negatives + scores.unread;
        prop_assert_eq!(counted, pairs.len());
        prop_assert!((0.0..=1.0).contains(&scores.accuracy));
        for share in [scores.precision, scores.recall, scores.f1, scores.yes_ratio] {
            prop_assert!(share.is_nan() || (0.0..=1.0).contains(&share));
        }
        let reversed: Vec<(YesNo, Option<YesNo>)> = pairs.into_iter().rev().collect();
        let backward = pope_scores(&reversed);
        prop_assert_eq!(format!("{scores:?}"), format!("{backward:?}"));
    }

    #[test]
    fn a_judges_reply_gives_a_mark_in_range_or_none(
        reply in "(Score|score|Better|mark)?[: ]{0,2}[-−]?[0-9AB./]{0,6}.{0,12}"
    ) {
        if let Ok(mark) = extract::mark(&reply) {
            prop_assert!((0.0..=5.0).contains(&mark), "{reply:?} gives {mark}");
        }
        // Whatever it says, it is read or refused.
        let _ = extract::preference(&reply);
    }
}
