//! Reading journals back.
//!
//! Of each trial only a short entry is in memory; the records are read one by one when somebody
//! wants them, so that a suite's answers need not fit into memory.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::file::{JournalFile, NumberedLine, Place};
use super::{FORMAT_VERSION, JournalError, Line, RunHeader, Status, TrialRecord};
use crate::answer::Timings;
use crate::registry::Prices;

/// A run as read back from its journal, or from several.
#[derive(Debug, Default)]
pub struct Run {
    /// What run it was: the first header, and those of processes that went on with it.
    pub headers: Vec<RunHeader>,
    /// Its trials as they ended last, sorted by model and case, whatever order they ended in.
    pub trials: Vec<TrialEntry>,
    /// Earlier tries of trials that were tried again, in the order in which they ended.
    pub earlier: Vec<TrialEntry>,
    /// The last line, if it was passed over because its writer was killed.
    pub torn_line: Option<usize>,
}

/// A trial in short, and where its record stands.
#[derive(Debug, Clone)]
pub struct TrialEntry {
    /// The case's name.
    pub case: Box<str>,
    /// The model's name; none for a case file that cannot be run on any.
    pub model: Option<Arc<str>>,
    /// How it ended.
    pub status: Status,
    /// How often it was tried before.
    pub retry: u32,
    /// Whether it is a demand on all rows of a data set.
    pub is_gate: bool,
    /// Whether it has an answer.
    pub is_answered: bool,
    /// Wall time of all its answers.
    pub time: Duration,
    place: Place,
    journal: Arc<JournalFile>,
}

/// As much of a record as its entry takes.
#[derive(Deserialize)]
struct Short<'l> {
    #[serde(borrow)]
    case: Cow<'l, str>,
    #[serde(borrow)]
    model: Option<Cow<'l, str>>,
    #[serde(borrow)]
    file: Cow<'l, str>,
    status: Status,
    #[serde(default)]
    retry: u32,
    answer: Option<Timed>,
    #[serde(default)]
    attempts: TimedAttempts,
}

#[derive(Deserialize)]
struct Timed {
    #[serde(rename = "timings_seconds")]
    timings: Timings,
}

#[derive(Deserialize)]
struct TimedAttempt {
    answer: Option<Timed>,
}

/// All attempts in two numbers; a line may have very many.
#[derive(Default)]
struct TimedAttempts {
    attempts: usize,
    answers: usize,
    time: Duration,
}

impl<'de> Deserialize<'de> for TimedAttempts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(AttemptsVisitor)
    }
}

struct AttemptsVisitor;

impl<'de> Visitor<'de> for AttemptsVisitor {
    type Value = TimedAttempts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of attempts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut attempts: A) -> Result<TimedAttempts, A::Error> {
        let mut all = TimedAttempts::default();
        while let Some(TimedAttempt { answer }) = attempts.next_element()? {
            all.attempts += 1;
            if let Some(Timed { timings }) = answer {
                all.answers += 1;
                all.time = all.time.saturating_add(timings.total());
            }
        }
        Ok(all)
    }
}

/// What becomes of the lists of tests that headers plan to record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PlannedTests {
    Kept,
    Dropped,
}

impl Run {
    /// Reads a journal, but for the lists of tests that were planned.
    ///
    /// # Errors
    /// The file cannot be read, is not a journal, or is of a newer format; names the line.
    pub fn read(path: &Path) -> Result<Self, JournalError> {
        Self::read_as(path, PlannedTests::Dropped)
    }

    /// Reads a journal with the lists of tests that were planned.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_with_plan(path: &Path) -> Result<Self, JournalError> {
        Self::read_as(path, PlannedTests::Kept)
    }

    fn read_as(path: &Path, planned: PlannedTests) -> Result<Self, JournalError> {
        let file = Arc::new(JournalFile::open(path)?);
        let mut lines = Lines::of(&file, planned);
        file.scan(|line| lines.add(&line))?;
        lines.into_run().ok_or_else(|| JournalError::Empty { path: path.to_owned() })
    }

    /// When it started, in milliseconds since 1970-01-01 UTC.
    pub fn started_unix_milliseconds(&self) -> u64 {
        let starts = self.headers.iter().map(|header| header.started_unix_milliseconds);
        starts.min().unwrap_or(0)
    }

    /// Version of eyechart that wrote it first.
    pub fn eyechart_version(&self) -> &str {
        self.headers.first().map_or("", |header| &header.eyechart_version)
    }

    /// Prices of all devices; where two machines price one differently, the first counts, and so
    /// does the first currency.
    pub fn prices(&self) -> Option<Prices> {
        let mut known = self.headers.iter().filter_map(|header| header.prices.as_ref());
        let mut prices = known.next()?.clone();
        for more in known.filter(|more| more.currency == prices.currency).collect::<Vec<_>>() {
            for (device, price) in &more.per_hour {
                if prices.per_hour.iter().all(|(priced, _)| priced != device) {
                    prices.per_hour.push((device.clone(), *price));
                }
            }
        }
        Some(prices)
    }
}

impl TrialEntry {
    /// Reads the record.
    ///
    /// # Errors
    /// The file can no longer be read, or the line is no record by now.
    pub fn record(&self) -> Result<TrialRecord, JournalError> {
        let record = self.journal.record(self.place, &self.case)?;
        match *record.case == *self.case {
            true => Ok(record),
            false => Err(JournalError::Rewritten { path: self.journal.path().to_owned() }),
        }
    }

    /// The line of the record, its end included.
    pub(super) fn line(&self) -> Result<Vec<u8>, JournalError> {
        self.journal.line(self.place)
    }

    /// The test's name, `folder::case::model`.
    pub fn test_name(&self) -> String {
        super::test_name(&self.case, self.model.as_deref())
    }

    /// The journal that has the record.
    pub fn journal(&self) -> &Path {
        self.journal.path()
    }

    /// What trials are sorted by, in reports too.
    pub(super) fn key(&self) -> (Option<&str>, &str) {
        (self.model.as_deref(), &self.case)
    }
}

/// What was read of a journal so far.
struct Lines<'f> {
    file: &'f Arc<JournalFile>,
    planned: PlannedTests,
    headers: Vec<RunHeader>,
    /// All trials, in the order in which they ended.
    trials: Vec<TrialEntry>,
    /// Each name once.
    models: Vec<Arc<str>>,
    torn: Option<usize>,
}

impl<'f> Lines<'f> {
    fn of(file: &'f Arc<JournalFile>, planned: PlannedTests) -> Self {
        let (headers, trials, models) = (Vec::new(), Vec::new(), Vec::new());
        Self { file, planned, headers, trials, models, torn: None }
    }

    fn add(&mut self, line: &NumberedLine<'_>) -> Result<(), String> {
        match serde_json::from_slice::<Line<RunHeader, Short<'_>>>(line.text) {
            Ok(Line::Run(header)) => self.add_header(check_header(header)?),
            Ok(Line::Trial(_)) if self.headers.is_empty() => {
                return Err("a trial before the run's header".into());
            }
            Ok(Line::Trial(short)) => self.add_trial(&short, line.place),
            Err(_) if !line.is_whole() => self.torn = Some(line.number),
            Err(error) => return Err(error.to_string()),
        }
        Ok(())
    }

    fn add_header(&mut self, mut header: RunHeader) {
        if self.planned == PlannedTests::Dropped {
            header.plan.tests = Vec::new();
        }
        self.headers.push(header);
    }

    fn add_trial(&mut self, short: &Short<'_>, place: Place) {
        let entry = TrialEntry {
            case: short.case.as_ref().into(),
            model: short.model.as_deref().map(|model| self.model(model)),
            status: short.status,
            retry: short.retry,
            is_gate: short.is_gate(),
            is_answered: short.is_answered(),
            time: short.time(),
            place,
            journal: Arc::clone(self.file),
        };
        self.trials.push(entry);
    }

    fn model(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.models.iter().find(|known| &***known == name) {
            return Arc::clone(known);
        }
        let new: Arc<str> = name.into();
        self.models.push(Arc::clone(&new));
        new
    }

    fn into_run(self) -> Option<Run> {
        let Self { headers, mut trials, torn, .. } = self;
        // Lines of one test stay in the order in which they ended.
        trials.sort_by(|a, b| a.key().cmp(&b.key()));
        let mut earlier = Vec::new();
        trials.dedup_by(|next, last| {
            let is_same = next.key() == last.key();
            if is_same {
                std::mem::swap(next, last);
                // The same try twice is a row that its test and its gate's test both ran.
                if next.retry != last.retry {
                    earlier.push(next.clone());
                }
            }
            is_same
        });
        earlier.sort_by_key(|entry| entry.place);
        trials.shrink_to_fit();
        let run = Run { headers, trials, earlier, torn_line: torn };
        (!run.headers.is_empty()).then_some(run)
    }
}

impl Short<'_> {
    fn is_gate(&self) -> bool {
        let name = self.case.rsplit("::").next().unwrap_or_default();
        name.starts_with("gate_") && self.file.ends_with(".dataset.ron")
    }

    /// Whether it has an answer: its own, unless the case was run several times.
    fn is_answered(&self) -> bool {
        match self.attempts.attempts {
            0 => self.answer.is_some(),
            _ => self.attempts.answers > 0,
        }
    }

    /// The time of all its answers.
    fn time(&self) -> Duration {
        let own = || self.answer.as_ref().map_or(Duration::ZERO, |answer| answer.timings.total());
        if self.attempts.attempts == 0 { own() } else { self.attempts.time }
    }
}

pub(super) fn check_header(header: RunHeader) -> Result<RunHeader, String> {
    if header.format_version == FORMAT_VERSION {
        return Ok(header);
    }
    Err(format!(
        "journal format {} was written by eyechart {}, this one reads format {FORMAT_VERSION}; \
         use that version of eyechart, or run again",
        header.format_version, header.eyechart_version
    ))
}
