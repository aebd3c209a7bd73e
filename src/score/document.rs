/*!
Answers about documents and charts: ANLS and relaxed accuracy, by each reference's rules.

Must not know files or models.
*/

use super::python_text::{collapse_whitespace, parse_float, strip};

/// Whose average normalized Levenshtein similarity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AnlsRules {
    /// `anls`: the RRC script of DocVQA and InfoVQA (also in Qwen-VL, lmms-eval and VLMEvalKit). Texts are
    /// stripped, lower-cased and their white space collapsed, but the distance is divided by the
    /// longer *raw* text in capitals; similarities below 0.5 are 0.
    Rrc,
    /// `anls@pix2struct`: `google-research/pix2struct metrics.py`. Lower-cased only; similarities of
    /// 0.5 and below are 0.
    Pix2Struct,
    /// `anls@mmf`: `facebookresearch/mmf STVQAANLSEvaluator`. Lower-cased and stripped; similarities
    /// below 0.5 are 0.
    Mmf,
}

impl AnlsRules {
    /// The name of the metric in reports.
    pub fn metric_name(self) -> &'static str {
        match self {
            Self::Rrc => "anls",
            Self::Pix2Struct => "anls@pix2struct",
            Self::Mmf => "anls@mmf",
        }
    }

    /// The similarity of a prediction to the answer it is closest to, from 0 to 1; nothing without
    /// answers. Two empty texts are the same, where some references divide by zero.
    pub fn score<S: AsRef<str>>(self, prediction: &str, answers: &[S]) -> Option<f64> {
        let scores = answers.iter().map(|answer| self.similarity(prediction, answer.as_ref()));
        scores.reduce(f64::max)
    }

    fn similarity(self, prediction: &str, answer: &str) -> f64 {
        let (one, other) = (self.normalize(prediction), self.normalize(answer));
        let length = match self {
            Self::Rrc => longer(&prediction.to_uppercase(), &answer.to_uppercase()),
            _ => longer(&one, &other),
        };
        if length == 0 {
            return 1.0;
        }
        let distance = levenshtein(&one, &other) as f64 / length as f64;
        let similarity = 1.0 - distance;
        let counts = match self {
            Self::Pix2Struct => distance < 0.5,
            _ => similarity >= 0.5,
        };
        if counts { similarity } else { 0.0 }
    }

    fn normalize(self, text: &str) -> String {
        match self {
            Self::Rrc => collapse_whitespace(&text.to_lowercase()),
            Self::Pix2Struct => text.to_lowercase(),
            Self::Mmf => strip(&text.to_lowercase()).to_owned(),
        }
    }
}

fn longer(one: &str, other: &str) -> usize {
    one.chars().count().max(other.chars().count())
}

/// The least number of insertions, deletions and substitutions of code points.
pub fn levenshtein(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (position, character) in one.chars().enumerate() {
        let mut diagonal = position;
        row[0] = position + 1;
        for (column, candidate) in other.iter().enumerate() {
            let substitution = diagonal + usize::from(character != *candidate);
            diagonal = row[column + 1];
            row[column + 1] = substitution.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

/// Whose relaxed accuracy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RelaxedRules {
    /// `relaxed_accuracy`: `google-research/pix2struct metrics.py`, also in lmms-eval.
    Pix2Struct,
    /// `relaxed_accuracy@vlmevalkit`: the same with the prediction stripped first.
    VlmEvalKit,
}

impl RelaxedRules {
    /// The name of the metric in reports.
    pub fn metric_name(self) -> &'static str {
        match self {
            Self::Pix2Struct => "relaxed_accuracy",
            Self::VlmEvalKit => "relaxed_accuracy@vlmevalkit",
        }
    }

    /// Whether a prediction is right for one of the answers; nothing without answers.
    pub fn is_correct<S: AsRef<str>>(self, prediction: &str, answers: &[S]) -> Option<bool> {
        let prediction = match self {
            Self::Pix2Struct => prediction,
            Self::VlmEvalKit => strip(prediction),
        };
        let is_right = |answer: &S| relaxed_correctness(answer.as_ref(), prediction, TOLERANCE);
        (!answers.is_empty()).then(|| answers.iter().any(is_right))
    }
}

/// How far off a number may be.
const TOLERANCE: f64 = 0.05;

/// Numbers are compared with a tolerance relative to the target, unless the target is 0;
/// everything else must be equal but for case.
pub fn relaxed_correctness(target: &str, prediction: &str, tolerance: f64) -> bool {
    match (number(prediction), number(target)) {
        (Some(found), Some(expected)) if expected != 0.0 => {
            (found - expected).abs() / expected.abs() <= tolerance
        }
        _ => prediction.to_lowercase() == target.to_lowercase(),
    }
}

/// A number as Python reads it; percent signs at the end divide by 100, once.
fn number(text: &str) -> Option<f64> {
    match text.ends_with('%') {
        true => parse_float(text.trim_end_matches('%')).map(|value| value / 100.0),
        false => parse_float(text),
    }
}
