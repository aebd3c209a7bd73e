//! Writing journals, alone or beside other processes.
//!
//! A line is appended in one go while the file is locked against other processes. Whoever was
//! killed in the middle leaves a torn last line, which the next one to open the file cuts off.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::IgnoredAny;

use super::{FILE_NAME, JournalError, Line, Run, RunHeader, TrialRecord};

/// A journal being written; shared by the threads that judge, and by the processes of nextest.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: Mutex<File>,
}

/// A journal that a run goes on with.
#[derive(Debug)]
pub struct Opened {
    /// To write on.
    pub journal: Journal,
    /// What was in it.
    pub run: Run,
}

/// The journal, locked against other threads and processes until this is dropped.
#[derive(Debug)]
pub struct Locked<'j>(MutexGuard<'j, File>);

impl Journal {
    /// Starts a new journal in `folder`, which is made if needed; an older one is replaced.
    ///
    /// # Errors
    /// The folder or file cannot be written.
    pub fn create(folder: &Path, header: &RunHeader) -> Result<Self, JournalError> {
        let journal = Self::open(folder)?;
        journal.start(|_| Ok(Start::Anew), header)?;
        Ok(journal)
    }

    /// Goes on with the journal in `folder`, or starts one. A torn last line is cut off;
    /// [`Run::torn_line`] of what was read tells.
    ///
    /// # Errors
    /// The journal cannot be read or written.
    pub fn resume(folder: &Path, header: &RunHeader) -> Result<Opened, JournalError> {
        let journal = Self::open(folder)?;
        let mut run = Run::default();
        let path = &journal.path;
        let read = |_: &File| match Run::read(path) {
            Ok(found) => {
                run = found;
                Ok(Start::GoOn)
            }
            Err(JournalError::Empty { .. }) => Ok(Start::Anew),
            Err(error) => Err(error),
        };
        journal.start(read, header)?;
        Ok(Opened { journal, run })
    }

    /// Goes on with the journal in `folder` if it is of the same nextest run, else starts one.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn join(folder: &Path, header: &RunHeader) -> Result<Self, JournalError> {
        let journal = Self::open(folder)?;
        let is_same = |file: &File| {
            let first = first_header(file);
            let is_same =
                first.is_some_and(|first| first.plan.nextest_run == header.plan.nextest_run);
            Ok(if is_same { Start::GoOn } else { Start::Anew })
        };
        journal.start(is_same, header)?;
        Ok(journal)
    }

    /// Replaces the journal in `folder` by one of this run.
    ///
    /// # Errors
    /// The folder or file cannot be written, or a record can no longer be read.
    pub fn write(folder: &Path, run: &Run) -> Result<(), JournalError> {
        let journal = Self::open(folder)?;
        let unwritable = |source| JournalError::Unwritable { path: journal.path.clone(), source };
        let _locked = journal.lock()?;
        // It may be one of those that the records are read from.
        let unfinished = journal.path.with_extension("unfinished");
        let mut out = BufWriter::new(File::create(&unfinished).map_err(unwritable)?);
        for header in &run.headers {
            let mut line = serde_json::to_vec(&Line::<_, ()>::Run(header))
                .map_err(|error| unwritable(error.into()))?;
            line.push(b'\n');
            out.write_all(&line).map_err(unwritable)?;
        }
        for trial in run.earlier.iter().chain(&run.trials) {
            let line = trial.line()?;
            let whole = line.strip_suffix(b"\n").unwrap_or(&line);
            out.write_all(whole).and_then(|()| out.write_all(b"\n")).map_err(unwritable)?;
        }
        out.into_inner().map_err(|error| unwritable(error.into_error()))?;
        std::fs::rename(&unfinished, &journal.path).map_err(unwritable)
    }

    fn open(folder: &Path) -> Result<Self, JournalError> {
        let path = folder.join(FILE_NAME);
        let unwritable = |source| JournalError::Unwritable { path: path.clone(), source };
        std::fs::create_dir_all(folder).map_err(unwritable)?;
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create(true).open(&path).map_err(unwritable)?;
        Ok(Self { path, file: Mutex::new(file) })
    }

    /// Writes the header, into an empty file or behind what is there.
    fn start(
        &self,
        how: impl FnOnce(&File) -> Result<Start, JournalError>,
        header: &RunHeader,
    ) -> Result<(), JournalError> {
        let unwritable = |source| JournalError::Unwritable { path: self.path.clone(), source };
        let locked = self.lock()?;
        match how(&locked.0)? {
            Start::Anew => locked.0.set_len(0).map_err(unwritable)?,
            Start::GoOn => {}
        }
        locked.append(&Line::<_, ()>::Run(header)).map_err(unwritable)
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
        let unwritable = |source| JournalError::Unwritable { path: self.path.clone(), source };
        self.lock()?.append(&Line::<(), _>::Trial(record)).map_err(unwritable)
    }

    /// Keeps all others from writing, until what this returns is dropped.
    ///
    /// # Errors
    /// The system cannot lock the file.
    pub fn lock(&self) -> Result<Locked<'_>, JournalError> {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let unlockable = |source| JournalError::Unlockable { path: self.path.clone(), source };
        file.lock().map_err(unlockable)?;
        Ok(Locked(file))
    }
}

/// What becomes of what is in the file.
enum Start {
    Anew,
    GoOn,
}

impl Locked<'_> {
    fn append(&self, line: &impl Serialize) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        let mut file = &*self.0;
        mend(file)?;
        file.write_all(&text).and_then(|()| file.flush())
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        // The lock ends with the process at the latest.
        let _ = self.0.unlock();
    }
}

/// The header in the first line; none of a file that is empty or whose writer was killed there.
fn first_header(mut file: &File) -> Option<RunHeader> {
    file.rewind().ok()?;
    let mut line = Vec::new();
    BufReader::new(file).read_until(b'\n', &mut line).ok()?;
    match serde_json::from_slice(&line).ok()? {
        Line::<_, IgnoredAny>::Run(header) => Some(header),
        Line::Trial(_) => None,
    }
}

/// Ends a last line that lacks only its end, and cuts off a torn one.
fn mend(mut file: &File) -> io::Result<()> {
    let length = file.seek(SeekFrom::End(0))?;
    let Some(last) = length.checked_sub(1) else { return Ok(()) };
    if byte_at(file, last)? == b'\n' {
        return Ok(());
    }
    let mut start = last;
    while start > 0 && byte_at(file, start - 1)? != b'\n' {
        start -= 1;
    }
    file.seek(SeekFrom::Start(start))?;
    let mut line = Vec::new();
    file.read_to_end(&mut line)?;
    match serde_json::from_slice::<IgnoredAny>(&line) {
        Ok(_) => file.write_all(b"\n"),
        Err(_) => file.set_len(start),
    }
}

fn byte_at(mut file: &File, position: u64) -> io::Result<u8> {
    let mut byte = [0];
    file.seek(SeekFrom::Start(position))?;
    file.read_exact(&mut byte)?;
    Ok(byte[0])
}
