use std::time::{Duration, Instant};

use crate::project::{Project, run};

fn three_cases() -> Project {
    let project = Project::new();
    project.open_case("one").open_case("folder/two").open_case("folder/three");
    project.file("cases/defaults.ron", "(snapshot: Off, image_folder: \".\")\n");
    project
}

#[test]
fn lists_without_a_checkpoint_and_says_nothing_else() {
    let project = three_cases();
    project.file("eyechart.ron", r#"(models: {"gone": (dir: "nowhere")})"#);
    let said = run(&mut project.eval(&["--list", "--format", "terse"])).exits(0);
    assert_eq!(
        said.stdout,
        "folder::three::gone: test\nfolder::two::gone: test\none::gone: test\n"
    );
    assert!(!project.exists("out"));
}

#[test]
fn lists_fifty_cases_within_a_tenth_of_a_second() {
    let project = three_cases();
    for number in 0..47 {
        project.open_case(&format!("many/case_{number}"));
    }
    let mut binary = project.binary();
    binary.arg("--list");
    let mut timed = || {
        let start = Instant::now();
        let said = run(&mut binary).exits(0);
        assert!(said.stdout.ends_with("\n50 tests, 0 benchmarks\n"), "{}", said.stdout);
        start.elapsed()
    };
    // The best of five: the machine may be busy with other tests.
    let best = (0..5).map(|_| timed()).min();
    assert!(best < Some(Duration::from_millis(100)), "{best:?}");
}

/// 0.3 s is the aim; the bound leaves room for a build of this crate without optimisation, and for a
/// machine that is busy with other tests.
#[test]
fn lists_ten_thousand_cases_in_a_moment() {
    let project = three_cases();
    for number in 0..9_997 {
        project.open_case(&format!("many_{}/case_{number}", number % 20));
    }
    let mut binary = project.binary();
    binary.args(["--list", "--format", "terse"]);
    let mut timed = || {
        let start = Instant::now();
        let said = run(&mut binary).exits(0);
        assert_eq!(said.stdout.lines().count(), 10_000);
        start.elapsed()
    };
    let best = (0..5).map(|_| timed()).min();
    eprintln!("10,000 cases were listed in {best:?}");
    assert!(best < Some(Duration::from_secs(3)), "{best:?}");
}

#[test]
fn runs_every_case_on_every_model_and_prints_a_line_each() {
    let project = three_cases();
    let said = run(&mut project.eval(&["--test-threads=1"])).exits(0);
    assert_eq!(
        said.test_lines(),
        [
            "test folder::three::tiny ... ok",
            "test folder::two::tiny ... ok",
            "test one::tiny ... ok"
        ]
    );
    assert!(said.stderr.contains("3 cases on tiny (cpu, f32), loaded in"), "{}", said.stderr);
    assert!(said.stderr.contains("marks/5"), "{}", said.stderr);
}

#[test]
fn several_filters_are_alternatives() {
    let project = three_cases();
    let said = run(&mut project.eval(&["two", "one", "--test-threads=1"])).exits(0);
    assert_eq!(said.test_lines(), ["test folder::two::tiny ... ok", "test one::tiny ... ok"]);
    assert!(said.stdout.contains("2 passed; 0 failed; 0 ignored; 0 measured; 1 filtered out"));
}

#[test]
fn a_filter_that_selects_nothing_is_green_loads_nothing_and_keeps_old_reports() {
    let project = three_cases();
    project.file("eyechart.ron", r#"(models: {"gone": (dir: "nowhere")})"#);
    project.file("out/results.csv", "of an earlier run");
    let said = run(&mut project.eval(&["no_such_case"])).exits(0);
    assert!(said.stdout.contains("0 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out"));
    assert_eq!(project.read("out/results.csv"), "of an earlier run");
}

#[test]
fn ignored_cases_are_shown_and_run_when_asked_for() {
    let project = three_cases();
    project.case(
        "slow",
        "images: [\"picture.png\"], prompt: \"?\", ignore: \"takes an hour\", expect: Regex(\".\")",
    );
    let said = run(&mut project.eval(&["slow"])).exits(0);
    assert_eq!(said.test_lines(), ["test slow::tiny ... ignored, takes an hour"]);
    assert!(project.read("out/results.csv").contains("takes an hour"));
    let said = run(&mut project.eval(&["--ignored"])).exits(0);
    assert_eq!(said.test_lines(), ["test slow::tiny ... ok"]);
}
