/*!
One renderer a file over one run.

Every report is a pure function of what was read back from a journal. Knows nothing of how the
run was carried out.
*/

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::journal::Run;

pub mod aggregate;
mod csv;
mod junit;
mod summary;
mod terminal;
mod words;

/// File name of the JUnit report.
pub const JUNIT: &str = "junit.xml";
/// File name of the table of trials.
pub const RESULTS: &str = "results.csv";
/// File name of the summary for programs.
pub const SUMMARY: &str = "summary.json";

/// A report cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("{}: cannot be written: {source}; choose another folder with EYECHART_OUT", path.display())]
pub struct ReportError {
    path: PathBuf,
    source: std::io::Error,
}

type Render = fn(&Run, &mut dyn Write) -> std::io::Result<()>;

/// Every report file and what renders it.
const REPORTS: [(&str, Render); 3] =
    [(JUNIT, junit::render), (RESULTS, csv::render), (SUMMARY, summary::render)];

/// Writes all report files into `folder`.
///
/// # Errors
/// A file cannot be written; the others may have been.
pub fn write_all(run: &Run, folder: &Path) -> Result<(), ReportError> {
    for (name, render) in REPORTS {
        let path = folder.join(name);
        write_file(&path, |out| render(run, out)).map_err(|source| ReportError { path, source })?;
    }
    Ok(())
}

/// Writes the JUnit report, as into its file.
///
/// # Errors
/// `out` cannot be written to.
pub fn write_junit(run: &Run, out: &mut dyn Write) -> std::io::Result<()> {
    junit::render(run, out)
}

fn write_file(
    path: &Path,
    render: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> std::io::Result<()> {
    // Whoever is killed in the middle leaves the old report.
    let unfinished = path.with_extension("unfinished");
    let mut out = BufWriter::new(File::create(&unfinished)?);
    render(&mut out)?;
    out.into_inner()?.sync_data()?;
    std::fs::rename(unfinished, path)
}

/// The table that ends a run, and where the files are.
pub fn summary_text(run: &Run, folder: &Path) -> String {
    let names = REPORTS.map(|(name, _)| name).join(", ");
    format!(
        "{}\nreports in {}: {}, {names}",
        terminal::table(run),
        folder.display(),
        crate::journal::FILE_NAME
    )
}

#[cfg(test)]
mod sample;
