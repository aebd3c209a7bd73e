/*!
Pure verdicts: an expectation and an answer's text in, points and reasons out.

Knows nothing of files or models. Two things live here: the judging of one answer to one case
([`judge`]), and the official metrics over many answers, each named after the reference that it
equals ([`caption`], [`vqa`], [`detection`], ...). The marks are out of 5: an expectation that is plainly met or not
earns 5 or 0, [`Expectation::Facts`] what its facts are worth (see [`facts`]), and
[`Expectation::Boxes`] five times the mean IoU (see [`boxes`]).
*/

use serde::{Deserialize, Serialize};

use crate::answer::FinishReason;
use crate::case::Expectation;
use crate::extract::{BoxNotation, after_thought, inside_answer_tag};
use crate::geometry::PictureSize;
use crate::opinion::Opinion;

pub mod advised;
mod assignment;
pub mod boxes;
pub mod caption;
pub mod clip_score;
mod combined;
pub mod comparison;
pub mod detection;
pub mod document;
pub mod exact_match;
pub mod facts;
pub mod grounding;
pub mod multiple_choice;
pub mod numpy;
pub mod overlap;
mod python_text;
pub mod reference;
mod runs;
mod short;
pub mod vqa;
pub mod yes_no;

pub use runs::over_runs;

/// Marks for an answer that is wholly right.
pub const FULL_MARKS: f64 = 5.0;

/// What came of judging one answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whether the expectation holds.
    pub passed: bool,
    /// Marks out of 5.
    pub points: f64,
    /// Mean IoU over the true boxes, where boxes were expected.
    pub iou: Option<f64>,
    /// Share of the true boxes that hold the centre of the box assigned to them, where boxes were
    /// expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub center_accuracy: Option<f64>,
    /// How reading the answer went.
    pub reading: Reading,
    /// Why, one sentence a line, for the person who reads the failure.
    pub reasons: Vec<String>,
}

/// How reading an answer went, apart from whether it is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// What was asked for was found.
    Parsed,
    /// More than one reading fits.
    Ambiguous,
    /// The model declined to answer.
    Refused,
    /// There is no text.
    Empty,
    /// The text ends at the token limit or within a thought, and what was asked for is not in what
    /// there is.
    Truncated,
    /// Nothing of the expected kind is in the text.
    Unparsable,
    /// Something was found but outside its range (a box beyond the picture, say).
    OutOfRange,
    /// The network that was to judge gave no opinion, or one that cannot be read.
    Unjudged,
}

impl Reading {
    /// The word for it in reports.
    pub fn label(self) -> &'static str {
        match self {
            Self::Parsed => "parsed",
            Self::Ambiguous => "ambiguous",
            Self::Refused => "refused",
            Self::Empty => "empty",
            Self::Truncated => "truncated",
            Self::Unparsable => "unparsable",
            Self::OutOfRange => "out of range",
            Self::Unjudged => "unjudged",
        }
    }
}

/// An answer as far as a verdict needs to know it.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// What the model said, its thoughts included: [`judge`] leaves them out.
    pub text: &'a str,
    /// Why it stopped.
    pub finish: FinishReason,
    /// How its family writes boxes, if it does.
    pub notation: Option<BoxNotation>,
    /// The sizes of the case's pictures, in their order.
    pub image_sizes: &'a [PictureSize],
    /// What was asked, as a judge is told.
    pub question: &'a str,
    /// What other networks say of the answer, where the expectation wants to know.
    pub opinions: &'a [Opinion],
}

/// Judges an answer.
///
/// ```
/// use eyechart::answer::FinishReason;
/// use eyechart::case::Expectation;
/// use eyechart::score::{Evidence, judge};
///
/// let said = |text| Evidence {
///     text,
///     finish: FinishReason::Stop,
///     notation: None,
///     image_sizes: &[],
///     question: "How many cats?",
///     opinions: &[],
/// };
/// let two = Expectation::Number { value: 2.0, tolerance: 0.0 };
/// assert!(judge(&two, said("图中有两只猫。")).passed);
/// assert_eq!(
///     judge(&two, said("Two or three.")).reasons,
///     ["expected 2, but the answer says both 2 and 3: \"Two or three.\""]
/// );
/// ```
pub fn judge(expectation: &Expectation, evidence: Evidence<'_>) -> Verdict {
    match evidence.answer() {
        Some(text) => judge_answer(expectation, Evidence { text, ..evidence }),
        None => unanswered(expectation, evidence.text),
    }
}

/// Judges what follows the thoughts.
fn judge_answer(expectation: &Expectation, evidence: Evidence<'_>) -> Verdict {
    let evidence = match expectation {
        Expectation::Metric(_)
        | Expectation::All(_)
        | Expectation::Any(_)
        | Expectation::Not(_) => evidence,
        _ => Evidence { text: inside_answer_tag(evidence.text), ..evidence },
    };
    match expectation {
        Expectation::Exact(text) => short::one_of(std::slice::from_ref(text), &evidence),
        Expectation::AnyOf(texts) => short::one_of(texts, &evidence),
        Expectation::Contains(text) => short::containing(text, &evidence),
        Expectation::Regex(pattern) => short::matching(pattern, &evidence),
        Expectation::Number { value, tolerance } => short::number(*value, *tolerance, &evidence),
        Expectation::YesNo(expected) => short::yes_no(*expected, &evidence),
        Expectation::Choice { options, answer } => short::choice(options, *answer, &evidence),
        Expectation::Facts(sheet) => facts::judge(sheet, &evidence),
        Expectation::Boxes { truth, min_iou } => boxes::judge(truth, *min_iou, &evidence),
        Expectation::Metric(expected) => reference::judge(expected, &evidence),
        Expectation::Judge(expected) => advised::judged(expected, &evidence),
        Expectation::Preferred(expected) => advised::preferred(expected, &evidence),
        Expectation::ClipScore(expected) => advised::clip_score(expected, &evidence),
        Expectation::Similarity(expected) => advised::similarity(expected, &evidence),
        Expectation::All(parts) => combined::all(parts, evidence),
        Expectation::Any(parts) => combined::any(parts, evidence),
        Expectation::Not(inner) => combined::not(inner, evidence),
    }
}

/// The verdict where the text ends before the answer.
fn unanswered(expectation: &Expectation, text: &str) -> Verdict {
    let reason = format!(
        "the text ends within a thought, before the answer (raise max_new_tokens?): {}",
        quoted(text)
    );
    let share = matches!(expectation, Expectation::Boxes { .. }).then_some(0.0);
    Verdict { iou: share, center_accuracy: share, ..Verdict::wrong(Reading::Truncated, reason) }
}

impl Verdict {
    /// An answer that is plainly right.
    fn right() -> Self {
        let reading = Reading::Parsed;
        Self {
            passed: true,
            points: FULL_MARKS,
            iou: None,
            center_accuracy: None,
            reading,
            reasons: Vec::new(),
        }
    }

    /// An answer that is plainly wrong.
    fn wrong(reading: Reading, reason: String) -> Self {
        Self { passed: false, points: 0.0, reading, reasons: vec![reason], ..Self::right() }
    }
}

impl<'a> Evidence<'a> {
    /// The text without its thoughts; nothing if it ends within one, or at the token limit right
    /// behind one.
    fn answer(&self) -> Option<&'a str> {
        let answer = after_thought(self.text).ok()?;
        let was_cut_off = answer.trim().is_empty()
            && self.finish == FinishReason::Length
            && !self.text.trim().is_empty();
        (!was_cut_off).then_some(answer)
    }
}

impl Evidence<'_> {
    /// How to call it that nothing of the expected kind was found; `otherwise` where the answer
    /// itself gives no cause.
    fn cause_of_absence(&self, otherwise: Reading) -> Reading {
        if self.text.trim().is_empty() {
            Reading::Empty
        } else if crate::extract::is_refusal(self.text) {
            Reading::Refused
        } else if self.finish == FinishReason::Length {
            Reading::Truncated
        } else {
            otherwise
        }
    }

    /// The verdict that the answer lacks what was asked for, such as "a number".
    fn without(&self, wanted: &str) -> Verdict {
        let reading = self.cause_of_absence(Reading::Unparsable);
        let reason = match reading {
            Reading::Empty => "the answer is empty".to_owned(),
            Reading::Refused => format!("the model declined to answer: {}", quoted(self.text)),
            Reading::Truncated => format!(
                "expected {wanted}, but the answer ends at the token limit before it (raise \
                 max_new_tokens?): {}",
                quoted(self.text)
            ),
            _ => format!("expected {wanted}, found none in {}", quoted(self.text)),
        };
        Verdict::wrong(reading, reason)
    }
}

/// A text in quotes on one line, shortened if it is long.
fn quoted(text: &str) -> String {
    const LONGEST: usize = 120;
    let shown: String = text.chars().take(LONGEST).collect();
    let ellipsis = if text.chars().nth(LONGEST).is_some() { "..." } else { "" };
    format!("{shown:?}{ellipsis}")
}

#[cfg(test)]
mod testing {
    use super::*;
    use crate::geometry::PixelSize;

    const PICTURE: PictureSize =
        PictureSize { original: PixelSize { width: 1000, height: 1000 }, resized: None };

    /// Evidence of a picture of 1000 x 1000, from a family that writes Qwen's boxes.
    pub(super) fn said(text: &str) -> Evidence<'_> {
        Evidence {
            text,
            finish: FinishReason::Stop,
            notation: Some(BoxNotation::Qwen3Vl),
            image_sizes: &[PICTURE],
            question: "",
            opinions: &[],
        }
    }

    pub(super) fn cut_off(text: &str) -> Evidence<'_> {
        Evidence { finish: FinishReason::Length, ..said(text) }
    }
}
