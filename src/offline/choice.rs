/*!
Questions with lettered options: MMBench and its rotations, BLINK, MuirBench.

Owns their rows: JSON, JSON Lines, or VLMEvalKit's tab-separated tables with a column for each option.
Must not know how an answer is read.
*/

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::ids::IdSource;
use super::{AggregateValue, ItemId, OfflineError, ScoreTable, files};
use crate::score::multiple_choice::{
    Choice, CircularItem, Inferred, circular_scores, infer_blink_lmms_eval, infer_mmbench,
    infer_muirbench, is_blink_correct, is_muirbench_correct_lmms_eval, task_accuracies,
};

/// Names of a row's id, and of its category or task, in the order in which they are looked for.
const IDS: [&str; 6] = ["index", "idx", "id", "question_id", "questionId", "qa_id"];
const GROUPS: [&str; 3] = ["category", "task", "sub_task"];
const PREDICTIONS: [&str; 4] = ["prediction", "answer", "pred", "response"];

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

/// A row of either file.
#[derive(Deserialize)]
#[serde(transparent)]
struct Row(Map<String, Value>);

impl Row {
    fn text(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| match self.0.get(*name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
    }

    /// What was answered, which may be nothing: VLMEvalKit's tables have the right answer beside it, so
    /// the first column that is there counts, even if it is empty.
    fn prediction(&self) -> Option<String> {
        let name = PREDICTIONS.iter().find(|name| self.0.contains_key(**name))?;
        Some(self.text(&[name]).unwrap_or_default())
    }

    /// A table's ids are texts; a number in quotes is that number.
    fn id(&self) -> Option<ItemId> {
        let text = self.text(&IDS)?;
        Some(text.parse().map_or(ItemId::Text(text), ItemId::Number))
    }

    /// A list, or a column for each option.
    fn options(&self) -> Vec<String> {
        let list = ["options", "choices"].iter().find_map(|name| self.0.get(*name)?.as_array());
        if let Some(list) = list {
            let text = |option: &Value| option.as_str().map_or(option.to_string(), str::to_owned);
            return list.iter().map(text).collect();
        }
        let options = ('A'..='Z').map(|letter| self.text(&[&letter.to_string()]));
        let mut options: Vec<String> = options.map(Option::unwrap_or_default).collect();
        while options.last().is_some_and(String::is_empty) {
            options.pop();
        }
        options
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
    let item = |(place, (grade, question)): (usize, &(Grade, Question))| {
        // Ids that are no numbers have no rotations: each row is a question of its own.
        let index = match question.id {
            ItemId::Number(number) => u64::try_from(number).unwrap_or(place as u64),
            ItemId::Text(_) => place as u64,
        };
        CircularItem { index, is_correct: *grade == Grade::Right }
    };
    graded.iter().enumerate().map(item).collect()
}

fn questions(path: &Path) -> Result<Vec<Question>, OfflineError> {
    let mut questions = Vec::new();
    for (place, row) in rows(path)?.into_iter().enumerate() {
        let id = row.id().unwrap_or(ItemId::Number(place as i64));
        let right = row.text(&["answer"]).unwrap_or_default();
        let right = right.trim_matches(['(', ')']).to_owned();
        let options = row.options();
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
    for (place, row) in rows(path)?.into_iter().enumerate() {
        let number = ItemId::Number(place as i64);
        let lacking = |what, id, lacks| {
            let path = path.to_owned();
            OfflineError::Incomplete { path, what, id, lacks }
        };
        let has_id = IDS.iter().any(|name| row.0.contains_key(*name));
        let id = match row.id() {
            Some(id) => id,
            None if has_id => return Err(lacking("row", number, "id that is a number or a text")),
            None => number,
        };
        match row.prediction() {
            Some(prediction) => answers.push((id, prediction)),
            None => return Err(lacking("id", id, "`prediction`")),
        }
    }
    Ok(answers)
}

/// The rows of a JSON, JSON Lines or, by its ending, tab-separated file.
fn rows(path: &Path) -> Result<Vec<Row>, OfflineError> {
    let text = files::read(path)?;
    match path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("tsv")) {
        true => table_rows(path, &text),
        false => files::parse_rows(path, &text),
    }
}

fn table_rows(path: &Path, text: &str) -> Result<Vec<Row>, OfflineError> {
    let broken = |error: csv::Error| OfflineError::Json {
        path: path.to_owned(),
        line: error.position().map_or(0, |place| usize::try_from(place.line()).unwrap_or(0)),
        column: 0,
        message: error.to_string(),
    };
    let mut reader = csv::ReaderBuilder::new().delimiter(b'\t').from_reader(text.as_bytes());
    let names = reader.headers().map_err(broken)?.clone();
    let row = |cells: Result<csv::StringRecord, csv::Error>| {
        let cells = cells.map_err(broken)?;
        // An empty cell is a value that is not there.
        let value = |cell: &str| if cell.is_empty() { Value::Null } else { Value::from(cell) };
        let fields = names.iter().zip(&cells).map(|(name, cell)| (name.to_owned(), value(cell)));
        Ok(Row(fields.collect()))
    };
    reader.records().map(row).collect()
}
