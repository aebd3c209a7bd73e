//! `eyechart compare`, with the shipped checkpoint as the judge.

use std::path::Path;
use std::process::Command;

use eyechart::answer::Answer;
use eyechart::asked::Asked;
use eyechart::checksum;
use eyechart::image::Viewing;
use eyechart::journal::{Journal, RunHeader, RunPlan, Status, TrialRecord};
use eyechart::opinion::{AnswerPosition, JudgedPictures};
use eyechart::request::GenerationOptions;
use eyechart::score::comparison::Contest;
use serde_json::Value;

/// A project with a picture, a case about it, and a row of a data set about it.
struct Project(tempfile::TempDir);

impl Project {
    fn new() -> Self {
        let project = Self(tempfile::tempdir().unwrap());
        let root = env!("CARGO_MANIFEST_DIR");
        let tiny = format!("{root}/fixtures/models/qwen3-vl-tiny");
        project.write("eyechart.ron", &format!("(models: {{\"tiny\": (dir: {tiny:?})}})"));
        let picture = "cases/red.png";
        project.write(picture, "");
        let red = Path::new(root).join("fixtures/datasets/ok/pictures/red.png");
        std::fs::copy(red, project.path(picture)).unwrap();
        let case = "(images: [\"red.png\"], prompt: \"What is it?\", snapshot: Off, expect: Exact(\"red\"))";
        project.write("cases/colour.ron", case);
        project.write("cases/rows.csv", "id,image,question,answer\n7,red.png,What is it?,red\n");
        project.write(
            "cases/rows.dataset.ron",
            "(source: Csv(file: \"rows.csv\", images: \"{image}\", columns: (id: \"id\", answer: \"answer\")), \
             prompt: \"{question}\")",
        );
        project
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// A journal of one model's answers.
    fn journal(&self, folder: &str, model: &str, answers: &[(&str, &str)]) {
        let header = RunHeader::now(None, RunPlan::default());
        let journal = Journal::create(&self.path(folder), &header).unwrap();
        let picture = checksum::of_file(&self.path("cases/red.png")).unwrap();
        for (case, text) in answers {
            let file = "cases/colour.ron".into();
            let trial =
                TrialRecord::unanswered((*case).into(), Some(model.into()), file, Status::Passed);
            let asked = Asked {
                conversation_sha256: String::new(),
                images_sha256: vec![picture.clone()],
                orientation: Viewing::Upright,
                generation: GenerationOptions::default(),
            };
            let question = "What is it?".into();
            let (answer, asked) = (Some(Answer::of_text(*text)), Some(asked));
            journal.append(&TrialRecord { question, answer, asked, ..trial }).unwrap();
        }
    }

    /// Exit code, stdout and stderr.
    fn compare(&self, arguments: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_eyechart"));
        command.arg("compare").args(arguments).current_dir(self.0.path());
        let said = command.env("EYECHART_DEVICE", "cpu").output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (said.status.code().unwrap(), text(said.stdout), text(said.stderr))
    }
}

#[test]
fn a_judge_is_asked_twice_about_each_pair_and_its_replies_are_kept() {
    let project = Project::new();
    project.journal("one", "m", &[("colour", "red"), ("rows::7", "It is red."), ("gone", "red")]);
    project.journal("two", "m", &[("colour", "blue"), ("rows::7", "It is red.")]);
    let (code, table, said) =
        project.compare(&["one", "two", "--judge", "tiny", "--rubric", "Names the colour."]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("not compared: gone: it has no answer of the second model"), "{said}");
    assert!(said.contains("2 replies of tiny (cpu, f32)"), "{said}");
    assert!(table.contains("m (one/journal.jsonl) is better"), "{table}");
    let kept = std::fs::read_to_string(project.path("target/eyechart/comparison.json")).unwrap();
    let kept: Value = serde_json::from_str(&kept).unwrap();
    let [colour, row] = &kept["items"].as_array().unwrap()[..] else { panic!("{kept}") };
    assert_eq!((&colour["id"], &row["id"]), (&"colour".into(), &"rows::7".into()));
    assert_eq!((&row["outcome"], &row["replies"]), (&"tie".into(), &Value::Array(vec![])));
    // A model of scenes prefers nothing: that is told apart from a tie.
    assert_eq!((&colour["outcome"], &kept["aggregate"]["unread"]), (&"unread".into(), &1.into()));
    let contest = Contest {
        judge: "tiny",
        rubric: "Names the colour.",
        question: "What is it?",
        pictures: JudgedPictures::Shown,
    };
    let asked = contest.inquiries(["red", "blue"]);
    let positions = [AnswerPosition::First, AnswerPosition::Second];
    for ((reply, inquiry), position) in
        colour["replies"].as_array().unwrap().iter().zip(asked).zip(positions)
    {
        assert_eq!(reply["sha256"], inquiry.sha256());
        let reply = &reply["said"]["reply"];
        assert_eq!(reply["position"], serde_json::to_value(position).unwrap());
        assert!(reply["text"].is_string() && reply["unread"].is_string(), "{reply}");
    }
}

#[test]
fn the_same_answers_need_no_judge() {
    let project = Project::new();
    project.journal("one", "a", &[("colour", "red")]);
    project.journal("two", "b", &[("colour", "red\n")]);
    let (code, shown, said) =
        project.compare(&["one", "two", "--judge", "tiny", "--format", "json"]);
    assert_eq!((code, said.as_str()), (0, ""));
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["aggregate"]["equal_answers"], 1);
    assert_eq!(shown["aggregate"]["win_rate"], 0.5);
}

#[test]
fn what_cannot_be_compared_is_refused_with_the_reason() {
    let project = Project::new();
    project.journal("one", "a", &[("colour", "red")]);
    project.journal("two", "b", &[("colour", "blue")]);
    project.journal("elsewhere", "b", &[("unknown", "blue")]);
    project.journal("here", "a", &[("unknown", "red")]);
    project.write("broken/journal.jsonl", "{\"run\":\n");
    let mut shown = String::new();
    let mut refuse = |arguments: &[&str]| {
        let (code, table, said) = project.compare(arguments);
        assert_eq!((code, table.as_str()), (2, ""), "{arguments:?}: {said}");
        shown += &format!("$ {}\n{said}\n", arguments.join(" "));
    };
    refuse(&["one", "two", "--judge", "big"]);
    refuse(&["none", "two", "--judge", "tiny"]);
    refuse(&["broken", "two", "--judge", "tiny"]);
    refuse(&["one", "--judge", "tiny"]);
    refuse(&["one", "two", "--judge", "tiny", "--second", "c"]);
    refuse(&["one", "elsewhere", "--judge", "tiny"]);
    refuse(&["here", "elsewhere", "--judge", "tiny"]);
    refuse(&["one", "two", "--judge", "tiny", "--rubric", ""]);
    std::fs::write(project.path("cases/red.png"), "another").unwrap();
    refuse(&["one", "two", "--judge", "tiny"]);
    insta::assert_snapshot!(shown);
}
