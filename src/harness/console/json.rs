//! `--format json`: an object an event, one a line.

use std::io::{self, Write};
use std::time::Duration;

use crate::foreign;

use super::{Announcement, Ending, Outcome, Printer, Tally};

pub(super) struct Json {
    pub(super) report_time: bool,
}

impl Printer for Json {
    fn begin(&mut self, out: &mut dyn Write, announcement: &Announcement) -> io::Result<()> {
        let Announcement { tests, shuffle_seed, .. } = announcement;
        let seed =
            shuffle_seed.map_or_else(String::new, |seed| format!(r#", "shuffle_seed": {seed}"#));
        writeln!(out, r#"{{ "type": "suite", "event": "started", "test_count": {tests}{seed} }}"#)
    }

    fn started(&mut self, out: &mut dyn Write, test: &str) -> io::Result<()> {
        let name = string(test);
        writeln!(out, r#"{{ "type": "test", "event": "started", "name": {name} }}"#)
    }

    fn ended(&mut self, out: &mut dyn Write, test: &str, outcome: &Outcome) -> io::Result<()> {
        let Outcome { ending, text, time } = outcome;
        let (event, detail) = match ending {
            Ending::Passed => ("ok", "stdout"),
            Ending::Failed => ("failed", "stdout"),
            Ending::Ignored => ("ignored", "message"),
        };
        write!(out, r#"{{ "type": "test", "name": {}, "event": "{event}""#, string(test))?;
        if let (true, Some(time)) = (self.report_time, time) {
            write!(out, r#", "exec_time": {}"#, seconds(*time))?;
        }
        if !text.is_empty() && *ending != Ending::Passed {
            write!(out, r#", "{detail}": {}"#, string(text))?;
        }
        writeln!(out, " }}")
    }

    fn finish(&mut self, out: &mut dyn Write, tally: &Tally) -> io::Result<()> {
        let Tally { passed, failed, ignored, filtered_out, time, .. } = tally;
        let event = if *failed == 0 { "ok" } else { "failed" };
        writeln!(
            out,
            r#"{{ "type": "suite", "event": "{event}", "passed": {passed}, "failed": {failed}, "ignored": {ignored}, "measured": 0, "filtered_out": {filtered_out}, "exec_time": {} }}"#,
            seconds(*time)
        )
    }
}

/// A JSON string that a terminal may show.
pub(super) fn string(text: &str) -> String {
    foreign::json(&serde_json::Value::from(text).to_string()).into_owned()
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}
