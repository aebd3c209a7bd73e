//! Comparisons as shown: a table for people, JSON for programs.

use std::fmt::{self, Display, Formatter};

use serde::Serialize;
use serde_json::{Value, json};

use super::pairs::Paired;
use super::{Judged, LeftOut, Outcome, Question};
use crate::foreign;
use crate::stats::{
    ClusterVariance, McNemar, MeanEstimate, clustered_standard_error, estimate_mean,
};

/// The file's name in the folder of reports.
pub const FILE_NAME: &str = "comparison.json";

/// All comparisons of two models.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparisons {
    /// The models, as shown.
    pub models: [String; 2],
    /// The judge's name.
    pub judge: String,
    /// What the answers were compared by.
    pub rubric: String,
    /// The pairs.
    pub judged: Vec<Judged>,
    /// Cases that were not compared.
    pub left_out: Vec<LeftOut>,
}

/// The figures.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Figures {
    /// Pairs on which the judge's replies could be read, or whose answers are equal.
    pub compared: usize,
    /// How often the first model's answer is better.
    pub first_wins: usize,
    /// How often the second model's is.
    pub second_wins: usize,
    /// How often neither is.
    pub ties: usize,
    /// Ties because the answers are equal.
    pub equal_answers: usize,
    /// Ties because the judge named the same position both times.
    pub position_biased: usize,
    /// Pairs on which a reply is missing or cannot be read.
    pub unread: usize,
    /// The first model's share of wins, a tie counted half; none without a comparison.
    pub win_rate: Option<f64>,
    /// The standard error of that, comparisons about the same pictures counted as a cluster.
    pub win_rate_standard_error: Option<f64>,
    /// Two-sided p value of the sign test on wins, by the exact binomial distribution.
    pub sign_test_p: f64,
}

impl Comparisons {
    pub(super) fn new(question: &Question<'_>, paired: Paired, judged: Vec<Judged>) -> Self {
        let [first, second] = paired.models;
        let models = if first == second {
            let [one, other] = &question.sides;
            let named = |name: &str, path: &std::path::Path| format!("{name} ({})", path.display());
            [named(&first, &one.journal), named(&second, &other.journal)]
        } else {
            [first, second]
        };
        let (judge, rubric) = (question.judge.to_owned(), question.rubric.to_owned());
        Self { models, judge, rubric, judged, left_out: paired.left_out }
    }

    /// Counts and compares.
    pub fn figures(&self) -> Figures {
        let count =
            |wanted: &dyn Fn(&Judged) -> bool| self.judged.iter().filter(|one| wanted(one)).count();
        let outcomes = |outcome| count(&|one| one.outcome == outcome);
        let (first_wins, second_wins) = (outcomes(Outcome::First), outcomes(Outcome::Second));
        let unread = outcomes(Outcome::Unread);
        let estimate = self.estimate();
        Figures {
            compared: self.judged.len() - unread,
            first_wins,
            second_wins,
            ties: outcomes(Outcome::Tie),
            equal_answers: count(&|one| one.opinions.is_empty()),
            position_biased: count(&|one| one.is_biased),
            unread,
            win_rate: estimate.map(|(mean, _)| mean),
            win_rate_standard_error: estimate.and_then(|(_, error)| error),
            sign_test_p: McNemar::from_counts(first_wins as u64, second_wins as u64).exact_p,
        }
    }

    /// The mean of the first model's shares, and its standard error.
    fn estimate(&self) -> Option<(f64, Option<f64>)> {
        let shares = self.judged.iter().filter_map(|one| {
            // Without pictures a case is a cluster of its own.
            let pictures = &one.pair.pictures_sha256;
            let cluster =
                if pictures.is_empty() { one.pair.case.clone() } else { pictures.join(" ") };
            Some((one.share()?, cluster))
        });
        let (shares, clusters): (Vec<f64>, Vec<String>) = shares.unzip();
        let first = *shares.first()?;
        let mean = estimate_mean(&shares).map_or(first, |MeanEstimate { mean, .. }| mean);
        Some((mean, clustered_standard_error(&shares, &clusters, ClusterVariance::LmmsEval)))
    }

    /// `{"aggregate": {...}, "items": [...]}`, with the judge's replies to the letter.
    pub fn to_json(&self) -> Value {
        let items: Vec<Value> = self.judged.iter().map(item).collect();
        json!({
            "first": self.models[0],
            "second": self.models[1],
            "judge": self.judge,
            "rubric": self.rubric,
            "aggregate": self.figures(),
            "items": items,
            "left_out": self.left_out,
        })
    }
}

fn item(judged: &Judged) -> Value {
    let Judged { pair, outcome, reason, is_biased, opinions } = judged;
    json!({
        "id": pair.case,
        "run": pair.run,
        "question": pair.question,
        "first": pair.answers[0],
        "second": pair.answers[1],
        "outcome": outcome,
        "reason": reason,
        "position_biased": is_biased,
        "replies": opinions,
    })
}

impl Display for Comparisons {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let figures = self.figures();
        let Figures { first_wins, second_wins, ties, unread, .. } = figures;
        let [first, second] = self.models.each_ref().map(|model| foreign::line(model));
        let width = first.chars().count().max(second.chars().count()) + " is better".len();
        let mut line = |name: &str, count: usize, note: String| {
            writeln!(formatter, "{name:<width$}  {count:>6}{note}")
        };
        line(&format!("{first} is better"), first_wins, String::new())?;
        line(&format!("{second} is better"), second_wins, String::new())?;
        line("ties", ties, ties_note(&figures))?;
        line("unread", unread, String::new())?;
        let judge = foreign::line(&self.judge);
        match (figures.win_rate, figures.win_rate_standard_error) {
            (None, _) => writeln!(formatter, "{judge} gave no two replies that can be read"),
            (Some(rate), error) => {
                let error = error.map(|error| format!(" ± {error:.3}")).unwrap_or_default();
                let p = figures.sign_test_p;
                writeln!(
                    formatter,
                    "win rate of {first} {rate:.3}{error}, judged by {judge}, a tie counted half; sign \
                     test p = {p:.3}"
                )
            }
        }
    }
}

fn ties_note(figures: &Figures) -> String {
    let Figures { equal_answers, position_biased, .. } = figures;
    let parts = [
        (*equal_answers, "answers equal"),
        (*position_biased, "same position preferred both times"),
    ];
    let told: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{words}: {count}"))
        .collect();
    if told.is_empty() { String::new() } else { format!("  ({})", told.join(", ")) }
}
