/*!
Expectations that another network helps to judge: what it is asked, and what its opinion is worth.

A judge is asked by a fixed prompt ([`JUDGE_PROMPT`], and that of [`comparison`](super::comparison)); its reply is read by
[`crate::extract`] and kept to the letter. Must not know how networks run: [`inquiries`] says what is to be asked of an
answer, and [`super::judge`] finds the opinions on it in the evidence.
*/

use super::comparison::{Comparison, Contest};
use super::{Evidence, FULL_MARKS, Reading, Verdict, quoted};
use crate::case::{
    ClipScoreExpectation, Expectation, JudgeExpectation, PreferenceExpectation,
    SimilarityExpectation,
};
use crate::extract::{Unfinished, after_thought, inside_answer_tag, mark, preference};
use crate::opinion::{Inquiry, Matter, Opinion, Said};

/// What a judge is asked for a mark. `{question}`, `{answer}` and `{rubric}` are filled in; whatever
/// changes here changes the hash of every prompt.
pub const JUDGE_PROMPT: &str = "\
You are marking an answer to a question. Mark only by the rubric.

Question:
{question}

Answer:
{answer}

Rubric:
{rubric}

Give a mark from 0 (meets nothing of the rubric) to 5 (meets all of it). Reply with one line and \
nothing else:
Score: <mark>";

/// What other networks are to be asked about an answer, in the order of the expectation. They are
/// told what follows its thoughts; of a thought without an end nobody is asked.
pub fn inquiries(expectation: &Expectation, question: &str, answer: &str) -> Vec<Inquiry> {
    match after_thought(answer).map(inside_answer_tag) {
        Ok(answer) => inquiries_of_answer(expectation, question, answer),
        Err(Unfinished) => Vec::new(),
    }
}

fn inquiries_of_answer(expectation: &Expectation, question: &str, answer: &str) -> Vec<Inquiry> {
    match expectation {
        Expectation::Judge(expected) => vec![mark_inquiry(expected, question, answer)],
        Expectation::Preferred(expected) => preference_inquiries(expected, question, answer).into(),
        Expectation::ClipScore(expected) => vec![clip_score_inquiry(expected, answer)],
        Expectation::Similarity(expected) => vec![similarity_inquiry(expected, answer)],
        Expectation::All(parts) | Expectation::Any(parts) => {
            let mut all: Vec<Inquiry> = Vec::new();
            for inquiry in parts.iter().flat_map(|part| inquiries_of_answer(part, question, answer))
            {
                if !all.contains(&inquiry) {
                    all.push(inquiry);
                }
            }
            all
        }
        Expectation::Not(inner) => inquiries_of_answer(inner, question, answer),
        _ => Vec::new(),
    }
}

fn mark_inquiry(expected: &JudgeExpectation, question: &str, answer: &str) -> Inquiry {
    let JudgeExpectation { judge, rubric, pictures, .. } = expected;
    let texts = [("question", question), ("answer", answer), ("rubric", rubric)];
    let matter = Matter::Mark { prompt: fill(JUDGE_PROMPT, &texts), pictures: *pictures };
    Inquiry { adviser: judge.clone(), matter }
}

fn preference_inquiries(
    expected: &PreferenceExpectation,
    question: &str,
    answer: &str,
) -> [Inquiry; 2] {
    let PreferenceExpectation { judge, rubric, over, pictures, .. } = expected;
    let contest = Contest { judge, rubric, question, pictures: *pictures };
    contest.inquiries([answer, over])
}

fn clip_score_inquiry(expected: &ClipScoreExpectation, answer: &str) -> Inquiry {
    let ClipScoreExpectation { scorer, references, .. } = expected;
    let matter = Matter::ClipScore { caption: answer.to_owned(), references: references.clone() };
    Inquiry { adviser: scorer.clone(), matter }
}

fn similarity_inquiry(expected: &SimilarityExpectation, answer: &str) -> Inquiry {
    let SimilarityExpectation { scorer, references, .. } = expected;
    let matter = Matter::Similarity { text: answer.to_owned(), references: references.clone() };
    Inquiry { adviser: scorer.clone(), matter }
}

/// Puts texts into a prompt in one pass, so that nothing within them is taken for a place.
pub(super) fn fill(prompt: &str, texts: &[(&str, &str)]) -> String {
    let mut filled = String::new();
    let mut rest = prompt;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let known = texts
            .iter()
            .find_map(|(name, text)| Some((text, after.strip_prefix(name)?.strip_prefix('}')?)));
        match known {
            Some((text, after)) => {
                filled.push_str(text.trim());
                rest = after;
            }
            None => {
                filled.push('{');
                rest = after;
            }
        }
    }
    filled + rest
}

/// What a judge said.
struct Reply<'o> {
    text: &'o str,
}

fn reply<'o>(inquiry: &Inquiry, opinions: &'o [Opinion]) -> Result<Reply<'o>, Verdict> {
    match said(inquiry, opinions)? {
        Said::Reply { text, .. } => Ok(Reply { text }),
        _ => Err(unadvised(inquiry, "it replied nothing")),
    }
}

fn said<'o>(inquiry: &Inquiry, opinions: &'o [Opinion]) -> Result<&'o Said, Verdict> {
    match inquiry.find(opinions).map(|opinion| &opinion.said) {
        Some(Said::Nothing(reason)) => Err(unadvised(inquiry, reason)),
        Some(said) => Ok(said),
        None => Err(unadvised(inquiry, "it was not asked about this answer and this rubric")),
    }
}

fn unadvised(inquiry: &Inquiry, reason: &str) -> Verdict {
    Verdict::wrong(Reading::Unjudged, format!("no opinion of {}: {reason}", inquiry.adviser))
}

/// Marks by a judge.
pub(super) fn judged(expected: &JudgeExpectation, evidence: &Evidence<'_>) -> Verdict {
    let inquiry = mark_inquiry(expected, evidence.question, evidence.text);
    let reply = match reply(&inquiry, evidence.opinions) {
        Ok(reply) => reply,
        Err(verdict) => return verdict,
    };
    match mark(reply.text) {
        Ok(points) => {
            let judge = &expected.judge;
            let reason = format!(
                "{judge} gives {points} of 5 marks, expected at least {}: {}",
                expected.min_points,
                quoted(reply.text)
            );
            marked(points, expected.min_points, reason)
        }
        Err(error) => unread(&inquiry, &reply, &error),
    }
}

/// Marks by a preference in both positions.
pub(super) fn preferred(expected: &PreferenceExpectation, evidence: &Evidence<'_>) -> Verdict {
    let [first, second] = preference_inquiries(expected, evidence.question, evidence.text);
    let read = |inquiry: &Inquiry| {
        let reply = reply(inquiry, evidence.opinions)?;
        preference(reply.text).map_err(|error| unread(inquiry, &reply, &error))
    };
    let (standing_first, standing_second) = match (read(&first), read(&second)) {
        (Ok(first), Ok(second)) => (first, second),
        (Err(verdict), _) | (_, Err(verdict)) => return verdict,
    };
    let comparison = Comparison { standing_first, standing_second };
    let judge = &expected.judge;
    let points = comparison.points();
    let reason = format!(
        "{judge} {}: {points} of 5 marks, expected at least {}; the other answer is {}",
        comparison.describe(),
        expected.min_points,
        quoted(&expected.over)
    );
    marked(points, expected.min_points, reason)
}

/// CLIPScore, or RefCLIPScore where there are references.
pub(super) fn clip_score(expected: &ClipScoreExpectation, evidence: &Evidence<'_>) -> Verdict {
    let inquiry = clip_score_inquiry(expected, evidence.text);
    let (name, score) = match said(&inquiry, evidence.opinions) {
        Ok(Said::ClipScores { ref_clip_score: Some(score), .. }) => ("RefCLIPScore", *score),
        Ok(Said::ClipScores { clip_score, .. }) => ("CLIPScore", *clip_score),
        Ok(_) => return unadvised(&inquiry, "it gave no CLIPScore"),
        Err(verdict) => return verdict,
    };
    measured(name, score, expected.min, evidence)
}

/// The cosine of sentence embeddings.
pub(super) fn similarity(expected: &SimilarityExpectation, evidence: &Evidence<'_>) -> Verdict {
    let inquiry = similarity_inquiry(expected, evidence.text);
    match said(&inquiry, evidence.opinions) {
        Ok(Said::Similarity(cosine)) => measured("similarity", *cosine, expected.min, evidence),
        Ok(_) => unadvised(&inquiry, "it gave no similarity"),
        Err(verdict) => verdict,
    }
}

/// A figure without a least value passes: a gate judges.
fn measured(name: &str, value: f64, min: Option<f64>, evidence: &Evidence<'_>) -> Verdict {
    if value.is_nan() {
        let reason = format!("{name} of {} is no number", quoted(evidence.text));
        return Verdict::wrong(Reading::Unjudged, reason);
    }
    let points = FULL_MARKS * value.clamp(0.0, 1.0);
    match min.filter(|min| value < *min) {
        None => Verdict { points, ..Verdict::right() },
        Some(min) => {
            let text = quoted(evidence.text);
            let reason = format!("{name} is {value:.4}, expected at least {min}: {text}");
            Verdict { points, ..Verdict::wrong(Reading::Parsed, reason) }
        }
    }
}

fn marked(points: f64, min: f64, reason: String) -> Verdict {
    match points >= min {
        true => Verdict { points, ..Verdict::right() },
        false => Verdict { points, ..Verdict::wrong(Reading::Parsed, reason) },
    }
}

fn unread(inquiry: &Inquiry, reply: &Reply<'_>, error: &dyn std::fmt::Display) -> Verdict {
    let reason =
        format!("the reply of {} cannot be read: {error}: {}", inquiry.adviser, quoted(reply.text));
    Verdict::wrong(Reading::Unjudged, reason)
}

#[cfg(test)]
mod tests {
    use super::super::{judge, testing};
    use super::*;
    use crate::answer::FinishReason;
    use crate::opinion::JudgedPictures;

    const ANSWER: &str = "A cat {rubric} sleeps.";

    fn judge_expectation() -> Expectation {
        Expectation::Judge(JudgeExpectation {
            judge: "big".into(),
            rubric: "names the animal".into(),
            min_points: 3.0,
            pictures: JudgedPictures::Shown,
        })
    }

    fn preference_expectation() -> Expectation {
        Expectation::Preferred(PreferenceExpectation {
            judge: "big".into(),
            rubric: "names the animal".into(),
            over: "A dog.".into(),
            min_points: 3.0,
            pictures: JudgedPictures::Hidden,
        })
    }

    /// The verdict if the judge replies so to each inquiry, in order.
    fn verdict(expectation: &Expectation, replies: &[&str]) -> Verdict {
        let question = "What is it?";
        let asked = inquiries(expectation, question, ANSWER);
        let opinion = |(inquiry, text): (&Inquiry, &&str)| Opinion {
            adviser: inquiry.adviser.clone(),
            sha256: inquiry.sha256(),
            said: Said::Reply {
                text: (*text).to_owned(),
                finish: FinishReason::Stop,
                position: None,
                unread: None,
            },
        };
        let opinions: Vec<Opinion> = asked.iter().zip(replies).map(opinion).collect();
        judge(expectation, Evidence { question, opinions: &opinions, ..testing::said(ANSWER) })
    }

    #[test]
    fn prompts_are_fixed() {
        let inquiries = [judge_expectation(), preference_expectation()]
            .iter()
            .flat_map(|one| inquiries(one, " What is it? ", ANSWER))
            .map(|inquiry| match &inquiry.matter {
                Matter::Mark { prompt, .. } | Matter::Preference { prompt, .. } => {
                    format!("{}\n{prompt}\n", inquiry.sha256())
                }
                other => panic!("{other:?}"),
            })
            .collect::<Vec<_>>();
        insta::assert_snapshot!(inquiries.join("----\n"));
    }

    #[test]
    fn a_judges_mark_is_the_points() {
        let passing = verdict(&judge_expectation(), &["Score: 4"]);
        assert_eq!((passing.passed, passing.points), (true, 4.0));
        let failing = verdict(&judge_expectation(), &["Score: 2.5"]);
        assert_eq!((failing.passed, failing.points), (false, 2.5));
        assert_eq!(
            failing.reasons,
            ["big gives 2.5 of 5 marks, expected at least 3: \"Score: 2.5\""]
        );
    }

    #[test]
    fn a_reply_that_cannot_be_read_shows_nothing() {
        let unread = verdict(&judge_expectation(), &["a red car"]);
        assert_eq!((unread.passed, unread.reading), (false, Reading::Unjudged));
        assert_eq!(
            unread.reasons,
            ["the reply of big cannot be read: it holds no mark: \"a red car\""]
        );
        let unasked = verdict(&judge_expectation(), &[]);
        assert_eq!(
            unasked.reasons,
            ["no opinion of big: it was not asked about this answer and this rubric"]
        );
        let not = Expectation::Not(Box::new(judge_expectation()));
        assert!(!verdict(&not, &["a red car"]).passed);
        let either =
            Expectation::Any(vec![Expectation::Contains("cat".into()), judge_expectation()]);
        assert!(verdict(&either, &["a red car"]).passed);
    }

    #[test]
    fn a_preference_counts_in_both_positions() {
        let all = [
            (["Better: A", "Better: B"], 5.0, "prefers this answer in both positions"),
            (["Better: B", "Better: A"], 0.0, "prefers the other answer in both positions"),
            (["A", "A"], 2.5, "prefers whichever answer stands first (position bias)"),
            (["B", "B"], 2.5, "prefers whichever answer stands second (position bias)"),
            (["tie", "tie"], 2.5, "prefers neither"),
            (["A", "tie"], 3.75, "prefers this answer in one position only"),
            (["tie", "A"], 1.25, "prefers the other answer in one position only"),
        ];
        for (replies, points, words) in all {
            let verdict = verdict(&preference_expectation(), &replies);
            assert_eq!((verdict.passed, verdict.points), (points >= 3.0, points), "{replies:?}");
            assert!(verdict.passed || verdict.reasons[0].contains(words), "{verdict:?}");
        }
    }

    #[test]
    fn measures_pass_from_their_least_value_on() {
        let expected = |min| {
            Expectation::ClipScore(ClipScoreExpectation {
                scorer: "clip".into(),
                references: vec![],
                min,
            })
        };
        let verdict = |min, clip_score| {
            let expected = expected(min);
            let inquiry = &inquiries(&expected, "", ANSWER)[0];
            let said = Said::ClipScores { clip_score, ref_clip_score: None };
            let opinion = Opinion { adviser: "clip".into(), sha256: inquiry.sha256(), said };
            judge(&expected, Evidence { opinions: &[opinion], ..testing::said(ANSWER) })
        };
        assert!(verdict(Some(0.7), 0.7).passed);
        assert!(verdict(None, 0.1).passed);
        assert_eq!(verdict(Some(0.7), 1.25).points, 5.0);
        let low = verdict(Some(0.7), 0.61234);
        assert_eq!(
            low.reasons,
            [format!("CLIPScore is 0.6123, expected at least 0.7: {ANSWER:?}")]
        );
        assert_eq!(verdict(Some(0.7), f64::NAN).reading, Reading::Unjudged);
    }
}
