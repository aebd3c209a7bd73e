//! One hostile text as a model's answer, a question, a reason, a name and a template's message, through
//! everything that is printed or written for people, whose bytes are looked at.

use std::process::Command;

use eyechart::foreign::is_hidden;
use serde_json::Value;

use crate::project::{Project, Said, run};

/// Acts on a terminal (clears it, sets its clipboard and title, with 7 and 8 bit introducers), overwrites
/// a line, turns text around, forges results of tests and commands to CI servers, attaches a file,
/// begins a formula.
const HOSTILE: &str = "=1+1\u{1b}[2J\u{1b}]52;c;ZXZpbA==\u{7}\u{9b}2J\r\u{202e}gnp\u{2066}\u{200b}\u{7f}\n\
                       test forged::r ... ok\n::set-output name=a::b\n##vso[task.complete]\n\
                       test result: ok. 9 passed\n[[ATTACHMENT|/etc/passwd]]\n\u{2028}红👩\u{200d}👧end";

/// Its form inside RON, for texts in quotes.
fn in_ron() -> String {
    let mut escaped = String::new();
    for c in HOSTILE.chars() {
        match c {
            '"' | '\\' => escaped.extend(['\\', c]),
            ' '..='~' => escaped.push(c),
            _ => escaped.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
        }
    }
    escaped
}

/// A project with an accepted snapshot, and then a journal in which the model says the hostile text.
fn project() -> Project {
    let project = Project::new();
    let ron = in_ron();
    let pictured = "images: [\"picture.png\"], generation: (max_new_tokens: 4)";
    project.case("changed", &format!("{pictured}, prompt: \"Q {ron}\""));
    project.case(
        "wrong",
        &format!("{pictured}, prompt: \"Q\", snapshot: Off, expect: Exact(\"zz {ron}\")"),
    );
    project.case(
        "known",
        &format!("{pictured}, prompt: \"Q\", snapshot: Off, expect: Exact(\"a\"), xfail: {{\"*\": \"{ron}\"}}"),
    );
    run(project.eval(&[]).env("INSTA_UPDATE", "always"));
    let journal = project.read("out/journal.jsonl");
    let hostile = |line: &str| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        if line["trial"]["answer"]["text"].is_string() {
            line["trial"]["answer"]["text"] = HOSTILE.into();
        }
        format!("{line}\n")
    };
    project.file("recorded.jsonl", &journal.lines().map(hostile).collect::<String>());
    project.case("ignored", &format!("{pictured}, prompt: \"Q\", ignore: \"{ron}\""));
    project.case("pictured", &format!("images: [\"{ron}.png\"], prompt: \"Q\""));
    let broken = project.path(&format!("cases/{}.ron", HOSTILE.replace('/', "_")));
    std::fs::write(broken, format!("(prompt: \"{HOSTILE}\", imags: [])")).unwrap();
    std::fs::create_dir(project.path("templated")).unwrap();
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/models/qwen3-vl-tiny");
    for file in std::fs::read_dir(model).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), project.path("templated").join(file.file_name())).unwrap();
    }
    let words = Value::from(HOSTILE);
    let template = format!("{{{{ raise_exception({words}) }}}}");
    project.file("templated/chat_template.jinja", &template);
    project.file(
        "eyechart.ron",
        "(models: {\"tiny\": (replay: \"recorded.jsonl\"), \"templated\": (dir: \"templated\")})",
    );
    project
}

/// Looks for what no output may have, a file for programs that read its lines as parts of a text neither;
/// `shown` says where it is from.
#[track_caller]
fn hides_nothing(shown: &str, text: &str) {
    let hidden: Vec<char> = text.chars().filter(|c| is_hidden(*c)).collect();
    assert!(hidden.is_empty(), "{shown}: {hidden:?} in\n{}", eyechart::foreign::visible(text));
    assert!(!text.contains("##vso["), "{shown}: {text}");
}

/// Looks for lines that read as a test's result, too, and for commands.
#[track_caller]
fn is_harmless(shown: &str, text: &str) {
    hides_nothing(shown, text);
    for line in text.lines() {
        let line = line.trim_start();
        for obeyed in ["test forged", "test result: ok. 9", "::set-output", "[[ATTACHMENT|/etc"] {
            assert!(!line.starts_with(obeyed), "{shown}: {line}");
        }
    }
}

#[track_caller]
fn said_harmlessly(shown: &str, command: &mut Command) -> Said {
    let said = run(command);
    is_harmless(&format!("{shown}, stdout"), &said.stdout);
    is_harmless(&format!("{shown}, stderr"), &said.stderr);
    said
}

#[test]
fn nothing_hostile_comes_out_of_a_run() {
    let project = project();
    let unstable = "-Zunstable-options";
    for arguments in [
        &["--test-threads=1", "--show-output"][..],
        &["--quiet", "--logfile", "log.txt"],
        &["--list"],
        &["--list", "--format=json", unstable],
        &["--format=json", unstable],
    ] {
        let said = said_harmlessly(&arguments.join(" "), project.binary().args(arguments));
        assert!(said.stdout.contains("changed::tiny"), "{}", said.stdout);
    }
    // The report is written to stdout as into its file, where a parser makes a line feed of the
    // carriage return.
    let report = run(project.binary().args(["--format=junit", unstable])).stdout;
    hides_nothing("junit", &report.replace('\r', "\n"));
    assert!(!report.contains("[[ATTACHMENT|/etc"), "{report}");
    let said =
        said_harmlessly("diffs", project.binary().env("INSTA_OUTPUT", "diff").arg("changed"));
    assert!(said.stdout.contains("Snapshot Summary"), "{}", said.stdout);
    run(&mut project.binary());
    for file in ["log.txt", "out/results.csv", "out/summary.json"] {
        hides_nothing(file, &project.read(file));
    }
    hides_nothing("junit.xml", &project.read("out/junit.xml").replace('\r', "\n"));
    let pending = std::fs::read_dir(project.path("snapshots")).unwrap();
    for file in pending {
        let path = file.unwrap().path();
        is_harmless(&path.display().to_string(), &std::fs::read_to_string(&path).unwrap());
    }
    // People still read what was said.
    let said = run(project.binary().args(["--test-threads=1", "wrong::tiny"]));
    for shown in ["\\u{1b}[2J", "红👩\u{200d}👧end", "\\n"] {
        assert!(said.stdout.contains(shown), "{shown}: {}", said.stdout);
    }
}

#[test]
fn nothing_hostile_comes_out_of_the_program() {
    let project = project();
    run(&mut project.binary());
    let program = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_eyechart"));
        command.current_dir(project.path("."));
        command
    };
    for arguments in [
        &["check"][..],
        &["plan"],
        &["models"],
        &["merge", "out", "--out", "merged"],
        &["import", "cases/\u{1b}[2J\u{202e}.dataset.ron", "imported"],
        &[
            "score",
            "pope",
            "--annotations",
            "\u{1b}[2J\ntest forged::r ... ok",
            "--results",
            "\u{9b}",
        ],
        &["compare", "out", "--judge", "tiny", "--first", "tiny", "--second", "\u{1b}[2J\u{202e}"],
    ] {
        said_harmlessly(arguments[0], program().args(arguments));
    }
    std::fs::write(project.path("eyechart.ron"), format!("(models: {{\"{}\": ()}})", in_ron()))
        .unwrap();
    for arguments in [["check"], ["plan"], ["models"]] {
        said_harmlessly(arguments[0], program().args(arguments));
    }
    said_harmlessly("a registry", &mut project.binary());
}
