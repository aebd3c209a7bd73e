//! eyechart's binary beside one of libtest's whose tests have the same names and endings: both get
//! the same arguments, and must say the same.

use std::process::Command;

use crate::project::{Project, Said, run};

/// Tests as those of [`Pair::new`]'s cases.
const PLAIN: &str = r#"
mod folder {
    mod three { #[test] fn tiny() {} }
    mod two { #[test] fn tiny() {} }
}
mod one { #[test] fn tiny() {} }
mod slow { #[test] #[ignore = "takes an hour"] fn tiny() {} }
mod wrong { #[test] fn tiny() { panic!("wrong") } }
"#;

/// The two binaries.
struct Pair {
    project: Project,
    eval: Command,
    plain: Command,
}

impl Pair {
    fn new() -> Self {
        let project = Project::new();
        project.file("cases/defaults.ron", "(snapshot: Off, image_folder: \".\")\n");
        project.open_case("one").open_case("folder/two").open_case("folder/three");
        let asked = "images: [\"picture.png\"], prompt: \"?\"";
        project.case("slow", &format!("{asked}, ignore: \"takes an hour\", expect: Regex(\".\")"));
        project.case("wrong", &format!("{asked}, expect: Exact(\"never said\")"));
        project.file("tests/plain.rs", PLAIN);
        let (eval, mut plain) = (project.binary(), project.built("plain"));
        // Makes libtest take what it takes on nightly.
        plain.env("RUSTC_BOOTSTRAP", "1");
        Self { project, eval, plain }
    }

    /// What both say to these arguments, given after those of earlier calls are forgotten.
    fn say(&self, arguments: &[&str], variables: &[(&str, &str)]) -> [Said; 2] {
        [&self.eval, &self.plain].map(|command| {
            let mut command = again(command);
            run(command.args(arguments).envs(variables.iter().copied()))
        })
    }
}

/// The same program, folder and variables, without arguments.
fn again(command: &Command) -> Command {
    let mut copy = Command::new(command.get_program());
    copy.current_dir(command.get_current_dir().unwrap());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => copy.env(name, value),
            None => copy.env_remove(name),
        };
    }
    copy
}

/// stdout without what must differ: times, and what failed tests have to say.
fn comparable(stdout: &str) -> String {
    let mut text = stdout.to_owned();
    if let (Some(from), Some(to)) = (text.find("---- "), text.rfind("\nfailures:")) {
        text.replace_range(from..to, "OUTPUT\n");
    }
    for (pattern, by) in [
        (r"finished in \d+\.\d+s", "finished in TIME"),
        (r"<\d+\.\d+s>", "<TIME>"),
        (r#""exec_time": [0-9.e-]+"#, r#""exec_time": TIME"#),
        (r#""stdout": ".*""#, r#""stdout": TEXT"#),
        // Where a test stands in Rust code, which a case does not.
        (r#", "source_path": .* \}"#, " }"),
        // terminfo's way to end a colour.
        ("\u{1b}\\(B\u{1b}\\[m", "\u{1b}[0m"),
    ] {
        text = regex::Regex::new(pattern).unwrap().replace_all(&text, by).into_owned();
    }
    text
}

#[test]
fn says_what_libtest_says() {
    let pair = Pair::new();
    let unstable = ["-Z", "unstable-options"];
    let with = |more: &[&'static str]| [&unstable[..], more].concat();
    for arguments in [
        vec![],
        vec!["two", "one"],
        vec!["folder", "--skip", "two", "--skip=thr"],
        vec!["--exact", "one::tiny", "folder::two"],
        vec!["--exact", "one::tiny", "--skip", "one::tiny"],
        vec!["--ignored"],
        vec!["--include-ignored", "slow", "one"],
        vec!["nothing_of_that_name"],
        vec!["--list"],
        vec!["--list", "--format", "terse"],
        vec!["--list", "-q", "--ignored"],
        vec!["--list", "nothing_of_that_name"],
        vec!["--quiet"],
        vec!["--quiet", "--format=pretty", "one"],
        vec!["--color=always"],
        vec!["--color", "always", "-q"],
        vec!["--no-capture", "one"],
        vec!["--nocapture", "--no-capture", "one"],
        vec!["--test", "one"],
        vec!["--bench"],
        vec!["--bench", "--test", "one"],
        with(&["--list", "--format", "json"]),
        with(&["--format=json"]),
        with(&["--format", "json", "--report-time", "one"]),
        with(&["--report-time"]),
        with(&["--fail-fast"]),
        with(&["--fail-fast", "wrong", "one"]),
        with(&["--exclude-should-panic", "--force-run-in-process", "one"]),
        with(&["--shuffle-seed=7", "one"]),
        with(&["--shuffle", "--shuffle-seed=7", "one", "-q"]),
    ] {
        let all = [&arguments[..], &["--test-threads=1"]].concat();
        let [eval, plain] = pair.say(&all, &[]);
        assert_eq!(comparable(&eval.stdout), comparable(&plain.stdout), "{arguments:?}");
        assert_eq!(eval.code, plain.code, "{arguments:?}\n{}", eval.stderr);
    }
}

#[test]
fn refuses_in_libtests_words() {
    let pair = Pair::new();
    for arguments in [
        &["--test-threads=0"][..],
        &["--test-threads", "many"],
        &["--no-such-argument"],
        &["--no-such-argument=3"],
        &["--skip"],
        &["--format"],
        &["--format", "yaml"],
        &["--format", "terse", "--format", "pretty"],
        &["--exact", "--exact"],
        &["--exact=yes"],
        &["--color", "blue"],
        &["--color", "always", "--color", "never"],
        &["--test-threads=1", "--test-threads=2"],
        &["--ignored", "--include-ignored"],
        &["-Z", "other"],
        &["-Z", "unstable-options", "--shuffle-seed", "x"],
    ] {
        let [eval, plain] = pair.say(arguments, &[]);
        assert_eq!(eval.stderr, plain.stderr, "{arguments:?}");
        assert_eq!((eval.code, eval.stdout.as_str()), (Some(2), ""), "{arguments:?}");
    }
}

#[test]
fn what_libtest_takes_on_nightly_alone_needs_unstable_options() {
    let mut pair = Pair::new();
    pair.plain.env_remove("RUSTC_BOOTSTRAP");
    for arguments in [
        &["--format", "json"][..],
        &["--format=junit"],
        &["--shuffle"],
        &["--shuffle-seed=1"],
        &["--report-time"],
        &["--fail-fast"],
        &["--exclude-should-panic"],
    ] {
        let [eval, plain] = pair.say(arguments, &[]);
        assert_eq!(eval.stderr, plain.stderr, "{arguments:?}");
        assert_eq!(eval.code, Some(2), "{arguments:?}");
    }
}

#[test]
fn takes_libtests_variables() {
    let pair = Pair::new();
    // A name before its result, which is how one thread prints, ends as a line all the same.
    let [eval, plain] = pair.say(&["folder"], &[("RUST_TEST_THREADS", "1")]);
    assert_eq!(comparable(&eval.stdout), comparable(&plain.stdout));
    let [eval, plain] = pair.say(&["one", "--color=always"], &[("RUST_TEST_NOCAPTURE", "1")]);
    assert_eq!(comparable(&eval.stdout), comparable(&plain.stdout));
    let shuffled = [("RUST_TEST_SHUFFLE", "1"), ("RUST_TEST_SHUFFLE_SEED", "3")];
    let [eval, plain] = pair.say(&["one", "-Zunstable-options"], &shuffled);
    assert!(eval.stdout.contains("(shuffle seed: 3)"), "{}", eval.stdout);
    assert_eq!(comparable(&eval.stdout), comparable(&plain.stdout));
    for variables in [[("RUST_TEST_THREADS", "0")], [("RUST_TEST_THREADS", "many")]] {
        let [eval, plain] = pair.say(&[], &variables);
        let words = eval.stderr.strip_prefix("error: ").unwrap().trim_end();
        assert!(plain.stderr.contains(words), "{}\n{}", eval.stderr, plain.stderr);
        assert_eq!(eval.code, Some(2));
    }
}

#[test]
fn the_log_file_is_libtests_and_stdout_stays() {
    let pair = Pair::new();
    let mut logs = ["eval.log", "plain.log"].into_iter();
    let [eval, plain] = [&pair.eval, &pair.plain].map(|command| {
        let log = logs.next().unwrap();
        let arguments = ["--test-threads=1", "--logfile", log];
        let said = run(again(command).args(arguments)).exits(101);
        (comparable(&said.stdout), pair.project.read(log))
    });
    assert_eq!(eval, plain);
    let said = run(again(&pair.eval).args(["--list", "--logfile", "no/such/folder/log"]));
    said.exits(3);
}

#[test]
fn shuffling_changes_the_order_and_a_seed_brings_it_back() {
    let project = Project::new();
    project.file("cases/defaults.ron", "(snapshot: Off)\n");
    for number in 0..8 {
        project.open_case(&format!("case_{number}"));
    }
    let binary = project.binary();
    let order = |seed: &str| {
        let arguments = ["-Zunstable-options", "--test-threads=1", "--shuffle-seed", seed];
        let said = run(again(&binary).args(arguments)).exits(0);
        said.test_lines().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let (first, other) = (order("1"), order("2"));
    assert_eq!(first, order("1"));
    assert_ne!(first, other);
    let sorted = |mut lines: Vec<String>| {
        lines.sort();
        lines
    };
    assert_eq!(sorted(first), sorted(other));
}

#[test]
fn shown_output_is_the_answers_of_cases_that_passed() {
    let pair = Pair::new();
    let said = run(again(&pair.eval).args(["--show-output", "one"])).exits(0);
    assert!(said.stdout.contains("\nsuccesses:\n\n---- one::tiny stdout ----\nquestion: What is"));
    assert!(said.stdout.contains("\nsuccesses:\n    one::tiny\n\ntest result: ok."));
}

#[test]
fn the_junit_format_prints_the_report_alone() {
    let pair = Pair::new();
    let arguments = ["-Zunstable-options", "--format=junit"];
    let said = run(again(&pair.eval).args(arguments)).exits(101);
    assert_eq!(said.stdout, pair.project.read("out/junit.xml"));
}

#[test]
fn a_closed_pipe_does_not_lose_the_reports() {
    let pair = Pair::new();
    let mut reader = again(&pair.eval).stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(reader.stdout.take());
    assert_eq!(reader.wait().unwrap().code(), Some(101));
    assert!(pair.project.read("out/junit.xml").contains("tests=\"5\""));
}
