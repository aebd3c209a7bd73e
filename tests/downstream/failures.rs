use crate::project::{Project, run};

/// `eyechart::harness::CANNOT_RUN`, which cargo passes on.
const CANNOT_RUN: i32 = 3;

fn quiet_project() -> Project {
    let project = Project::new();
    project.file("cases/defaults.ron", "(snapshot: Off)\n");
    project
}

/// stdout from the list of failures on, without the run's own summary.
fn failures(project: &Project, stdout: &str) -> String {
    let from = stdout.find("failures:").unwrap_or_default();
    project.redact(&stdout[from..])
}

#[test]
fn finding_no_case_is_an_error_that_says_where_it_looked() {
    let project = Project::new();
    let said = run(&mut project.eval(&[])).exits(CANNOT_RUN);
    insta::assert_snapshot!(project.redact(error_line(&said.stderr)));
}

#[test]
fn a_missing_registry_is_an_error_that_says_what_to_write() {
    let project = quiet_project();
    project.open_case("one");
    std::fs::remove_file(project.path("eyechart.ron")).unwrap();
    let said = run(&mut project.eval(&[])).exits(CANNOT_RUN);
    insta::assert_snapshot!(project.redact(error_line(&said.stderr)));
}

#[test]
fn chosen_models_that_do_not_exist_are_an_error() {
    let project = quiet_project();
    project.open_case("one");
    let said = run(project.eval(&[]).env("EYECHART_MODELS", "llava*")).exits(CANNOT_RUN);
    insta::assert_snapshot!(project.redact(error_line(&said.stderr)));
}

/// Cargo says more after ours.
fn error_line(stderr: &str) -> &str {
    stderr.lines().find(|line| line.starts_with("error: ")).unwrap_or(stderr)
}

#[test]
fn a_broken_case_file_is_one_failing_test_and_the_rest_run() {
    let project = quiet_project();
    project.open_case("good");
    project.case("typo", "imags: [\"picture.png\"], prompt: \"?\"");
    project.case("missing", "images: [\"gone.png\"], prompt: \"?\"");
    let said = run(&mut project.eval(&["--test-threads=1"])).exits(101);
    assert!(said.stdout.contains("test good::tiny ... ok"), "{}", said.stdout);
    assert!(said.stdout.contains("1 passed; 2 failed"), "{}", said.stdout);
    insta::assert_snapshot!(failures(&project, &said.stdout));
}

#[test]
fn a_wrong_answer_fails_with_the_question_the_answer_and_the_reason() {
    let project = quiet_project();
    project.case(
        "wrong",
        "images: [\"picture.png\"], prompt: \"What?\", expect: Exact(\"no model says this\"), \
         generation: (max_new_tokens: 1)",
    );
    let said = run(&mut project.eval(&[])).exits(101);
    let message = failures(&project, &said.stdout);
    assert!(message.contains("question: What?"), "{message}");
    assert!(message.contains("cut off at the limit of 1 tokens"), "{message}");
    assert!(message.contains("no model says this"), "{message}");
}

#[test]
fn xfail_is_strict() {
    let project = quiet_project();
    let wrong =
        "images: [\"picture.png\"], prompt: \"What?\", xfail: {\"tiny\": \"knows nothing\"}";
    project.case("fails", &format!("{wrong}, expect: Exact(\"no model says this\")"));
    run(&mut project.eval(&[])).exits(0);
    project.case("passes", &format!("{wrong}, expect: Regex(\".\")"));
    let said = run(&mut project.eval(&[])).exits(101);
    assert!(said.stdout.contains("passed although `xfail` says it fails (knows nothing)"));
    assert!(said.stdout.contains("1 passed; 1 failed"), "{}", said.stdout);
}

#[test]
fn a_checkpoint_that_is_not_there_fails_its_cases_and_no_others() {
    let project = quiet_project();
    project.open_case("one");
    let registry = project.read("eyechart.ron").replacen("{", "{\"gone\": (dir: \"nowhere\"), ", 1);
    project.file("eyechart.ron", &registry);
    let said = run(&mut project.eval(&["--test-threads=1"])).exits(101);
    assert!(said.stdout.contains("test one::tiny ... ok"), "{}", said.stdout);
    let message = failures(&project, &said.stdout);
    assert!(message.contains("nowhere"), "{message}");
}

#[test]
fn a_picture_that_is_no_picture_fails_its_case_alone() {
    let project = quiet_project();
    project.file("cases/broken.png", "this is no picture");
    project.open_case("good").case("bad", "images: [\"broken.png\"], prompt: \"?\"");
    let said = run(&mut project.eval(&["--test-threads=1"])).exits(101);
    assert!(said.stdout.contains("test good::tiny ... ok"), "{}", said.stdout);
    assert!(failures(&project, &said.stdout).contains("broken.png"), "{}", said.stdout);
}
