/*!
Yes and no: POPE and MME.

Must not know files or models.
*/

use std::collections::HashMap;

use super::python_text::strip;

/// A yes or a no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum YesNo {
    /// Yes.
    Yes,
    /// No.
    No,
}

impl YesNo {
    /// A label as data sets write it, case and surrounding white space apart.
    pub fn from_label(label: &str) -> Option<Self> {
        match strip(label).to_lowercase().as_str() {
            "yes" => Some(Self::Yes),
            "no" => Some(Self::No),
            _ => None,
        }
    }
}

/// Whose reading of an answer to a POPE question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PopeRules {
    /// `RUCAIBox/POPE evaluate.py`: no if `No`, `not` or `no` is a word of the first sentence, else
    /// yes, for an empty answer too.
    Official,
    /// `pope@lmms-eval`: the whole answer must be yes or no, case apart; nothing else counts as
    /// either.
    LmmsEval,
}

impl PopeRules {
    /// What an answer says.
    pub fn read(self, answer: &str) -> Option<YesNo> {
        match self {
            Self::LmmsEval => YesNo::from_label(answer),
            Self::Official => {
                let sentence = answer.split('.').next().unwrap_or_default().replace(',', "");
                let denies = sentence.split(' ').any(|word| matches!(word, "No" | "not" | "no"));
                Some(if denies { YesNo::No } else { YesNo::Yes })
            }
        }
    }
}

impl PopeRules {
    /// The figures. lmms-eval's share of yes is that of the labels, whatever the answers are.
    pub fn scores(self, pairs: &[(YesNo, Option<YesNo>)]) -> PopeScores {
        let scores = pope_scores(pairs);
        match self {
            Self::Official => scores,
            Self::LmmsEval => {
                let labels = pairs.iter().filter(|(label, _)| *label == YesNo::Yes).count();
                PopeScores { yes_ratio: ratio(labels, pairs.len()), ..scores }
            }
        }
    }
}

/// The figures of POPE; yes is the positive class. Where a share has an empty denominator (the
/// official script fails there, lmms-eval says 0) it is 0.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PopeScores {
    /// Yes, rightly.
    pub true_positives: usize,
    /// Yes, wrongly.
    pub false_positives: usize,
    /// No, rightly.
    pub true_negatives: usize,
    /// No, wrongly.
    pub false_negatives: usize,
    /// Answers that are neither.
    pub unread: usize,
    /// Right answers among all.
    pub accuracy: f64,
    /// Right ones among those that say yes.
    pub precision: f64,
    /// Those that say yes among those that should.
    pub recall: f64,
    /// Harmonic mean of precision and recall.
    pub f1: f64,
    /// Answers that say yes among all. (lmms-eval's `yes_ratio` is the share of yes *labels*.)
    pub yes_ratio: f64,
}

/// Scores (label, answer) pairs.
pub fn pope_scores(pairs: &[(YesNo, Option<YesNo>)]) -> PopeScores {
    let count = |label, answer| pairs.iter().filter(|pair| **pair == (label, answer)).count();
    let true_positives = count(YesNo::Yes, Some(YesNo::Yes));
    let false_positives = count(YesNo::No, Some(YesNo::Yes));
    let true_negatives = count(YesNo::No, Some(YesNo::No));
    let false_negatives = count(YesNo::Yes, Some(YesNo::No));
    let precision = ratio(true_positives, true_positives + false_positives);
    let recall = ratio(true_positives, true_positives + false_negatives);
    let both = precision + recall;
    PopeScores {
        true_positives,
        false_positives,
        true_negatives,
        false_negatives,
        unread: pairs.iter().filter(|(_, answer)| answer.is_none()).count(),
        accuracy: ratio(true_positives + true_negatives, pairs.len()),
        precision,
        recall,
        f1: if both > 0.0 { 2.0 * precision * recall / both } else { 0.0 },
        yes_ratio: ratio(true_positives + false_positives, pairs.len()),
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// What an answer to an MME question says, as `lmms_eval tasks/mme/utils.py`: yes or no as a whole or
/// by its letter, else by its first four characters.
pub fn read_mme(answer: &str) -> Option<YesNo> {
    let answer = strip(&answer.to_lowercase()).replace('.', "");
    let start: String = answer.chars().take(4).collect();
    match answer.as_str() {
        "y" => Some(YesNo::Yes),
        "n" => Some(YesNo::No),
        _ if start.contains("yes") => Some(YesNo::Yes),
        _ if start.contains("no") => Some(YesNo::No),
        _ => None,
    }
}

/// The categories of MME that add up to perception (at most 2000 points).
pub const MME_PERCEPTION: [&str; 10] = [
    "existence",
    "count",
    "position",
    "color",
    "posters",
    "celebrity",
    "scene",
    "landmark",
    "artwork",
    "OCR",
];

/// The categories of MME that add up to cognition (at most 800 points).
pub const MME_COGNITION: [&str; 4] =
    ["commonsense_reasoning", "numerical_calculation", "text_translation", "code_reasoning"];

/// One answered MME question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MmeItem<'a> {
    /// Category.
    pub category: &'a str,
    /// What both questions of an image share.
    pub question_id: &'a str,
    /// Whether the answer is right.
    pub is_correct: bool,
}

/// The points of one MME category.
#[derive(Debug, Clone, PartialEq)]
pub struct MmeCategory {
    /// Category.
    pub name: String,
    /// Mean over images of 100 · share right + 100 if all are right; at most 200.
    pub points: f64,
}

/// Points by category, in order of first occurrence. An image needs not have two questions here,
/// which lmms-eval asserts.
pub fn mme_categories(items: &[MmeItem<'_>]) -> Vec<MmeCategory> {
    let mut categories: Vec<(&str, Images<'_>)> = Vec::new();
    for item in items {
        let known = categories.iter().position(|(name, _)| *name == item.category);
        let position = known.unwrap_or_else(|| {
            categories.push((item.category, Images::default()));
            categories.len() - 1
        });
        categories[position].1.add(item);
    }
    let points = |(name, images): (&str, Images<'_>)| MmeCategory {
        name: name.to_owned(),
        points: images.points(),
    };
    categories.into_iter().map(points).collect()
}

/// The sum of the points of some categories ([`MME_PERCEPTION`], say).
pub fn mme_total(categories: &[MmeCategory], of: &[&str]) -> f64 {
    categories.iter().filter(|one| of.contains(&one.name.as_str())).map(|one| one.points).sum()
}

/// Right and all answers by image, in order of first occurrence.
#[derive(Default)]
struct Images<'a> {
    positions: HashMap<&'a str, usize>,
    counts: Vec<(usize, usize)>,
}

impl<'a> Images<'a> {
    fn add(&mut self, item: &MmeItem<'a>) {
        let next = self.counts.len();
        let position = *self.positions.entry(item.question_id).or_insert(next);
        if position == next {
            self.counts.push((0, 0));
        }
        self.counts[position].0 += usize::from(item.is_correct);
        self.counts[position].1 += 1;
    }

    fn points(&self) -> f64 {
        let image = |(right, all): &(usize, usize)| {
            let share = *right as f64 / *all as f64 * 100.0;
            share + if right == all { 100.0 } else { 0.0 }
        };
        self.counts.iter().map(image).sum::<f64>() / self.counts.len() as f64
    }
}
