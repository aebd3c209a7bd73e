/*!
Equality of texts, as strict as each reference has it.

Must not know files or models.
*/

use super::python_text::strip;

/// What must be equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExactMatchRules {
    /// `exact_match`: every character.
    Strict,
    /// `exact_match@lower`: Visual7W's `yukezhu/visual7w-toolkit`: all but case.
    IgnoreCase,
    /// `exact_match@vlmevalkit`: all but case and surrounding white space.
    VlmEvalKit,
    /// `exact_match@lmms-eval`: all but case and ASCII punctuation (GQA).
    LmmsEval,
}

impl ExactMatchRules {
    /// The name of the metric in reports.
    pub fn metric_name(self) -> &'static str {
        match self {
            Self::Strict => "exact_match",
            Self::IgnoreCase => "exact_match@lower",
            Self::VlmEvalKit => "exact_match@vlmevalkit",
            Self::LmmsEval => "exact_match@lmms-eval",
        }
    }

    /// Whether a prediction equals one of the answers; false without answers.
    pub fn is_match<S: AsRef<str>>(self, prediction: &str, answers: &[S]) -> bool {
        let prediction = self.normalize(prediction);
        answers.iter().any(|answer| self.normalize(answer.as_ref()) == prediction)
    }

    fn normalize(self, text: &str) -> String {
        match self {
            Self::Strict => text.to_owned(),
            Self::IgnoreCase => text.to_lowercase(),
            Self::VlmEvalKit => strip(text).to_lowercase(),
            Self::LmmsEval => {
                text.to_lowercase().chars().filter(|c| !c.is_ascii_punctuation()).collect()
            }
        }
    }
}
