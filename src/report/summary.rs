//! `summary.json`: the figures per model and dimension, for programs.

use std::io::Write;

use serde::Serialize;

use crate::journal::Run;

use super::aggregate::{self, Row};

#[derive(Serialize)]
struct Summary<'a> {
    eyechart_version: &'a str,
    started_unix_milliseconds: u64,
    currency: Option<String>,
    rows: Vec<Row>,
}

pub(super) fn render(run: &Run, out: &mut dyn Write) -> std::io::Result<()> {
    let summary = Summary {
        eyechart_version: run.eyechart_version(),
        started_unix_milliseconds: run.started_unix_milliseconds(),
        currency: run.prices().map(|prices| prices.currency),
        rows: aggregate::rows(run),
    };
    serde_json::to_writer_pretty(&mut *out, &summary)?;
    writeln!(out)
}

#[cfg(test)]
mod tests {
    #[test]
    fn shows_the_sample_run() {
        let mut out = Vec::new();
        super::render(&super::super::sample::run(), &mut out).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap());
    }
}
