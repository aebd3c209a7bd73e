//! Pairs before the judge: what it is asked, in both positions, and what it replies.

use super::pictures::Pictures;
use super::{CompareError, Judged, Pair, Question};
use crate::answer::FinishReason;
use crate::engine::{
    Answered, EngineError, EngineSettings, Event, Fleet, ModelDescription, TrialRequest,
};
use crate::extract::preference;
use crate::opinion::{AnswerPosition, Inquiry, Matter, Opinion, Said};
use crate::registry::ModelEntry;
use crate::request::{Conversation, GenerationOptions};
use crate::score::comparison::Contest;

/// A judge is asked for one line.
const REPLY_TOKENS: usize = 64;

/// What a judge says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) text: String,
    pub(super) finish: FinishReason,
}

/// A reply to each request, or why there is none.
pub(super) type Replies = Vec<Result<Reply, String>>;

/// Asks about all pairs whose answers are not equal; `ask` is called once, unless there is nothing to
/// ask.
pub(super) fn judge(
    question: &Question<'_>,
    pairs: &[Pair],
    pictures: &Pictures,
    ask: &mut dyn FnMut(&[TrialRequest]) -> Result<Replies, CompareError>,
) -> Result<Vec<Judged>, CompareError> {
    let asked: Vec<Option<[Inquiry; 2]>> =
        pairs.iter().map(|one| inquiries(question, one)).collect();
    let mut requests = Vec::new();
    for (pair, inquiries) in pairs.iter().zip(&asked) {
        let images = pictures.get(&pair.case).cloned().unwrap_or_default();
        let ask = |inquiry: &Inquiry| request(inquiry, images.clone());
        requests.extend(inquiries.iter().flatten().map(ask));
    }
    let replies = if requests.is_empty() { Vec::new() } else { ask(&requests)? };
    let mut replies = replies.into_iter();
    let judged = pairs.iter().zip(asked).map(|(pair, inquiries)| match inquiries {
        None => Judged::equal(pair.clone()),
        Some(inquiries) => {
            let opinions = inquiries.map(|inquiry| opinion(inquiry, replies.next()));
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

fn request(inquiry: &Inquiry, images: Vec<std::path::PathBuf>) -> TrialRequest {
    let prompt = match &inquiry.matter {
        Matter::Preference { prompt, .. } => prompt.as_str(),
        _ => "",
    };
    let conversation = Conversation::ask(images.len(), prompt);
    let options =
        GenerationOptions { max_new_tokens: REPLY_TOKENS, ..GenerationOptions::default() };
    TrialRequest { images, conversation, options }
}

fn opinion(inquiry: Inquiry, reply: Option<Result<Reply, String>>) -> Opinion {
    let sha256 = inquiry.sha256();
    let said = match reply {
        Some(Ok(Reply { text, finish })) => {
            let unread = preference(&text).err().map(|error| error.to_string());
            Said::Reply { text, finish, position: position(&inquiry.matter), unread }
        }
        Some(Err(reason)) => Said::Nothing(reason),
        None => Said::Nothing("it was not asked".to_owned()),
    };
    Opinion { adviser: inquiry.adviser, sha256, said }
}

fn position(matter: &Matter) -> Option<AnswerPosition> {
    match matter {
        Matter::Preference { position, .. } => Some(*position),
        _ => None,
    }
}

/// Loads the judge and asks it.
pub(super) fn ask_model(
    judge: &ModelEntry,
    settings: &EngineSettings,
    requests: &[TrialRequest],
    say: &dyn Fn(&str),
) -> Result<Replies, CompareError> {
    let (mut fleet, missing) = Fleet::load(judge, settings)
        .map_err(|source| CompareError::Judge { name: judge.name.clone(), source })?;
    for (device, error) in missing {
        say(&format!("eyechart: {} does without {device}: {error}", judge.name));
    }
    for engine in fleet.engines() {
        say(&loaded(engine.description(), requests.len()));
    }
    let mut replies: Replies =
        requests.iter().map(|_| Err(EngineError::Lost.to_string())).collect();
    fleet.answer_all(requests, &mut |_, event| match event {
        Event::Ended { index, answered } => {
            replies[index] = match *answered {
                Ok(Answered { answer, .. }) => {
                    Ok(Reply { text: answer.text, finish: answer.finish })
                }
                Err(error) => Err(error.to_string()),
            };
        }
        Event::OutOfMemory(_) => {
            say("eyechart: memory ran out; fewer comparisons are made together");
        }
    });
    Ok(replies)
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
        let judged = judge(&question, &pairs, &Pictures::new(), &mut |requests| {
            assert_eq!(requests.len(), replies.len());
            let reply = |text: &&str| match *text {
                "!" => Err("the picture is broken".to_owned()),
                text => Ok(Reply { text: text.to_owned(), finish: FinishReason::Stop }),
            };
            Ok(replies.iter().map(reply).collect())
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
        let text = |inquiry: &Inquiry| match &request(inquiry, Vec::new()).conversation.turns[0]
            .parts[..]
        {
            [crate::request::Part::Text(text)] => text.clone(),
            other => panic!("{other:?}"),
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
