//! BLEU, ROUGE-L and CIDEr on the golden corpus, and numpy's means.

use eyechart::score::caption::ptb::{Context, LineBreaks, tokenize};
use eyechart::score::caption::{CaptionCorpus, Cider, TokenizedItem, bleu, cider, rouge_l};
use eyechart::score::numpy;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    corpora: Vec<Corpus>,
}

#[derive(Deserialize)]
struct Corpus {
    aggregate: Aggregate,
    items: Vec<Item>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Aggregate {
    bleu: [f64; 4],
    #[serde(rename = "bleu_totals")]
    bleu_totals: Counts,
    #[serde(rename = "ROUGE_L")]
    rouge_l: f64,
    #[serde(rename = "CIDEr")]
    cider: f64,
    #[serde(rename = "CIDEr_plain_vrama91")]
    plain: f64,
}

#[derive(Deserialize)]
struct Item {
    refs: Vec<String>,
    hyp: String,
    refs_tok: Vec<String>,
    hyp_tok: String,
    bleu_counts: Counts,
    #[serde(rename = "Bleu")]
    bleu: [f64; 4],
    #[serde(rename = "ROUGE_L")]
    rouge_l: f64,
    #[serde(rename = "CIDEr")]
    cider: f64,
    #[serde(rename = "CIDEr_plain_vrama91")]
    plain: f64,
}

#[derive(Deserialize)]
struct Counts {
    testlen: u64,
    reflen: u64,
    guess: [u64; 4],
    correct: [u64; 4],
}

fn golden() -> Corpus {
    let json = include_str!("../../fixtures/golden/caption_synthetic.json");
    serde_json::from_str::<Golden>(json).unwrap().corpora.remove(0)
}

fn corpus(items: &[Item]) -> CaptionCorpus {
    CaptionCorpus::new(
        items
            .iter()
            .map(|item| TokenizedItem { candidate: &item.hyp_tok, references: &item.refs_tok }),
    )
}

fn assert_counts(found: &eyechart::score::caption::BleuCounts, expected: &Counts) {
    assert_eq!(found.candidate_length, expected.testlen);
    assert_eq!(found.reference_length, expected.reflen);
    assert_eq!(found.guess, expected.guess);
    assert_eq!(found.correct, expected.correct);
}

#[test]
fn tokens() {
    let golden = golden();
    let references: Vec<&str> =
        golden.items.iter().flat_map(|item| &item.refs).map(String::as_str).collect();
    let found = tokenize(&references, Context::WholeCorpus, LineBreaks::Refuse).unwrap();
    let expected: Vec<&String> = golden.items.iter().flat_map(|item| &item.refs_tok).collect();
    assert_eq!(found.iter().collect::<Vec<_>>(), expected);
    let candidates: Vec<&str> = golden.items.iter().map(|item| item.hyp.as_str()).collect();
    let found = tokenize(&candidates, Context::WholeCorpus, LineBreaks::Refuse).unwrap();
    assert!(found.iter().eq(golden.items.iter().map(|item| &item.hyp_tok)));
}

#[test]
fn bleu_to_the_last_bit() {
    let golden = golden();
    let found = bleu(&corpus(&golden.items));
    assert_eq!(found.corpus, golden.aggregate.bleu);
    assert_counts(&found.totals, &golden.aggregate.bleu_totals);
    for (position, item) in golden.items.iter().enumerate() {
        assert_eq!(found.items[position], item.bleu, "{}", item.hyp);
        assert_counts(&found.item_counts[position], &item.bleu_counts);
    }
}

#[test]
fn rouge_and_cider_to_the_last_bit() {
    let golden = golden();
    let corpus = corpus(&golden.items);
    let rouge = rouge_l(&corpus);
    let Cider { clipped, plain } = cider(&corpus);
    for (position, item) in golden.items.iter().enumerate() {
        assert_eq!(rouge.items[position], item.rouge_l, "{}", item.hyp);
        assert_eq!(clipped.items[position], item.cider, "{}", item.hyp);
        assert_eq!(plain.items[position], item.plain, "{}", item.hyp);
    }
    assert_eq!(rouge.mean, golden.aggregate.rouge_l);
    assert_eq!(clipped.mean, golden.aggregate.cider);
    assert_eq!(plain.mean, golden.aggregate.plain);
}

#[derive(Deserialize)]
struct Means {
    cases: Vec<MeanCase>,
}

#[derive(Deserialize)]
struct MeanCase {
    values: Vec<f64>,
    np_sum: f64,
    np_mean: f64,
}

#[test]
fn sums_and_means_are_numpys() {
    let json = include_str!("../../fixtures/golden/numpy_mean.json");
    for case in serde_json::from_str::<Means>(json).unwrap().cases {
        assert_eq!(numpy::sum(&case.values), case.np_sum, "{} values", case.values.len());
        assert_eq!(numpy::mean(&case.values), case.np_mean, "{} values", case.values.len());
    }
}

#[test]
fn nothing_and_next_to_nothing_do_not_panic() {
    let empty = CaptionCorpus::new([]);
    assert!(rouge_l(&empty).mean.is_nan());
    assert!(bleu(&empty).items.is_empty());
    let alone = CaptionCorpus::new([TokenizedItem { candidate: "", references: &[] }]);
    assert_eq!(cider(&alone).clipped.items, [0.0]);
    assert_eq!(rouge_l(&alone).items, [0.0]);
    let blank = [String::new()];
    let blank = CaptionCorpus::new([TokenizedItem { candidate: "", references: &blank }]);
    assert_eq!(rouge_l(&blank).items, [1.0]);
    assert_eq!(bleu(&blank).items, [[0.0; 4]]);
}

#[test]
fn documents_of_the_items_themselves_change_nothing() {
    let golden = golden();
    let items = || {
        golden
            .items
            .iter()
            .map(|item| TokenizedItem { candidate: &item.hyp_tok, references: &item.refs_tok })
    };
    let documents = golden.items.iter().map(|item| item.refs_tok.as_slice());
    let all = CaptionCorpus::with_documents(items(), documents.clone());
    let found = cider(&all);
    assert_eq!(found.clipped.mean, golden.aggregate.cider);
    // A part, with the document frequencies of the whole: the same scores as within the whole.
    let part = cider(&CaptionCorpus::with_documents(items().take(7), documents));
    assert_eq!(part.plain.items, found.plain.items[..7]);
}
