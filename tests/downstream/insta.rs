use std::process::Command;

use crate::project::{Project, run};

const SNAPSHOT: &str = "snapshots/one@tiny.snap";

/// A project with cases `one` and `two`, both with accepted snapshots.
fn accepted_project() -> Project {
    let project = Project::new();
    project.open_case("one").open_case("two");
    run(project.eval(&[]).env("INSTA_UPDATE", "always")).exits(0);
    assert!(project.exists(SNAPSHOT), "accepting writes {SNAPSHOT}");
    project
}

fn change_accepted_answer(project: &Project) {
    let text = project.read(SNAPSHOT);
    let (header, _) = text.rsplit_once("---\n").unwrap();
    project.file(SNAPSHOT, &format!("{header}---\nwhat nobody said\n"));
}

#[test]
fn a_new_answer_fails_until_it_is_accepted() {
    let project = Project::new();
    project.open_case("one");
    let said = run(&mut project.eval(&[])).exits(101);
    assert!(said.stdout.contains("this answer has no accepted snapshot yet"), "{}", said.stdout);
    assert!(project.exists("snapshots/one@tiny.snap.new"));
    run(&mut project.insta(&["accept"])).exits(0);
    run(&mut project.eval(&[])).exits(0);
}

#[test]
fn a_changed_answer_fails_with_a_diff_and_the_reports_say_so() {
    let project = accepted_project();
    change_accepted_answer(&project);
    let said = run(&mut project.eval(&[])).exits(101);
    assert!(said.stdout.contains("-what nobody said"), "{}", said.stdout);
    assert!(said.stdout.contains("1 passed; 1 failed"), "{}", said.stdout);
    assert!(
        project.read("out/journal.jsonl").contains(r#""changed":{"accepted":"what nobody said"}"#)
    );
}

#[test]
fn in_continuous_integration_nothing_is_written() {
    let project = accepted_project();
    change_accepted_answer(&project);
    run(project.eval(&[]).env("CI", "true")).exits(101);
    assert!(!project.exists("snapshots/one@tiny.snap.new"));
}

#[test]
fn forced_passes_do_not_make_the_reports_lie() {
    let project = accepted_project();
    change_accepted_answer(&project);
    let forced = [("INSTA_FORCE_PASS", "1"), ("INSTA_UPDATE", "new")];
    run(project.eval(&[]).envs(forced)).exits(0);
    assert!(project.read("out/results.csv").contains(",changed,"));
    assert!(project.read("out/results.csv").contains(",failed,"));
}

#[test]
fn cargo_insta_tests_and_lists_what_is_pending() {
    let project = accepted_project();
    change_accepted_answer(&project);
    let mut test = project.insta(&["test", "--release", "--test", "eval"]);
    let said = run(&mut test);
    assert!(said.stderr.contains("1 snapshot to review"), "{}", said.stderr);
    let said = run(&mut project.insta(&["pending-snapshots"])).exits(0);
    assert!(said.stdout.contains("one@tiny.snap"), "{}", said.stdout);
    let said = run(&mut project.insta(&["pending-snapshots", "--as-json"])).exits(0);
    let pending: serde_json::Value = serde_json::from_str(said.stdout.trim()).unwrap();
    assert!(pending["path"].as_str().unwrap().ends_with("one@tiny.snap"), "{pending}");
    run(&mut project.insta(&["reject"])).exits(0);
    assert!(!project.exists("snapshots/one@tiny.snap.new"));
    assert!(
        project.read(SNAPSHOT).contains("what nobody said"),
        "rejecting keeps what was accepted"
    );
}

#[test]
fn cargo_insta_accepts_what_it_tests() {
    let project = accepted_project();
    change_accepted_answer(&project);
    run(&mut project.insta(&["test", "--release", "--test", "eval", "--accept"])).exits(0);
    assert!(!project.read(SNAPSHOT).contains("what nobody said"));
    run(project.eval(&[]).env("CI", "true")).exits(0);
}

#[test]
fn cargo_insta_review_accepts_with_a_key() {
    let project = accepted_project();
    change_accepted_answer(&project);
    run(&mut project.eval(&[])).exits(101);
    let review = project.insta(&["review"]);
    let said = run(&mut in_terminal(&review, "a"));
    assert!(said.stdout.contains("what nobody said"), "{}{}", said.stdout, said.stderr);
    run(&mut project.eval(&[])).exits(0);
}

#[test]
fn cargo_insta_review_rejects_and_skips_with_keys() {
    let project = accepted_project();
    change_accepted_answer(&project);
    run(&mut project.eval(&[])).exits(101);
    run(&mut in_terminal(&project.insta(&["review"]), "s"));
    assert!(project.exists("snapshots/one@tiny.snap.new"), "what is skipped stays pending");
    run(&mut in_terminal(&project.insta(&["review"]), "r"));
    assert!(!project.exists("snapshots/one@tiny.snap.new"));
    assert!(project.read(SNAPSHOT).contains("what nobody said"));
}

/// The same command on a pseudo-terminal (of util-linux's `script`), with `keys` typed into it.
fn in_terminal(command: &Command, keys: &str) -> Command {
    let quoted = |word: &std::ffi::OsStr| format!("'{}'", word.to_str().unwrap());
    let words: Vec<String> =
        [command.get_program()].into_iter().chain(command.get_args()).map(quoted).collect();
    let line = format!(
        "(sleep 2; printf {keys}; sleep 2) | script -qefc \"{}\" /dev/null",
        words.join(" ")
    );
    let mut terminal = Command::new("sh");
    terminal
        .args(["-c", &line])
        .current_dir(command.get_current_dir().unwrap())
        .env("TERM", "xterm");
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => terminal.env(name, value),
            None => terminal.env_remove(name),
        };
    }
    terminal
}

#[test]
fn only_true_orphans_are_unreferenced() {
    let project = accepted_project();
    let orphan = project.read(SNAPSHOT);
    project.file("snapshots/gone@tiny.snap", &orphan);
    let arguments = ["test", "--release", "--test", "eval", "--unreferenced=delete", "--", "one"];
    run(&mut project.insta(&arguments)).exits(0);
    assert!(!project.exists("snapshots/gone@tiny.snap"), "the orphan stays");
    assert!(project.exists("snapshots/two@tiny.snap"), "a filtered-out case lost its snapshot");

    // To be told of an orphan, not rid of it.
    project.file("snapshots/gone@tiny.snap", &orphan);
    let arguments = ["test", "--release", "--test", "eval", "--unreferenced=reject", "--", "one"];
    let said = run(&mut project.insta(&arguments));
    assert_ne!(said.code, Some(0));
    assert!(project.exists("snapshots/gone@tiny.snap") && project.exists(SNAPSHOT));
}
