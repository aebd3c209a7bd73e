//! Command-line arguments, as libtest understands them.
//!
//! libtest-mimic's own parser takes one filter, hangs on `--test-threads=0` and does not know
//! `--no-capture`; so the arguments are read here and handed over as its [`Arguments`].

use std::ffi::OsString;
use std::num::NonZeroUsize;

use clap::{CommandFactory, Parser, ValueEnum};
use libtest_mimic::{Arguments, ColorSetting, FormatSetting};

/// What the user typed after `cargo test --test eval --`.
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[command(
    name = "eval",
    disable_version_flag = true,
    override_usage = "cargo test --test eval -- [OPTIONS] [FILTERS...]",
    after_help = "Everything else is set by environment variables (cargo hands unknown flags to \
                  every test binary):\n  \
                  EYECHART_MODELS     models to run, globs separated by commas\n  \
                  EYECHART_DEVICE     cpu, cuda, cuda:1, metal or auto\n  \
                  EYECHART_DTYPE      f32, f16 or bf16\n  \
                  EYECHART_BATCH      most cases answered together\n  \
                  EYECHART_OUT        folder for the journal and reports"
)]
pub struct TestArguments {
    /// Run only cases whose name contains one of these.
    #[arg(value_name = "FILTERS")]
    pub filters: Vec<String>,
    /// Leave out cases whose name contains this (repeatable).
    #[arg(long, value_name = "FILTER")]
    pub skip: Vec<String>,
    /// Compare filters with whole names.
    #[arg(long)]
    pub exact: bool,
    /// Run only ignored cases.
    #[arg(long, conflicts_with = "include_ignored")]
    pub ignored: bool,
    /// Run ignored cases too.
    #[arg(long)]
    pub include_ignored: bool,
    /// List the cases, run nothing.
    #[arg(long)]
    pub list: bool,
    /// Number of test threads; answers come from one model at a time all the same.
    #[arg(long, value_name = "n_threads", env = "RUST_TEST_THREADS", value_parser = thread_count)]
    pub test_threads: Option<NonZeroUsize>,
    /// One character a case.
    #[arg(short, long, conflicts_with = "format")]
    pub quiet: bool,
    /// How results are printed.
    #[arg(long, value_name = "pretty|terse|json")]
    pub format: Option<Format>,
    /// Whether results are coloured.
    #[arg(long, value_name = "auto|always|never")]
    pub color: Option<Color>,
    /// Write results to this file instead of stdout.
    #[arg(long, value_name = "PATH")]
    pub logfile: Option<String>,
    /// Accepted for libtest's sake; output is never captured.
    #[arg(long, alias = "nocapture")]
    pub no_capture: bool,
    /// Accepted for libtest's sake; output is always shown.
    #[arg(long)]
    pub show_output: bool,
    /// Accepted for libtest's sake; cases are tests.
    #[arg(long, hide = true)]
    pub test: bool,
    /// Accepted for libtest's sake; there are no benchmarks, so nothing runs.
    #[arg(long, hide = true, conflicts_with = "test")]
    pub bench: bool,
    /// Accepted for libtest's sake.
    #[arg(short = 'Z', value_name = "unstable-options", hide = true)]
    pub unstable: Option<UnstableOptions>,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A line a case.
    Pretty,
    /// A character a case.
    Terse,
    /// A JSON object an event.
    Json,
}

/// Whether results are coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// If stdout is a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The one value of `-Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum UnstableOptions {
    /// Does nothing.
    UnstableOptions,
}

fn thread_count(text: &str) -> Result<NonZeroUsize, String> {
    match text.parse::<usize>() {
        Ok(0) => Err("argument for --test-threads must not be 0".to_owned()),
        Ok(count) => NonZeroUsize::new(count).ok_or_else(String::new),
        Err(error) => {
            Err(format!("argument for --test-threads must be a number > 0 (error: {error})"))
        }
    }
}

impl TestArguments {
    /// Reads arguments; the first one is the program's name.
    ///
    /// # Errors
    /// An unknown or malformed argument, or a request for help; print it and stop.
    pub fn parse_from_iter<I>(arguments: I) -> Result<Self, clap::Error>
    where
        I: IntoIterator,
        I::Item: Into<OsString> + Clone,
    {
        Self::try_parse_from(arguments)
    }

    /// The help text.
    pub fn help() -> String {
        Self::command().render_help().to_string()
    }

    /// Whether a test of this name is left out by filters or by `--ignored`.
    pub fn is_filtered_out(&self, name: &str, ignored: bool) -> bool {
        let matches = |filter: &String| match self.exact {
            true => name == filter,
            false => name.contains(filter.as_str()),
        };
        let wanted = self.filters.is_empty() || self.filters.iter().any(matches);
        !wanted || self.skip.iter().any(matches) || (self.ignored && !ignored)
    }

    /// Whether a test that was not filtered out is run rather than reported as ignored.
    pub fn is_run(&self, ignored: bool) -> bool {
        let wanted = !ignored || self.ignored || self.include_ignored;
        wanted && !self.list && !self.bench
    }

    /// libtest-mimic's arguments for these. `filtered_out` are the names to leave out where it
    /// cannot express the filters itself.
    pub(super) fn to_mimic(&self, filtered_out: impl Iterator<Item = String>) -> Arguments {
        let mut mimic = Arguments {
            include_ignored: self.include_ignored,
            ignored: self.ignored,
            test: self.test,
            bench: self.bench,
            list: self.list,
            exact: self.exact,
            quiet: self.quiet,
            test_threads: self.test_threads.map(NonZeroUsize::get),
            logfile: self.logfile.clone(),
            skip: self.skip.clone(),
            color: self.color.map(mimic_color),
            format: self.format.map(mimic_format),
            filter: self.filters.first().cloned(),
            ..Arguments::default()
        };
        if self.filters.len() > 1 {
            (mimic.filter, mimic.exact, mimic.skip) = (None, true, filtered_out.collect());
        }
        mimic
    }
}

fn mimic_color(color: Color) -> ColorSetting {
    match color {
        Color::Auto => ColorSetting::Auto,
        Color::Always => ColorSetting::Always,
        Color::Never => ColorSetting::Never,
    }
}

fn mimic_format(format: Format) -> FormatSetting {
    match format {
        Format::Pretty => FormatSetting::Pretty,
        Format::Terse => FormatSetting::Terse,
        Format::Json => FormatSetting::Json,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<TestArguments, String> {
        let arguments = [&["eval"], arguments].concat();
        TestArguments::parse_from_iter(arguments).map_err(|error| error.to_string())
    }

    #[test]
    fn several_filters_are_alternatives_and_skips_win() {
        let arguments = parse(&["cat", "dog", "--skip", "hot"]).unwrap();
        let out = |name| arguments.is_filtered_out(name, false);
        assert!(!out("a::cat::m") && !out("a::dog::m"));
        assert!(out("a::bird::m") && out("a::hot_dog::m"));
    }

    #[test]
    fn exact_holds_for_filters_and_skips() {
        let arguments = parse(&["--exact", "a::cat", "--skip", "a"]).unwrap();
        assert!(!arguments.is_filtered_out("a::cat", false));
        assert!(arguments.is_filtered_out("a::cats", false));
    }

    #[test]
    fn ignored_cases_run_when_asked_for() {
        assert!(!parse(&[]).unwrap().is_run(true));
        assert!(parse(&["--include-ignored"]).unwrap().is_run(true));
        let only_ignored = parse(&["--ignored"]).unwrap();
        assert!(only_ignored.is_run(true) && only_ignored.is_filtered_out("a", false));
    }

    #[test]
    fn takes_what_libtest_takes() {
        for arguments in [
            &["--nocapture"][..],
            &["--no-capture"],
            &["--show-output", "--test"],
            &["--list", "--format", "terse"],
            &["-q"],
            &["-Z", "unstable-options", "--format=json"],
            &["--color=auto", "--logfile", "log.txt"],
        ] {
            parse(arguments).unwrap();
        }
    }

    #[test]
    fn zero_threads_is_refused_in_libtests_words() {
        let message = parse(&["--test-threads=0"]).unwrap_err();
        assert!(message.contains("argument for --test-threads must not be 0"), "{message}");
    }
}
