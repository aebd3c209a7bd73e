//! Reading an answer takes time in proportion to its length, whatever sign a model repeats until its limit.
//!
//! Four times the text may take twelve times as long, where quadratic work takes sixteen; times below a third of a
//! second prove nothing on a busy machine (quadratic work takes many seconds here) and are not compared. A slow pair is
//! measured anew before it counts.

use std::time::{Duration, Instant};

use eyechart::answer::FinishReason;
use eyechart::case::{
    Expectation, Fact, FactSheet, LabelledBox, Metric, MetricExpectation, PersonAnswer, TruthKind,
    YesOrNo,
};
use eyechart::extract::{BoxNotation, mark, preference};
use eyechart::geometry::{PictureSize, PixelBox, PixelSize};
use eyechart::score::caption::ptb::{Context, LineBreaks, tokenize};
use eyechart::score::{Evidence, judge};

const SHORT: usize = 1 << 13;
const GROWTH: u32 = 4;
const MOST_GROWTH: u32 = 12;
const NOTHING: Duration = Duration::from_millis(300);

/// What is repeated.
const SIGNS: [&str; 44] = [
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "\\",
    "-",
    "/",
    "1/",
    "1",
    ",",
    "1,",
    ".",
    "1.",
    ":",
    ";",
    "!",
    "?",
    "<",
    ">",
    "*",
    "_",
    "`",
    "'",
    "#",
    "$",
    " ",
    "\n",
    "a",
    "A ",
    "no ",
    "或",
    "没有",
    "答案是",
    "red ",
    "10^",
    "{\"bbox_2d\": [",
    "<loc0001>",
    "<think>",
    "Better: A ",
    "Score: 4 ",
    "(1,2),",
];

fn repeated(sign: &str, length: usize) -> String {
    sign.repeat(length / sign.len())
}

fn expectations() -> Vec<(String, Expectation)> {
    let named = |name: &str, one| (name.to_owned(), one);
    let fact =
        Fact { any: vec!["red".into(), "红".into()], partial: vec!["no".into()], weight: 1.0 };
    let sheet = FactSheet { facts: vec![fact], forbidden: Vec::new(), min_points: 5.0 };
    let truth =
        LabelledBox { label: "x".into(), bounds: PixelBox::new(1.0, 1.0, 5.0, 5.0).unwrap() };
    let options = ["red", "A 1", "[", "没有"].map(str::to_owned).to_vec();
    let mut all = vec![
        named("Exact", Expectation::Exact("red".into())),
        named("Contains", Expectation::Contains("red blue".into())),
        named("Number", Expectation::Number { value: 1.0, tolerance: 0.0 }),
        named("YesNo", Expectation::YesNo(YesOrNo::Yes)),
        named("Choice", Expectation::Choice { options: options.clone(), answer: 0 }),
        named("Facts", Expectation::Facts(sheet)),
        named("Boxes", Expectation::Boxes { truth: vec![truth], min_iou: 0.5 }),
    ];
    all.extend(Metric::ALL.into_iter().map(|metric| {
        let answers = match metric.truth() {
            TruthKind::Choice => vec!["A"],
            _ => vec!["yes", "red", "a", "b", "c", "d", "e", "f", "g", "1,000"],
        };
        let answers = PersonAnswer::of_persons(answers.into_iter().map(str::to_owned));
        let expected = MetricExpectation { metric, answers, options: options.clone(), min: None };
        (metric.to_string(), Expectation::Metric(expected))
    }));
    all
}

fn evidence(text: &str, notation: BoxNotation) -> Evidence<'_> {
    const PICTURE: PictureSize =
        PictureSize { original: PixelSize { width: 100, height: 100 }, resized: None };
    Evidence {
        text,
        finish: FinishReason::Length,
        notation: Some(notation),
        image_sizes: &[PICTURE],
        question: "",
        opinions: &[],
    }
}

fn time_of(work: &dyn Fn(&str), text: &str) -> Duration {
    let start = Instant::now();
    work(text);
    start.elapsed()
}

/// Whether the work grows as the text does.
fn grows_in_proportion(work: &dyn Fn(&str), sign: &str) -> Result<(), String> {
    let (short, long) = (repeated(sign, SHORT), repeated(sign, SHORT * GROWTH as usize));
    let mut measured = (Duration::MAX, Duration::MAX);
    for _ in 0..3 {
        let (one, other) = (time_of(work, &short), time_of(work, &long));
        measured = (measured.0.min(one), measured.1.min(other));
        if measured.1 < NOTHING || measured.1 < measured.0.saturating_mul(MOST_GROWTH) {
            return Ok(());
        }
    }
    Err(format!("{sign:?}: {:?}, four times as much of it {:?}", measured.0, measured.1))
}

fn hold(name: &str, work: &dyn Fn(&str)) {
    let slow: Vec<String> =
        SIGNS.iter().filter_map(|sign| grows_in_proportion(work, sign).err()).collect();
    assert!(slow.is_empty(), "{name} takes more than its share of time for\n{}", slow.join("\n"));
}

#[test]
fn judging_grows_as_the_answer_does() {
    for (name, expectation) in expectations() {
        hold(&name, &|text| drop(judge(&expectation, evidence(text, BoxNotation::Qwen3Vl))));
    }
}

#[test]
fn reading_boxes_grows_as_the_answer_does_in_every_notation() {
    let (_, boxes) = expectations().into_iter().find(|(name, _)| name == "Boxes").unwrap();
    for notation in BoxNotation::ALL {
        hold(&format!("{notation:?}"), &|text| drop(judge(&boxes, evidence(text, notation))));
    }
}

#[test]
fn reading_judges_and_tokenizing_captions_grow_as_the_text_does() {
    hold("mark", &|text| drop(mark(text)));
    hold("preference", &|text| drop(preference(text)));
    hold("tokenize", &|text| {
        drop(tokenize(&[text], Context::EachCaption, LineBreaks::Reproduce));
    });
}

#[test]
fn a_megabyte_of_brackets_is_judged_in_seconds() {
    let is_tried = |name: &str| {
        ["Exact", "Number", "YesNo", "Choice", "Facts", "Boxes", "vqa_accuracy", "anls"]
            .contains(&name)
    };
    let text = repeated("[", 1 << 20);
    for (name, expectation) in expectations().into_iter().filter(|(name, _)| is_tried(name)) {
        let work = |text: &str| drop(judge(&expectation, evidence(text, BoxNotation::Qwen3Vl)));
        let taken = time_of(&work, &text);
        assert!(taken < Duration::from_secs(60), "{name} of 1 MB of brackets took {taken:?}");
    }
}
