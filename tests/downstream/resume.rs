//! Runs that were ended before their time, and what goes on with them.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::project::{Project, run};

const JOURNAL: &str = "out/journal.jsonl";
const CASES: usize = 12;

/// Cases of which every third fails.
fn project() -> Project {
    let project = Project::new();
    project.file("cases/defaults.ron", "(snapshot: Off)\n");
    for number in 0..CASES {
        let expect =
            if number % 3 == 0 { "Exact(\"never said\")" } else { "Not(Exact(\"never said\"))" };
        let asked = "images: [\"picture.png\"], prompt: \"What is in the picture?\"";
        let fields = format!("{asked}, expect: {expect}");
        project.case(&format!("case_{number:02}"), &fields);
    }
    project
}

/// How often each test has a record, and how it ended last.
fn records(project: &Project) -> BTreeMap<String, (usize, String)> {
    let mut records = BTreeMap::new();
    for line in project.read(JOURNAL).lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        if let Some(trial) = line.get("trial") {
            let name = trial["case"].as_str().unwrap().to_owned();
            let status = trial["status"].as_str().unwrap().to_owned();
            let known = records.entry(name).or_insert((0, String::new()));
            *known = (known.0 + 1, status);
        }
    }
    records
}

fn whole_lines(project: &Project) -> usize {
    let text = std::fs::read(project.path(JOURNAL)).unwrap_or_default();
    text.iter().filter(|byte| **byte == b'\n').count()
}

/// Starts a run and waits until its journal has so many lines.
fn started(command: &mut Command, project: &Project, lines: usize) -> Child {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    while whole_lines(project) < lines {
        assert!(start.elapsed() < Duration::from_secs(120), "the journal does not grow");
        std::thread::sleep(Duration::from_millis(1));
    }
    child
}

fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
}

#[test]
fn kill_loses_the_trial_in_flight_alone_and_resuming_completes_the_rest() {
    let project = project();
    for lines in [0, 1, 2, 5, 8] {
        std::fs::remove_dir_all(project.path("out")).ok();
        let mut child = started(&mut project.binary(), &project, lines);
        child.kill().unwrap();
        child.wait().unwrap();
        let kept = whole_lines(&project).saturating_sub(1);
        assert!(kept + 1 >= lines, "{kept} records of {lines} lines");
        let said = run(project.binary().env("EYECHART_RESUME", "1")).exits(101);
        let records = records(&project);
        assert_eq!(records.len(), CASES);
        assert!(records.values().all(|(count, _)| *count == 1), "{lines}: {records:?}");
        // What was recorded counts as if it had been run.
        assert!(said.stdout.contains("8 passed; 4 failed"), "{}", said.stdout);
        assert_eq!(project.results("out"), CASES);
        let asked = said.stderr.lines().find(|line| line.contains(" on tiny (cpu, f32)")).unwrap();
        let expected = format!("eyechart: {} case", CASES - kept);
        assert!(asked.starts_with(&expected), "{asked}, {kept} kept");
    }
}

#[test]
fn a_torn_last_line_is_repaired_and_reported() {
    let project = project();
    run(&mut project.binary()).exits(101);
    let whole = project.read(JOURNAL);
    let last = whole.trim_end().rfind('\n').unwrap() + 1;
    for cut in [last + 1, last + (whole.len() - last) / 2, whole.len() - 2] {
        project.file(JOURNAL, &whole[..cut]);
        let said = run(project.binary().env("EYECHART_RESUME", "1")).exits(101);
        let line = whole.lines().count();
        let told = format!("journal.jsonl:{line}: whoever wrote it was killed there");
        assert!(said.stderr.contains(&told), "{}", said.stderr);
        let records = records(&project);
        assert!(records.len() == CASES && records.values().all(|(count, _)| *count == 1));
    }
}

#[test]
fn resuming_a_finished_run_loads_nothing_and_ends_as_it_did() {
    let project = project();
    run(&mut project.binary()).exits(101);
    project.file("eyechart.ron", r#"(models: {"tiny": (dir: "gone")})"#);
    let said = run(project.binary().env("EYECHART_RESUME", "1")).exits(101);
    assert!(said.stdout.contains("8 passed; 4 failed"), "{}", said.stdout);
    assert!(said.stderr.contains("going on with a run of 12 recorded tests"), "{}", said.stderr);
}

#[test]
fn a_record_stands_for_its_own_question_alone_and_is_judged_anew() {
    let project = project();
    run(&mut project.binary()).exits(101);
    let edit = |case: &str, from: &str, to: &str| {
        let text = project.read(case);
        assert!(text.contains(from), "{text}");
        project.file(case, &text.replace(from, to));
    };
    edit("cases/case_01.ron", "What is in the picture?", "What is it?");
    edit("cases/case_03.ron", "Exact(\"never said\")", "Regex(\".\")");
    let said = run(project.binary().env("EYECHART_RESUME", "1")).exits(101);
    // Of the four that failed one is expected to say something else now.
    assert!(said.stdout.contains("9 passed; 3 failed"), "{}", said.stdout);
    let told = "eyechart: case_01::tiny is run again: the prompt is not what it was when it was \
                recorded\n";
    assert!(said.stderr.contains(told), "{}", said.stderr);
    assert!(said.stderr.contains("eyechart: 1 case on tiny"), "{}", said.stderr);
    assert!(!said.stderr.contains("tried again"), "{}", said.stderr);
    let records = records(&project);
    for (case, record) in &records {
        let is_new = ["case_01", "case_03"].contains(&case.as_str());
        assert_eq!(record.0, if is_new { 2 } else { 1 }, "{case}");
    }
    assert_eq!(records["case_03"].1, "passed");
}

#[test]
fn an_interrupt_writes_the_reports_of_what_ended() {
    let project = project();
    for name in ["INT", "TERM"] {
        std::fs::remove_dir_all(project.path("out")).ok();
        let child = started(&mut project.binary(), &project, 4);
        signal(&child, name);
        let said = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(said.stderr).unwrap();
        assert_eq!(said.status.code(), Some(130), "{name}: {stderr}");
        assert!(stderr.contains("interrupted; writing the reports"), "{stderr}");
        let recorded = records(&project).len();
        assert!((3..CASES).contains(&recorded), "{recorded}");
        assert_eq!(project.results("out"), recorded);
        assert!(project.read("out/junit.xml").contains(&format!("tests=\"{recorded}\"")));
    }
}

#[test]
fn a_second_interrupt_ends_at_once() {
    let project = project();
    let mut child = started(&mut project.binary(), &project, 3);
    signal(&child, "INT");
    signal(&child, "INT");
    let start = Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_rerun_runs_what_failed_and_the_reports_stay_whole() {
    let project = project();
    run(&mut project.binary()).exits(101);
    let wrong = project.read("cases/case_03.ron");
    let mended = wrong.replace("Exact(\"never said\")", "Regex(\".\")");
    project.file("cases/case_03.ron", &mended);
    let said = run(project.binary().env("EYECHART_RERUN", "failed")).exits(101);
    assert!(said.stdout.contains("1 passed; 3 failed; 0 ignored; 0 measured; 8 filtered out"));
    let records = records(&project);
    assert_eq!(records["case_03"], (2, "passed".to_owned()));
    assert_eq!(records["case_01"].0, 1);
    assert_eq!(project.results("out"), CASES);
    assert!(said.stderr.contains("4 tried again, of which 1 passed"), "{}", said.stderr);
    // What passed in the rerun is not run once more.
    let listed = run(project.binary().arg("--list").env("EYECHART_RERUN", "failed")).exits(0);
    assert_eq!(
        listed.stdout,
        "case_00::tiny: test\ncase_06::tiny: test\ncase_09::tiny: test\n\n3 tests, 0 benchmarks\n"
    );
}

#[test]
fn a_rerun_without_an_earlier_run_runs_everything() {
    let project = project();
    let said = run(project.binary().env("EYECHART_RERUN", "failed")).exits(101);
    assert!(said.stdout.contains("8 passed; 4 failed"), "{}", said.stdout);
}

#[test]
fn wrong_values_are_refused_with_the_right_ones() {
    let project = project();
    let messages: Vec<String> = [
        ("EYECHART_RESUME", "yes"),
        ("EYECHART_RERUN", "all"),
        ("EYECHART_PARTITION", "slice:3/2"),
        ("EYECHART_NEXTEST", "per-binary"),
    ]
    .iter()
    .map(|(name, value)| run(project.binary().env(name, value)).exits(3).stderr)
    .collect();
    insta::assert_snapshot!(messages.join(""));
}
