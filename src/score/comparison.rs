/*!
Two answers to one question before a judge.

The judge is asked twice, with the two answers in swapped positions: one that names the same position
both times shows a bias for it, and the comparison is a draw. Must not know how networks run.
*/

use super::FULL_MARKS;
use super::advised::fill;
use crate::extract::{Preference, preference};
use crate::opinion::{AnswerPosition, Inquiry, JudgedPictures, Matter, Opinion, Said};

/// What a judge is asked for a preference; `{first}` and `{second}` are the two answers.
pub const PREFERENCE_PROMPT: &str = "\
You are comparing two answers to a question. Compare only by the rubric; the order of the answers \
and their length mean nothing.

Question:
{question}

Answer A:
{first}

Answer B:
{second}

Rubric:
{rubric}

Which answer is better? Reply with one line and nothing else, one of:
Better: A
Better: B
Better: tie";

/// What two answers are compared by.
#[derive(Debug, Clone, Copy)]
pub struct Contest<'t> {
    /// The judge's name in the registry.
    pub judge: &'t str,
    /// What makes an answer the better one.
    pub rubric: &'t str,
    /// What was asked.
    pub question: &'t str,
    /// Whether the judge sees the pictures.
    pub pictures: JudgedPictures,
}

impl Contest<'_> {
    /// What the judge is asked: in the first inquiry `answer` stands first, in the second one
    /// second.
    pub fn inquiries(&self, [answer, other]: [&str; 2]) -> [Inquiry; 2] {
        let orders =
            [(AnswerPosition::First, answer, other), (AnswerPosition::Second, other, answer)];
        orders.map(|(position, first, second)| {
            let texts = [
                ("question", self.question),
                ("first", first),
                ("second", second),
                ("rubric", self.rubric),
            ];
            let prompt = fill(PREFERENCE_PROMPT, &texts);
            let matter = Matter::Preference { prompt, pictures: self.pictures, position };
            Inquiry { adviser: self.judge.to_owned(), matter }
        })
    }
}

/// What a judge prefers with an answer in the first position, and with it in the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comparison {
    /// What it prefers with the answer in the first position.
    pub standing_first: Preference,
    /// What it prefers with the answer in the second position.
    pub standing_second: Preference,
}

impl Comparison {
    /// Full marks for the better answer in both positions, half for a draw.
    pub fn points(self) -> f64 {
        let share = |preference, own| match preference {
            Preference::Neither => 0.5,
            preference if preference == own => 1.0,
            _ => 0.0,
        };
        let first = share(self.standing_first, Preference::First);
        FULL_MARKS * (first + share(self.standing_second, Preference::Second)) / 2.0
    }

    /// Whether the same position is named both times.
    pub fn is_biased(self) -> bool {
        self.standing_first == self.standing_second && self.standing_first != Preference::Neither
    }

    /// What a judge did, in words.
    pub fn describe(self) -> &'static str {
        use Preference::{First, Neither, Second};
        match (self.standing_first, self.standing_second) {
            (First, Second) => "prefers this answer in both positions",
            (Second, First) => "prefers the other answer in both positions",
            (Neither, Neither) => "prefers neither",
            (First, First) => "prefers whichever answer stands first (position bias)",
            (Second, Second) => "prefers whichever answer stands second (position bias)",
            (First, Neither) | (Neither, Second) => "prefers this answer in one position only",
            (Second, Neither) | (Neither, First) => "prefers the other answer in one position only",
        }
    }
}

/// How many comparisons of two answers in both positions there are among a trial's opinions, and
/// how many of them show a position bias: the judge names the same position both times.
pub fn position_bias(opinions: &[Opinion]) -> (usize, usize) {
    let standing = |wanted: AnswerPosition| {
        opinions.iter().filter_map(move |opinion| match &opinion.said {
            Said::Reply { text, position: Some(position), .. } if *position == wanted => {
                Some(preference(text).ok())
            }
            _ => None,
        })
    };
    let pairs = standing(AnswerPosition::First).zip(standing(AnswerPosition::Second));
    let compared: Vec<Comparison> = pairs
        .filter_map(|(first, second)| {
            Some(Comparison { standing_first: first?, standing_second: second? })
        })
        .collect();
    (compared.len(), compared.iter().filter(|one| one.is_biased()).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_judge_that_names_one_position_twice_is_biased() {
        let said = |text, position| Opinion::replied("big", text, position);
        let both = |first, second| {
            [said(first, AnswerPosition::First), said(second, AnswerPosition::Second)]
        };
        assert_eq!(position_bias(&both("Better: A", "Better: A")), (1, 1));
        assert_eq!(position_bias(&both("Better: A", "Better: B")), (1, 0));
        assert_eq!(position_bias(&both("tie", "tie")), (1, 0));
        assert_eq!(position_bias(&both("hm", "tie")), (0, 0));
        let two = [both("A", "A"), both("A", "B")].concat();
        assert_eq!(position_bias(&two), (2, 1));
    }
}
