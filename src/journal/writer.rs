//! Writing journals, alone or beside other processes.
//!
//! A line is appended in one go while the file is locked against other processes. Whoever was
//! killed in the middle leaves a torn last line, which the next one to append cuts off. Who may write
//! into a folder at all is [`super::RunFolder`]'s to say.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::IgnoredAny;

use super::file::{CHUNK, MOST_LINE_BYTES, read_line};
use super::{FILE_NAME, JournalError, Line, Run, RunHeader, TrialRecord};
use crate::whole_file::{self, Durability, WholeFile};

/// How long records may be in the system's memory alone while others are appended: a power cut takes
/// no more of a busy run. (A kill takes none.)
const SYNC_EVERY: Duration = Duration::from_secs(2);

/// A journal being written; shared by the threads that judge, and by the processes of nextest.
///
/// Lines are given to the system at once, and to the disk every 2 seconds in which some are appended,
/// and at the end of the run ([`Self::sync`]).
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    writer: Mutex<Writer>,
}

#[derive(Debug)]
struct Writer {
    file: File,
    synced: Instant,
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
pub struct Locked<'j>(MutexGuard<'j, Writer>);

impl Journal {
    /// Starts a new journal in `folder`, which is made if needed; an older one is replaced.
    ///
    /// # Errors
    /// The folder or file cannot be written; the older one stays.
    pub fn create(folder: &Path, header: &RunHeader) -> Result<Self, JournalError> {
        let path = folder.join(FILE_NAME);
        let unwritable = |source| JournalError::Unwritable { path: path.clone(), source };
        let line = line(&path, &Line::<_, ()>::Run(header))?;
        fs::create_dir_all(folder).map_err(unwritable)?;
        whole_file::write(&path, &line, Durability::PowerCut).map_err(unwritable)?;
        Self::open(folder)
    }

    /// Goes on with the journal in `folder`, or starts one. A torn last line is cut off;
    /// [`Run::torn_line`] of what was read tells.
    ///
    /// # Errors
    /// The journal cannot be read or written.
    pub fn resume(folder: &Path, header: &RunHeader) -> Result<Opened, JournalError> {
        let path = folder.join(FILE_NAME);
        let run = match Run::read(&path) {
            Ok(run) => run,
            Err(error) if error.is_of_nothing_recorded() => {
                let journal = Self::create(folder, header)?;
                return Ok(Opened { journal, run: Run::default() });
            }
            Err(error) => return Err(error),
        };
        let journal = Self::open(folder)?;
        journal.lock()?.append(&path, &Line::<_, ()>::Run(header))?;
        Ok(Opened { journal, run })
    }

    /// Goes on with the journal in `folder` if it is of the same nextest run, else starts one.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn join(folder: &Path, header: &RunHeader) -> Result<Self, JournalError> {
        if !Self::is_of(folder, header.plan.nextest_run.as_deref()) {
            return Self::create(folder, header);
        }
        let journal = Self::open(folder)?;
        journal.lock()?.append(&journal.path, &Line::<_, ()>::Run(header))?;
        Ok(journal)
    }

    /// Whether there is a journal in `folder` that a process of this nextest run began.
    pub fn is_of(folder: &Path, nextest_run: Option<&str>) -> bool {
        let first = File::open(folder.join(FILE_NAME)).ok().and_then(|file| first_header(&file));
        first.is_some_and(|first| first.plan.nextest_run.as_deref() == nextest_run)
    }

    /// Replaces the journal in `folder` by one of this run, which may be read from the old one.
    ///
    /// # Errors
    /// The folder or file cannot be written, or a record can no longer be read.
    pub fn write(folder: &Path, run: &Run) -> Result<(), JournalError> {
        let path = folder.join(FILE_NAME);
        let unwritable = |source| JournalError::Unwritable { path: path.clone(), source };
        fs::create_dir_all(folder).map_err(unwritable)?;
        let mut out = WholeFile::create(&path).map_err(unwritable)?;
        for header in &run.headers {
            out.write_all(&line(&path, &Line::<_, ()>::Run(header))?).map_err(unwritable)?;
        }
        for trial in run.earlier.iter().chain(&run.trials) {
            let line = trial.line()?;
            let whole = line.strip_suffix(b"\n").unwrap_or(&line);
            out.write_all(whole).and_then(|()| out.write_all(b"\n")).map_err(unwritable)?;
        }
        out.put_in_place(Durability::PowerCut).map_err(unwritable)
    }

    /// Opens the journal that is in `folder`.
    fn open(folder: &Path) -> Result<Self, JournalError> {
        let path = folder.join(FILE_NAME);
        let open = || {
            whole_file::refuse_link(&path)?;
            OpenOptions::new().read(true).append(true).open(&path)
        };
        let file =
            open().map_err(|source| JournalError::Unwritable { path: path.clone(), source })?;
        Ok(Self { path, writer: Mutex::new(Writer { file, synced: Instant::now() }) })
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
        self.lock()?.append(&self.path, &Line::<(), _>::Trial(record))
    }

    /// Gives all that was appended to the disk.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn sync(&self) -> Result<(), JournalError> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let synced = writer.file.sync_data();
        synced.map_err(|source| JournalError::Unwritable { path: self.path.clone(), source })
    }

    /// Keeps all others from writing, until what this returns is dropped.
    ///
    /// # Errors
    /// The system cannot lock the file.
    pub fn lock(&self) -> Result<Locked<'_>, JournalError> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let unlockable = |source| JournalError::Unlockable { path: self.path.clone(), source };
        writer.file.lock().map_err(unlockable)?;
        Ok(Locked(writer))
    }
}

impl Locked<'_> {
    fn append(&mut self, path: &Path, content: &impl Serialize) -> Result<(), JournalError> {
        let text = line(path, content)?;
        let mut write = || {
            let Writer { file, synced } = &mut *self.0;
            mend(file)?;
            file.write_all(&text)?;
            if synced.elapsed() >= SYNC_EVERY {
                file.sync_data()?;
                *synced = Instant::now();
            }
            Ok(())
        };
        write().map_err(|source| JournalError::Unwritable { path: path.to_owned(), source })
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        // The lock ends with the process at the latest.
        let _ = self.0.file.unlock();
    }
}

/// A line with its end.
fn line(path: &Path, content: &impl Serialize) -> Result<Vec<u8>, JournalError> {
    let mut text = serde_json::to_vec(content).map_err(|error| JournalError::Unwritable {
        path: path.to_owned(),
        source: error.into(),
    })?;
    text.push(b'\n');
    match text.len() as u64 > MOST_LINE_BYTES {
        true => Err(JournalError::TooLong {
            path: path.to_owned(),
            bytes: text.len(),
            most: MOST_LINE_BYTES,
        }),
        false => Ok(text),
    }
}

/// The header in the first line; none of a file that is empty or whose writer was killed there.
fn first_header(file: &File) -> Option<RunHeader> {
    let mut line = Vec::new();
    read_line(&mut BufReader::new(file), &mut line).ok()?;
    match serde_json::from_slice(&line).ok()? {
        Line::<_, IgnoredAny>::Run(header) => Some(header),
        Line::Trial(_) => None,
    }
}

/// Ends a last line that lacks only its end, and cuts off a torn one.
fn mend(mut file: &File) -> io::Result<()> {
    let length = file.seek(SeekFrom::End(0))?;
    let start = last_line_start(file, length)?;
    if start == length {
        return Ok(());
    }
    file.seek(SeekFrom::Start(start))?;
    let mut line = Vec::new();
    file.read_to_end(&mut line)?;
    match serde_json::from_slice::<IgnoredAny>(&line) {
        Ok(_) => file.write_all(b"\n"),
        Err(_) => file.set_len(start),
    }
}

/// Where the line begins that has no end; the file's length if all lines have theirs.
fn last_line_start(mut file: &File, length: u64) -> io::Result<u64> {
    let mut chunk = vec![0; CHUNK.min(usize::try_from(length).unwrap_or(CHUNK))];
    let mut end = length;
    // A whole last line needs no more than its last byte.
    let mut size = length.min(1);
    while end > 0 {
        if length - end > MOST_LINE_BYTES {
            return Err(io::Error::other(format!(
                "its last line is longer than {MOST_LINE_BYTES} bytes, which no record is"
            )));
        }
        let part = &mut chunk[..usize::try_from(size).unwrap_or(CHUNK)];
        file.seek(SeekFrom::Start(end - size))?;
        file.read_exact(part)?;
        if let Some(newline) = part.iter().rposition(|byte| *byte == b'\n') {
            return Ok(end - size + newline as u64 + 1);
        }
        end -= size;
        size = end.min(CHUNK as u64);
    }
    Ok(0)
}
