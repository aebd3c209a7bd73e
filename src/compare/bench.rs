//! Pairs before the judge: what it is asked, in both positions, and what it replies.

use std::path::PathBuf;

use super::pictures::Pictures;
use super::{CompareError, Judged, Pair, Question};
use crate::engine::{EngineSettings, Fleet, ModelDescription, ToJudge, ask_judge};
use crate::image::Viewing;
use crate::opinion::{Inquiry, Said};
use crate::registry::ModelEntry;
use crate::score::comparison::Contest;

/// What the judge says of each of these.
type Ask<'a> = dyn FnMut(&[ToJudge<'_>]) -> Result<Vec<Said>, CompareError> + 'a;

/// Asks about all pairs whose answers are not equal; `ask` is called once, unless there is nothing to
/// ask.
pub(super) fn judge(
    question: &Question<'_>,
    pairs: &[Pair],
    pictures: &Pictures,
    ask: &mut Ask<'_>,
) -> Result<Vec<Judged>, CompareError> {
    let inquiries: Vec<Option<[Inquiry; 2]>> =
        pairs.iter().map(|one| inquiries(question, one)).collect();
    let mut asked = Vec::new();
    for (pair, inquiries) in pairs.iter().zip(&inquiries) {
        let images: &[PathBuf] = pictures.get(&pair.case).map_or(&[], Vec::as_slice);
        asked.extend(inquiries.iter().flatten().map(|one| ToJudge {
            matter: &one.matter,
            images,
            orientation: Viewing::Upright,
        }));
    }
    let said = if asked.is_empty() { Vec::new() } else { ask(&asked)? };
    let mut said = said.into_iter();
    let mut next = || said.next().unwrap_or_else(|| Said::Nothing("it was not asked".to_owned()));
    let judged = pairs.iter().zip(&inquiries).map(|(pair, inquiries)| match inquiries {
        None => Judged::equal(pair.clone()),
        Some(inquiries) => {
            let opinions = inquiries.each_ref().map(|inquiry| inquiry.answered(next()));
            Judged::from_replies(pair.clone(), opinions)
        }
    });
    Ok(judged.collect())
}

/// What the judge is asked; nothing of equal answers.
fn inquiries(question: &Question<'_>, pair: &Pair) -> Option<[Inquiry; 2]> {
    let [first, second] = &pair.answers;
    let Question { judge, rubric, pictures, .. } = question;
    let contest = Contest { judge, rubric, question: &pair.question, pictures: *pictures };
    (first.trim() != second.trim()).then(|| contest.inquiries([first, second]))
}

/// Loads the judge and asks it.
pub(super) fn ask_model(
    judge: &ModelEntry,
    settings: &EngineSettings,
    asked: &[ToJudge<'_>],
    say: &dyn Fn(&str),
) -> Result<Vec<Said>, CompareError> {
    let (mut fleet, missing) = Fleet::load(judge, settings)
        .map_err(|source| CompareError::Judge { name: judge.name.clone(), source })?;
    for (device, error) in missing {
        say(&format!("eyechart: {} does without {device}: {error}", judge.name));
    }
    for engine in fleet.engines() {
        say(&loaded(engine.description(), asked.len()));
    }
    Ok(ask_judge(&mut fleet, asked, &mut |_| {
        say("eyechart: memory ran out; fewer comparisons are made together");
    }))
}

fn loaded(judge: &ModelDescription, requests: usize) -> String {
    let ModelDescription { name, device, precision, load_time, .. } = judge;
    let seconds = load_time.as_secs_f64();
    format!(
        "eyechart: {requests} replies of {name} ({device}, {precision}), loaded in {seconds:.2} s"
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Comparisons, Outcome, Side};
    use super::*;
    use crate::answer::FinishReason;
    use crate::compare::pairs::Paired;
    use crate::opinion::JudgedPictures;

    fn question(engine: &EngineSettings) -> Question<'_> {
        let side = || Side { journal: "journal.jsonl".into(), model: None };
        Question {
            project: Path::new("."),
            sides: [side(), side()],
            judge: "big",
            rubric: "names the animal",
            pictures: JudgedPictures::Shown,
            engine,
            unpacked: Path::new("."),
        }
    }

    fn pair(case: &str, picture: &str, answers: [&str; 2]) -> Pair {
        Pair {
            case: case.into(),
            run: 1,
            question: "What is it?".into(),
            pictures_sha256: vec![picture.into()],
            answers: answers.map(str::to_owned),
        }
    }

    /// The comparisons of pairs about which the judge replies so, in order; `!` is no reply.
    fn compared(pairs: Vec<Pair>, replies: &[&str]) -> Comparisons {
        let engine = EngineSettings::default();
        let question = question(&engine);
        let judged = judge(&question, &pairs, &Pictures::new(), &mut |asked| {
            assert_eq!(asked.len(), replies.len());
            let reply = |(asked, text): (&ToJudge<'_>, &&str)| match *text {
                "!" => Said::Nothing("the picture is broken".to_owned()),
                text => asked.reply(text.to_owned(), FinishReason::Stop),
            };
            Ok(asked.iter().zip(replies).map(reply).collect())
        });
        let models = ["one".to_owned(), "two".to_owned()];
        let paired = Paired { models, pairs: Vec::new(), left_out: Vec::new() };
        Comparisons::new(&question, paired, judged.unwrap())
    }

    #[test]
    fn only_what_is_preferred_in_both_positions_wins() {
        let replies = [
            (["Better: A", "Better: B"], Outcome::First, false),
            (["Better: B", "Better: A"], Outcome::Second, false),
            (["Better: A", "Better: A"], Outcome::Tie, true),
            (["Better: B", "Better: B"], Outcome::Tie, true),
            (["Better: A", "Better: tie"], Outcome::Tie, false),
            (["tie", "tie"], Outcome::Tie, false),
            (["Better: A", "a cat"], Outcome::Unread, false),
            (["!", "Better: A"], Outcome::Unread, false),
        ];
        for (said, outcome, is_biased) in replies {
            let found = compared(vec![pair("a", "p", ["A cat.", "A dog."])], &said);
            let [judged] = &found.judged[..] else { panic!("{found:?}") };
            assert_eq!((judged.outcome, judged.is_biased), (outcome, is_biased), "{said:?}");
            // Whatever they say, both replies are kept, each with the hash of its own prompt.
            let [first, second] = &judged.opinions[..] else { panic!("{judged:?}") };
            assert_ne!(first.sha256, second.sha256);
            for (opinion, said) in [(first, said[0]), (second, said[1])] {
                match &opinion.said {
                    Said::Reply { text, .. } => assert_eq!(text, said),
                    other => assert_eq!(*other, Said::Nothing("the picture is broken".into())),
                }
            }
        }
    }

    #[test]
    fn the_two_prompts_differ_in_the_order_of_the_answers_alone() {
        let engine = EngineSettings::default();
        let pair = pair("a", "p", ["A cat.", "A dog."]);
        let [first, second] = inquiries(&question(&engine), &pair).unwrap();
        let text = |inquiry: &Inquiry| {
            let to_judge =
                ToJudge { matter: &inquiry.matter, images: &[], orientation: Viewing::Upright };
            match &to_judge.request().conversation.turns[0].parts[..] {
                [crate::request::Part::Text(text)] => text.clone(),
                other => panic!("{other:?}"),
            }
        };
        let (first, second) = (text(&first), text(&second));
        assert!(first.contains("Answer A:\nA cat.\n\nAnswer B:\nA dog.\n"), "{first}");
        let swapped =
            first.replace("A cat.", "?").replace("A dog.", "A cat.").replace('?', "A dog.");
        assert_eq!(second.replace('?', "A dog."), swapped);
    }

    #[test]
    fn equal_answers_are_a_tie_about_which_nobody_is_asked() {
        let found = compared(vec![pair("a", "p", ["A cat.", " A cat.\n"])], &[]);
        assert_eq!((found.judged[0].outcome, found.judged[0].opinions.len()), (Outcome::Tie, 0));
    }

    #[test]
    fn what_was_compared_is_told() {
        let two = ["A cat.", "A dog."];
        let pairs = vec![
            pair("a", "p", two),
            pair("b", "p", two),
            pair("c", "q", two),
            pair("d", "r", ["A cat.", "A cat."]),
            pair("e", "s", two),
        ];
        let (first, biased) = (["Better: A", "Better: B"], ["Better: A", "Better: A"]);
        let replies = [first, first, biased, ["A dog is a cat.", "Better: A"]].concat();
        let found = compared(pairs, &replies);
        let figures = found.figures();
        assert_eq!((figures.first_wins, figures.second_wins, figures.ties), (2, 0, 2));
        assert_eq!((figures.compared, figures.unread, figures.position_biased), (4, 1, 1));
        // (1 + 1 + 0.5 + 0.5) / 4; deviations 1/4, 1/4, -1/4, -1/4, of which the first two are of one
        // picture: variance 4/16 / 3 / 4 + 2/16 / 16.
        assert_eq!(figures.win_rate, Some(0.75));
        let error = (4.0 / 16.0 / 12.0 + 2.0 / 16.0 / 16.0_f64).sqrt();
        assert!((figures.win_rate_standard_error.unwrap() - error).abs() < 1e-12);
        // Two of two: twice a quarter.
        assert_eq!(figures.sign_test_p, 0.5);
        insta::assert_snapshot!(format!("{found}\n{:#}", found.to_json()["items"][4]));
    }
}
