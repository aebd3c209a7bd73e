//! What a right answer looks like, as checked data; judging is [`crate::score`]'s.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use super::{
    ClipScoreExpectation, JudgeExpectation, MetricExpectation, PreferenceExpectation,
    SimilarityExpectation,
};
use crate::geometry::PixelBox;

/// What is expected of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Expectation {
    /// The answer equals this text after normalisation.
    Exact(String),
    /// The answer equals one of these after normalisation.
    AnyOf(Vec<String>),
    /// The answer contains this text after normalisation.
    Contains(String),
    /// The raw answer matches this pattern somewhere.
    Regex(TextPattern),
    /// The one number in the answer is this.
    Number {
        /// The number.
        value: f64,
        /// Largest accepted difference.
        tolerance: f64,
    },
    /// The answer says yes, or no.
    YesNo(YesOrNo),
    /// The answer names one of the lettered options: `A` is the first.
    Choice {
        /// The options' texts.
        options: Vec<String>,
        /// Index of the right one.
        answer: usize,
    },
    /// The answer states facts, worth 0 to 5 points.
    Facts(FactSheet),
    /// The answer holds these boxes.
    Boxes {
        /// The true boxes, in pixels of the (first) picture.
        truth: Vec<LabelledBox>,
        /// Smallest IoU that counts as found; in (0, 1].
        min_iou: f64,
    },
    /// The answer is worth enough by an official metric.
    Metric(MetricExpectation),
    /// Another model gives the answer enough marks.
    Judge(JudgeExpectation),
    /// Another model prefers the answer.
    Preferred(PreferenceExpectation),
    /// The answer fits the picture as its caption.
    ClipScore(ClipScoreExpectation),
    /// The answer means about the same as a reference.
    Similarity(SimilarityExpectation),
    /// All of these hold.
    All(Vec<Expectation>),
    /// At least one of these holds.
    Any(Vec<Expectation>),
    /// This does not hold.
    Not(Box<Expectation>),
}

impl Expectation {
    /// Whether no answer without boxes can meet it.
    pub fn needs_boxes(&self) -> bool {
        match self {
            Self::Boxes { .. } => true,
            Self::All(parts) => parts.iter().any(Self::needs_boxes),
            Self::Any(parts) => parts.iter().all(Self::needs_boxes),
            Self::Not(inner) => inner.needs_boxes(),
            _ => false,
        }
    }

    /// The options of the first choice in it.
    pub fn options(&self) -> Option<&[String]> {
        match self {
            Self::Choice { options, .. } => Some(options),
            Self::Metric(expected) if !expected.options.is_empty() => Some(&expected.options),
            Self::All(parts) | Self::Any(parts) => parts.iter().find_map(Self::options),
            Self::Not(inner) => inner.options(),
            _ => None,
        }
    }

    /// Whether it only asks for figures, without a least value that an answer could miss.
    pub fn is_only_measured(&self) -> bool {
        match self {
            Self::ClipScore(expected) => expected.min.is_none(),
            Self::Similarity(expected) => expected.min.is_none(),
            Self::All(parts) => parts.iter().all(Self::is_only_measured),
            _ => false,
        }
    }

    /// Whether another network is asked about the answer.
    pub fn needs_opinion(&self) -> bool {
        self.has(|part| {
            matches!(
                part,
                Self::Judge(_) | Self::Preferred(_) | Self::ClipScore(_) | Self::Similarity(_)
            )
        })
    }

    /// Whether this or a part of it is as wanted.
    pub fn has(&self, wanted: fn(&Self) -> bool) -> bool {
        wanted(self)
            || match self {
                Self::All(parts) | Self::Any(parts) => parts.iter().any(|part| part.has(wanted)),
                Self::Not(inner) => inner.has(wanted),
                _ => false,
            }
    }
}

/// A yes-or-no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum YesOrNo {
    /// Yes, 是, 有, ...
    Yes,
    /// No, 不是, 没有, ...
    No,
}

impl fmt::Display for YesOrNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Yes => "yes",
            Self::No => "no",
        })
    }
}

/// Largest compiled regular expression. A search takes time in the product of this and the answer's
/// length at worst: the engine never goes back.
const LARGEST_REGEX_BYTES: usize = 2 * 1024 * 1024;

/// Deepest nesting of a regular expression.
const DEEPEST_REGEX: u32 = 100;

/// A regular expression that compiled.
#[derive(Debug, Clone)]
pub struct TextPattern(pub regex::Regex);

impl TextPattern {
    /// Compiles a pattern, or takes the compiled one of an earlier case: that takes time and some ten
    /// kilobytes, and the cases of a suite tend to share their patterns.
    ///
    /// # Errors
    /// It is no regular expression.
    pub fn shared(pattern: &str) -> Result<Self, regex::Error> {
        static COMPILED: Mutex<BTreeMap<String, regex::Regex>> = Mutex::new(BTreeMap::new());
        let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = compiled.get(pattern) {
            return Ok(Self(known.clone()));
        }
        let new = regex::RegexBuilder::new(pattern)
            .size_limit(LARGEST_REGEX_BYTES)
            .nest_limit(DEEPEST_REGEX)
            .build()?;
        compiled.insert(pattern.to_owned(), new.clone());
        Ok(Self(new))
    }
}

impl PartialEq for TextPattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

/// A box with what it holds.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledBox {
    /// What it holds.
    pub label: String,
    /// Where it is, in pixels of the original picture.
    pub bounds: PixelBox,
}

/// A fact that an answer may state.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// Wordings that earn full credit.
    pub any: Vec<String>,
    /// Wordings that earn half.
    pub partial: Vec<String>,
    /// Share of the whole, relative to the other facts' weights; above 0.
    pub weight: f64,
}

/// A statement that costs points.
#[derive(Debug, Clone, PartialEq)]
pub struct ForbiddenFact {
    /// Wordings that state it.
    pub any: Vec<String>,
    /// Points it costs, out of 5.
    pub cost: f64,
}

/// Facts for 0 to 5 points.
#[derive(Debug, Clone, PartialEq)]
pub struct FactSheet {
    /// What earns points.
    pub facts: Vec<Fact>,
    /// What costs points.
    pub forbidden: Vec<ForbiddenFact>,
    /// Fewest points for a pass; in 0..=5.
    pub min_points: f64,
}
