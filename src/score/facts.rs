/*!
Marks from 0 to 5 for the facts that an answer states.

**The rule.** Half of the marks are for saying what is true, half for saying all of it:

- *coverage* is the share of the sheet that the answer states, by weight; a fact counts whole if a
  full-credit wording occurs, half if only a partial-credit wording does;
- an answer that states at least one fact, if only partly, earns `5 × (1 + coverage) / 2`; one that
  states none earns nothing, however fluent it is;
- each forbidden fact that it states costs its points; the result stays within 0 and 5.

So a true but vague answer is worth a little more than half, as people mark it, a complete one 5,
and one beside the point 0. A wording occurs where it stands in the answer as whole words after
[normalisation](crate::extract::normalize), in a clause that neither denies nor doubts it ("no trees",
"no sign of any trees", "trees are not visible", "I am not sure whether there are trees" and 没有看到树 do
not state trees; "not only trees" does).

**What it is not.** It does not understand the answer: a paraphrase that no wording foresees earns
nothing, a denial without a word of denial ("the trees have been cut down") is not seen, and who does
what to whom is not checked. It measures what its author wrote down, no more; write wordings in every
language that the models answer in, and look at what failed before trusting a difference. It is
repeatable, needs no other model, and gives the same marks to the same text for ever.
*/

use super::{Evidence, FULL_MARKS, Reading, Verdict};
use crate::case::{Fact, FactSheet};
use crate::extract::{affirms, normalize};

/// How far an answer states a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Credit {
    Full,
    Partial,
    None,
}

impl Credit {
    fn share(self) -> f64 {
        match self {
            Self::Full => 1.0,
            Self::Partial => 0.5,
            Self::None => 0.0,
        }
    }
}

pub(super) fn judge(sheet: &FactSheet, evidence: &Evidence<'_>) -> Verdict {
    let answer = evidence.text;
    let credits: Vec<Credit> = sheet.facts.iter().map(|fact| credit(fact, answer)).collect();
    let coverage = coverage(&sheet.facts, &credits);
    let cost = sheet.forbidden.iter().filter(|fact| states_any(answer, &fact.any)).map(|f| f.cost);
    let points = (earned(coverage) - cost.sum::<f64>()).clamp(0.0, FULL_MARKS);
    let passed = points >= sheet.min_points;
    let reading = if passed || credits.iter().any(|credit| *credit != Credit::None) {
        Reading::Parsed
    } else {
        evidence.cause_of_absence(Reading::Parsed)
    };
    let reasons = reasons(sheet, &credits, answer, points);
    Verdict { passed, points, iou: None, center_accuracy: None, reading, reasons }
}

/// The share of the sheet that is stated, from 0 to 1.
fn coverage(facts: &[Fact], credits: &[Credit]) -> f64 {
    let whole: f64 = facts.iter().map(|fact| fact.weight).sum();
    let stated: f64 =
        facts.iter().zip(credits).map(|(fact, credit)| fact.weight * credit.share()).sum();
    stated / whole
}

fn earned(coverage: f64) -> f64 {
    if coverage > 0.0 { FULL_MARKS * (1.0 + coverage) / 2.0 } else { 0.0 }
}

fn credit(fact: &Fact, answer: &str) -> Credit {
    if states_any(answer, &fact.any) {
        Credit::Full
    } else if states_any(answer, &fact.partial) {
        Credit::Partial
    } else {
        Credit::None
    }
}

fn states_any(answer: &str, wordings: &[String]) -> bool {
    wordings.iter().any(|wording| affirms(answer, &normalize(wording)))
}

fn reasons(sheet: &FactSheet, credits: &[Credit], answer: &str, points: f64) -> Vec<String> {
    let mut reasons = vec![format!("{points:.1} of 5 points, {:.1} needed", sheet.min_points)];
    for (fact, credit) in sheet.facts.iter().zip(credits) {
        let name = fact.any.first().map_or("", String::as_str);
        match credit {
            Credit::Full => {}
            Credit::Partial => reasons.push(format!("states only in part: {name}")),
            Credit::None => reasons.push(format!("does not state: {name}")),
        }
    }
    for forbidden in sheet.forbidden.iter().filter(|fact| states_any(answer, &fact.any)) {
        let name = forbidden.any.first().map_or("", String::as_str);
        reasons.push(format!("states what is forbidden, at {} points: {name}", forbidden.cost));
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::super::testing::{cut_off, said};
    use super::*;
    use crate::case::ForbiddenFact;

    fn fact(any: &[&str], partial: &[&str], weight: f64) -> Fact {
        let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Fact { any: own(any), partial: own(partial), weight }
    }

    fn sheet() -> FactSheet {
        FactSheet {
            facts: vec![fact(&["cat", "猫"], &["animal"], 3.0), fact(&["sofa"], &[], 1.0)],
            forbidden: vec![ForbiddenFact { any: vec!["dog".to_owned()], cost: 2.0 }],
            min_points: 4.0,
        }
    }

    fn points(text: &str) -> f64 {
        judge(&sheet(), &said(text)).points
    }

    #[test]
    fn marks_follow_the_rule() {
        assert_eq!(points("a cat on a sofa"), 5.0);
        assert_eq!(points("a cat"), 5.0 * (1.0 + 0.75) / 2.0);
        assert_eq!(points("an animal"), 5.0 * (1.0 + 0.375) / 2.0);
        assert_eq!(points("a cat on a sofa and a dog"), 3.0);
        assert_eq!(points("an afternoon"), 0.0);
        assert_eq!(points("a dog"), 0.0);
        assert_eq!(points(""), 0.0);
        assert_eq!(points("no cat, no sofa"), 0.0);
        assert_eq!(points("no dog, but a cat on a sofa"), 5.0);
    }

    #[test]
    fn the_reasons_say_what_is_missing() {
        let verdict = judge(&sheet(), &said("an animal and a dog"));
        assert!(!verdict.passed);
        assert_eq!(
            verdict.reasons,
            [
                "1.4 of 5 points, 4.0 needed",
                "states only in part: cat",
                "does not state: sofa",
                "states what is forbidden, at 2 points: dog",
            ]
        );
    }

    #[test]
    fn only_an_answer_without_any_fact_is_called_unread() {
        assert_eq!(judge(&sheet(), &said("")).reading, Reading::Empty);
        assert_eq!(judge(&sheet(), &cut_off("In the")).reading, Reading::Truncated);
        assert_eq!(judge(&sheet(), &cut_off("A cat on")).reading, Reading::Parsed);
        assert_eq!(judge(&sheet(), &said("a house")).reading, Reading::Parsed);
    }
}
