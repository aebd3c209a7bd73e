use crate::project::{Project, run};

/// Three questions about the grey picture whose answers no model gives.
fn project(fields: &str) -> Project {
    let project = Project::new();
    let question =
        |id: u32| format!("{{\"question_id\": {id}, \"image_id\": 1, \"question\": \"Q{id}?\"}}");
    let annotation = |id: u32| {
        let answer = |person: u32| {
            format!(
                "{{\"answer\": \"never said {person}\", \"answer_confidence\": \"yes\", \"answer_id\": {person}}}"
            )
        };
        let answers: Vec<String> = (1..=10).map(answer).collect();
        format!("{{\"question_id\": {id}, \"image_id\": 1, \"answers\": [{}]}}", answers.join(", "))
    };
    let list = |one: &dyn Fn(u32) -> String| (1..=3).map(one).collect::<Vec<_>>().join(",\n");
    project.file("cases/questions.json", &format!("{{\"questions\": [\n{}\n]}}", list(&question)));
    let annotations = format!("{{\"annotations\": [\n{}\n]}}", list(&annotation));
    project.file("cases/annotations.json", &annotations);
    project.file(
        "cases/rows.dataset.ron",
        &format!(
            "(\n    source: Vqa(questions: \"questions.json\", annotations: \"annotations.json\", \
             images: \"picture.png\"),\n    prompt: \"{{question}}\",\n    generation: \
             (max_new_tokens: 2),\n    {fields}\n)\n"
        ),
    );
    project
}

const GATES: &str = "gate: [(metric: vqa_accuracy, min: 0.5), (metric: accuracy, min: 0.0)],";

/// Case, status and message of every trial in the journal.
fn journal(project: &Project) -> Vec<(String, String, String)> {
    let text = project.read("out/journal.jsonl");
    let trials = text.lines().skip(1).map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let field = |name: &str| line["trial"][name].as_str().unwrap_or_default().to_owned();
        (field("case"), field("status"), field("message"))
    });
    let mut trials: Vec<_> = trials.collect();
    trials.sort();
    trials
}

#[test]
fn rows_are_recorded_and_gates_judge() {
    let project = project(GATES);
    let said = run(&mut project.eval(&["--list"])).exits(0);
    assert_eq!(
        said.stdout,
        "rows::1::tiny: test\nrows::2::tiny: test\nrows::3::tiny: test\n\
         rows::gate_accuracy::tiny: test\nrows::gate_vqa_accuracy::tiny: test\n\n\
         5 tests, 0 benchmarks\n"
    );
    assert!(!project.exists("out"), "a list writes nothing");

    let said = run(&mut project.eval(&["--test-threads=1"])).exits(101);
    assert!(said.stdout.contains("4 passed; 1 failed"), "{}", said.stdout);
    let from = said.stdout.find("failures:").unwrap();
    insta::assert_snapshot!("gate_fails", project.redact(&said.stdout[from..]));
    let statuses: Vec<(String, String)> =
        journal(&project).into_iter().map(|(case, status, _)| (case, status)).collect();
    let expected = [
        ("rows::1", "recorded"),
        ("rows::2", "recorded"),
        ("rows::3", "recorded"),
        ("rows::gate_accuracy", "passed"),
        ("rows::gate_vqa_accuracy", "failed"),
    ];
    assert_eq!(statuses, expected.map(|(case, status)| (case.to_owned(), status.to_owned())));

    // Alone, as nextest runs it, a gate asks its rows itself.
    let exact = ["--exact", "rows::gate_vqa_accuracy::tiny"];
    let said = run(&mut project.eval(&exact)).exits(101);
    assert!(said.stdout.contains("0 passed; 1 failed"), "{}", said.stdout);
    assert_eq!(journal(&project).len(), 4);
    let both = run(&mut project.eval(&["gate"])).exits(101);
    assert!(both.stdout.contains("1 passed; 1 failed"), "{}", both.stdout);

    // With some of its rows it says that it cannot judge.
    let said = run(&mut project.eval(&["--skip", "rows::2"])).exits(0);
    assert!(said.stdout.contains("2 passed; 0 failed; 2 ignored"), "{}", said.stdout);
    let reason = "only 2 of 3 rows were selected, and a gate needs all or none of them";
    assert!(
        journal(&project)
            .iter()
            .any(|(_, status, message)| status == "ignored" && message == reason)
    );

    // Rows alone, without the gates.
    run(&mut project.eval(&["--skip", "gate"])).exits(0);
}

#[test]
fn without_gates_each_row_is_judged() {
    let project = project("sample: Ids([2]),");
    let said = run(&mut project.eval(&[])).exits(101);
    assert!(said.stdout.contains("0 passed; 1 failed"), "{}", said.stdout);
    assert!(said.stdout.contains("vqa_accuracy is 0, expected more than 0"), "{}", said.stdout);

    // What is wrong with a file fails each test that needs it, with the place.
    let damaged = project.read("cases/annotations.json").replacen("\"answers\"", "\"answer\"", 2);
    project.file("cases/annotations.json", &damaged);
    run(&mut project.eval(&["--list"])).exits(0);
    let said = run(&mut project.eval(&["rows::2"])).exits(101);
    let from = said.stdout.find("failures:").unwrap();
    insta::assert_snapshot!("broken_annotations", project.redact(&said.stdout[from..]));
}
