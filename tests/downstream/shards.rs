//! Shares of a suite, and their journals as one.

use std::collections::BTreeSet;
use std::process::Command;

use crate::project::{Project, Said, run};

fn project() -> Project {
    let project = Project::new();
    project.file("cases/defaults.ron", "(snapshot: Off, image_folder: \".\")\n");
    for name in ["a", "b", "folder/c", "folder/d", "e", "f", "g"] {
        project.open_case(name);
    }
    let asked = "images: [\"picture.png\"], prompt: \"?\", expect: Regex(\".\")";
    project.case("off", &format!("{asked}, ignore: \"later\""));
    project
}

fn names(list: &str) -> BTreeSet<String> {
    list.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect()
}

/// `eyechart merge` in the project.
fn merge(project: &Project, arguments: &[&str]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eyechart"));
    command.current_dir(project.path("")).arg("merge").args(arguments);
    let Said { code, stdout, stderr } = run(&mut command);
    Said { code, stdout: project.redact(&stdout), stderr: project.redact(&stderr) }
}

#[test]
fn shares_are_those_of_nextest() {
    let project = project();
    for partition in ["slice:1/3", "slice:2/3", "slice:3/3", "hash:1/2", "hash:2/2"] {
        let ours =
            run(project.binary().arg("--list").env("EYECHART_PARTITION", partition)).exits(0);
        let arguments = ["list", "--partition", partition, "--run-ignored", "all"];
        let theirs = run(&mut project.nextest(&[&arguments[..], &["-T", "oneline"]].concat()));
        let theirs = theirs.exits(0).stdout;
        let theirs: BTreeSet<String> = theirs
            .lines()
            .filter_map(|line| line.strip_prefix("downstream::eval "))
            .map(str::to_owned)
            .collect();
        assert_eq!(names(&ours.stdout), theirs, "{partition}");
    }
}

#[test]
fn shares_are_merged_into_the_reports_of_a_whole_run() {
    let project = project();
    run(&mut project.binary()).exits(0);
    let whole = project.results("out");
    for share in ["1", "2", "3"] {
        let partition = format!("slice:{share}/3");
        let variables = [("EYECHART_PARTITION", partition.as_str()), ("EYECHART_OUT", share)];
        run(project.binary().envs(variables)).exits(0);
    }
    let said = merge(&project, &["1", "2/journal.jsonl", "3", "--out", "merged"]).exits(0);
    assert!(said.stdout.contains("reports in merged: journal.jsonl"), "{}", said.stdout);
    assert_eq!(project.results("merged"), whole);
    // What was merged can be merged again, and journals one behind the other are a journal.
    let joined = ["1", "2", "3"].map(|share| project.read(&format!("{share}/journal.jsonl")));
    project.file("joined/journal.jsonl", &joined.concat());
    for folder in ["merged", "joined"] {
        merge(&project, &[folder, "--out", "again"]).exits(0);
        assert_eq!(project.read("again/results.csv"), project.read("merged/results.csv"));
    }
}

#[test]
fn what_is_missing_or_twice_is_told() {
    let project = project();
    for share in ["1", "3"] {
        let partition = format!("slice:{share}/3");
        let variables = [("EYECHART_PARTITION", partition.as_str()), ("EYECHART_OUT", share)];
        // One thread writes the records in the order of the tests, so that it is known which is cut.
        run(project.binary().arg("--test-threads=1").envs(variables)).exits(0);
    }
    // The third was killed before its last test ended.
    let third = project.read("3/journal.jsonl");
    let cut = third.trim_end().rfind('\n').unwrap();
    project.file("3/journal.jsonl", &third[..cut + 20]);
    let incomplete = merge(&project, &["1", "3", "--out", "merged"]).exits(1);
    run(project.binary().env("EYECHART_OUT", "whole")).exits(0);
    let twice = merge(&project, &["whole", "1", "--out", "refused"]).exits(2);
    assert!(!project.exists("refused"));
    let gone = merge(&project, &["nowhere", "--out", "refused"]).exits(2);
    insta::assert_snapshot!([incomplete.stderr, twice.stderr, gone.stderr].join("----\n"));
}

#[test]
fn models_of_two_machines_are_one_set_of_reports() {
    let project = project();
    let two = project.read("eyechart.ron").replacen("\"tiny\"", "\"small\"", 1);
    run(project.binary().env("EYECHART_OUT", "one")).exits(0);
    project.file("eyechart.ron", &two);
    run(project.binary().env("EYECHART_OUT", "other")).exits(0);
    merge(&project, &["one", "other", "--out", "both"]).exits(0);
    let junit = project.read("both/junit.xml");
    assert!(junit.contains("name=\"tiny\"") && junit.contains("name=\"small\""), "{junit}");
}
