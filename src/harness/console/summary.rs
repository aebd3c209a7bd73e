//! How runs begin and end for people.

use std::io::{self, Write};

use crate::foreign;

use super::{Announcement, Ending, Outputs, Paint, Tally};

pub(super) fn title(out: &mut dyn Write, announcement: &Announcement) -> io::Result<()> {
    let Announcement { tests, shuffle_seed, .. } = announcement;
    let noun = if *tests == 1 { "test" } else { "tests" };
    let seed = shuffle_seed.map_or_else(String::new, |seed| format!(" (shuffle seed: {seed})"));
    writeln!(out, "\nrunning {tests} {noun}{seed}")
}

pub(super) fn end(out: &mut dyn Write, paint: Paint, tally: &Tally) -> io::Result<()> {
    if let Some(successes) = &tally.successes {
        outputs(out, "successes", successes)?;
    }
    if !tally.failures.is_empty() {
        outputs(out, "failures", &tally.failures)?;
    }
    let Tally { passed, failed, ignored, filtered_out, time, .. } = tally;
    let result = match failed {
        0 => paint.paint("ok", Ending::Passed),
        _ => paint.paint("FAILED", Ending::Failed),
    };
    writeln!(
        out,
        "\ntest result: {result}. {passed} passed; {failed} failed; {ignored} ignored; \
         0 measured; {filtered_out} filtered out; finished in {:.2}s\n",
        time.as_secs_f64()
    )
}

/// What tests had to say, in the order in which they ended, then their names, sorted.
fn outputs(out: &mut dyn Write, heading: &str, outputs: &Outputs) -> io::Result<()> {
    writeln!(out, "\n{heading}:")?;
    if outputs.iter().any(|(_, text)| !text.is_empty()) {
        writeln!(out)?;
    }
    for (name, text) in outputs.iter().filter(|(_, text)| !text.is_empty()) {
        let (name, text) = (foreign::line(name), foreign::block(text));
        writeln!(out, "---- {name} stdout ----\n{text}\n")?;
    }
    writeln!(out, "\n{heading}:")?;
    let mut names: Vec<&String> = outputs.iter().map(|(name, _)| name).collect();
    names.sort();
    names.into_iter().try_for_each(|name| writeln!(out, "    {}", foreign::line(name)))
}
