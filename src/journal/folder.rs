//! Who writes into a folder of journal and reports.
//!
//! A lock of the system on a file in the folder: it ends with the process, however that ends, so that
//! a killed run keeps nobody out. Processes of one nextest run share it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{JournalError, unix_milliseconds_now};
use crate::whole_file;

/// The lock's file name.
const LOCK: &str = ".lock";

/// Most bytes that are read of who holds the lock.
const MOST_HOLDER_BYTES: u64 = 1 << 12;

/// How long a process of a nextest run waits for another that has just opened the folder.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long it may take from locking to signing.
const SIGNED_WITHIN: Duration = Duration::from_secs(1);

/// A folder of journal and reports that nobody else writes into while this lives.
#[derive(Debug)]
pub struct RunFolder {
    lock: File,
    path: PathBuf,
    holder: Holder,
}

/// Who holds a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Holder {
    process: u32,
    started_unix_milliseconds: u64,
    /// The run of cargo-nextest, whose processes share the folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nextest_run: Option<String>,
    /// Whether other processes of that run may write there too: the journal is this run's by now.
    #[serde(default)]
    is_shared: bool,
}

impl RunFolder {
    /// Takes the folder, which is made if needed; with other processes of the same nextest run, if
    /// there is one. The first of them has it alone until it calls [`Self::share`].
    ///
    /// # Errors
    /// Another run writes there, or the folder cannot be written or locked.
    pub fn take(path: &Path, nextest_run: Option<&str>) -> Result<Self, JournalError> {
        let lock = open(path)
            .map_err(|source| JournalError::Unwritable { path: path.to_owned(), source })?;
        let holder = Holder {
            process: std::process::id(),
            started_unix_milliseconds: unix_milliseconds_now(),
            nextest_run: nextest_run.map(str::to_owned),
            is_shared: false,
        };
        let mut folder = Self { lock, path: path.to_owned(), holder };
        let start = Instant::now();
        while folder.is_taken(File::try_lock)? {
            if folder.holder.nextest_run.is_none() {
                return Err(folder.refusal());
            }
            if folder.joins(start)? {
                return Ok(folder);
            }
        }
        folder.sign()?;
        // Nobody else writes here.
        whole_file::remove_abandoned(path, Duration::ZERO);
        Ok(folder)
    }

    /// Lets other processes of the same nextest run in, once the journal is theirs too.
    ///
    /// # Errors
    /// The folder cannot be locked, or another run has taken it this very moment.
    pub fn share(mut self) -> Result<Self, JournalError> {
        if self.holder.nextest_run.is_none() || self.holder.is_shared {
            return Ok(self);
        }
        self.holder.is_shared = true;
        self.sign()?;
        self.unlock()?;
        let start = Instant::now();
        while !self.joins(start)? {}
        Ok(self)
    }

    /// Tries to share the folder with other processes of the same nextest run, and waits a moment if
    /// none of them has shared it yet.
    fn joins(&mut self, start: Instant) -> Result<bool, JournalError> {
        let is_locked = !self.is_taken(File::try_lock_shared)?;
        let found = self.found();
        let is_ours = |found: &Holder| found.nextest_run == self.holder.nextest_run;
        let is_ours = found.as_ref().is_some_and(is_ours);
        if is_locked {
            if is_ours && found.is_some_and(|found| found.is_shared) {
                self.holder.is_shared = true;
                return Ok(true);
            }
            // Whoever signed last is gone, before it had shared the folder.
            self.unlock()?;
        }
        // Who has just locked it may not have signed yet.
        if start.elapsed() > if is_ours { PATIENCE } else { SIGNED_WITHIN } {
            return Err(self.refusal());
        }
        std::thread::sleep(Duration::from_millis(5 + u64::from(self.holder.process % 8)));
        Ok(false)
    }

    fn unlock(&self) -> Result<(), JournalError> {
        self.lock.unlock().map_err(|source| self.unlockable(source))
    }

    fn is_taken(
        &self,
        lock: impl FnOnce(&File) -> Result<(), TryLockError>,
    ) -> Result<bool, JournalError> {
        match lock(&self.lock) {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(source)) => Err(self.unlockable(source)),
        }
    }

    /// Writes who holds it.
    fn sign(&mut self) -> Result<(), JournalError> {
        let mut write = || {
            let text = serde_json::to_vec(&self.holder)?;
            self.lock.set_len(0)?;
            self.lock.rewind()?;
            self.lock.write_all(&text)
        };
        write().map_err(|source| JournalError::Unwritable { path: self.path.join(LOCK), source })
    }

    /// Who has signed last; none if that cannot be told.
    fn found(&self) -> Option<Holder> {
        let mut text = Vec::new();
        let file = File::open(self.path.join(LOCK)).ok()?;
        file.take(MOST_HOLDER_BYTES).read_to_end(&mut text).ok()?;
        serde_json::from_slice(&text).ok()
    }

    fn refusal(&self) -> JournalError {
        let holder = self.found().map_or_else(String::new, |found| found.to_string());
        JournalError::Taken { folder: self.path.clone(), holder }
    }

    fn unlockable(&self, source: io::Error) -> JournalError {
        JournalError::Unlockable { path: self.path.join(LOCK), source }
    }
}

fn open(folder: &Path) -> io::Result<File> {
    fs::create_dir_all(folder)?;
    let path = folder.join(LOCK);
    whole_file::refuse_link(&path)?;
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { process, started_unix_milliseconds, nextest_run, is_shared: _ } = self;
        write!(f, " (process {process}, since {})", utc(*started_unix_milliseconds))?;
        match nextest_run {
            Some(run) => write!(f, " of the nextest run {}", run.escape_default()),
            None => Ok(()),
        }
    }
}

/// `2026-12-01 02:30:10 UTC`, by Howard Hinnant's `civil_from_days`
/// (<https://howardhinnant.github.io/date_algorithms.html>).
fn utc(unix_milliseconds: u64) -> String {
    let (days, second) = (unix_milliseconds / 86_400_000, unix_milliseconds / 1000 % 86_400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Years begin in March here, so that the leap day is their last.
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(folder: &Path, run: Option<&str>) -> Result<RunFolder, String> {
        RunFolder::take(folder, run)
            .map_err(|error| error.to_string().replace(&folder.display().to_string(), "FOLDER"))
    }

    #[test]
    fn another_run_is_refused_until_the_first_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let first = take(folder.path(), None).unwrap();
        let message = take(folder.path(), None).unwrap_err();
        let process = std::process::id();
        let begin =
            format!("FOLDER: another run writes into this folder (process {process}, since ");
        assert!(message.starts_with(&begin), "{message}");
        assert!(message.ends_with("choose another folder with EYECHART_OUT"), "{message}");
        assert!(take(folder.path(), Some("x")).is_err());
        drop(first);
        take(folder.path(), Some("x")).unwrap();
    }

    #[test]
    fn processes_of_one_nextest_run_share_and_others_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let first = take(folder.path(), Some("x")).unwrap().share().unwrap();
        let second = take(folder.path(), Some("x")).unwrap().share().unwrap();
        for other in [Some("y"), None] {
            let message = take(folder.path(), other).unwrap_err();
            assert!(message.contains(" of the nextest run x; "), "{message}");
        }
        drop((first, second));
        take(folder.path(), Some("y")).unwrap();
    }

    #[test]
    fn a_process_waits_for_another_of_its_run_that_opens_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let first = take(folder.path(), Some("x")).unwrap();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| take(folder.path(), Some("x")).map(drop));
            std::thread::sleep(Duration::from_millis(100));
            assert!(!second.is_finished());
            let _first = first.share().unwrap();
            second.join().unwrap().unwrap();
        });
    }

    #[test]
    fn who_ends_before_it_has_shared_the_folder_leaves_it_to_the_next() {
        let folder = tempfile::tempdir().unwrap();
        drop(take(folder.path(), Some("x")).unwrap());
        let second = take(folder.path(), Some("x")).unwrap();
        assert!(!second.holder.is_shared, "it must open the journal");
        drop(second.share().unwrap());
        drop(take(folder.path(), None).unwrap());
        assert!(!take(folder.path(), Some("x")).unwrap().holder.is_shared);
    }

    #[test]
    fn a_lock_file_that_says_nothing_is_no_hindrance() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(LOCK), "no holder").unwrap();
        let _first = take(folder.path(), None).unwrap();
        fs::write(folder.path().join(LOCK), "x".repeat(10_000)).unwrap();
        let message = take(folder.path(), None).unwrap_err();
        assert!(message.starts_with("FOLDER: another run writes into this folder; "), "{message}");
    }

    /// Expected: `date -u -d @SECONDS`.
    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(utc(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(utc(951_782_399_000), "2000-02-28 23:59:59 UTC");
        assert_eq!(utc(951_782_400_000), "2000-02-29 00:00:00 UTC");
        assert_eq!(utc(1_796_092_210_999), "2026-12-01 02:30:10 UTC");
        assert!(utc(u64::MAX).ends_with(" UTC"));
    }
}
