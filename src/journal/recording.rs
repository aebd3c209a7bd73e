//! The answers of an earlier run, found by case without holding them all in memory.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;

use super::{JournalError, Line, RunHeader, TrialRecord, check_header};

/// One model's trials of a journal; only where each stands is in memory.
#[derive(Debug)]
pub struct Recording {
    path: PathBuf,
    model: String,
    places: HashMap<String, Place>,
    file: Mutex<File>,
}

/// Where a line stands in the file, in bytes.
#[derive(Debug, Clone, Copy)]
struct Place {
    start: u64,
    length: usize,
}

/// As much of a trial as finding it takes.
#[derive(Deserialize)]
struct Name {
    case: String,
    model: Option<String>,
}

impl Recording {
    /// Finds the trials of `model` in a journal. Without a model they are those of the model that
    /// is called `name`, or else of the only one.
    ///
    /// # Errors
    /// The file cannot be read, is no journal, or has no such model.
    pub fn open(path: &Path, model: Option<&str>, name: &str) -> Result<Self, JournalError> {
        let unreadable = |source| JournalError::Unreadable { path: path.to_owned(), source };
        let file = File::open(path).map_err(unreadable)?;
        let mut by_model: HashMap<String, HashMap<String, Place>> = HashMap::new();
        let mut lines = Lines { reader: BufReader::with_capacity(1 << 16, file), start: 0 };
        let (mut line, mut number) = (Vec::new(), 0);
        while let Some(place) = lines.next(&mut line).map_err(unreadable)? {
            number += 1;
            let malformed =
                |reason| JournalError::Malformed { path: path.to_owned(), line: number, reason };
            match serde_json::from_slice::<Line<RunHeader, Name>>(&line) {
                Ok(Line::Run(header)) => {
                    check_header(header).map_err(malformed)?;
                }
                Ok(Line::Trial(Name { case, model: Some(model) })) => {
                    by_model.entry(model).or_default().insert(case, place);
                }
                Ok(Line::Trial(Name { model: None, .. })) => {}
                // The line that a killed run did not finish.
                Err(_) if number > 1 && !line.ends_with(b"\n") => {}
                Err(error) => return Err(malformed(error.to_string())),
            }
        }
        let models: BTreeSet<String> = by_model.keys().cloned().collect();
        let wanted = model.unwrap_or(name);
        let sole = models.first().filter(|_| model.is_none() && models.len() == 1);
        let chosen = models.get(wanted).or(sole).cloned();
        let Some((model, places)) = chosen.and_then(|model| by_model.remove_entry(&model)) else {
            let (path, wanted) = (path.to_owned(), wanted.to_owned());
            return Err(JournalError::NoModel {
                path,
                wanted,
                models: models.into_iter().collect(),
            });
        };
        let file = Mutex::new(lines.reader.into_inner());
        Ok(Self { path: path.to_owned(), model, places, file })
    }

    /// The journal.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The model whose trials these are, as the journal calls it.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The trial of a case; none if there is none.
    ///
    /// # Errors
    /// The file can no longer be read, or holds something else by now.
    pub fn find(&self, case: &str) -> Result<Option<TrialRecord>, JournalError> {
        let Some(place) = self.places.get(case) else { return Ok(None) };
        let line = self
            .read(*place)
            .map_err(|source| JournalError::Unreadable { path: self.path.clone(), source })?;
        match serde_json::from_slice::<Line<RunHeader, TrialRecord>>(&line) {
            Ok(Line::Trial(record)) if record.case == case => Ok(Some(record)),
            Ok(_) => Err(JournalError::Rewritten { path: self.path.clone() }),
            Err(error) => Err(JournalError::Trial {
                path: self.path.clone(),
                case: case.to_owned(),
                reason: error.to_string(),
            }),
        }
    }

    fn read(&self, Place { start, length }: Place) -> std::io::Result<Vec<u8>> {
        let mut line = vec![0; length];
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut line)?;
        Ok(line)
    }
}

struct Lines {
    reader: BufReader<File>,
    start: u64,
}

impl Lines {
    /// Reads the next line, its end included, and says where it stands.
    fn next(&mut self, line: &mut Vec<u8>) -> std::io::Result<Option<Place>> {
        line.clear();
        let length = self.reader.read_until(b'\n', line)?;
        let place = Place { start: self.start, length };
        self.start += length as u64;
        Ok((length > 0).then_some(place))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Journal, Status};
    use super::*;

    fn record(case: &str, model: &str) -> TrialRecord {
        let (model, file) = (Some(model.to_owned()), "a.ron".into());
        TrialRecord::unanswered(case.into(), model, file, Status::Passed)
    }

    fn journal(folder: &Path, trials: &[TrialRecord]) -> PathBuf {
        let journal = Journal::create(folder, &super::super::tests::header()).unwrap();
        trials.iter().for_each(|trial| journal.append(trial).unwrap());
        journal.path().to_owned()
    }

    #[test]
    fn finds_the_last_trial_of_a_case_on_a_model() {
        let folder = tempfile::tempdir().unwrap();
        let last = TrialRecord { question: "again".into(), ..record("x", "a") };
        let trials = [record("x", "a"), record("y", "b"), last.clone(), record("z", "a")];
        let path = journal(folder.path(), &trials);
        let recording = Recording::open(&path, Some("a"), "r").unwrap();
        assert_eq!(recording.find("x").unwrap(), Some(last));
        assert_eq!(recording.find("z").unwrap(), Some(record("z", "a")));
        assert_eq!(recording.find("y").unwrap(), None);
        assert_eq!(Recording::open(&path, None, "b").unwrap().model(), "b");
        let message = Recording::open(&path, None, "r").unwrap_err().to_string();
        assert!(
            message.ends_with(
                "journal.jsonl: has no trial of \"r\"; it has those of a, b \
             (`answers_of` of an entry names one)"
            ),
            "{message}"
        );
    }

    #[test]
    fn the_only_model_needs_no_name_and_a_torn_last_line_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = journal(folder.path(), &[record("x", "a")]);
        let torn = std::fs::read_to_string(&path).unwrap() + "{\"trial\":{\"case\":";
        std::fs::write(&path, &torn).unwrap();
        let recording = Recording::open(&path, None, "r").unwrap();
        assert!(recording.find("x").unwrap().is_some());
        std::fs::write(&path, torn + "\n").unwrap();
        let message = Recording::open(&path, None, "r").unwrap_err().to_string();
        assert!(message.contains("journal.jsonl:3: "), "{message}");
    }

    #[test]
    fn a_journal_that_is_written_over_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = journal(folder.path(), &[record("x", "a")]);
        let recording = Recording::open(&path, None, "a").unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("\"case\":\"x\"", "\"case\":\"y\"")).unwrap();
        assert!(matches!(recording.find("x"), Err(JournalError::Rewritten { .. })));
        std::fs::write(&path, "").unwrap();
        assert!(matches!(recording.find("x"), Err(JournalError::Unreadable { .. })));
    }
}
