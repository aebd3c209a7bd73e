//! `--format pretty`: a line a test.

use std::io::{self, Write};
use std::num::NonZeroUsize;

use crate::foreign;

use super::{Announcement, Ending, Outcome, Paint, Printer, Tally, summary};

pub(super) struct Pretty {
    paint: Paint,
    /// When a test's name is printed: with one thread before it runs, so that one sees which hangs.
    threads: NonZeroUsize,
    report_time: bool,
}

impl Pretty {
    pub(super) fn new(paint: Paint, threads: NonZeroUsize, report_time: bool) -> Self {
        Self { paint, threads, report_time }
    }

    fn names_first(&self) -> bool {
        self.threads == NonZeroUsize::MIN
    }
}

fn name(out: &mut dyn Write, name: &str) -> io::Result<()> {
    write!(out, "test {} ... ", foreign::line(name))
}

impl Printer for Pretty {
    fn begin(&mut self, out: &mut dyn Write, announcement: &Announcement) -> io::Result<()> {
        summary::title(out, announcement)
    }

    fn started(&mut self, out: &mut dyn Write, test: &str) -> io::Result<()> {
        if self.names_first() { name(out, test) } else { Ok(()) }
    }

    fn ended(&mut self, out: &mut dyn Write, test: &str, outcome: &Outcome) -> io::Result<()> {
        if !self.names_first() {
            name(out, test)?;
        }
        let word = match (outcome.ending, outcome.text.as_str()) {
            (Ending::Passed, _) => "ok".to_owned(),
            (Ending::Failed, _) => "FAILED".to_owned(),
            (Ending::Ignored, "") => "ignored".to_owned(),
            (Ending::Ignored, reason) => format!("ignored, {}", foreign::line(reason)),
        };
        write!(out, "{}", self.paint.paint(&word, outcome.ending))?;
        if let (true, Some(time)) = (self.report_time, outcome.time) {
            write!(out, " <{:.3}s>", time.as_secs_f64())?;
        }
        writeln!(out)
    }

    fn finish(&mut self, out: &mut dyn Write, tally: &Tally) -> io::Result<()> {
        summary::end(out, self.paint, tally)
    }
}
