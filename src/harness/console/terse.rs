//! `--format terse`: a character a test; failures have a line of their own.

use std::io::{self, Write};

use crate::foreign;

use super::{Announcement, Ending, Outcome, Paint, Printer, Tally, summary};

/// Characters on a line, which leave room for a count such as ` 11704/12853`.
const LINE_CHARACTERS: usize = 87;

pub(super) struct Terse {
    paint: Paint,
    tests: usize,
    ended: usize,
    column: usize,
}

impl Terse {
    pub(super) fn new(paint: Paint) -> Self {
        Self { paint, tests: 0, ended: 0, column: 0 }
    }

    fn character(&mut self, out: &mut dyn Write, shown: &str, ending: Ending) -> io::Result<()> {
        write!(out, "{}", self.paint.paint(shown, ending))?;
        self.ended += 1;
        self.column += 1;
        if self.column == LINE_CHARACTERS { self.end_line(out) } else { Ok(()) }
    }

    fn end_line(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.column = 0;
        writeln!(out, " {}/{}", self.ended, self.tests)
    }

    fn failure(&mut self, out: &mut dyn Write, test: &str) -> io::Result<()> {
        if self.column > 0 {
            self.end_line(out)?;
        }
        self.ended += 1;
        let test = foreign::line(test);
        writeln!(out, "{test} --- {}", self.paint.paint("FAILED", Ending::Failed))
    }
}

impl Printer for Terse {
    fn begin(&mut self, out: &mut dyn Write, announcement: &Announcement) -> io::Result<()> {
        self.tests = announcement.tests;
        summary::title(out, announcement)
    }

    fn started(&mut self, _: &mut dyn Write, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn ended(&mut self, out: &mut dyn Write, test: &str, outcome: &Outcome) -> io::Result<()> {
        match outcome.ending {
            Ending::Passed => self.character(out, ".", Ending::Passed),
            Ending::Ignored => self.character(out, "i", Ending::Ignored),
            Ending::Failed => self.failure(out, test),
        }
    }

    fn finish(&mut self, out: &mut dyn Write, tally: &Tally) -> io::Result<()> {
        summary::end(out, self.paint, tally)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_with_a_count_and_a_failure_has_its_own() {
        let mut terse = Terse::new(Paint::Plain);
        let mut out = Vec::new();
        let announcement = Announcement { tests: 90, filtered_out: 0, shuffle_seed: None };
        terse.begin(&mut out, &announcement).unwrap();
        for number in 0..90 {
            let ending = if number == 88 { Ending::Failed } else { Ending::Passed };
            let outcome = Outcome { ending, text: String::new(), time: None };
            terse.ended(&mut out, "bad", &outcome).unwrap();
        }
        let dots = ".".repeat(87);
        let expected = format!("\nrunning 90 tests\n{dots} 87/90\n. 88/90\nbad --- FAILED\n.");
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
