//! `eyechart merge`: journals of shards, models and machines as one set of reports.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use eyechart::journal::{self, FILE_NAME, Journal, Merged, Run, RunFolder};
use eyechart::report;

use super::tell;

/// Exit code of a merge that lacks something.
const INCOMPLETE: u8 = 1;
/// Exit code of a merge that was not made.
const REFUSED: u8 = 2;

/// How many names a message shows.
const SHOWN: usize = 5;

pub(crate) fn run(journals: &[PathBuf], out: &Path) -> ExitCode {
    match merge(journals, out) {
        Ok((run, summary)) => {
            let lacking = lacking(&run);
            tell::lines(&summary);
            lacking.iter().for_each(|line| tell::notice(&format!("incomplete: {line}")));
            if lacking.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(INCOMPLETE) }
        }
        Err(error) => {
            tell::error(&error);
            ExitCode::from(REFUSED)
        }
    }
}

/// The merged run, and what there is to tell of it.
fn merge(journals: &[PathBuf], out: &Path) -> Result<(Run, String), Box<dyn std::error::Error>> {
    let mut read = Vec::with_capacity(journals.len());
    for path in journals {
        let path = if path.is_dir() { path.join(FILE_NAME) } else { path.clone() };
        let run = Run::read_with_plan(&path)?;
        if let Some(line) = run.torn_line {
            let path = path.display();
            let torn = format!("{path}:{line}: whoever wrote it was killed there; passed over");
            tell::notice(&torn);
        }
        read.push(run);
    }
    let Merged { run, overlaps } = journal::merge(read);
    if let Some(first) = overlaps.first() {
        let (one, other) = (first.first.display(), first.second.display());
        let (count, test) = (overlaps.len(), &first.test);
        return Err(format!(
            "{count} tests are in two journals, so that no verdict is theirs; the first is {test}, \
             in {one} and {other}; leave one of them out, or give models of different machines \
             different names in eyechart.ron"
        )
        .into());
    }
    let _folder = RunFolder::take(out, None)?;
    report::remove_all(out)?;
    Journal::write(out, &run)?;
    let summary = report::write_all(&run, out)?;
    Ok((run, summary))
}

/// What the journals set out to record, and do not have.
fn lacking(run: &Run) -> Vec<String> {
    let shards = journal::missing_shards(run);
    let tests = journal::missing_tests(run);
    let shards = shards.into_iter().map(|shard| format!("no journal of the share {shard}"));
    let tests = (!tests.is_empty()).then(|| {
        let shown = tests.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = tests.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("without a record, though planned: {shown}{more}")
    });
    shards.chain(tests).collect()
}
