/*!
Which option an answer chooses, as each benchmark's own script reads it, and what it is worth.

Where a reference draws a random option (MuirBench) or asks another model (MMBench, BLINK), nothing
is chosen here: report how often. The references' faults are kept ("Vitamin C" is option C to MMBench's
reader); [`crate::extract::choice`] is the reader of ours, without them. Must not know files or models.
*/

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

use super::python_text::words;

/// An option: its letter and its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice<'a> {
    /// `A`, `B`, ...
    pub letter: char,
    /// What it says.
    pub text: &'a str,
}

/// What VLMEvalKit makes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Inferred {
    /// An option.
    Letter(char),
    /// `Z`: none of them, or a refusal that it knows.
    NoneOfThem,
    /// Nothing; VLMEvalKit asks a judge then.
    Unclear,
}

const REFUSALS: [&str; 4] = [
    "Sorry, I can't help with images of people yet.",
    "I can't process this file.",
    "I'm sorry, but without the image provided",
    "Cannot determine the answer",
];

/// `can_infer` of `open-compass/VLMEvalKit utils/matching_util.py` (MMBench): by letter, else by the
/// text of an option.
pub fn infer_mmbench(answer: &str, choices: &[Choice<'_>]) -> Inferred {
    match infer_option(answer, choices) {
        Inferred::Unclear => infer_text(answer, choices),
        inferred => inferred,
    }
}

/// `can_infer_option`: one letter among the words, within the last four of them; else after
/// "answer is".
pub fn infer_option(answer: &str, choices: &[Choice<'_>]) -> Inferred {
    if answer.contains("Failed to obtain answer via API") {
        return Inferred::Unclear;
    }
    if REFUSALS.iter().any(|refusal| answer.contains(refusal)) {
        return Inferred::NoneOfThem;
    }
    let spaced =
        answer.replace(['.', '(', ')', '[', ']', ',', ':', ';', '!', '*', '#', '{', '}'], " ");
    let split: Vec<&str> = words(&spaced).collect();
    let place = |letter: char| split.iter().position(|word| is_letter(word, letter));
    let named: Vec<(char, usize)> =
        choices.iter().filter_map(|one| Some((one.letter, place(one.letter)?))).collect();
    match named[..] {
        [(letter, place)] if place + 5 > split.len() => Inferred::Letter(letter),
        [] if place('Z').is_some() => Inferred::NoneOfThem,
        _ => after_answer_is(answer, choices),
    }
}

fn is_letter(word: &str, letter: char) -> bool {
    let mut characters = word.chars();
    characters.next() == Some(letter) && characters.next().is_none()
}

static ANSWER_IS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)(?:correct\s+)?answer\s+is\s+\**([ABCD])\**").ok());

fn after_answer_is(answer: &str, choices: &[Choice<'_>]) -> Inferred {
    let found = ANSWER_IS.as_ref().and_then(|pattern| pattern.captures(answer));
    let letter = found.and_then(|found| found[1].to_uppercase().chars().next());
    match letter {
        Some(letter) if choices.iter().any(|one| one.letter == letter) => Inferred::Letter(letter),
        _ => Inferred::Unclear,
    }
}

/// `can_infer_text`: the only option whose text is in an answer that is not too long.
fn infer_text(answer: &str, choices: &[Choice<'_>]) -> Inferred {
    let answer = answer.to_lowercase();
    let length: usize = choices.iter().map(|one| one.text.chars().count()).sum();
    if answer.chars().count() > 2 * length {
        return Inferred::Unclear;
    }
    let mut named = choices.iter().filter(|one| answer.contains(&one.text.to_lowercase()));
    match (named.next(), named.next()) {
        (Some(one), None) => Inferred::Letter(one.letter),
        _ => Inferred::Unclear,
    }
}

/// One answered rotation of an MMBench question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CircularItem {
    /// Index in the file; rotations differ by multiples of a million.
    pub index: u64,
    /// Whether the answer is right.
    pub is_correct: bool,
}

/// MMBench's accuracies.
#[derive(Debug, Clone, PartialEq)]
pub struct CircularScores {
    /// Question (index modulo a million) and whether all its rotations are right, by first
    /// occurrence.
    pub questions: Vec<(u64, bool)>,
    /// Share of questions with all rotations right; NaN for none.
    pub circular: f64,
    /// Share of questions whose unrotated form is right; NaN for none.
    pub vanilla: f64,
}

/// Circular evaluation: a question counts only if every rotation of its options is right.
pub fn circular_scores(items: &[CircularItem]) -> CircularScores {
    const ROTATION: u64 = 1_000_000;
    let mut positions = HashMap::new();
    let mut questions: Vec<(u64, bool)> = Vec::new();
    for item in items {
        let question = item.index % ROTATION;
        let position = *positions.entry(question).or_insert(questions.len());
        if position == questions.len() {
            questions.push((question, true));
        }
        questions[position].1 &= item.is_correct;
    }
    let vanilla: Vec<bool> =
        items.iter().filter(|item| item.index < ROTATION).map(|item| item.is_correct).collect();
    CircularScores {
        circular: share(questions.iter().map(|(_, right)| *right)),
        vanilla: share(vanilla.into_iter()),
        questions,
    }
}

fn share(flags: impl ExactSizeIterator<Item = bool>) -> f64 {
    let count = flags.len();
    flags.filter(|flag| *flag).count() as f64 / count as f64
}

/// BLINK's official rule, `zeyofu/BLINK_Benchmark eval/evaluate.py`: the prediction is the answer,
/// `(A)` say, and nothing more.
pub fn is_blink_correct(prediction: &str, answer: &str) -> bool {
    prediction == answer
}

/// Accuracy by task, over tasks and over questions.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskAccuracies {
    /// Each task's, by first occurrence.
    pub tasks: Vec<(String, f64)>,
    /// Mean over tasks, as BLINK's official script; NaN for no tasks.
    pub over_tasks: f64,
    /// Mean over questions, as lmms-eval and MuirBench; NaN for no questions.
    pub over_questions: f64,
}

/// Accuracies of (task, right) pairs.
pub fn task_accuracies(items: &[(&str, bool)]) -> TaskAccuracies {
    let mut positions = HashMap::new();
    let mut tasks: Vec<(&str, Vec<bool>)> = Vec::new();
    for (task, is_correct) in items {
        let position = *positions.entry(*task).or_insert(tasks.len());
        if position == tasks.len() {
            tasks.push((task, Vec::new()));
        }
        tasks[position].1.push(*is_correct);
    }
    let tasks: Vec<(String, f64)> =
        tasks.into_iter().map(|(task, all)| (task.to_owned(), share(all.into_iter()))).collect();
    let total: f64 = tasks.iter().map(|(_, accuracy)| accuracy).sum();
    TaskAccuracies {
        over_tasks: total / tasks.len() as f64,
        over_questions: share(items.iter().map(|(_, is_correct)| *is_correct)),
        tasks,
    }
}

static BLINK_LETTER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)^[(\s]*([A-Z])[).\s]*").ok());

/// `blink@lmms-eval`: the first letter of the answer, whatever word it begins ("Apple" is A).
pub fn infer_blink_lmms_eval(answer: &str) -> Option<char> {
    let found = BLINK_LETTER.as_ref()?.captures(super::python_text::strip(answer))?;
    found[1].to_uppercase().chars().next()
}

/// MuirBench's official rule, `muirbench/MuirBench eval/utils/postprocess.py` (MMMU's): the last
/// bracketed letter, else the last that stands alone, else in longer answers the last option whose
/// text occurs. The reference draws an option at random where this gives nothing.
pub fn infer_muirbench(answer: &str, choices: &[Choice<'_>]) -> Option<char> {
    let mut stripped = answer;
    for mark in [',', '.', '!', '?', ';', ':', '\''] {
        stripped = stripped.trim_matches(mark);
    }
    let response = format!(" {stripped} ");
    let bracketed = |one: &Choice<'_>| response.rfind(&format!("({})", one.letter));
    let alone = |one: &Choice<'_>| response.rfind(&format!(" {} ", one.letter));
    last_of(choices, bracketed).or_else(|| last_of(choices, alone)).or_else(|| {
        let lower = response.to_lowercase();
        let by_text = |one: &Choice<'_>| lower.rfind(&one.text.to_lowercase());
        if words(&response).count() > 5 { last_of(choices, by_text) } else { None }
    })
}

/// The option that is found last; of those found at the same place the first.
fn last_of(choices: &[Choice<'_>], find: impl Fn(&Choice<'_>) -> Option<usize>) -> Option<char> {
    let mut best: Option<(usize, char)> = None;
    for one in choices {
        if let Some(place) = find(one)
            && best.is_none_or(|(best, _)| place > best)
        {
            best = Some((place, one.letter));
        }
    }
    best.map(|(_, letter)| letter)
}

/// `muirbench@lmms-eval`: a leading `X.`, else the whole answer, must be the letter, case apart.
pub fn is_muirbench_correct_lmms_eval(prediction: &str, answer: &str) -> bool {
    let start = prediction.trim_start_matches(super::python_text::is_whitespace);
    let mut characters = start.chars();
    let letter = match (characters.next(), characters.next()) {
        (Some(letter), Some('.')) if letter.is_ascii_uppercase() => letter.to_string(),
        _ => prediction.to_owned(),
    };
    let fold = |text: &str| super::python_text::strip(&text.to_lowercase()).to_owned();
    fold(&letter) == fold(answer)
}
