use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::project::{Project, Said, run};

/// A project with a copy of the checkpoint that ships, two cases and an empty cache.
fn project() -> Project {
    let project = Project::new();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/models/qwen3-vl-tiny");
    std::fs::create_dir_all(project.path("checkpoint")).unwrap();
    for entry in std::fs::read_dir(shipped).unwrap() {
        let entry = entry.unwrap();
        let copy = project.path("checkpoint").join(entry.file_name());
        std::fs::copy(entry.path(), copy).unwrap();
    }
    project.file("eyechart.ron", "(models: {\"tiny\": (dir: \"checkpoint\")})");
    project.file("cases/defaults.ron", "(snapshot: Off)\n");
    project.open_case("one");
    project.case("two", "images: [\"picture.png\"], prompt: \"Is it grey?\", expect: Regex(\".\")");
    project
}

fn cached_run(project: &Project) -> Command {
    let mut command = project.eval(&[]);
    command.env("EYECHART_CACHE", "cache");
    command
}

/// Where the answer to each case came from.
fn origins(project: &Project) -> BTreeMap<String, String> {
    let journal = project.read("out/journal.jsonl");
    let trials = journal.lines().skip(1).map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        let field = |name: &str| line["trial"][name].as_str().unwrap().to_owned();
        (field("case"), field("origin"))
    });
    trials.collect()
}

/// Asserts that all answers have this origin.
#[track_caller]
fn all_are(project: &Project, origin: &str) {
    let origins = origins(project);
    assert!(origins.values().all(|found| found == origin), "{origins:?}, expected {origin}");
}

fn loads(said: &Said) -> bool {
    said.stderr.contains("loaded in")
}

fn answers(project: &Project) -> Vec<Value> {
    let journal = project.read("out/journal.jsonl");
    let trials = journal.lines().skip(1).map(|line| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        line["trial"]["answer"].take()
    });
    let mut answers: Vec<Value> = trials.collect();
    answers.sort_by_key(Value::to_string);
    answers
}

/// The files of kept answers.
fn entries(project: &Project) -> Vec<PathBuf> {
    let pattern = project.path("cache/answers/*/*").display().to_string();
    glob::glob(&pattern).unwrap().map(Result::unwrap).collect()
}

#[test]
fn a_second_run_loads_no_weights_and_says_the_same() {
    let project = project();
    let said = run(&mut cached_run(&project)).exits(0);
    assert!(loads(&said), "{}", said.stderr);
    all_are(&project, "computed");
    let computed = answers(&project);
    let said = run(&mut cached_run(&project)).exits(0);
    assert!(!loads(&said), "{}", said.stderr);
    assert!(said.stderr.contains("2 of 2 answers of tiny are cached"), "{}", said.stderr);
    all_are(&project, "cached");
    assert_eq!(answers(&project), computed);

    // An expectation is no part of the question.
    project.case(
        "one",
        "images: [\"picture.png\"], prompt: \"What is in the picture?\", \
                         expect: Exact(\"never said\")",
    );
    let said = run(&mut cached_run(&project)).exits(101);
    assert!(!loads(&said), "{}", said.stderr);
    // A new case alone is asked.
    project.open_case("three");
    project.case("three", "images: [\"picture.png\"], prompt: \"Why?\", expect: Regex(\".\")");
    let said = run(&mut cached_run(&project));
    assert!(said.stderr.contains("1 case on tiny"), "{}", said.stderr);
    assert_eq!(origins(&project)["three"], "computed");
    assert_eq!(origins(&project)["two"], "cached");
}

#[test]
fn a_changed_byte_of_anything_that_counts_is_asked_again() {
    let project = project();
    run(&mut cached_run(&project)).exits(0);
    let append = |file: &str| {
        let path = project.path(file);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.push(b'\n');
        std::fs::write(path, bytes).unwrap();
    };
    let flip_last = |file: &str| {
        let path = project.path(file);
        let mut bytes = std::fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(path, bytes).unwrap();
    };
    let question = |prompt: &str, generation: &str| {
        let fields = format!(
            "images: [\"picture.png\"], prompt: \"{prompt}\", expect: Not(Exact(\"never said\")), \
             generation: ({generation})"
        );
        for case in ["one", "two"] {
            project.case(case, &fields);
        }
    };
    let changes: [(&str, &dyn Fn()); 7] = [
        // Behind the picture's end: the pixels stay as they were.
        ("picture", &|| append("cases/picture.png")),
        ("tokenizer", &|| append("checkpoint/tokenizer.json")),
        ("processor", &|| append("checkpoint/preprocessor_config.json")),
        ("configuration", &|| append("checkpoint/config.json")),
        ("weights", &|| flip_last("checkpoint/model.safetensors")),
        ("prompt", &|| question("What is in the picture? ", "")),
        ("generation", &|| question("What is in the picture? ", "max_new_tokens: 100")),
    ];
    for (what, change) in changes {
        change();
        run(&mut cached_run(&project)).exits(0);
        let origins = origins(&project);
        assert!(origins.values().all(|origin| origin == "computed"), "{what}: {origins:?}");
        run(&mut cached_run(&project)).exits(0);
        all_are(&project, "cached");
    }
    run(cached_run(&project).env("EYECHART_DTYPE", "bf16")).exits(0);
    all_are(&project, "computed");
    // What people read of a checkpoint does not count.
    append("checkpoint/README.md");
    run(&mut cached_run(&project)).exits(0);
    all_are(&project, "cached");
}

#[test]
fn a_damaged_answer_is_told_and_computed_again() {
    let project = project();
    run(&mut cached_run(&project)).exits(0);
    let computed = answers(&project);
    let entries = entries(&project);
    assert_eq!(entries.len(), 2, "{entries:?}");
    let cut_off: fn(&str) -> String = |whole| whole[..whole.len() / 2].to_owned();
    let changed: fn(&str) -> String = |whole| whole.replacen("\"text\":\"", "\"text\":\"x", 1);
    for damage in [cut_off, changed] {
        for entry in &entries {
            std::fs::write(entry, damage(&std::fs::read_to_string(entry).unwrap())).unwrap();
        }
        let said = run(&mut cached_run(&project)).exits(0);
        for entry in &entries {
            let told = format!("{}: ", entry.display());
            assert!(said.stderr.contains(&told), "{}", said.stderr);
        }
        assert!(said.stderr.contains("; the answer is computed again"), "{}", said.stderr);
        all_are(&project, "computed");
        let texts =
            |answers: &[Value]| answers.iter().map(|a| a["text"].clone()).collect::<Vec<_>>();
        assert_eq!(texts(&answers(&project)), texts(&computed));
        run(&mut cached_run(&project)).exits(0);
        all_are(&project, "cached");
    }
}

#[test]
fn processes_share_a_cache() {
    let project = project();
    for number in 0..4 {
        let prompt = format!("Question {number}?");
        project.case(
            &format!("case_{number}"),
            &format!("images: [\"picture.png\"], prompt: \"{prompt}\", expect: Regex(\".\")"),
        );
    }
    let binary = project.binary();
    let all_at_once: Vec<_> = (0..3)
        .map(|number| {
            let mut command = Command::new(binary.get_program());
            command
                .current_dir(project.path(""))
                .env("CARGO_MANIFEST_DIR", project.path(""))
                .env("EYECHART_DEVICE", "cpu")
                .env("EYECHART_OUT", format!("out_{number}"))
                .env("EYECHART_CACHE", "cache")
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    for process in all_at_once {
        let output = process.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && !stderr.contains("computed again"), "{stderr}");
    }
    assert_eq!(entries(&project).len(), 6);
    run(&mut cached_run(&project)).exits(0);
    all_are(&project, "cached");
    // As nextest runs them: a process a case.
    let said = run(project.eval(&["--exact", "case_2::tiny"]).env("EYECHART_CACHE", "cache"));
    assert!(!loads(&said.exits(0)));
}
