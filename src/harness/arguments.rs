//! Command-line arguments, as libtest understands them.
//!
//! What libtest takes on nightly alone is taken with `-Z unstable-options`, as there. What it
//! refuses is refused in its words (those of the getopts crate, and of `library/test/src/cli.rs`).

use std::error::Error;
use std::ffi::OsString;
use std::num::{NonZeroUsize, ParseIntError};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};

use super::settings;

/// Most tests that run at a time. More threads would only wait for the one that answers.
const MOST_THREADS: NonZeroUsize = NonZeroUsize::new(1_000).unwrap();

/// What the user typed after `cargo test --test eval --`.
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[command(
    name = "eval",
    disable_version_flag = true,
    override_usage = "cargo test --test eval -- [OPTIONS] [FILTERS...]",
    after_help = settings::HELP
)]
pub struct TestArguments {
    /// Run only cases whose name contains one of these.
    #[arg(value_name = "FILTERS")]
    pub filters: Vec<String>,
    /// Leave out cases whose name contains this (repeatable).
    #[arg(long, value_name = "FILTER", allow_hyphen_values = true)]
    pub skip: Vec<String>,
    /// Compare filters with whole names.
    #[arg(long)]
    pub exact: bool,
    /// Run only ignored cases.
    #[arg(long)]
    pub ignored: bool,
    /// Run ignored cases too.
    #[arg(long)]
    pub include_ignored: bool,
    /// List the cases, run nothing.
    #[arg(long)]
    pub list: bool,
    /// Number of test threads; answers come from one model at a time all the same.
    #[arg(long, value_name = "n_threads", value_parser = thread_count)]
    pub test_threads: Option<NonZeroUsize>,
    /// One character a case; the same as `--format terse`.
    #[arg(short, long)]
    pub quiet: bool,
    /// How results are printed; json and junit with -Z unstable-options.
    #[arg(long, value_name = "pretty|terse|json|junit", value_parser = format)]
    pub format: Option<Format>,
    /// Whether results are coloured.
    #[arg(long, value_name = "auto|always|never", value_parser = color)]
    pub color: Option<Color>,
    /// Write a line a case to this file too (deprecated by libtest).
    #[arg(long, value_name = "PATH")]
    pub logfile: Option<String>,
    /// Accepted for libtest's sake; output is never captured.
    #[arg(long, alias = "nocapture", overrides_with = "no_capture")]
    pub no_capture: bool,
    /// Show the answers of cases that passed, too.
    #[arg(long)]
    pub show_output: bool,
    /// Start no case after the first failure (-Z unstable-options).
    #[arg(long)]
    pub fail_fast: bool,
    /// Show how long each answer took (-Z unstable-options).
    #[arg(long)]
    pub report_time: bool,
    /// Run the cases of each model in random order (-Z unstable-options).
    #[arg(long)]
    pub shuffle: bool,
    /// The same, in the order of this number (-Z unstable-options).
    #[arg(long, value_name = "SEED", value_parser = shuffle_seed)]
    pub shuffle_seed: Option<u64>,
    /// Accepted for libtest's sake; cases are tests.
    #[arg(long, hide = true)]
    pub test: bool,
    /// Accepted for libtest's sake; there are no benchmarks, so nothing runs.
    #[arg(long, hide = true)]
    pub bench: bool,
    /// Accepted for libtest's sake; a case that panics on purpose there is none.
    #[arg(long, hide = true)]
    pub exclude_should_panic: bool,
    /// Accepted for libtest's sake; cases always run in this process.
    #[arg(long, hide = true)]
    pub force_run_in_process: bool,
    /// Takes what libtest takes on nightly.
    #[arg(short = 'Z', value_name = "unstable-options", value_parser = unstable_options)]
    pub unstable: Option<UnstableOptions>,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A line a case.
    Pretty,
    /// A character a case.
    Terse,
    /// A JSON object an event.
    Json,
    /// The JUnit report, at the end.
    Junit,
}

/// Whether results are coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    /// If stdout is a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The one value of `-Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnstableOptions {
    /// Take what libtest takes on nightly alone.
    UnstableOptions,
}

/// Why arguments are not followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArgumentError {
    /// They ask for this help.
    Help(String),
    /// They are wrong, in libtest's words.
    Refused(String),
}

fn thread_count(text: &str) -> Result<NonZeroUsize, String> {
    match text.parse::<usize>().map(NonZeroUsize::new) {
        Ok(Some(count)) => Ok(count),
        Ok(None) => Err("argument for --test-threads must not be 0".to_owned()),
        Err(error) => {
            Err(format!("argument for --test-threads must be a number > 0 (error: {error})"))
        }
    }
}

fn shuffle_seed(text: &str) -> Result<u64, String> {
    let refuse = |error: ParseIntError| {
        format!("argument for --shuffle-seed must be a number (error: {error})")
    };
    text.parse().map_err(refuse)
}

fn format(text: &str) -> Result<Format, String> {
    match text {
        "pretty" => Ok(Format::Pretty),
        "terse" => Ok(Format::Terse),
        "json" => Ok(Format::Json),
        "junit" => Ok(Format::Junit),
        other => {
            let allowed = "pretty, terse, json or junit";
            Err(format!("argument for --format must be {allowed} (was {other})"))
        }
    }
}

fn color(text: &str) -> Result<Color, String> {
    match text {
        "auto" => Ok(Color::Auto),
        "always" => Ok(Color::Always),
        "never" => Ok(Color::Never),
        other => {
            let allowed = "auto, always, or never";
            Err(format!("argument for --color must be {allowed} (was {other})"))
        }
    }
}

fn unstable_options(text: &str) -> Result<UnstableOptions, &'static str> {
    match text {
        "unstable-options" => Ok(UnstableOptions::UnstableOptions),
        _ => Err("Unrecognized option to `Z`"),
    }
}

impl TestArguments {
    /// Reads arguments, of which the first is the program's name, and the variables of libtest
    /// (`RUST_TEST_THREADS`, `RUST_TEST_NOCAPTURE`, `RUST_TEST_SHUFFLE`, `RUST_TEST_SHUFFLE_SEED`)
    /// through `variable`.
    ///
    /// # Errors
    /// An unknown or malformed argument, or a request for help; print it and stop.
    pub fn read<I>(
        arguments: I,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ArgumentError>
    where
        I: IntoIterator,
        I::Item: Into<OsString> + Clone,
    {
        let mut read = Self::try_parse_from(arguments).map_err(in_libtests_words)?;
        read.refuse_contradictions().map_err(ArgumentError::Refused)?;
        read.add_variables(variable).map_err(ArgumentError::Refused)?;
        Ok(read)
    }

    /// The help text.
    pub fn help() -> String {
        Self::command().render_help().to_string()
    }

    fn refuse_contradictions(&self) -> Result<(), String> {
        if let (None, Some((name, kind))) = (self.unstable, self.unstable_option()) {
            return Err(format!(
                "The \"{name}\" {kind} is only accepted on the nightly compiler with -Z \
                 unstable-options"
            ));
        }
        if self.ignored && self.include_ignored {
            let words = "the options --include-ignored and --ignored are mutually exclusive";
            return Err(words.to_owned());
        }
        Ok(())
    }

    /// The first argument that libtest takes with `-Z unstable-options` alone, and its kind.
    fn unstable_option(&self) -> Option<(&'static str, &'static str)> {
        let options = [
            (self.force_run_in_process, "force-run-in-process", "flag"),
            (self.exclude_should_panic, "exclude-should-panic", "flag"),
            (self.fail_fast, "fail-fast", "flag"),
            (self.report_time, "report-time", "flag"),
            (self.shuffle, "shuffle", "flag"),
            (self.shuffle_seed.is_some(), "shuffle-seed", "option"),
            (self.format == Some(Format::Json), "json", "format"),
            (self.format == Some(Format::Junit), "junit", "format"),
        ];
        let given = options.into_iter().find(|(is_given, ..)| *is_given)?;
        Some((given.1, given.2))
    }

    fn add_variables(&mut self, variable: impl Fn(&str) -> Option<String>) -> Result<(), String> {
        let is_on = |name| variable(name).is_some_and(|value| value != "0");
        self.no_capture |= is_on("RUST_TEST_NOCAPTURE");
        if self.test_threads.is_none()
            && let Some(found) = variable("RUST_TEST_THREADS")
        {
            let count = found.parse().map_err(|_| {
                format!("RUST_TEST_THREADS is `{found}`, should be a positive integer.")
            })?;
            self.test_threads = Some(count);
        }
        if self.unstable.is_none() {
            return Ok(());
        }
        self.shuffle |= is_on("RUST_TEST_SHUFFLE");
        if self.shuffle_seed.is_none()
            && let Some(found) = variable("RUST_TEST_SHUFFLE_SEED")
        {
            let refuse = |_| format!("RUST_TEST_SHUFFLE_SEED is `{found}`, should be a number.");
            self.shuffle_seed = Some(found.parse().map_err(refuse)?);
        }
        Ok(())
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
        let benchmarks_alone = self.bench && !self.test;
        wanted && !self.list && !benchmarks_alone
    }

    /// How results are printed.
    pub fn format(&self) -> Format {
        let default = if self.quiet { Format::Terse } else { Format::Pretty };
        self.format.unwrap_or(default)
    }

    /// How many tests run at a time.
    pub fn threads(&self) -> NonZeroUsize {
        let available = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        self.test_threads.unwrap_or_else(available).min(MOST_THREADS)
    }
}

/// What clap found, as getopts says it.
fn in_libtests_words(error: clap::Error) -> ArgumentError {
    let option = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(shown)) => option_name(shown),
        Some(ContextValue::Strings(shown)) => shown.first().map_or("", |first| option_name(first)),
        _ => "",
    };
    let is_valueless = matches!(error.get(ContextKind::InvalidValue), Some(ContextValue::String(value)) if value.is_empty());
    ArgumentError::Refused(match error.kind() {
        ErrorKind::DisplayHelp => return ArgumentError::Help(error.to_string()),
        ErrorKind::UnknownArgument => format!("Unrecognized option: '{option}'"),
        ErrorKind::ArgumentConflict => format!("Option '{option}' given more than once"),
        ErrorKind::TooManyValues => format!("Option '{option}' does not take an argument"),
        ErrorKind::InvalidValue if is_valueless => {
            format!("Argument to option '{option}' missing")
        }
        _ => error.source().map_or_else(|| error.to_string(), |source| source.to_string()),
    })
}

/// `skip` of `--skip <FILTER>`.
fn option_name(shown: &str) -> &str {
    let end = shown.find([' ', '=']).unwrap_or(shown.len());
    shown[..end].trim_start_matches('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str], variables: &[(&str, &str)]) -> Result<TestArguments, String> {
        let arguments = [&["eval"], arguments].concat();
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        TestArguments::read(arguments, variable).map_err(|error| match error {
            ArgumentError::Help(text) | ArgumentError::Refused(text) => text,
        })
    }

    fn parse(arguments: &[&str]) -> Result<TestArguments, String> {
        read(arguments, &[])
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
    fn the_argument_for_threads_counts_over_the_variable() {
        let threads = |arguments: &[&str], variables: &[(&str, &str)]| {
            read(arguments, variables).unwrap().test_threads.map(NonZeroUsize::get)
        };
        let variables = [("RUST_TEST_THREADS", "5")];
        assert_eq!(threads(&["--test-threads", "3"], &variables), Some(3));
        assert_eq!(threads(&[], &variables), Some(5));
    }

    #[test]
    fn variables_of_shuffling_need_unstable_options_as_their_arguments_do() {
        let variables = [("RUST_TEST_SHUFFLE", "1"), ("RUST_TEST_SHUFFLE_SEED", "7")];
        let stable = read(&[], &variables).unwrap();
        assert_eq!((stable.shuffle, stable.shuffle_seed), (false, None));
        let unstable = read(&["-Zunstable-options"], &variables).unwrap();
        assert_eq!((unstable.shuffle, unstable.shuffle_seed), (true, Some(7)));
    }
}
