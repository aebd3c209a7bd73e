//! What models put around an answer does not turn it into another: polite frames, Markdown, LaTeX, an explanation.
//!
//! An answer that is read as a value may become unread in a frame; it may not become another value.

use std::fmt::Debug;

use eyechart::case::YesOrNo;
use eyechart::extract::{Extraction, choice, number, yes_no};
use proptest::prelude::*;
use proptest::sample::select;

const OPTIONS: [&str; 4] = ["a red car", "Vitamin C", "dark blue", "绿色"];

/// Marks and words around an answer; `{}` is the answer.
const FRAMES: [&str; 22] = [
    "{}",
    "Sure! {} Hope that helps.",
    "Sure! Here is the answer:\n\n{}\n\nLet me know if you need anything else.",
    "Based on the image, {}",
    "**{}**",
    "__{}__",
    "- {}",
    "# {}",
    "> {}",
    "```\n{}\n```",
    "```json\n{\"answer\": \"{}\"}\n```",
    "<answer>{}</answer>",
    "$\\boxed{{}}$",
    "The answer is \\boxed{\\text{{}}}.",
    "<think>Is it A, or 7, or yes? No.</think>\n\n{}",
    "◁think▷yes, 3, B◁/think▷{}",
    "Answer: {}",
    "The answer is {}.",
    "好的，{}",
    "答案：{}",
    "{}\n\n希望对您有帮助！",
    "Final answer: **{}**",
];

/// What models write behind an answer; they name options, numbers, yes and no.
const EXPLANATIONS: [&str; 9] = [
    "",
    " This is because option A is wrong.",
    "\n\nExplanation: A is incorrect, since it is not red.",
    " There are no other animals in the picture.",
    "\nOption D does not fit, and C is not visible.",
    " I am confident about this.",
    "。因为A不对。",
    "\n\n解释：图中没有别的动物。",
    "\n\nThe other options can be ruled out.",
];

fn framed() -> impl Strategy<Value = (&'static str, &'static str)> {
    (select(&FRAMES[..]), select(&EXPLANATIONS[..]))
}

fn put(answer: &str, (frame, explanation): (&str, &str)) -> String {
    let answer = frame.replacen("{}", answer, 1);
    format!("{answer}{explanation}")
}

/// Whether a reading is the expected value, or none.
fn is_no_other<T: PartialEq + Debug>(reading: &Extraction<T>, expected: &T) -> bool {
    !matches!(reading, Extraction::Found(found) if found != expected)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_choice_stays_itself(index in 0_usize..4, form in 0_usize..6, around in framed()) {
        let options = OPTIONS.map(str::to_owned);
        let letter = char::from(b'A' + u8::try_from(index).unwrap());
        let answer = match form {
            0 => letter.to_string(),
            1 => format!("({letter})"),
            2 => format!("{letter}. {}", OPTIONS[index]),
            3 => OPTIONS[index].to_owned(),
            4 => format!("{letter}) {}", OPTIONS[index]),
            _ => format!("Option {letter}"),
        };
        prop_assert_eq!(choice(&answer, &options), Extraction::Found(index));
        let text = put(&answer, around);
        let reading = choice(&text, &options);
        prop_assert!(is_no_other(&reading, &index), "{:?}: {:?}", text, reading);
    }

    #[test]
    fn yes_and_no_stay_themselves(
        (answer, expected) in select(vec![
            ("Yes", YesOrNo::Yes), ("yes, there is a dog", YesOrNo::Yes), ("是的", YesOrNo::Yes),
            ("There is a dog.", YesOrNo::Yes), ("No", YesOrNo::No), ("No, there is no dog.", YesOrNo::No),
            ("没有", YesOrNo::No), ("图中没有狗。", YesOrNo::No), ("I don't see a dog.", YesOrNo::No),
        ]),
        around in framed(),
    ) {
        prop_assert_eq!(yes_no(answer), Extraction::Found(expected));
        let text = put(answer, around);
        let reading = yes_no(&text);
        prop_assert!(is_no_other(&reading, &expected), "{:?}: {:?}", text, reading);
    }

    #[test]
    fn a_number_stays_itself(value in -9_999_i32..1_000_000, form in 0_usize..4, around in framed()) {
        let answer = match form {
            0 => value.to_string(),
            1 => format!("{value} cats"),
            2 => format!("About {value} in total"),
            _ => format!("{value}%"),
        };
        let expected = f64::from(value);
        prop_assert_eq!(number(&answer), Extraction::Found(expected));
        let text = put(&answer, around);
        let reading = number(&text);
        prop_assert!(is_no_other(&reading, &expected), "{:?}: {:?}", text, reading);
    }
}
