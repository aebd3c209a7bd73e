//! How a question and its options are written into a preset's wording.

use serde::Deserialize;

/// How options are listed.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) enum OptionList {
    /// `A. red`, one a line.
    Lettered,
    /// `(a) red (b) blue`, as LAVIS does (`predict_answers` of `blip2_vicuna_instruct.py`).
    Bracketed,
}

impl OptionList {
    pub(super) fn write(self, options: &[String]) -> String {
        let listed = options.iter().zip('a'..='z');
        match self {
            Self::Lettered => {
                let line = |(option, letter): (&String, char)| {
                    format!("{}. {option}", letter.to_ascii_uppercase())
                };
                listed.map(line).collect::<Vec<_>>().join("\n")
            }
            Self::Bracketed => {
                let item = |(option, letter)| format!("({letter}) {option}");
                listed.map(item).collect::<Vec<_>>().join(" ")
            }
        }
    }
}

/// What is done to a question before it is put into words.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(super) enum QuestionTreatment {
    /// Nothing.
    #[default]
    AsWritten,
    /// As `BlipQuestionProcessor` of salesforce/LAVIS `lavis/processors/blip_processors.py`: lower
    /// case, without most punctuation, the first 50 words.
    Lavis,
}

impl QuestionTreatment {
    pub(super) fn treat(self, question: &str) -> String {
        match self {
            Self::AsWritten => question.to_owned(),
            Self::Lavis => lavis_question(question),
        }
    }
}

fn lavis_question(question: &str) -> String {
    const LONGEST: usize = 50;
    let kept: String =
        question.to_lowercase().replace(['.', '!', '"', '(', ')', '*', '#', ':', ';', '~'], "");
    kept.trim_end_matches(' ').split(' ').take(LONGEST).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values from LAVIS' `BlipQuestionProcessor` itself.
    #[test]
    fn questions_are_treated_as_lavis_does() {
        let treated = |question| QuestionTreatment::Lavis.treat(question);
        assert_eq!(treated("Is the Dog (left) \"Big\"?  "), "is the dog left big?");
        assert_eq!(treated("A.B!C*#:;~  d"), "abc  d");
        let long: Vec<String> = (0..60).map(|word| word.to_string()).collect();
        assert_eq!(treated(&long.join(" ")), long[..50].join(" "));
    }
}
