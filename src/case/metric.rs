//! Expectations that are marked by an official metric, as checked data; marking is
//! [`crate::score`]'s.

use std::fmt;

use serde::Deserialize;

/// A metric over one answer, named after the reference that it equals, whose reader of answers it has
/// with all its faults: `mmbench` takes "Vitamin C" for option C, `pope` an empty answer for a yes.
/// Only thoughts are left out first, as lmms-eval does (docs/readers.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
pub enum Metric {
    /// [`crate::score::vqa::VqaRules::Official`].
    #[serde(rename = "vqa_accuracy")]
    VqaAccuracy,
    /// [`crate::score::vqa::VqaRules::LmmsEval`].
    #[serde(rename = "vqa_accuracy_lmms_eval")]
    VqaAccuracyLmmsEval,
    /// [`crate::score::vqa::VqaRules::VlmEvalKit`].
    #[serde(rename = "vqa_accuracy_vlmevalkit")]
    VqaAccuracyVlmEvalKit,
    /// [`crate::score::vqa::VqaRules::TextVqa`].
    #[serde(rename = "textvqa_accuracy")]
    TextVqaAccuracy,
    /// [`crate::score::vqa::VqaRules::TextVqaLmmsEval`].
    #[serde(rename = "textvqa_accuracy_lmms_eval")]
    TextVqaAccuracyLmmsEval,
    /// [`crate::score::document::AnlsRules::Rrc`].
    #[serde(rename = "anls")]
    Anls,
    /// [`crate::score::document::AnlsRules::Pix2Struct`].
    #[serde(rename = "anls_pix2struct")]
    AnlsPix2Struct,
    /// [`crate::score::document::AnlsRules::Mmf`].
    #[serde(rename = "anls_mmf")]
    AnlsMmf,
    /// [`crate::score::document::RelaxedRules::Pix2Struct`].
    #[serde(rename = "relaxed_accuracy")]
    RelaxedAccuracy,
    /// [`crate::score::document::RelaxedRules::VlmEvalKit`].
    #[serde(rename = "relaxed_accuracy_vlmevalkit")]
    RelaxedAccuracyVlmEvalKit,
    /// [`crate::score::exact_match::ExactMatchRules::Strict`].
    #[serde(rename = "exact_match")]
    ExactMatch,
    /// [`crate::score::exact_match::ExactMatchRules::IgnoreCase`].
    #[serde(rename = "exact_match_lower")]
    ExactMatchLower,
    /// [`crate::score::exact_match::ExactMatchRules::VlmEvalKit`].
    #[serde(rename = "exact_match_vlmevalkit")]
    ExactMatchVlmEvalKit,
    /// [`crate::score::exact_match::ExactMatchRules::LmmsEval`].
    #[serde(rename = "exact_match_lmms_eval")]
    ExactMatchLmmsEval,
    /// [`crate::score::yes_no::PopeRules::Official`].
    #[serde(rename = "pope")]
    Pope,
    /// [`crate::score::yes_no::PopeRules::LmmsEval`].
    #[serde(rename = "pope_lmms_eval")]
    PopeLmmsEval,
    /// [`crate::score::yes_no::read_mme`].
    #[serde(rename = "mme")]
    Mme,
    /// [`crate::score::multiple_choice::infer_mmbench`].
    #[serde(rename = "mmbench")]
    MmBench,
    /// [`crate::score::multiple_choice::is_blink_correct`].
    #[serde(rename = "blink")]
    Blink,
    /// [`crate::score::multiple_choice::infer_blink_lmms_eval`].
    #[serde(rename = "blink_lmms_eval")]
    BlinkLmmsEval,
    /// [`crate::score::multiple_choice::infer_muirbench`].
    #[serde(rename = "muirbench")]
    MuirBench,
    /// [`crate::score::multiple_choice::is_muirbench_correct_lmms_eval`].
    #[serde(rename = "muirbench_lmms_eval")]
    MuirBenchLmmsEval,
}

/// What an answer is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TruthKind {
    /// Texts, each of which is right.
    Answers,
    /// `yes` or `no`.
    YesNo,
    /// The letter of an option.
    Choice,
}

impl Metric {
    /// All of them.
    pub const ALL: [Self; 22] = [
        Self::VqaAccuracy,
        Self::VqaAccuracyLmmsEval,
        Self::VqaAccuracyVlmEvalKit,
        Self::TextVqaAccuracy,
        Self::TextVqaAccuracyLmmsEval,
        Self::Anls,
        Self::AnlsPix2Struct,
        Self::AnlsMmf,
        Self::RelaxedAccuracy,
        Self::RelaxedAccuracyVlmEvalKit,
        Self::ExactMatch,
        Self::ExactMatchLower,
        Self::ExactMatchVlmEvalKit,
        Self::ExactMatchLmmsEval,
        Self::Pope,
        Self::PopeLmmsEval,
        Self::Mme,
        Self::MmBench,
        Self::Blink,
        Self::BlinkLmmsEval,
        Self::MuirBench,
        Self::MuirBenchLmmsEval,
    ];

    /// How it is written in a case file; `_lmms_eval` there is `@lmms-eval` elsewhere.
    pub fn name(self) -> &'static str {
        match self {
            Self::VqaAccuracy => "vqa_accuracy",
            Self::VqaAccuracyLmmsEval => "vqa_accuracy_lmms_eval",
            Self::VqaAccuracyVlmEvalKit => "vqa_accuracy_vlmevalkit",
            Self::TextVqaAccuracy => "textvqa_accuracy",
            Self::TextVqaAccuracyLmmsEval => "textvqa_accuracy_lmms_eval",
            Self::Anls => "anls",
            Self::AnlsPix2Struct => "anls_pix2struct",
            Self::AnlsMmf => "anls_mmf",
            Self::RelaxedAccuracy => "relaxed_accuracy",
            Self::RelaxedAccuracyVlmEvalKit => "relaxed_accuracy_vlmevalkit",
            Self::ExactMatch => "exact_match",
            Self::ExactMatchLower => "exact_match_lower",
            Self::ExactMatchVlmEvalKit => "exact_match_vlmevalkit",
            Self::ExactMatchLmmsEval => "exact_match_lmms_eval",
            Self::Pope => "pope",
            Self::PopeLmmsEval => "pope_lmms_eval",
            Self::Mme => "mme",
            Self::MmBench => "mmbench",
            Self::Blink => "blink",
            Self::BlinkLmmsEval => "blink_lmms_eval",
            Self::MuirBench => "muirbench",
            Self::MuirBenchLmmsEval => "muirbench_lmms_eval",
        }
    }

    /// What an answer is compared with.
    pub fn truth(self) -> TruthKind {
        match self {
            Self::Pope | Self::PopeLmmsEval | Self::Mme => TruthKind::YesNo,
            Self::MmBench
            | Self::Blink
            | Self::BlinkLmmsEval
            | Self::MuirBench
            | Self::MuirBenchLmmsEval => TruthKind::Choice,
            _ => TruthKind::Answers,
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What one person answered. Where a data set says neither, `confidence` is empty and the persons
/// are numbered from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonAnswer {
    /// The answer.
    pub text: String,
    /// `yes`, `maybe` or `no`.
    pub confidence: String,
    /// Number of the person.
    pub id: Option<i64>,
}

impl PersonAnswer {
    /// Answers of as many persons.
    pub fn of_persons(texts: impl IntoIterator<Item = String>) -> Vec<Self> {
        let person = |(text, id)| Self { text, confidence: String::new(), id: Some(id) };
        texts.into_iter().zip(1..).map(person).collect()
    }
}

/// The answer is worth enough by a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricExpectation {
    /// The metric.
    pub metric: Metric,
    /// What people answered; `yes` or `no`; or the right option's letter, as [`Metric::truth`]
    /// says.
    pub answers: Vec<PersonAnswer>,
    /// The options, `A` first; empty unless it is a choice.
    pub options: Vec<String>,
    /// The least that passes, in (0, 1]; if it is not given, whatever is above 0.
    pub min: Option<f64>,
}
