/*!
What stdout says of a run, in libtest's formats to the letter.

libtest-mimic, which runs the tests ([`super::threads`]), prints too, but has no `--report-time`,
`--format=json`, `--fail-fast` or reasons of ignored tests, moves all output into `--logfile`, and
panics when its pipe is closed; its printer cannot be extended from outside. Each format shows the
words of others by [`crate::foreign`]. Knows nothing of cases, models or journals.
*/

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::foreign;

use super::arguments::{Color, Format, TestArguments};

mod json;
mod list;
mod paint;
mod pretty;
mod summary;
mod terse;

pub(super) use list::{Listed, list};

use json::Json;
use paint::Paint;
use pretty::Pretty;
use terse::Terse;

/// How a test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Passed,
    Failed,
    Ignored,
}

/// What is told of a test that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) ending: Ending,
    /// The answer and what was wrong with it, or why it was ignored; may be empty.
    pub(super) text: String,
    /// How long it took, if it ran.
    pub(super) time: Option<Duration>,
}

impl Outcome {
    pub(super) fn failed(text: impl Into<String>) -> Self {
        Self { ending: Ending::Failed, text: text.into(), time: None }
    }

    pub(super) fn ignored(reason: Option<String>) -> Self {
        Self { ending: Ending::Ignored, text: reason.unwrap_or_default(), time: None }
    }
}

/// What is known before the first test starts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Announcement {
    pub(super) tests: usize,
    pub(super) filtered_out: usize,
    pub(super) shuffle_seed: Option<u64>,
}

/// Most characters that are printed of what a test had to say; reports have the whole.
const LONGEST_TEXT: usize = 20_000;

/// Names of tests with what they had to say.
type Outputs = Vec<(String, String)>;

/// What the end of a run tells.
#[derive(Debug, Default)]
struct Tally {
    passed: usize,
    failed: usize,
    ignored: usize,
    filtered_out: usize,
    failures: Outputs,
    /// Kept for `--show-output` alone.
    successes: Option<Outputs>,
    time: Duration,
}

/// A way to print events.
trait Printer {
    fn begin(&mut self, out: &mut dyn Write, announcement: &Announcement) -> io::Result<()>;
    fn started(&mut self, out: &mut dyn Write, name: &str) -> io::Result<()>;
    fn ended(&mut self, out: &mut dyn Write, name: &str, outcome: &Outcome) -> io::Result<()>;
    fn finish(&mut self, out: &mut dyn Write, tally: &Tally) -> io::Result<()>;
}

/// Prints nothing: the JUnit report comes at the end, from the journal.
struct Nothing;

impl Printer for Nothing {
    fn begin(&mut self, _: &mut dyn Write, _: &Announcement) -> io::Result<()> {
        Ok(())
    }
    fn started(&mut self, _: &mut dyn Write, _: &str) -> io::Result<()> {
        Ok(())
    }
    fn ended(&mut self, _: &mut dyn Write, _: &str, _: &Outcome) -> io::Result<()> {
        Ok(())
    }
    fn finish(&mut self, _: &mut dyn Write, _: &Tally) -> io::Result<()> {
        Ok(())
    }
}

/// stdout and the log file of a run.
pub(super) struct Console {
    out: Box<dyn Write>,
    printer: Box<dyn Printer>,
    log: Option<File>,
    tally: Tally,
    start: Instant,
}

impl Console {
    /// # Errors
    /// The log file cannot be made.
    pub(super) fn new(arguments: &TestArguments) -> io::Result<Self> {
        let paint = paint_of(arguments);
        let report_time = arguments.report_time;
        let printer: Box<dyn Printer> = match arguments.format() {
            Format::Pretty => Box::new(Pretty::new(paint, arguments.threads(), report_time)),
            Format::Terse => Box::new(Terse::new(paint)),
            Format::Json => Box::new(Json { report_time }),
            Format::Junit => Box::new(Nothing),
        };
        let successes = arguments.show_output.then(Vec::new);
        Ok(Self {
            out: Box::new(io::stdout()),
            printer,
            log: open_log(arguments)?,
            tally: Tally { successes, ..Tally::default() },
            start: Instant::now(),
        })
    }

    pub(super) fn begin(&mut self, announcement: &Announcement) {
        self.tally.filtered_out = announcement.filtered_out;
        let written = self.printer.begin(&mut self.out, announcement);
        self.go_on(written);
    }

    pub(super) fn started(&mut self, name: &str) {
        let written = self.printer.started(&mut self.out, name);
        self.go_on(written);
    }

    pub(super) fn ended(&mut self, name: &str, outcome: Outcome) {
        let text = foreign::cut(&outcome.text, LONGEST_TEXT).into_owned();
        let outcome = Outcome { text, ..outcome };
        let written = self.printer.ended(&mut self.out, name, &outcome);
        self.go_on(written);
        self.write_log(name, &outcome);
        self.tally.add(name, outcome);
    }

    pub(super) fn finish(&mut self) {
        self.tally.time = self.start.elapsed();
        let written = self.printer.finish(&mut self.out, &self.tally);
        self.go_on(written);
    }

    /// Whoever closed the pipe wants to hear no more; the run and its reports go on.
    fn go_on(&mut self, written: io::Result<()>) {
        if written.and_then(|()| self.out.flush()).is_err() {
            self.out = Box::new(io::sink());
        }
    }

    fn write_log(&mut self, name: &str, outcome: &Outcome) {
        let Some(log) = &mut self.log else { return };
        let word = match (outcome.ending, outcome.text.as_str()) {
            (Ending::Passed, _) => "ok".to_owned(),
            (Ending::Failed, _) => "failed".to_owned(),
            (Ending::Ignored, "") => "ignored".to_owned(),
            (Ending::Ignored, reason) => format!("ignored: {}", foreign::line(reason)),
        };
        if writeln!(log, "{word} {}", foreign::line(name)).is_err() {
            self.log = None;
        }
    }
}

impl Tally {
    fn add(&mut self, name: &str, Outcome { ending, text, .. }: Outcome) {
        match ending {
            Ending::Passed => {
                self.passed += 1;
                self.successes.iter_mut().for_each(|kept| kept.push((name.into(), text.clone())));
            }
            Ending::Failed => {
                self.failed += 1;
                self.failures.push((name.to_owned(), text));
            }
            Ending::Ignored => self.ignored += 1,
        }
    }
}

fn paint_of(arguments: &TestArguments) -> Paint {
    match arguments.color.unwrap_or(Color::Auto) {
        Color::Auto if arguments.no_capture || !io::stdout().is_terminal() => Paint::Plain,
        Color::Never => Paint::Plain,
        Color::Auto | Color::Always => Paint::Ansi,
    }
}

/// The log file, with libtest's warning that it is deprecated.
fn open_log(arguments: &TestArguments) -> io::Result<Option<File>> {
    let Some(path) = &arguments.logfile else { return Ok(None) };
    super::say("warning: `--logfile` is deprecated");
    File::create(path).map(Some)
}
