//! Reading journals back.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use super::{FORMAT_VERSION, JournalError, Line, RunHeader, TrialRecord};
use crate::registry::Prices;

/// A run as read back from its journal.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Run {
    /// What run it was: the first header, and those of processes that went on with it.
    pub headers: Vec<RunHeader>,
    /// Its trials as they ended last, sorted by model and case, whatever order they ended in.
    pub trials: Vec<TrialRecord>,
    /// Earlier tries of trials that were tried again, in the order in which they ended.
    pub earlier: Vec<TrialRecord>,
    /// The last line, if it was passed over because its writer was killed.
    pub torn_line: Option<usize>,
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
        let unreadable = |source| JournalError::Unreadable { path: path.to_owned(), source };
        let mut reader = BufReader::new(File::open(path).map_err(unreadable)?);
        let mut lines = Lines::default();
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            if reader.read_until(b'\n', &mut line).map_err(unreadable)? == 0 {
                break;
            }
            let malformed =
                |reason| JournalError::Malformed { path: path.to_owned(), line: number, reason };
            match serde_json::from_slice(&line) {
                Ok(read) => lines.add(read, &keep).map_err(malformed)?,
                Err(_) if !line.ends_with(b"\n") => lines.torn = Some(number),
                Err(error) => return Err(malformed(error.to_string())),
            }
        }
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

    /// Sorts trials as reports show them.
    pub(super) fn sort(&mut self) {
        self.trials.sort_by(|a, b| (&a.model, &a.case).cmp(&(&b.model, &b.case)));
    }
}

/// What was read of a journal so far.
#[derive(Default)]
struct Lines {
    headers: Vec<RunHeader>,
    trials: Vec<TrialRecord>,
    earlier: Vec<TrialRecord>,
    /// Place of each test among the trials.
    places: HashMap<String, usize>,
    torn: Option<usize>,
}

impl Lines {
    fn add(
        &mut self,
        line: Line<RunHeader, TrialRecord>,
        keep: impl Fn(TrialRecord) -> TrialRecord,
    ) -> Result<(), String> {
        match line {
            Line::Run(header) => self.headers.push(check_header(header)?),
            Line::Trial(_) if self.headers.is_empty() => {
                return Err("a trial before the run's header".into());
            }
            Line::Trial(record) => self.add_trial(keep(record)),
        }
        Ok(())
    }

    fn add_trial(&mut self, record: TrialRecord) {
        let Some(place) = self.places.get(&record.test_name()) else {
            self.places.insert(record.test_name(), self.trials.len());
            return self.trials.push(record);
        };
        let before = std::mem::replace(&mut self.trials[*place], record);
        // The same try twice is a row that its test and its gate's test both ran.
        if before.retry != self.trials[*place].retry {
            self.earlier.push(before);
        }
    }

    fn into_run(self) -> Option<Run> {
        let Self { headers, trials, earlier, torn, .. } = self;
        let mut run = Run { headers, trials, earlier, torn_line: torn };
        run.sort();
        (!run.headers.is_empty()).then_some(run)
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
