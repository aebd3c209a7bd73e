//! What a run must be, and where it is not.

use glob::Pattern;
use serde_json::Value;

use crate::expected::{Check, Command, Exit, One, OneOf, Outcome, Suite, Wanted, Written};
use crate::project::{Ended, Project, SuiteRun};

/// Every difference from what a check wants.
pub(crate) fn of(project: &mut Project, check: &Check) -> Vec<String> {
    match check {
        Check::One(one) => of_one(project, one),
        Check::Either(either) => {
            let all = either.either.iter().map(|one| of_one(project, one));
            let fewest = all.min_by_key(Vec::len).unwrap_or_default();
            fewest.into_iter().map(|found| format!("{}, at best: {found}", either.name)).collect()
        }
    }
}

fn of_one(project: &mut Project, one: &One) -> Vec<String> {
    let (name, command) = match one {
        One::Suite(suite) => return of_suite(project.suite(), suite),
        One::Check(command) => ("check", command),
        One::Score(command) => ("score", command),
        One::Import(command) => ("import", command),
    };
    let found = of_command(project, name, command);
    found.into_iter().map(|found| format!("{}: {found}", command.name)).collect()
}

fn of_suite(run: &SuiteRun, wanted: &Suite) -> Vec<String> {
    let tests = wanted.tests.iter().filter_map(|(test, wanted)| of_test(run, test, wanted));
    let records = wanted.records.iter().flat_map(|(test, paths)| {
        paths.iter().filter_map(move |(path, value)| of_record(run, test, path, value))
    });
    tests.chain(records).collect()
}

fn of_test(run: &SuiteRun, test: &str, wanted: &Wanted) -> Option<String> {
    let (accepted, says): (_, &[OneOf<String>]) = match wanted {
        Wanted::Outcomes(outcomes) => (outcomes.accepted(), &[]),
        Wanted::Said { is, says } => (is.accepted(), says),
    };
    let Some((line, record)) = run.find(test) else {
        return Some(format!("{test} was not run: {}", run.ended.stderr.trim_end()));
    };
    let found = outcomes(line, record);
    if !accepted.iter().any(|outcome| found.contains(outcome)) {
        let message = record.and_then(|record| record["message"].as_str()).unwrap_or_default();
        return Some(format!("{test} is {found:?}, expected {accepted:?}\n{message}"));
    }
    let message = record.and_then(|record| record["message"].as_str()).unwrap_or_default();
    unsaid(message, says).map(|missing| format!("{test}: {missing}"))
}

/// All outcomes that are true of a test: a wrong answer that could not be read is both.
fn outcomes(line: &str, record: Option<&Value>) -> Vec<Outcome> {
    let Some(record) = record.filter(|_| line == "FAILED") else {
        return match line {
            "ok" => vec![Outcome::Ok],
            "ignored" => vec![Outcome::Ignored],
            _ => vec![],
        };
    };
    match record.get("verdict").filter(|verdict| !verdict.is_null()) {
        Some(verdict) if verdict["reading"] == "parsed" => vec![Outcome::Failed],
        Some(_) => vec![Outcome::Failed, Outcome::Unread],
        None if record["status"] == "error" => vec![Outcome::Error],
        None => vec![Outcome::Failed],
    }
}

fn of_record(run: &SuiteRun, test: &str, path: &str, wanted: &Value) -> Option<String> {
    let value = |test| run.find(test).and_then(|(_, record)| at(record?, path));
    let found = value(test);
    let wanted = match wanted.get("as").and_then(Value::as_str) {
        Some(other) => value(other),
        None => Some(wanted),
    };
    let same = found.zip(wanted).is_some_and(|(found, wanted)| equal(found, wanted));
    (!same).then(|| format!("{test}: {path} is {found:?}, expected {wanted:?}"))
}

fn of_command(project: &mut Project, name: &str, wanted: &Command) -> Vec<String> {
    let imported = project.place().join("imported");
    let folder = imported.to_string_lossy().into_owned();
    let further: &[&str] = match name {
        "import" => &[&folder],
        "score" if !wanted.json.is_empty() => &["--format", "json"],
        _ => &[],
    };
    let ended = project.eyechart(name, &wanted.args, further);
    let mut found: Vec<_> = of_end(&ended, wanted).into_iter().collect();
    found.extend(of_json(&ended, wanted));
    found.extend(wanted.files.iter().filter_map(|(pattern, file)| {
        of_files(project, &imported, &Pattern::new(pattern).expect("a pattern"), file)
    }));
    // A folder of its own for the next import.
    let _ = std::fs::remove_dir_all(&imported);
    found
}

fn of_end(ended: &Ended, wanted: &Command) -> Option<String> {
    let message = ended.message();
    let as_wanted = match wanted.exit {
        None => ended.code.is_some(),
        Some(Exit::Success) => ended.code == Some(0),
        Some(Exit::Refusal) => matches!(ended.code, Some(1 | 2)),
    };
    if ended.panicked() || !as_wanted {
        return Some(format!("ended with {:?}: {message}", ended.code));
    }
    let lower = message.to_lowercase();
    let said = wanted.says_not.iter().find(|word| lower.contains(&word.to_lowercase()));
    let said = said.map(|word| format!("says {word:?}: {message}"));
    unsaid(&message, &wanted.says).map(|missing| format!("{missing}: {message}")).or(said)
}

/// The first word that is lacking.
fn unsaid(message: &str, wanted: &[OneOf<String>]) -> Option<String> {
    let message = message.to_lowercase();
    let has = |word: &String| message.contains(&word.to_lowercase());
    let missing = wanted.iter().find(|words| !words.accepted().iter().any(has))?;
    Some(format!("does not say {}", missing.accepted().join(" or ")))
}

fn of_json(ended: &Ended, wanted: &Command) -> Vec<String> {
    if wanted.json.is_empty() {
        return vec![];
    }
    let Ok(scores) = serde_json::from_str::<Value>(&ended.stdout) else {
        return vec![format!("no JSON: {}", ended.message())];
    };
    let off = |(path, value): (&String, &Value)| {
        let found = at(&scores, path);
        let same = found.is_some_and(|found| equal(found, value));
        (!same).then(|| format!("{path} is {found:?}, expected {value}"))
    };
    wanted.json.iter().filter_map(off).collect()
}

/// What is off in the file that comes nearest to what is wanted.
fn of_files(
    project: &Project,
    folder: &std::path::Path,
    pattern: &Pattern,
    wanted: &Written,
) -> Option<String> {
    let files = files_below(folder);
    let mut named = files.iter().filter(|path| {
        pattern.matches(&path.file_name().expect("a file has a name").to_string_lossy())
    });
    let first = named.next().map(|path| of_file(project, path, wanted));
    let Some(first) = first else {
        return Some(format!("no file {pattern} was written"));
    };
    let first = first?;
    named.all(|path| of_file(project, path, wanted).is_some()).then_some(first)
}

fn files_below(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return vec![] };
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let below =
        |path: std::path::PathBuf| if path.is_dir() { files_below(&path) } else { vec![path] };
    let mut files: Vec<_> = paths.flat_map(below).collect();
    files.sort();
    files
}

fn of_file(project: &Project, path: &std::path::Path, wanted: &Written) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let lacking = wanted.has.iter().find(|words| !text.contains(*words));
    let unwanted = wanted.lacks.iter().find(|words| text.contains(*words));
    let of_text = lacking
        .map(|words| format!("{path:?} has no {words:?}"))
        .or(unwanted.map(|words| format!("{path:?} has {words:?}")));
    let of_pictures = || {
        let wanted = wanted.pictures.as_ref()?;
        let read = |path: std::path::PathBuf| std::fs::read(path).ok();
        let beside = path.parent().expect("a file is in a folder");
        let shown: Vec<_> = pictures(&text).iter().map(|name| read(beside.join(name))).collect();
        let wanted: Vec<_> = wanted.iter().map(|name| read(project.place().join(name))).collect();
        (shown != wanted || shown.contains(&None)).then(|| format!("{path:?} shows other pictures"))
    };
    of_text.or_else(of_pictures)
}

/// The strings of a case file's `images: [..]`.
fn pictures(text: &str) -> Vec<String> {
    let list = text.split_once("images:").map_or("", |(_, after)| after.trim_start());
    let strings = list.trim_start_matches('[').split(']').next().unwrap_or_default().split(',');
    strings.filter_map(|one| serde_json::from_str(one.trim()).ok()).collect()
}

/// The value at a dotted path.
fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, key| match value {
        Value::Array(values) => values.get(key.parse::<usize>().ok()?),
        _ => value.get(key),
    })
}

/// Whether two values are the same, numbers within 1e-9.
fn equal(found: &Value, wanted: &Value) -> bool {
    match (found.as_f64(), wanted.as_f64()) {
        (Some(found), Some(wanted)) => (found - wanted).abs() <= 1e-9,
        _ => found == wanted,
    }
}
