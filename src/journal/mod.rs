/*!
The record of a trial and the file of them: the only memory of a run.

JSON Lines: a header, then one line per trial, appended and flushed as each ends. Reports are
functions of what is read back from here. Knows nothing of how records are shown.
*/

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

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
mod recording;

pub use error::JournalError;
pub use recording::Recording;

/// The journal's file name.
pub const FILE_NAME: &str = "journal.jsonl";

/// Version of the format; a change that old readers would misread raises it.
pub const FORMAT_VERSION: u32 = 1;

/// The first line: what run this is.
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

    /// The record without what no report shows: token by token margins, prompts and their ids.
    fn outline(mut self) -> Self {
        let attempts = self.attempts.iter_mut().filter_map(|attempt| attempt.answer.as_mut());
        for answer in self.answer.iter_mut().chain(attempts) {
            (answer.margins, answer.runners_up) = (Vec::new(), Vec::new());
            answer.token_ids.shrink_to_fit();
            forget_texts(&mut answer.input);
        }
        self.prepared.iter_mut().for_each(forget_texts);
        self.asked = None;
        self
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
        match &self.model {
            Some(model) => format!("{}::{model}", self.case),
            None => self.case.clone(),
        }
    }
}

fn forget_texts(input: &mut ModelInput) {
    let ModelInput { prompt_tokens, visual_tokens, .. } = *input;
    *input = ModelInput { prompt_tokens, visual_tokens, ..ModelInput::default() };
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line<H, R> {
    Run(H),
    Trial(R),
}

/// A journal being written; shared by the threads that judge.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: Mutex<File>,
}

impl Journal {
    /// Starts a new journal in `folder`, which is made if needed; an older one is replaced.
    ///
    /// # Errors
    /// The folder or file cannot be written.
    pub fn create(folder: &Path, header: &RunHeader) -> Result<Self, JournalError> {
        let path = folder.join(FILE_NAME);
        let unwritable = |source| JournalError::Unwritable { path: path.clone(), source };
        std::fs::create_dir_all(folder).map_err(unwritable)?;
        let file = Mutex::new(File::create(&path).map_err(unwritable)?);
        let journal = Self { path, file };
        journal.append_line(&Line::<_, ()>::Run(header))?;
        Ok(journal)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a trial that ended. It is in the file when this returns.
    ///
    /// # Errors
    /// The file cannot be written (a full disk, say).
    pub fn append(&self, record: &TrialRecord) -> Result<(), JournalError> {
        self.append_line(&Line::<(), _>::Trial(record))
    }

    fn append_line(&self, line: &impl Serialize) -> Result<(), JournalError> {
        let unwritable = |source| JournalError::Unwritable { path: self.path.clone(), source };
        let mut text = serde_json::to_vec(line).map_err(|error| unwritable(error.into()))?;
        text.push(b'\n');
        // A panic while the lock was held cannot have left half a line: write_all is one call.
        let mut file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        file.write_all(&text).and_then(|()| file.flush()).map_err(unwritable)
    }
}

/// A run as read back from its journal.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// What run it was.
    pub header: RunHeader,
    /// Its trials, sorted by model and case, whatever order they ended in.
    pub trials: Vec<TrialRecord>,
}

impl Run {
    /// Reads a journal.
    ///
    /// # Errors
    /// The file cannot be read, is not a journal, or is of a newer format; names the line.
    pub fn read(path: &Path) -> Result<Self, JournalError> {
        Self::read_as(path, |record| record)
    }

    /// Reads of a journal what reports show, which is a fraction of what is in it: a suite's answers
    /// need not fit into memory.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_for_reports(path: &Path) -> Result<Self, JournalError> {
        Self::read_as(path, TrialRecord::outline)
    }

    fn read_as(
        path: &Path,
        keep: impl Fn(TrialRecord) -> TrialRecord,
    ) -> Result<Self, JournalError> {
        let file = File::open(path)
            .map_err(|source| JournalError::Unreadable { path: path.to_owned(), source })?;
        let mut header = None;
        let mut trials = Vec::new();
        for (index, line) in BufReader::new(file).lines().enumerate() {
            let line =
                line.map_err(|source| JournalError::Unreadable { path: path.to_owned(), source })?;
            let malformed = |reason: String| JournalError::Malformed {
                path: path.to_owned(),
                line: index + 1,
                reason,
            };
            match serde_json::from_str(&line).map_err(|error| malformed(error.to_string()))? {
                Line::Run(found) => header = Some(check_header(found).map_err(malformed)?),
                Line::Trial(_) if header.is_none() => {
                    return Err(malformed("a trial before the run's header".into()));
                }
                Line::Trial(record) => trials.push(keep(record)),
            }
        }
        let header = header.ok_or_else(|| JournalError::Empty { path: path.to_owned() })?;
        trials.sort_by(|a: &TrialRecord, b| (&a.model, &a.case).cmp(&(&b.model, &b.case)));
        Ok(Self { header, trials })
    }
}

fn check_header(header: RunHeader) -> Result<RunHeader, String> {
    if header.format_version == FORMAT_VERSION {
        return Ok(header);
    }
    Err(format!(
        "journal format {} was written by eyechart {}, this one reads format {FORMAT_VERSION}; \
         use that version of eyechart, or run again",
        header.format_version, header.eyechart_version
    ))
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

    #[test]
    fn reads_back_what_was_written_sorted() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::create(folder.path(), &header()).unwrap();
        journal.append(&record("b")).unwrap();
        journal.append(&record("a")).unwrap();
        let run = Run::read(journal.path()).unwrap();
        assert_eq!(run, Run { header: header(), trials: vec![record("a"), record("b")] });
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
        let messages = [read(""), read("{\"run\":"), read(&newer.unwrap())];
        insta::assert_snapshot!(messages.join("\n"));
    }
}
