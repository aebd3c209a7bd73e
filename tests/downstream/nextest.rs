//! cargo-nextest, which starts a process a test.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::project::{Project, run};

fn project() -> Project {
    let project = Project::new();
    project.file("cases/defaults.ron", "(snapshot: Off, image_folder: \".\")\n");
    for name in ["a", "b", "folder/c", "d", "e", "f"] {
        project.open_case(name);
    }
    let asked = "images: [\"picture.png\"], prompt: \"?\"";
    project.case("off", &format!("{asked}, ignore: \"later\", expect: Regex(\".\")"));
    project.case("wrong", &format!("{asked}, expect: Exact(\"never said\")"));
    project
}

fn trials(project: &Project) -> Vec<Value> {
    let journal = project.read("out/journal.jsonl");
    let lines = journal.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter_map(|mut line| line.get_mut("trial").map(Value::take)).collect()
}

#[test]
fn parallel_processes_write_one_set_of_reports() {
    let project = project();
    run(&mut project.eval(&["a"])).exits(0);
    let said = run(&mut project.nextest(&["run", "--no-fail-fast", "-j", "4"])).exits(100);
    assert!(said.stderr.contains("7 tests run: 6 passed, 1 failed, 1 skipped"), "{}", said.stderr);
    let cases: BTreeSet<String> =
        trials(&project).iter().map(|trial| trial["case"].as_str().unwrap().to_owned()).collect();
    let expected = ["a", "b", "d", "e", "f", "folder::c", "wrong"].map(str::to_owned);
    assert_eq!(cases, BTreeSet::from(expected));
    assert_eq!(trials(&project).len(), 7, "the journal of the run before is replaced");
    assert_eq!(project.results("out"), 7);
    assert!(project.read("out/junit.xml").contains("tests=\"7\" errors=\"0\" failures=\"1\""));
}

#[test]
fn retries_are_recorded_and_the_last_counts() {
    let project = project();
    let arguments = ["run", "--no-fail-fast", "--retries", "2", "wrong"];
    run(&mut project.nextest(&arguments)).exits(100);
    let tries: Vec<u64> =
        trials(&project).iter().map(|trial| trial["retry"].as_u64().unwrap_or(0)).collect();
    assert_eq!(tries, [0, 1, 2]);
    assert_eq!(project.results("out"), 1);
    let table = project.read("out/results.csv");
    assert!(table.trim_end().ends_with(",2"), "{table}");
}

#[test]
fn a_test_that_passes_when_tried_again_is_flaky() {
    let project = project();
    // Between the two tries somebody accepts the answer.
    project.file(
        ".config/nextest.toml",
        "[profile.default.retries]\nbackoff = \"fixed\"\ncount = 1\ndelay = \"10s\"\n",
    );
    let wrong = project.path("cases/wrong.ron");
    let out = project.path("out/journal.jsonl");
    let mend = std::thread::spawn(move || {
        while !std::fs::read_to_string(&out).is_ok_and(|journal| journal.contains("\"failed\"")) {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let text = std::fs::read_to_string(&wrong).unwrap();
        std::fs::write(&wrong, text.replace("Exact(\"never said\")", "Regex(\".\")")).unwrap();
    });
    let said = run(&mut project.nextest(&["run", "wrong"]));
    mend.join().unwrap();
    let said = said.exits(0);
    assert!(said.stderr.contains("FLAKY 2/2"), "{}", said.stderr);
    assert!(project.read("out/results.csv").contains(",passed,"));
}

/// Whether each process had recorded its test before the next one began: a process writes a header
/// into the journal when it begins, and a record when its test ends.
fn ran_one_at_a_time(project: &Project) -> bool {
    let journal = project.read("out/journal.jsonl");
    let is_header: Vec<bool> = journal.lines().map(|line| line.starts_with("{\"run\":")).collect();
    is_header.chunks(2).all(|pair| pair == [true, false])
}

#[test]
fn partitions_and_test_groups_hold() {
    let project = project();
    let run_share = |share: &str| {
        let arguments = ["run", "--no-fail-fast", "-j", "4", "--partition", share];
        run(&mut project.nextest(&arguments));
        (trials(&project).len(), ran_one_at_a_time(&project))
    };
    // Four at once, unless a group says otherwise.
    assert_eq!(run_share("slice:1/2"), (4, false));
    project.file(
        ".config/nextest.toml",
        "[test-groups]\ngpu = { max-threads = 1 }\n\n\
         [[profile.default.overrides]]\nfilter = \"test(/::tiny$/)\"\ntest-group = \"gpu\"\n\n\
         [profile.default.junit]\npath = \"junit.xml\"\n",
    );
    assert_eq!(run_share("slice:1/2"), (4, true));
    assert_eq!(run_share("slice:2/2"), (3, true));
}

#[test]
fn processes_of_a_test_each_share_a_load_through_the_answer_cache() {
    let project = project();
    let answered = || {
        let mut all = project.nextest(&["run", "-j", "1", "--success-output", "immediate"]);
        let said = run(all.args(["-E", "test(/^[ab]::/)"]).env("EYECHART_CACHE", "cache")).exits(0);
        let loads = said.stderr.matches("loaded in").count();
        let origins: Vec<String> = trials(&project)
            .iter()
            .map(|trial| trial["origin"].as_str().unwrap().to_owned())
            .collect();
        (loads, origins)
    };
    // Both cases ask the same: the second process loads nothing, and the second run nothing at all.
    assert_eq!(answered(), (1, vec!["computed".to_owned(), "cached".to_owned()]));
    assert_eq!(answered(), (0, vec!["cached".to_owned(), "cached".to_owned()]));
}

#[test]
fn a_process_a_model_loads_it_once() {
    let project = project();
    let two = project.read("eyechart.ron").replacen(
        "{",
        &format!(
            "{{\"other\": (dir: \"{}/fixtures/models/qwen3-vl-tiny\"), ",
            env!("CARGO_MANIFEST_DIR")
        ),
        1,
    );
    project.file("eyechart.ron", &two);
    project.case("typo", "imags: []");
    let per_model = ("EYECHART_NEXTEST", "per-model");
    let mut list = project.nextest(&["list", "-T", "oneline", "--run-ignored", "all"]);
    let said = run(list.envs([per_model])).exits(0);
    let listed: BTreeSet<&str> =
        said.stdout.lines().filter_map(|line| line.strip_prefix("downstream::eval ")).collect();
    assert_eq!(listed, BTreeSet::from(["model::other", "model::tiny", "typo"]));
    let mut all = project.nextest(&["run", "--no-fail-fast"]);
    let said = run(all.envs([per_model])).exits(100);
    assert!(said.stderr.contains("3 tests run: 0 passed, 3 failed"), "{}", said.stderr);
    assert!(said.stderr.contains("7 cases on tiny (cpu, f32), loaded in"), "{}", said.stderr);
    // Seven asked and one ignored on each model, and the file that is no case.
    assert_eq!(trials(&project).len(), 2 * 8 + 1);
    let mut gone = project.binary();
    gone.args(["--exact", "model::gone", "--nocapture"]).envs([per_model]);
    run(gone.envs([("NEXTEST", "1"), ("NEXTEST_RUN_ID", "x")])).exits(3);
}
