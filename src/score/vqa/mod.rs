/*!
VQA accuracy: `min(1, n / 3)` for n agreeing people among the others, averaged over the people.

Each reference has its own rules for what is normalised and who "the others" are; [`VqaRules`] names
them, because their numbers differ for the same answers. Must not know files or models.
*/

mod contractions;
mod normalize;
mod table;

use std::borrow::Cow;

use crate::score::numpy;
use normalize::{
    CommaTest, PeriodTest, process_digit_article, process_punctuation, strip_lines, word_tokenize,
};
pub use table::{TypeAccuracy, VqaAccuracyTable, round_percent};

/// What one person answered to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HumanAnswer<'a> {
    /// The answer.
    pub answer: &'a str,
    /// `yes`, `maybe` or `no`; empty where the data set has none.
    pub confidence: &'a str,
    /// Number of the person, if the data set has one.
    pub id: Option<i64>,
}

/// Whose VQA accuracy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VqaRules {
    /// `vqa_accuracy`: `GT-Vision-Lab/VQA vqaEval.py` as of 2021. Nothing is normalised where all
    /// people agree; people with equal records drop out of each other's count.
    Official,
    /// `vqa_accuracy@lmms-eval`: `lmms_eval/tasks/vqav2/utils.py`. Always normalised; exact mean.
    LmmsEval,
    /// `textvqa_accuracy`: `facebookresearch/mmf TextVQAAccuracyEvaluator`. Lower-cased and
    /// stripped of commas, question marks and possessives first; others are told apart by position.
    TextVqa,
    /// `textvqa_accuracy@lmms-eval`: as [`VqaRules::TextVqa`] with an exact mean.
    TextVqaLmmsEval,
    /// `vqa_accuracy@vlmevalkit`: `vlmeval/dataset/utils/vqa_eval.py`. Always normalised, with its
    /// own rule for periods; others are told apart by position; numpy's mean.
    VlmEvalKit,
}

impl VqaRules {
    /// The name of the metric in reports.
    pub fn metric_name(self) -> &'static str {
        match self {
            Self::Official => "vqa_accuracy",
            Self::LmmsEval => "vqa_accuracy@lmms-eval",
            Self::TextVqa => "textvqa_accuracy",
            Self::TextVqaLmmsEval => "textvqa_accuracy@lmms-eval",
            Self::VlmEvalKit => "vqa_accuracy@vlmevalkit",
        }
    }

    /// Accuracy of one prediction, from 0 to 1; nothing if no one answered.
    pub fn accuracy(self, prediction: &str, answers: &[HumanAnswer<'_>]) -> Option<f64> {
        if answers.is_empty() {
            return None;
        }
        let stripped: Vec<Cow<'_, str>> =
            answers.iter().map(|human| strip_lines(human.answer)).collect();
        let as_is = self == Self::Official && stripped.windows(2).all(|two| two[0] == two[1]);
        let prediction = strip_lines(prediction);
        let (prediction, compared) = if as_is {
            (prediction, stripped)
        } else {
            (self.normalized(&prediction).into_owned().into(), self.normalize_all(&stripped))
        };
        Some(self.mean(&agreement(self.others(), &prediction, &compared, answers)))
    }

    /// The answers as they are compared; people often say the same, which is normalised once.
    fn normalize_all<'a>(self, answers: &'a [Cow<'_, str>]) -> Vec<Cow<'a, str>> {
        let mut normalized: Vec<Cow<'a, str>> = Vec::with_capacity(answers.len());
        for (position, answer) in answers.iter().enumerate() {
            let twin = answers[..position].iter().position(|earlier| earlier == answer);
            normalized.push(match twin {
                Some(twin) => normalized[twin].clone(),
                None => self.normalized(answer),
            });
        }
        normalized
    }

    /// An answer as this rule set compares it, the exception of [`VqaRules::Official`] apart.
    pub fn normalize(self, answer: &str) -> String {
        self.normalized(&strip_lines(answer)).into_owned()
    }

    /// The same of an answer without line breaks.
    fn normalized(self, answer: &str) -> Cow<'_, str> {
        let commas = match self {
            Self::Official | Self::VlmEvalKit => CommaTest::One,
            _ => CommaTest::Several,
        };
        let periods = match self {
            Self::VlmEvalKit => PeriodTest::NoDigitAround,
            _ => PeriodTest::NoDigitAfter,
        };
        match self {
            Self::TextVqa | Self::TextVqaLmmsEval => {
                clean(&word_tokenize(answer), commas, periods).into_owned().into()
            }
            _ => clean(answer, commas, periods),
        }
    }

    fn others(self) -> Others {
        match self {
            Self::Official | Self::LmmsEval => Others::WithOtherRecord,
            _ => Others::AtOtherPosition,
        }
    }

    fn mean(self, scores: &[f64]) -> f64 {
        match self {
            Self::Official | Self::TextVqa => numpy::mean_left_to_right(scores),
            Self::LmmsEval | Self::TextVqaLmmsEval => exact_mean(scores),
            Self::VlmEvalKit => numpy::mean(scores),
        }
    }
}

fn clean(text: &str, commas: CommaTest, periods: PeriodTest) -> Cow<'_, str> {
    match process_punctuation(text, commas, periods) {
        Cow::Borrowed(text) => process_digit_article(text),
        Cow::Owned(text) => process_digit_article(&text).into_owned().into(),
    }
}

/// Who counts as another person.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Others {
    /// Whoever's answer, confidence and number are not all the same.
    WithOtherRecord,
    AtOtherPosition,
}

/// For each person, what the others' agreement with the prediction is worth.
fn agreement(
    others: Others,
    prediction: &str,
    answers: &[Cow<'_, str>],
    humans: &[HumanAnswer<'_>],
) -> Vec<f64> {
    let agrees: Vec<bool> = answers.iter().map(|answer| answer == prediction).collect();
    let agreeing = agrees.iter().filter(|agrees| **agrees).count();
    let is_same = |one: usize, other: usize| match others {
        Others::AtOtherPosition => one == other,
        Others::WithOtherRecord => {
            agrees[other]
                && humans[one].confidence == humans[other].confidence
                && humans[one].id == humans[other].id
        }
    };
    let worth = |person: usize| {
        let left_out = match agrees[person] {
            true => (0..humans.len()).filter(|other| is_same(person, *other)).count(),
            false => 0,
        };
        ((agreeing - left_out) as f64 / 3.0).min(1.0)
    };
    (0..humans.len()).map(worth).collect()
}

/// `statistics.mean` of values from 0 to 1 that are thirds: no rounding but the last.
fn exact_mean(scores: &[f64]) -> f64 {
    const SCALE: f64 = (1_u64 << 54) as f64;
    const EXTRA_BITS: u32 = 56;
    let total: u128 = scores.iter().map(|score| (score * SCALE) as u128).sum();
    let count = scores.len() as u128;
    let scaled = total << EXTRA_BITS;
    // The last bit remembers whether anything was cut off, so that the conversion rounds correctly.
    let quotient = (scaled / count) | u128::from(!scaled.is_multiple_of(count));
    quotient as f64 / SCALE / (1_u64 << EXTRA_BITS) as f64
}
