/*!
Questions with lettered options: MMBench and its rotations, BLINK, MuirBench.

Owns what their rows mean: those of MMBench's tables, BLINK, MuirBench, ScienceQA and SEED-Bench.
Must not know how an answer is read.
*/

use std::path::Path;

use super::ids::IdSource;
use super::rows::{self, Row};
use super::{AggregateValue, ItemId, OfflineError, ScoreTable};
use crate::score::multiple_choice::{
    Choice, CircularItem, Inferred, circular_scores, infer_blink_lmms_eval, infer_mmbench,
    infer_muirbench, is_blink_correct, is_muirbench_correct_lmms_eval, task_accuracies,
};

/// Names of a row's category or task, in the order in which they are looked for.
const GROUPS: [&str; 6] =
    ["category", "task", "sub_task", "subject", "question_type_id", "l2_category"];

/// Whose rules read an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChoiceRules {
    /// `can_infer` of VLMEvalKit; where it finds nothing, its judge would be asked.
    MmBench,
    /// The official script of BLINK: the answer is `(A)` and nothing more.
    Blink,
    /// lmms-eval's BLINK: the first letter.
    BlinkLmmsEval,
    /// The official script of MuirBench; where it draws an option at random, nothing is chosen.
    MuirBench,
    /// lmms-eval's MuirBench: a leading `X.`, or the letter.
    MuirBenchLmmsEval,
}

impl ChoiceRules {
    /// The name of the metric in reports.
    pub fn metric_name(self) -> &'static str {
        match self {
            Self::MmBench => "mmbench",
            Self::Blink => "blink",
            Self::BlinkLmmsEval => "blink@lmms-eval",
            Self::MuirBench => "muirbench",
            Self::MuirBenchLmmsEval => "muirbench@lmms-eval",
        }
    }

    /// What is made of an answer to a question.
    fn grade(self, answer: &str, question: &Question) -> Grade {
        let Question { options, right, .. } = question;
        let choices: Vec<Choice<'_>> = ('A'..='Z')
            .zip(options)
            .filter(|(_, text)| !text.is_empty())
            .map(|(letter, text)| Choice { letter, text })
            .collect();
        let letter = |found: Option<char>| match found {
            Some(letter) if right.chars().eq([letter]) => Grade::Right,
            Some(_) => Grade::Wrong,
            None => Grade::Unread,
        };
        let exactly = |is_right: bool| if is_right { Grade::Right } else { Grade::Wrong };
        match self {
            Self::MmBench => letter(match infer_mmbench(answer, &choices) {
                Inferred::Letter(letter) => Some(letter),
                Inferred::NoneOfThem | Inferred::Unclear => None,
            }),
            Self::Blink => exactly(is_blink_correct(answer, &format!("({right})"))),
            Self::BlinkLmmsEval => letter(infer_blink_lmms_eval(answer)),
            Self::MuirBench => letter(infer_muirbench(answer, &choices)),
            Self::MuirBenchLmmsEval => exactly(is_muirbench_correct_lmms_eval(answer, right)),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grade {
    Right,
    Wrong,
    /// No option was chosen.
    Unread,
}

/// A row of the annotations.
struct Question {
    id: ItemId,
    group: String,
    options: Vec<String>,
    /// The letter.
    right: String,
}

/// The options of a row: a list, a column for each letter, or SEED-Bench's `choice_a` to `choice_d`.
fn options(row: &Row) -> Vec<String> {
    if let Some(list) = row.texts(&["options", "choices"]).filter(|list| list.len() > 1) {
        return list;
    }
    let lettered = |letter: char| {
        row.text(&[&letter.to_string(), &format!("choice_{}", letter.to_ascii_lowercase())])
    };
    let mut options: Vec<String> =
        ('A'..='Z').map(|letter| lettered(letter).unwrap_or_default()).collect();
    while options.last().is_some_and(String::is_empty) {
        options.pop();
    }
    options
}

/// The letter of the right option; ScienceQA counts from 0.
fn right(row: &Row) -> String {
    let place = row.value("answer").and_then(serde_json::Value::as_u64);
    match place.and_then(|place| ('A'..='Z').nth(usize::try_from(place).ok()?)) {
        Some(letter) => letter.to_string(),
        None => row.text(&["answer"]).unwrap_or_default().trim_matches(['(', ')']).to_owned(),
    }
}

/// Share of right answers over rows, over tasks, and for rotated questions over all rotations;
/// `unread` counts answers that choose nothing, which are wrong.
///
/// # Errors
/// A file cannot be read, or ids do not match.
pub fn score_choices(
    annotations: &Path,
    results: &Path,
    rules: ChoiceRules,
) -> Result<ScoreTable, OfflineError> {
    let questions = questions(annotations)?;
    let source = IdSource { results, annotations, what: "id" };
    let mut answers = source.index(answers(results)?)?;
    let (mut graded, mut missing) = (Vec::with_capacity(questions.len()), Vec::new());
    let total = questions.len();
    for question in questions {
        match answers.remove(&question.id) {
            Some(answer) => graded.push((rules.grade(&answer, &question), question)),
            None => missing.push(question.id),
        }
    }
    if let Some(unknown) = answers.into_keys().min() {
        return Err(source.unknown(unknown));
    }
    source.require_none_missing(&missing, total)?;
    Ok(table(&graded, rules))
}

fn table(graded: &[(Grade, Question)], rules: ChoiceRules) -> ScoreTable {
    let mut table = ScoreTable::new(vec!["correct"]);
    let is_right = |grade: &Grade| *grade == Grade::Right;
    let rows: Vec<(&str, bool)> =
        graded.iter().map(|(grade, one)| (one.group.as_str(), is_right(grade))).collect();
    let tasks = task_accuracies(&rows);
    table.set(rules.metric_name(), tasks.over_questions);
    table.set("accuracy_over_tasks", tasks.over_tasks);
    if rules == ChoiceRules::MmBench {
        let scores = circular_scores(&circular_items(graded));
        table.set("circular", scores.circular);
        table.set("vanilla", scores.vanilla);
    }
    table.set("unread", graded.iter().filter(|(grade, _)| *grade == Grade::Unread).count() as f64);
    table.set_value("by_task", AggregateValue::Table(tasks.tasks));
    for (grade, question) in graded {
        table.push_item(question.id.clone(), [f64::from(u8::from(is_right(grade)))]);
    }
    table
}

fn circular_items(graded: &[(Grade, Question)]) -> Vec<CircularItem> {
    let number = |question: &Question| u64::try_from(question.id.number()?).ok();
    // Ids that are no numbers have no rotations: each row is a question of its own.
    let are_numbers = graded.iter().all(|(_, question)| number(question).is_some());
    let item = |(place, (grade, question)): (usize, &(Grade, Question))| CircularItem {
        index: number(question).filter(|_| are_numbers).unwrap_or(place as u64),
        is_correct: *grade == Grade::Right,
    };
    graded.iter().enumerate().map(item).collect()
}

/// An id that is written like a number as that number, as tables have them.
fn plain(id: ItemId) -> ItemId {
    id.number().map_or(id, ItemId::Number)
}

fn questions(path: &Path) -> Result<Vec<Question>, OfflineError> {
    let mut questions = Vec::new();
    for (place, row) in rows::read(path)?.into_iter().enumerate() {
        let id = plain(row.id().unwrap_or(ItemId::Number(place as i64)));
        let (right, options) = (right(&row), options(&row));
        let is_option = ('A'..='Z').zip(&options).any(|(letter, _)| right.chars().eq([letter]));
        if !is_option {
            let (path, what) = (path.to_owned(), "id");
            let lacks = "letter of one of its options as `answer`";
            return Err(OfflineError::Incomplete { path, what, id, lacks });
        }
        let group = row.text(&GROUPS).unwrap_or_default();
        questions.push(Question { id, group, options, right });
    }
    match questions.is_empty() {
        true => Err(OfflineError::Empty { path: path.to_owned(), what: "questions" }),
        false => Ok(questions),
    }
}

fn answers(path: &Path) -> Result<Vec<(ItemId, String)>, OfflineError> {
    let mut answers = Vec::new();
    for (place, row) in rows::read(path)?.into_iter().enumerate() {
        let number = ItemId::Number(place as i64);
        let lacking = |what, id, lacks| {
            let path = path.to_owned();
            OfflineError::Incomplete { path, what, id, lacks }
        };
        let id = match row.id() {
            Some(id) => plain(id),
            None if row.has_id_column() => {
                return Err(lacking("row", number, "id that is a number or a text"));
            }
            None => number,
        };
        match row.prediction() {
            Some(prediction) => answers.push((id, prediction.unwrap_or_default())),
            None => return Err(lacking("id", id, "`prediction`")),
        }
    }
    Ok(answers)
}
