//! What must hold for any input: symmetry, bounds, order independence.

use eyechart::score::caption::ptb::{Context, LineBreaks, raw_lines, tokenize};
use eyechart::score::caption::{CaptionCorpus, Cider, TokenizedItem, bleu, cider, rouge_l};
use eyechart::score::detection::{CategoryUse, Detection, DetectionTask, TruthBox, evaluate};
use eyechart::score::document::{AnlsRules, RelaxedRules, levenshtein};
use eyechart::score::numpy;
use eyechart::score::overlap::{TruthKind, giou, iou, iou_pycocotools, iou_refer};
use eyechart::score::vqa::{HumanAnswer, VqaRules};
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
