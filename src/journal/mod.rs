/*!
The record of a trial and the file of them: the only memory of a run.

JSON Lines: a header, then one line per trial, appended as each ends; the disk has it within some
seconds of writing, see [`Journal`]. A run that is
resumed adds a header of its own, and so does each process of a run that several share; journals put
one behind the other are a journal. Of a test with several lines the last counts. Reports are
functions of what is read back from here. Knows nothing of how records are shown.
*/

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::answer::{Answer, ModelInput};
use crate::asked::Asked;
use crate::case::Dimension;
use crate::extract::BoxNotation;
use crate::opinion::Opinion;
use crate::registry::Prices;
use crate::score::Verdict;
use crate::snapshot::SnapshotOutcome;

mod error;
mod file;
mod folder;
mod merge;
mod reader;
mod recording;
mod writer;

pub use error::JournalError;
pub use folder::RunFolder;
pub use merge::{Merged, Overlap, merge, missing_shards, missing_tests};
pub use reader::{Run, TrialEntry};
pub use recording::Recording;
pub use writer::{Journal, Opened};

use reader::check_header;

/// The journal's file name.
pub const FILE_NAME: &str = "journal.jsonl";

/// Version of the format; a change that old readers would misread raises it.
pub const FORMAT_VERSION: u32 = 1;

/// The first line: what run this is, or how one goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunHeader {
    /// [`FORMAT_VERSION`] of the writer.
    pub format_version: u32,
    /// Version of eyechart that wrote it.
    pub eyechart_version: String,
    /// Start of the run, in milliseconds since 1970-01-01 UTC.
    pub started_unix_milliseconds: u64,
    /// Prices that reports turn time into cost with.
    pub prices: Option<Prices>,
    /// What it set out to do.
    #[serde(default)]
    pub plan: RunPlan,
    /// For each of its models what their configuration says that is not done, or not known, as far as
    /// their checkpoints were there when the run began.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings_notices: BTreeMap<String, Vec<String>>,
}

impl RunHeader {
    /// Of a run that begins now, by this version.
    pub fn now(prices: Option<Prices>, plan: RunPlan) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            eyechart_version: env!("CARGO_PKG_VERSION").to_owned(),
            started_unix_milliseconds: unix_milliseconds_now(),
            prices,
            plan,
            settings_notices: BTreeMap::new(),
        }
    }
}

fn unix_milliseconds_now() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}

/// What a run, or a process of one, set out to do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RunPlan {
    /// Its share of the selected tests, such as `slice:1/2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    /// The arguments that selected tests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub selection: Vec<String>,
    /// cargo-nextest's name for the run, if several processes share it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nextest_run: Option<String>,
    /// The names of the tests to be recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<String>,
}

/// How a trial ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The answer is right, and the snapshot agrees.
    Passed,
    /// The answer is wrong, or the snapshot differs.
    Failed,
    /// It failed as `xfail` says it would.
    KnownFailure,
    /// It passed although `xfail` says it would fail.
    UnexpectedPass,
    /// There is no answer to judge.
    Error,
    /// It is a data set's row, right or wrong; the data set's gates judge.
    Recorded,
    /// It was not run.
    Ignored,
}

impl Status {
    /// Whether the test line of this trial is `ok`.
    pub fn is_success(self) -> bool {
        matches!(self, Self::Passed | Self::KnownFailure | Self::Recorded)
    }
}

/// Where an answer was computed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// `cpu`, `cuda:0`, ...
    pub device: String,
    /// `f32`, `f16` or `bf16`.
    pub precision: String,
    /// Memory in use once the model was loaded, in bytes; counted as an answer's peak is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_memory_bytes: Option<u64>,
}

/// What answered, as far as its answers can be judged again without it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Speaker {
    /// The family's name, such as `BLIP-2`.
    pub family: String,
    /// The `model_type` of the language model inside, where the checkpoint says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language_model: Option<String>,
    /// How it writes boxes, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boxes: Option<BoxNotation>,
    /// The commit of its repository, where it comes from the hub.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
}

/// Where an answer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The model was asked in this run.
    #[default]
    Computed,
    /// It is the cached answer of an earlier run that asked exactly this; times and memory are those
    /// of then.
    Cached,
    /// It is read from the journal of an earlier run; times and memory are those of then.
    Replayed,
}

impl Origin {
    /// The word for it in reports.
    pub fn label(self) -> &'static str {
        match self {
            Self::Computed => "computed",
            Self::Cached => "cached",
            Self::Replayed => "replayed",
        }
    }
}

/// One of several runs of a case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// The seed it drew with.
    pub seed: u64,
    /// What the model said; none if it could not be asked.
    pub answer: Option<Answer>,
    /// What came of judging the answer.
    pub verdict: Option<Verdict>,
    /// What other networks say of the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub opinions: Vec<Opinion>,
    /// Why there is no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// One case on one model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialRecord {
    /// The case's name, `folder::case`.
    pub case: String,
    /// The model's name; none for a case file that cannot be run on any.
    pub model: Option<String>,
    /// The case file, relative to the project.
    pub file: PathBuf,
    /// Line of the file, from 1, where the case begins or what is wrong with it stands; none for a
    /// row of a data set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// What is tested; none if the file could not be read.
    pub dimension: Option<Dimension>,
    /// The case's tags.
    pub tags: Vec<String>,
    /// The last question asked.
    pub question: String,
    /// How it ended.
    pub status: Status,
    /// How often it was tried before, by nextest's `--retries` or by rerunning what failed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub retry: u32,
    /// What a failure, an error or an ignored case tells the reader.
    pub message: Option<String>,
    /// Why it is known to fail, if it is.
    pub known_failure: Option<String>,
    /// What the model said; of several runs, in the first.
    pub answer: Option<Answer>,
    /// Where the answer comes from.
    #[serde(default)]
    pub origin: Origin,
    /// What came of judging the answer, or all of several; none without an expectation.
    pub verdict: Option<Verdict>,
    /// Every run of a case that is run several times.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// How the answer compares with the accepted one.
    pub snapshot: SnapshotOutcome,
    /// How the model's input compares with the accepted one.
    #[serde(default)]
    pub input_snapshot: SnapshotOutcome,
    /// What the model would have got, of a case that only asks for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepared: Option<ModelInput>,
    /// What other networks say of the answer: judges' replies to the letter, and scores.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub opinions: Vec<Opinion>,
    /// Pictures that show what is wrong, relative to the project where they are in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<PathBuf>,
    /// Where the answer was computed.
    pub place: Option<Place>,
    /// What answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speaker: Option<Speaker>,
    /// What was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
}

impl TrialRecord {
    /// A trial of which nothing is known but its name and file.
    pub fn unanswered(case: String, model: Option<String>, file: PathBuf, status: Status) -> Self {
        Self {
            case,
            model,
            file,
            line: None,
            dimension: None,
            tags: Vec::new(),
            question: String::new(),
            status,
            retry: 0,
            message: None,
            known_failure: None,
            answer: None,
            origin: Origin::Computed,
            verdict: None,
            attempts: Vec::new(),
            snapshot: SnapshotOutcome::Off,
            input_snapshot: SnapshotOutcome::Off,
            prepared: None,
            opinions: Vec::new(),
            attachments: Vec::new(),
            place: None,
            speaker: None,
            asked: None,
        }
    }

    /// How many of the trial's runs are right: 0 or 1, unless it was run several times.
    pub fn runs_right(&self) -> usize {
        let single = self.verdict.iter().filter(|_| self.attempts.is_empty());
        let attempts = self.attempts.iter().filter_map(|attempt| attempt.verdict.as_ref());
        single.chain(attempts).filter(|verdict| verdict.passed).count()
    }

    /// Every answer of the trial: one, unless it was run several times.
    pub fn answers(&self) -> impl Iterator<Item = &Answer> {
        let single = self.answer.iter().filter(|_| self.attempts.is_empty());
        single.chain(self.attempts.iter().filter_map(|attempt| attempt.answer.as_ref()))
    }

    /// What the model got, or would have got.
    pub fn input(&self) -> Option<&ModelInput> {
        self.answer.as_ref().map(|answer| &answer.input).or(self.prepared.as_ref())
    }

    /// The test's name, `folder::case::model`.
    pub fn test_name(&self) -> String {
        test_name(&self.case, self.model.as_deref())
    }
}

/// `folder::case::model`.
fn test_name(case: &str, model: Option<&str>) -> String {
    match model {
        Some(model) => format!("{case}::{model}"),
        None => case.to_owned(),
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde wants")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line<H, R> {
    Run(H),
    Trial(R),
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn header() -> RunHeader {
        RunHeader {
            format_version: FORMAT_VERSION,
            eyechart_version: "0.1.0".into(),
            started_unix_milliseconds: 0,
            prices: None,
            plan: RunPlan::default(),
            settings_notices: BTreeMap::new(),
        }
    }

    fn record(case: &str) -> TrialRecord {
        let (model, file) = (Some("m".into()), "cases/a.ron".into());
        TrialRecord {
            dimension: Some(Dimension::Grounding),
            question: "where?\n\u{1}\"".into(),
            ..TrialRecord::unanswered(case.into(), model, file, Status::Passed)
        }
    }

    fn records(entries: &[TrialEntry]) -> Vec<TrialRecord> {
        entries.iter().map(|entry| entry.record().unwrap()).collect()
    }

    #[test]
    fn reads_back_what_was_written_sorted() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::create(folder.path(), &header()).unwrap();
        journal.append(&record("b")).unwrap();
        journal.append(&record("a")).unwrap();
        let run = Run::read(journal.path()).unwrap();
        assert_eq!(records(&run.trials), [record("a"), record("b")]);
        assert_eq!(run.headers, [header()]);
    }

    #[test]
    fn the_last_line_of_a_test_counts_and_tries_before_it_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::create(folder.path(), &header()).unwrap();
        let failed = TrialRecord { status: Status::Failed, ..record("a") };
        let retried = TrialRecord { retry: 1, ..record("a") };
        for line in [&failed, &record("b"), &record("b"), &retried] {
            journal.append(line).unwrap();
        }
        let run = Run::read(journal.path()).unwrap();
        assert_eq!(records(&run.trials), [retried, record("b")]);
        assert_eq!(records(&run.earlier), [failed]);
    }

    #[test]
    fn a_torn_last_line_is_passed_over_and_cut_off_by_whoever_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::create(folder.path(), &header()).unwrap();
        journal.append(&record("a")).unwrap();
        journal.append(&record("b")).unwrap();
        let whole = std::fs::read(journal.path()).unwrap();
        let second =
            whole.len() - 1 - whole.iter().rev().skip(1).position(|b| *b == b'\n').unwrap();
        for cut in second + 1..whole.len() - 1 {
            std::fs::write(journal.path(), &whole[..cut]).unwrap();
            let run = Run::read(journal.path()).unwrap();
            assert_eq!((run.trials.len(), run.torn_line), (1, Some(3)));
            let opened = Journal::resume(folder.path(), &header()).unwrap();
            assert_eq!((opened.run.trials.len(), opened.run.torn_line), (1, Some(3)));
            opened.journal.append(&record("b")).unwrap();
            let run = Run::read(journal.path()).unwrap();
            assert_eq!((run.trials.len(), run.headers.len(), run.torn_line), (2, 2, None));
        }
    }

    #[test]
    fn a_last_line_that_lacks_its_end_alone_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::create(folder.path(), &header()).unwrap();
        journal.append(&record("a")).unwrap();
        let whole = std::fs::read(journal.path()).unwrap();
        std::fs::write(journal.path(), &whole[..whole.len() - 1]).unwrap();
        let opened = Journal::resume(folder.path(), &header()).unwrap();
        assert_eq!((opened.run.trials.len(), opened.run.torn_line), (1, None));
        opened.journal.append(&record("b")).unwrap();
        assert_eq!(Run::read(journal.path()).unwrap().trials.len(), 2);
    }

    #[test]
    fn processes_of_one_nextest_run_share_a_journal_and_another_run_replaces_it() {
        let folder = tempfile::tempdir().unwrap();
        let of_run = |run: &str| RunHeader {
            plan: RunPlan { nextest_run: Some(run.into()), ..RunPlan::default() },
            ..header()
        };
        for (run, case, expected) in [("x", "a", 1), ("x", "b", 2), ("y", "c", 1)] {
            let journal = Journal::join(folder.path(), &of_run(run)).unwrap();
            journal.append(&record(case)).unwrap();
            assert_eq!(Run::read(journal.path()).unwrap().trials.len(), expected);
        }
    }

    #[test]
    fn shards_are_merged_and_what_is_twice_or_missing_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let shard = |name: &str, partition: &str, tests: &[&str], done: &[&str]| {
            let plan = RunPlan {
                partition: Some(partition.into()),
                tests: tests.iter().map(|test| (*test).to_owned()).collect(),
                ..RunPlan::default()
            };
            let header = RunHeader { plan, ..header() };
            let journal = Journal::create(&folder.path().join(name), &header).unwrap();
            done.iter().for_each(|case| journal.append(&record(case)).unwrap());
            journal.path().to_owned()
        };
        let one = shard("1", "slice:1/3", &["a::m", "d::m"], &["a"]);
        let two = shard("2", "slice:2/3", &["b::m"], &["b"]);
        let again = shard("3", "slice:2/3", &["b::m"], &["b"]);
        let runs = [&one, &two, &again].map(|path| Run::read_with_plan(path).unwrap());
        let Merged { run, overlaps } = merge(runs.into());
        assert_eq!(records(&run.trials), [record("a"), record("b")]);
        assert_eq!(missing_shards(&run), ["slice:3/3"]);
        assert_eq!(missing_tests(&run), ["d::m"]);
        let told = Overlap { test: "b::m".into(), first: two, second: again };
        assert_eq!(overlaps, [told]);
        // The merged journal may take the place of one that it is made of.
        Journal::write(&folder.path().join("1"), &run).unwrap();
        let written = Run::read_with_plan(&one).unwrap();
        assert_eq!(records(&written.trials), [record("a"), record("b")]);
        assert_eq!(written.headers, run.headers);
    }

    #[test]
    fn says_what_is_wrong_with_a_journal() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j.jsonl");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            let message = Run::read(&path).unwrap_err().to_string();
            message.replace(&folder.path().display().to_string(), "FOLDER")
        };
        let newer = serde_json::to_string(&Line::<_, ()>::Run(RunHeader {
            format_version: 99,
            eyechart_version: "9.0.0".into(),
            ..header()
        }));
        let messages = [read(""), read("{\"run\":\n"), read(&newer.unwrap())];
        insta::assert_snapshot!(messages.join("\n"));
    }

    /// A record of every kind of number.
    fn answered() -> TrialRecord {
        let answer = Answer {
            token_ids: vec![1, 2],
            margins: vec![0.5, 1.5],
            runners_up: vec![3, 4],
            beam_score: Some(-0.5),
            peak_memory_bytes: Some(1000),
            ..Answer::of_text("a cat")
        };
        let verdict = crate::score::Verdict {
            passed: true,
            points: 1.0,
            iou: Some(0.5),
            center_accuracy: Some(1.0),
            reading: crate::score::Reading::Parsed,
            reasons: vec![],
        };
        let place =
            Place { device: "cpu".into(), precision: "f32".into(), model_memory_bytes: Some(1000) };
        let attempt = Attempt {
            seed: 1,
            answer: Some(answer.clone()),
            verdict: Some(verdict.clone()),
            opinions: Vec::new(),
            error: None,
        };
        TrialRecord {
            line: Some(1),
            retry: 1,
            answer: Some(answer),
            attempts: vec![attempt; 2],
            verdict: Some(verdict),
            place: Some(place),
            ..record("a")
        }
    }

    /// Every number in a line of a journal, one after the other, as the largest, smallest and strangest
    /// that JSON can say: it is refused, or all reports are made of it.
    #[test]
    fn no_number_of_a_journal_panics_or_runs_away() {
        let folder = tempfile::tempdir().unwrap();
        let prices = Prices { currency: "USD".into(), per_hour: vec![("cpu".into(), 0.5)] };
        let plan = RunPlan { partition: Some("slice:1/2".into()), ..RunPlan::default() };
        let header = RunHeader { prices: Some(prices), plan, ..header() };
        let lines = [
            serde_json::to_string(&Line::<_, ()>::Run(header)).unwrap(),
            serde_json::to_string(&Line::<(), _>::Trial(answered())).unwrap(),
        ];
        let numbers = regex::Regex::new(r"-?\d+(\.\d+)?(e-?\d+)?").unwrap();
        let strange =
            ["0", "-1", "4294967295", "18446744073709551615", "1e9", "1e308", "-1e308", "1e999"];
        let (mut read, mut refused) = (0, 0);
        for (index, line) in lines.iter().enumerate() {
            for place in numbers.find_iter(line) {
                for number in strange {
                    let mut changed = lines.clone();
                    changed[index].replace_range(place.range(), number);
                    let path = folder.path().join(FILE_NAME);
                    std::fs::write(&path, changed.join("\n") + "\n").unwrap();
                    match Run::read_with_plan(&path) {
                        Ok(run) => {
                            let reported = crate::report::write_all(&run, folder.path());
                            read += usize::from(reported.is_ok());
                            missing_shards(&merge(vec![run]).run);
                        }
                        Err(_) => refused += 1,
                    }
                }
            }
        }
        assert!(read > 100 && refused > 100, "{read} read, {refused} refused");
    }

    #[test]
    fn a_line_beyond_the_limit_is_refused_without_being_held() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        let journal = Journal::create(folder.path(), &header()).unwrap();
        journal.append(&record("a")).unwrap();
        // A hole of a gigabyte takes no disk.
        let file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
        file.set_len(file.metadata().unwrap().len() + (1 << 30)).unwrap();
        let message = Run::read(&path).unwrap_err().to_string();
        let told = ":3: is longer than 134217728 bytes, which no record is; the file is no journal";
        assert!(message.ends_with(told), "{message}");
        let message = journal.append(&record("b")).unwrap_err().to_string();
        assert!(message.contains("its last line is longer than 134217728 bytes"), "{message}");
    }

    #[test]
    fn nesting_without_end_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        let first = serde_json::to_string(&Line::<_, ()>::Run(header())).unwrap();
        let deep = "[".repeat(1_000_000);
        for line in [format!("{{\"trial\":{deep}\n"), format!("{{\"trial\":{{\"x\":{deep}\n")] {
            std::fs::write(&path, format!("{first}\n{line}")).unwrap();
            assert!(Run::read(&path).is_err());
            assert!(Recording::open(&path, None, "m").is_err());
        }
    }
}
