//! `summary.json`: the figures per model and dimension, for programs.

use std::io::{self, Write};

use serde::Serialize;

use crate::journal::{Run, TrialRecord};

use super::Renderer;
use super::aggregate::Row;

struct Summary<'r> {
    run: &'r Run,
    out: &'r mut dyn Write,
}

#[derive(Serialize)]
struct Document<'r> {
    eyechart_version: &'r str,
    started_unix_milliseconds: u64,
    currency: Option<String>,
    rows: &'r [Row],
}

pub(super) fn begin<'r>(
    run: &'r Run,
    out: &'r mut dyn Write,
) -> io::Result<Box<dyn Renderer + 'r>> {
    Ok(Box::new(Summary { run, out }))
}

impl Renderer for Summary<'_> {
    fn trial(&mut self, _: &TrialRecord) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self, rows: &[Row]) -> io::Result<()> {
        let document = Document {
            eyechart_version: self.run.eyechart_version(),
            started_unix_milliseconds: self.run.started_unix_milliseconds(),
            currency: self.run.prices().map(|prices| prices.currency),
            rows,
        };
        serde_json::to_writer_pretty(&mut *self.out, &document)?;
        writeln!(self.out)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_the_sample_run() {
        insta::assert_snapshot!(super::super::sample::Sample::new().rendered(super::begin));
    }
}
