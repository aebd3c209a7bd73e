//! A temporary copy of a folder, and the programs that run in it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::AS_SUITE;

/// What a program came to.
pub(crate) struct Ended {
    /// The exit code; none if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// All that it said, without the lines of the user's file that it quotes, which prove nothing.
    pub(crate) fn message(&self) -> String {
        let lines = self.stderr.lines().chain(self.stdout.lines());
        lines.filter(|line| !is_quoted(line)).collect::<Vec<_>>().join("\n")
    }

    pub(crate) fn panicked(&self) -> bool {
        self.stderr.contains("panicked at")
    }
}

/// Whether a line is one of an excerpt: `3 | ..`.
fn is_quoted(line: &str) -> bool {
    line.trim_start()
        .trim_start_matches(|sign: char| sign.is_ascii_digit())
        .trim_start()
        .starts_with('|')
}

/// A run of the suite: its test lines and its journal's last records, by test.
pub(crate) struct SuiteRun {
    pub(crate) ended: Ended,
    lines: HashMap<String, String>,
    records: HashMap<String, Value>,
}

impl SuiteRun {
    /// The line and the record of a test; an invalid case has no model in its name.
    pub(crate) fn find(&self, test: &str) -> Option<(&str, Option<&Value>)> {
        let of_case = test.rsplit_once("::").map(|(case, _)| case);
        [Some(test), of_case]
            .into_iter()
            .flatten()
            .find_map(|name| Some((self.lines.get(name)?.as_str(), self.records.get(name))))
    }
}

pub(crate) struct Project {
    folder: TempDir,
    runs: usize,
    suite: Option<SuiteRun>,
}

impl Project {
    /// A copy under a neutral name: the folder's own may hold the words that a message is searched for.
    pub(crate) fn copy_of(source: &Path) -> Self {
        let folder = TempDir::with_prefix("project").expect("a temporary folder");
        copy(source, &folder.path().join("project"));
        Project { folder, runs: 0, suite: None }
    }

    pub(crate) fn place(&self) -> PathBuf {
        self.folder.path().canonicalize().expect("is there").join("project")
    }

    /// The run of the suite, once for all checks.
    pub(crate) fn suite(&mut self) -> &SuiteRun {
        let run = self.suite.take().unwrap_or_else(|| self.run_suite());
        self.suite.insert(run)
    }

    fn run_suite(&mut self) -> SuiteRun {
        let itself = std::env::current_exe().expect("this binary's path");
        let mut command = Command::new(itself);
        command.env(AS_SUITE, "1");
        let (ended, out) = self.start(command);
        let lines = ended.stdout.lines().filter_map(test_line).collect();
        SuiteRun { lines, records: records(&out), ended }
    }

    /// Runs `eyechart NAME ARGS..`.
    pub(crate) fn eyechart(&mut self, name: &str, args: &[String], further: &[&str]) -> Ended {
        let mut command = Command::new(env!("CARGO_BIN_EXE_eyechart"));
        command.arg(name).args(args).args(further);
        self.start(command).0
    }

    fn start(&mut self, mut command: Command) -> (Ended, PathBuf) {
        self.runs += 1;
        let out = self.folder.path().join(format!("out{}", self.runs));
        for (name, _) in std::env::vars_os() {
            if is_ours(&name.to_string_lossy()) {
                command.env_remove(name);
            }
        }
        command
            .current_dir(self.place())
            .env("CARGO_MANIFEST_DIR", self.place())
            .env("EYECHART_OUT", &out)
            .env("EYECHART_DEVICE", "cpu")
            .env("EYECHART_OFFLINE", "1")
            .env("INSTA_UPDATE", "no")
            .env("INSTA_FORCE_PASS", "1");
        let output = command.output().expect("the program starts");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let ended = Ended {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        };
        (ended, out)
    }
}

/// Whether a variable of the outer cargo would change what is run.
fn is_ours(name: &str) -> bool {
    let ours = ["EYECHART_", "INSTA_", "NEXTEST", "RUST_", "CARGO"];
    name == "CI" || ours.iter().any(|start| name.starts_with(start))
}

fn copy(source: &Path, target: &Path) {
    std::fs::create_dir_all(target).expect("a folder for the copy");
    for entry in std::fs::read_dir(source).expect("the folder can be listed") {
        let entry = entry.expect("an entry");
        let (from, to) = (entry.path(), target.join(entry.file_name()));
        match entry.file_name().to_str() {
            Some("README.md" | "expect.json") => {}
            _ if from.is_dir() => copy(&from, &to),
            _ => drop(std::fs::copy(&from, &to).expect("the file can be copied")),
        }
    }
}

/// `test NAME ... ok`, with its name and outcome.
fn test_line(line: &str) -> Option<(String, String)> {
    let (name, outcome) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let word = ["ok", "FAILED", "ignored"].into_iter().find(|word| outcome.starts_with(word))?;
    Some((name.to_owned(), word.to_owned()))
}

/// The last record of each test of a journal.
fn records(out: &Path) -> HashMap<String, Value> {
    let text = std::fs::read_to_string(out.join("journal.jsonl")).unwrap_or_default();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let trials = lines.filter_map(|mut line| Some(line.get_mut("trial")?.take()));
    trials.map(|trial| (name_of(&trial), trial)).collect()
}

fn name_of(trial: &Value) -> String {
    let parts = ["case", "model"].into_iter().filter_map(|key| trial.get(key)?.as_str());
    parts.collect::<Vec<_>>().join("::")
}
