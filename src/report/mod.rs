/*!
One renderer a file over one run.

Every report is a pure function of what was read back from a journal. Knows nothing of how the
run was carried out.

All reports are rendered in one pass, in which one record after the other is read: no renderer keeps
more of a trial than a number or two.
*/

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::journal::{JournalError, Run, TrialRecord};
use crate::whole_file::{Durability, WholeFile};

pub mod aggregate;
mod csv;
mod junit;
mod summary;
mod terminal;
mod words;

use aggregate::{Aggregate, Row};

/// File name of the JUnit report.
pub const JUNIT: &str = "junit.xml";
/// File name of the table of trials.
pub const RESULTS: &str = "results.csv";
/// File name of the summary for programs.
pub const SUMMARY: &str = "summary.json";

/// A report cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The file cannot be written.
    #[error("{}: cannot be written: {source}; choose another folder with EYECHART_OUT", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A record cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Writes a report while it is shown the trials of a run, sorted by model and case.
trait Renderer {
    /// Shows the next trial.
    fn trial(&mut self, trial: &TrialRecord) -> io::Result<()>;
    /// Ends the report; `rows` are the figures of all trials.
    fn end(&mut self, rows: &[Row]) -> io::Result<()>;
}

/// Begins a report of a run.
type Begin = for<'r> fn(&'r Run, &'r mut dyn Write) -> io::Result<Box<dyn Renderer + 'r>>;

/// Every report file and what renders it.
const REPORTS: [(&str, Begin); 3] =
    [(JUNIT, junit::begin), (RESULTS, csv::begin), (SUMMARY, summary::begin)];

/// Writes all report files into `folder`. Returns what ends a run in the terminal: the table of
/// figures, and where the files are.
///
/// # Errors
/// A record cannot be read, or a file cannot be written; the others may have been.
pub fn write_all(run: &Run, folder: &Path) -> Result<String, ReportError> {
    let mut files = Vec::with_capacity(REPORTS.len());
    for (name, _) in REPORTS {
        let path = folder.join(name);
        let file = WholeFile::create(&path).map_err(unwritable(&path))?;
        files.push((path, file));
    }
    let mut renderers = Vec::with_capacity(files.len());
    for ((_, begin), (path, file)) in REPORTS.iter().zip(&mut files) {
        let renderer = begin(run, file).map_err(unwritable(path))?;
        renderers.push((&*path, renderer));
    }
    let mut aggregate = Aggregate::of(run);
    let mut table = terminal::Table::of(run);
    for entry in &run.trials {
        let trial = entry.record()?;
        aggregate.add(&trial);
        table.add(&trial);
        for (path, renderer) in &mut renderers {
            renderer.trial(&trial).map_err(unwritable(path))?;
        }
    }
    let rows = aggregate.into_rows();
    for (path, renderer) in &mut renderers {
        renderer.end(&rows).map_err(unwritable(path))?;
    }
    drop(renderers);
    for (path, file) in files {
        file.put_in_place(Durability::PowerCut).map_err(unwritable(&path))?;
    }
    let names = REPORTS.map(|(name, _)| name).join(", ");
    let (table, folder) = (table.into_text(&rows), folder.display());
    Ok(format!("{table}\nreports in {folder}: {}, {names}", crate::journal::FILE_NAME))
}

/// Writes the JUnit report, as into its file.
///
/// # Errors
/// A record cannot be read, or `out` cannot be written to.
pub fn write_junit(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    render(junit::begin, run, out)
}

fn render(begin: Begin, run: &Run, out: &mut dyn Write) -> io::Result<()> {
    let mut aggregate = Aggregate::of(run);
    let mut renderer = begin(run, out)?;
    for entry in &run.trials {
        let trial = entry.record().map_err(io::Error::other)?;
        aggregate.add(&trial);
        renderer.trial(&trial)?;
    }
    renderer.end(&aggregate.into_rows())
}

/// Takes the report files out of `folder`, so that none of an earlier run stands beside the journal of
/// another.
///
/// # Errors
/// One of them cannot be removed.
pub fn remove_all(folder: &Path) -> Result<(), ReportError> {
    for (name, _) in REPORTS {
        let path = folder.join(name);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(unwritable(&path)(error));
            }
            _ => {}
        }
    }
    Ok(())
}

fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> ReportError {
    |source| ReportError::Unwritable { path: path.to_owned(), source }
}

#[cfg(test)]
mod sample;
