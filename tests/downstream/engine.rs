//! What a user sees of batches, devices and checks.

use serde_json::Value;

use crate::project::{Project, run};

fn project() -> Project {
    let project = Project::new();
    project.file("cases/defaults.ron", "(snapshot: Off)\n");
    for name in ["one", "two", "three"] {
        project.open_case(name);
    }
    project
}

/// The trials of the journal.
fn trials(project: &Project) -> Vec<Value> {
    let lines = project.read("out/journal.jsonl");
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter_map(|line| line.get("trial").cloned()).collect()
}

#[test]
fn two_devices_share_the_cases() {
    let project = project();
    let said = run(project.eval(&[]).env("EYECHART_DEVICE", "cpu,cpu")).exits(0);
    assert!(said.stdout.contains("3 passed"), "{}", said.stdout);
    let line = said.stderr.lines().find(|line| line.starts_with("eyechart: ")).unwrap();
    assert_eq!(
        project.redact(line),
        "eyechart: 3 cases on tiny (cpu and cpu, f32), loaded in TIME"
    );
    assert_eq!(trials(&project).len(), 3);
}

#[test]
fn the_self_check_is_in_the_journal_and_the_summary() {
    let project = project();
    let said = run(project.eval(&[]).env("EYECHART_SELF_CHECK", "batch")).exits(0);
    let summary = "0 of 3 answers differ when asked alone";
    assert!(said.stderr.contains(summary), "{}", said.stderr);
    for trial in trials(&project) {
        let conditions = &trial["answer"]["conditions"];
        assert_eq!(conditions["self_check"], "same", "{trial}");
        assert!(conditions["memory_in_use_bytes"].as_u64().unwrap() > 1 << 20);
        assert!(trial["place"]["model_memory_bytes"].as_u64().unwrap() > 1 << 20);
    }
    // The three cases show one picture.
    let reused: u64 = trials(&project)
        .iter()
        .map(|trial| trial["answer"]["conditions"]["reused_images"].as_u64().unwrap())
        .sum();
    assert_eq!(reused, 2);
}
