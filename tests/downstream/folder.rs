//! Whose a folder of journal and reports is, and what is said when something in it cannot be written.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::project::{Project, Said, run};

/// `eyechart::harness::CANNOT_RUN`.
const CANNOT_RUN: i32 = 3;
const SNAPSHOT: &str = "snapshots/one@tiny.snap";

fn project(cases: usize) -> Project {
    let project = Project::new();
    project.file("cases/defaults.ron", "(snapshot: Off)\n");
    for number in 0..cases {
        project.open_case(&format!("case_{number:02}"));
    }
    project
}

/// A project with one case, whose answer is accepted.
fn accepted_project() -> Project {
    let project = Project::new();
    project.open_case("one");
    run(project.binary().env("INSTA_UPDATE", "always")).exits(0);
    project
}

/// Starts a run, and waits until it has recorded a trial.
fn started(command: &mut Command, project: &Project) -> Child {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    let lines = || fs::read_to_string(project.path("out/journal.jsonl")).unwrap_or_default();
    while lines().lines().count() < 2 {
        assert!(start.elapsed() < Duration::from_secs(120), "the journal does not grow");
        std::thread::sleep(Duration::from_millis(1));
    }
    child
}

fn error_line(said: &Said) -> &str {
    said.stderr.lines().find(|line| line.starts_with("error: ")).unwrap_or(&said.stderr)
}

#[test]
fn another_run_in_the_same_folder_is_refused_and_the_first_loses_nothing() {
    let project = project(12);
    let mut others = ["0", "1"].map(|resume| {
        let [mut run, mut list, mut nothing] = [(); 3].map(|()| project.binary());
        run.env("EYECHART_RESUME", resume);
        list.arg("--list");
        nothing.arg("no_such_case");
        (run, list, nothing)
    });
    let first = started(project.binary().env("EYECHART_BATCH", "1"), &project);
    for (other, list, nothing) in &mut others {
        let said = run(other).exits(CANNOT_RUN);
        let message = error_line(&said);
        let holder = format!("another run writes into this folder (process {}, since ", first.id());
        assert!(message.contains(&holder), "{message}");
        assert!(message.contains("EYECHART_OUT"), "{message}");
        // What lists or selects nothing writes nothing.
        run(list).exits(0);
        run(nothing).exits(0);
    }
    run(project.binary().env("EYECHART_OUT", "elsewhere")).exits(0);
    let output = first.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!((project.results("out"), project.results("elsewhere")), (12, 12));
}

#[test]
fn reports_of_an_earlier_run_do_not_stand_beside_the_journal_of_another() {
    let project = project(12);
    run(&mut project.binary()).exits(0);
    project.file("out/mine.txt", "");
    fs::remove_file(project.path("out/journal.jsonl")).unwrap();
    let mut second = started(project.binary().env("EYECHART_BATCH", "1"), &project);
    second.kill().unwrap();
    second.wait().unwrap();
    for name in ["junit.xml", "results.csv", "summary.json"] {
        assert!(!project.exists(&format!("out/{name}")), "{name} is of the run before");
    }
    assert!(project.exists("out/mine.txt"));
    // A killed run keeps nobody out.
    run(project.binary().env("EYECHART_RESUME", "1")).exits(0);
    assert_eq!(project.results("out"), 12);
}

#[test]
fn settings_that_insta_cannot_use_are_refused_before_anything_is_run() {
    let project = accepted_project();
    let refused = |name: &str, value: &str| {
        let said = run(project.binary().env(name, value)).exits(CANNOT_RUN);
        assert!(!said.stderr.contains("loaded in"), "{}", said.stderr);
        project.redact(error_line(&said))
    };
    let mut messages: Vec<String> =
        [("INSTA_UPDATE", "yes"), ("INSTA_OUTPUT", "full"), ("INSTA_FORCE_PASS", "maybe")]
            .map(|(name, value)| refused(name, value))
            .into();
    messages.push(refused("INSTA_WORKSPACE_ROOT", "/no/such/folder"));
    for (file, text) in [
        (".config/insta.yaml", "behavior:\n  update: [1\n"),
        ("insta.yaml", "behavior:\n  update: alway\n"),
    ] {
        project.file(file, text);
        messages.push(refused("EYECHART_BATCH", "1"));
        fs::remove_file(project.path(file)).unwrap();
    }
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn a_head_that_differs_fails_where_insta_is_told_to_compare_it() {
    let project = accepted_project();
    let accepted = project.read(SNAPSHOT);
    project.file(SNAPSHOT, &accepted.replace("precision: f32", "precision: bf16"));
    run(project.binary().env("CI", "1")).exits(0);
    let said = run(project.binary().env("INSTA_REQUIRE_FULL_MATCH", "1").env("CI", "1")).exits(101);
    assert!(said.stdout.contains("the head of its snapshot is not (info"), "{}", said.stdout);
    project.file("insta.yaml", "behavior:\n  require_full_match: true\n");
    run(project.binary().env("CI", "1")).exits(101);
    assert!(project.read("out/results.csv").contains(",head changed,"));
    project.file(SNAPSHOT, &accepted);
    run(project.binary().env("CI", "1")).exits(0);
}

#[test]
fn what_is_no_snapshot_is_an_error_that_says_what_it_is_and_can_be_accepted_anew() {
    let project = accepted_project();
    let accepted = project.read(SNAPSHOT);
    let (head, text) = accepted.split_at(accepted.rfind("---\n").unwrap() + 4);
    let conflict = format!("{head}<<<<<<< HEAD\n{text}=======\nelse\n>>>>>>> other\n");
    let utf16: Vec<u8> =
        std::iter::once(0xfeff).chain(accepted.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    for (damage, told) in [
        (Vec::new(), "is empty"),
        (head.as_bytes().to_vec(), "is cut off behind its head"),
        (accepted.as_bytes()[..20].to_vec(), "is cut off in its head"),
        (conflict.into_bytes(), "holds a merge conflict from line "),
        ([b"\xef\xbb\xbf", accepted.as_bytes()].concat(), "begins with a byte order mark"),
        (utf16, "is UTF-16"),
        (format!("---\n[1\n---\n{text}").into_bytes(), "has a head that cannot be read"),
    ] {
        fs::write(project.path(SNAPSHOT), &damage).unwrap();
        let said = run(project.binary().env("CI", "1")).exits(101);
        let message = format!("the snapshot of this answer cannot be used: {SNAPSHOT}: {told}");
        assert!(said.stdout.contains(&message), "{told}: {}", said.stdout);
        assert!(project.read("out/results.csv").contains(",unusable,"), "{told}");
        assert_eq!(fs::read(project.path(SNAPSHOT)).unwrap(), damage, "{told}");
        run(project.binary().env("INSTA_UPDATE", "always")).exits(0);
        assert_eq!(project.read(SNAPSHOT), accepted, "{told}");
    }
}

#[test]
fn snapshots_wait_for_review_where_insta_is_told() {
    let project = accepted_project();
    let accepted = project.read(SNAPSHOT);
    let head = &accepted[..accepted.rfind("---\n").unwrap() + 4];
    project.file(SNAPSHOT, &format!("{head}else\n"));
    let pending = project.path("pending");
    run(project.binary().env("INSTA_PENDING_DIR", &pending)).exits(101);
    assert!(project.exists("pending/snapshots/one@tiny.snap.new"));
    assert!(!project.exists("snapshots/one@tiny.snap.new"));
    project.file(SNAPSHOT, &accepted);
    run(project.binary().env("INSTA_PENDING_DIR", &pending)).exits(0);
    assert!(!project.exists("pending/snapshots/one@tiny.snap.new"), "it is settled");
}

/// Where nothing can be written: a folder in the place of a file, for root too.
#[test]
fn what_cannot_be_written_is_said_as_what_it_is() {
    let project = accepted_project();
    fs::create_dir(project.path("occupied")).unwrap();
    fs::create_dir_all(project.path("occupied/journal.jsonl")).unwrap();
    let said = run(project.binary().env("EYECHART_OUT", "occupied")).exits(CANNOT_RUN);
    let message = project.redact(error_line(&said));
    assert!(message.starts_with("error: PROJECT/occupied/journal.jsonl: cannot be written: "));
    // A file where the folder should be.
    project.file("file", "");
    let said = run(project.binary().env("EYECHART_OUT", "file")).exits(CANNOT_RUN);
    assert!(error_line(&said).contains("file: cannot be written: "), "{}", said.stderr);
    // A limit of the system that is reached in the middle of the run.
    let limited = |limit: &str, blocks: &str| {
        let binary = project.binary();
        let mut shell = Command::new("bash");
        shell.current_dir(project.path("")).arg("-c");
        shell.arg(format!("ulimit {limit} {blocks}; exec {:?}", binary.get_program()));
        for (name, value) in binary.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        run(&mut shell)
    };
    let said = limited("-f", "1").exits(CANNOT_RUN);
    assert!(error_line(&said).contains("journal.jsonl: cannot be written: File too large"));
    let said = limited("-n", "4");
    assert!(said.stderr.contains("Too many open files"), "{:?} {}", said.code, said.stderr);
}
