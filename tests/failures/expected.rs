//! The form of `expect.json`.

use std::collections::BTreeMap;
use std::path::Path;

use libtest_mimic::Failed;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    pub(crate) checks: Vec<Check>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Check {
    Either(Either),
    One(One),
}

/// A check of which one of several designs must hold wholly.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Either {
    pub(crate) name: String,
    pub(crate) either: Vec<One>,
}

#[derive(Deserialize)]
#[serde(tag = "run", rename_all = "lowercase")]
pub(crate) enum One {
    Suite(Suite),
    Check(Command),
    Score(Command),
    Import(Command),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Suite {
    #[expect(dead_code, reason = "readers of the file want a name")]
    #[serde(default)]
    name: String,
    #[serde(default)]
    pub(crate) tests: BTreeMap<String, Wanted>,
    #[serde(default)]
    pub(crate) records: BTreeMap<String, BTreeMap<String, Value>>,
}

/// The outcome that a test must have.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Wanted {
    Outcomes(OneOf<Outcome>),
    Said {
        is: OneOf<Outcome>,
        #[serde(default)]
        says: Vec<OneOf<String>>,
    },
}

#[derive(Deserialize, Clone, Copy, PartialEq, Debug)]
pub(crate) enum Outcome {
    #[serde(rename = "ok")]
    Ok,
    #[serde(rename = "FAILED")]
    Failed,
    #[serde(rename = "unread")]
    Unread,
    #[serde(rename = "error")]
    Error,
    #[serde(rename = "ignored")]
    Ignored,
}

/// A value, or a list of which one will do.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum OneOf<T> {
    Single(T),
    List(Vec<T>),
}

impl<T> OneOf<T> {
    pub(crate) fn accepted(&self) -> &[T] {
        match self {
            OneOf::Single(value) => std::slice::from_ref(value),
            OneOf::List(values) => values,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Command {
    #[serde(default)]
    pub(crate) name: String,
    pub(crate) args: Vec<String>,
    pub(crate) exit: Option<Exit>,
    #[serde(default)]
    pub(crate) says: Vec<OneOf<String>>,
    #[serde(default)]
    pub(crate) says_not: Vec<String>,
    /// Values of `score --format json` by dotted path.
    #[serde(default)]
    pub(crate) json: BTreeMap<String, Value>,
    /// What a file that `import` writes must have, by its name or pattern.
    #[serde(default)]
    pub(crate) files: BTreeMap<String, Written>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Exit {
    Success,
    Refusal,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Written {
    #[serde(default)]
    pub(crate) has: Vec<String>,
    #[serde(default)]
    pub(crate) lacks: Vec<String>,
    pub(crate) pictures: Option<Vec<String>>,
}

pub(crate) fn read(folder: &Path) -> Result<Expected, Failed> {
    let path = folder.join("expect.json");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{path:?}: {error}"))?;
    let expected: Expected =
        serde_json::from_str(&text).map_err(|error| format!("{path:?}: {error}"))?;
    if expected.checks.is_empty() || expected.checks.iter().any(wants_nothing) {
        return Err(format!("{path:?}: a check that wants nothing").into());
    }
    Ok(expected)
}

fn wants_nothing(check: &Check) -> bool {
    match check {
        Check::Either(either) => either.either.len() < 2 || either.either.iter().any(nothing),
        Check::One(one) => nothing(one),
    }
}

fn nothing(one: &One) -> bool {
    match one {
        One::Suite(suite) => suite.tests.is_empty() && suite.records.is_empty(),
        One::Check(command) | One::Score(command) | One::Import(command) => {
            command.exit.is_none()
                && command.says.is_empty()
                && command.says_not.is_empty()
                && command.json.is_empty()
                && command.files.is_empty()
        }
    }
}
