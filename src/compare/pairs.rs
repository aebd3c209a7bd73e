//! Which answers of two models are about the same question.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use serde::Serialize;

use super::{CompareError, Side};
use crate::answer::Answer;
use crate::extract::{after_thought, said};
use crate::journal::{JournalError, Run, TrialRecord};

/// Two answers to one question.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// The case's name.
    pub case: String,
    /// Which run of a case that is run several times, from 1.
    pub run: usize,
    /// The question.
    pub question: String,
    /// SHA-256 of each picture's file.
    pub pictures_sha256: Vec<String>,
    /// The answers' texts, the first model's first.
    pub answers: [String; 2],
}

/// A case that is not compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// The case's name.
    pub case: String,
    /// Why.
    pub reason: String,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.case, self.reason)
    }
}

/// All pairs of two sides.
#[derive(Debug)]
pub(super) struct Paired {
    /// The models' names.
    pub(super) models: [String; 2],
    pub(super) pairs: Vec<Pair>,
    pub(super) left_out: Vec<LeftOut>,
}

/// Finds the pairs, sorted by case.
pub(super) fn pair(sides: &[Side; 2]) -> Result<Paired, CompareError> {
    let [first, second] = sides;
    let run = Run::read(&first.journal)?;
    let other =
        if first.journal == second.journal { None } else { Some(Run::read(&second.journal)?) };
    let others = other.as_ref().unwrap_or(&run);
    let models = match (&other, &first.model, &second.model) {
        // The two models of one journal need no names.
        (None, None, None) => two_models(&run, &first.journal)?,
        _ => [model_of(&run, first, "--first")?, model_of(others, second, "--second")?],
    };
    if other.is_none() && models[0] == models[1] {
        let [model, _] = models;
        return Err(CompareError::SameSide { model, path: first.journal.clone() });
    }
    let answered = [answered(&run, &models[0])?, answered(others, &models[1])?];
    let (pairs, left_out) = match_up(&answered);
    if pairs.is_empty() {
        let [first, second] = answered.map(|trials| trials.len());
        let paths = [sides[0].journal.clone(), sides[1].journal.clone()];
        return Err(CompareError::NothingShared { paths, first, second });
    }
    Ok(Paired { models, pairs, left_out })
}

fn two_models(run: &Run, path: &Path) -> Result<[String; 2], CompareError> {
    <[String; 2]>::try_from(models(run)).map_err(|models| match <[String; 1]>::try_from(models) {
        Ok([model]) => CompareError::SameSide { model, path: path.to_owned() },
        Err(models) => {
            let option = "--first and the other with --second";
            CompareError::WhichModel { path: path.to_owned(), models, option }
        }
    })
}

fn model_of(run: &Run, side: &Side, option: &'static str) -> Result<String, CompareError> {
    let (path, mut models) = (side.journal.clone(), models(run));
    match &side.model {
        Some(wanted) if models.contains(wanted) => Ok(wanted.clone()),
        Some(wanted) => Err(CompareError::NoModel { path, wanted: wanted.clone(), models }),
        None if models.len() == 1 => Ok(models.remove(0)),
        None => Err(CompareError::WhichModel { path, models, option }),
    }
}

/// The models that have answers, by name.
fn models(run: &Run) -> Vec<String> {
    let answered = run.trials.iter().filter(|trial| trial.is_answered);
    let models: BTreeSet<&str> = answered.filter_map(|trial| trial.model.as_deref()).collect();
    models.into_iter().map(str::to_owned).collect()
}

/// A model's trials that have answers, by case.
type ByCase = BTreeMap<String, TrialRecord>;

fn answered(run: &Run, model: &str) -> Result<ByCase, JournalError> {
    let own = run.trials.iter().filter(|trial| trial.model.as_deref() == Some(model));
    let answered = own.filter(|trial| trial.is_answered);
    answered.map(|trial| Ok((trial.case.to_string(), trial.record()?))).collect()
}

fn match_up(sides: &[ByCase; 2]) -> (Vec<Pair>, Vec<LeftOut>) {
    let (mut pairs, mut left_out) = (Vec::new(), Vec::new());
    let cases: BTreeSet<&String> = sides.iter().flat_map(BTreeMap::keys).collect();
    for case in cases {
        let both = match (sides[0].get(case), sides[1].get(case)) {
            (Some(first), Some(second)) => pairs_of_case(first, second),
            (first, _) => {
                let which = if first.is_none() { "first" } else { "second" };
                Err(format!("it has no answer of the {which} model"))
            }
        };
        match both {
            Ok(both) => pairs.extend(both),
            Err(reason) => left_out.push(LeftOut { case: case.clone(), reason }),
        }
    }
    (pairs, left_out)
}

/// A pair for each run that both have.
fn pairs_of_case(first: &TrialRecord, second: &TrialRecord) -> Result<Vec<Pair>, String> {
    if first.question != second.question {
        return Err("the two were asked different questions".to_owned());
    }
    let sums = |trial: &TrialRecord| {
        trial.asked.as_ref().map(|asked| asked.images_sha256.clone()).unwrap_or_default()
    };
    let pictures_sha256 = sums(first);
    if pictures_sha256 != sums(second) {
        return Err("the two were shown different pictures".to_owned());
    }
    let pair = |(run, (one, other)): (usize, (&Answer, &Answer))| {
        Ok(Pair {
            case: first.case.clone(),
            run,
            question: first.question.clone(),
            pictures_sha256: pictures_sha256.clone(),
            answers: [after_thoughts(one)?, after_thoughts(other)?],
        })
    };
    (1..).zip(first.answers().zip(second.answers())).map(pair).collect()
}

/// What a judge is shown of an answer.
fn after_thoughts(answer: &Answer) -> Result<String, String> {
    match after_thought(&said(answer)) {
        Ok(text) => Ok(text.to_owned()),
        Err(unfinished) => Err(format!("of an answer {unfinished}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asked::Asked;
    use crate::journal::{Journal, RunHeader, RunPlan, Status};

    fn trial(model: &str, case: &str, question: &str, picture: &str, text: &str) -> TrialRecord {
        let asked = Asked {
            conversation_sha256: String::new(),
            images_sha256: vec![picture.into()],
            orientation: Default::default(),
            generation: Default::default(),
        };
        TrialRecord {
            question: question.into(),
            answer: Some(Answer::of_text(text)),
            asked: Some(asked),
            ..TrialRecord::unanswered(
                case.into(),
                Some(model.into()),
                "a.ron".into(),
                Status::Passed,
            )
        }
    }

    #[test]
    fn answers_to_the_same_question_about_the_same_pictures_are_pairs() {
        let first = [
            trial("one", "a", "?", "p", "x"),
            trial("one", "b", "?", "p", "x"),
            trial("one", "c", "?", "p", "x"),
            trial("one", "d", "?", "p", "x"),
        ];
        let second = [
            trial("two", "a", "?", "p", "y"),
            trial("two", "b", "??", "p", "y"),
            trial("two", "c", "?", "q", "y"),
            trial("two", "e", "?", "p", "y"),
        ];
        let by_case = |trials: [TrialRecord; 4]| -> ByCase {
            trials.into_iter().map(|trial| (trial.case.clone(), trial)).collect()
        };
        let (pairs, left_out) = match_up(&[by_case(first), by_case(second)]);
        assert_eq!(pairs.len(), 1);
        assert_eq!((pairs[0].case.as_str(), &pairs[0].answers), ("a", &["x".into(), "y".into()]));
        let told: Vec<String> = left_out.iter().map(LeftOut::to_string).collect();
        assert_eq!(
            told,
            [
                "b: the two were asked different questions",
                "c: the two were shown different pictures",
                "d: it has no answer of the second model",
                "e: it has no answer of the first model",
            ]
        );
    }

    #[test]
    fn models_need_names_only_where_there_is_a_choice() {
        let folder = tempfile::tempdir().unwrap();
        let run = |models: &[&str]| {
            let header = RunHeader::now(None, RunPlan::default());
            let journal = Journal::create(folder.path(), &header).unwrap();
            let trials = models.iter().map(|model| trial(model, "a", "?", "p", "x"));
            trials.for_each(|trial| journal.append(&trial).unwrap());
            Run::read(journal.path()).unwrap()
        };
        let path = Path::new("j");
        assert_eq!(two_models(&run(&["b", "a"]), path).unwrap(), ["a", "b"]);
        let side = |model: Option<&str>| Side { journal: "j".into(), model: model.map(Into::into) };
        let of = |models: &[&str], model| {
            model_of(&run(models), &side(model), "--first").map_err(|error| error.to_string())
        };
        assert_eq!(of(&["a"], None).unwrap(), "a");
        assert_eq!(of(&["a", "b"], Some("b")).unwrap(), "b");
        let errors = [
            two_models(&run(&["a"]), path).unwrap_err().to_string(),
            two_models(&run(&["a", "b", "c"]), path).unwrap_err().to_string(),
            of(&["a", "b"], None).unwrap_err(),
            of(&["a", "b"], Some("c")).unwrap_err(),
        ];
        insta::assert_snapshot!(errors.join("\n"));
    }
}
