//! The answers of an earlier run, found by case without holding them, or the cases' names, in memory.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use serde::Deserialize;

use super::file::{JournalFile, NumberedLine, Place};
use super::{JournalError, Line, RunHeader, TrialRecord, check_header};

/// One model's trials of a journal; only where each stands is in memory.
#[derive(Debug)]
pub struct Recording {
    file: JournalFile,
    model: String,
    /// Sorted by the cases' hashes, those of one case as they ended.
    places: Vec<(CaseHash, Place)>,
}

/// Stands for a case's name, a third as large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct CaseHash(u64);

impl CaseHash {
    fn of(case: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        case.hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// As much of a trial as finding it takes.
#[derive(Deserialize)]
struct Name<'l> {
    #[serde(borrow)]
    case: Cow<'l, str>,
    #[serde(borrow)]
    model: Option<Cow<'l, str>>,
}

/// Where the trials of each model stand.
type ByModel = BTreeMap<String, Vec<(CaseHash, Place)>>;

impl Recording {
    /// Finds the trials of `model` in a journal. Without a model they are those of the model that
    /// is called `name`, or else of the only one.
    ///
    /// # Errors
    /// The file cannot be read, is no journal, or has no such model.
    pub fn open(path: &Path, model: Option<&str>, name: &str) -> Result<Self, JournalError> {
        let file = JournalFile::open(path)?;
        let mut by_model = ByModel::new();
        file.scan(|line| add(&mut by_model, &line))?;
        let wanted = model.unwrap_or(name);
        let sole = by_model.keys().next().filter(|_| model.is_none() && by_model.len() == 1);
        let chosen = by_model.contains_key(wanted).then(|| wanted.to_owned());
        let chosen = chosen.or_else(|| sole.cloned());
        let Some((model, mut places)) = chosen.and_then(|model| by_model.remove_entry(&model))
        else {
            let (path, wanted) = (path.to_owned(), wanted.to_owned());
            return Err(JournalError::NoModel {
                path,
                wanted,
                models: by_model.into_keys().collect(),
            });
        };
        places.sort_unstable();
        places.shrink_to_fit();
        Ok(Self { file, model, places })
    }

    /// The journal.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// The model whose trials these are, as the journal calls it.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The last trial of a case; none if there is none.
    ///
    /// # Errors
    /// The file can no longer be read, or holds something else by now.
    pub fn find(&self, case: &str) -> Result<Option<TrialRecord>, JournalError> {
        let hash = CaseHash::of(case);
        let start = self.places.partition_point(|(known, _)| *known < hash);
        let found = self.places[start..].iter().take_while(|(known, _)| *known == hash);
        // Of two cases with one hash, the other one's lines are passed over.
        for (_, place) in found.collect::<Vec<_>>().into_iter().rev() {
            let record = self.file.record(*place, case)?;
            if record.case == case {
                return Ok(Some(record));
            }
            if CaseHash::of(&record.case) != hash {
                return Err(JournalError::Rewritten { path: self.path().to_owned() });
            }
        }
        Ok(None)
    }
}

fn add(by_model: &mut ByModel, line: &NumberedLine<'_>) -> Result<(), String> {
    match serde_json::from_slice::<Line<RunHeader, Name<'_>>>(line.text) {
        Ok(Line::Run(header)) => check_header(header).map(drop),
        Ok(Line::Trial(Name { case, model: Some(model) })) => {
            let found = (CaseHash::of(&case), line.place);
            match by_model.get_mut(&*model) {
                Some(places) => places.push(found),
                None => {
                    by_model.insert(model.into_owned(), vec![found]);
                }
            }
            Ok(())
        }
        Ok(Line::Trial(Name { model: None, .. })) => Ok(()),
        // The line that a killed run did not finish.
        Err(_) if line.number > 1 && !line.is_whole() => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

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
