//! One file of each official layout as its source writes it (head and tail of the real format, made by us),
//! through `check`, `import`, gates and `score`.

use std::path::Path;
use std::process::Command;

use eyechart::case::{self, Checks, Discovered, KnownNames};
use eyechart::dataset::{AnsweredRow, Dataset, Pictures, Row};

/// A project with pictures in `cases/pictures`.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        for colour in ["red", "green", "blue"] {
            let from = format!("fixtures/datasets/ok/pictures/{colour}.png");
            files.copy(&from, &format!("pictures/{colour}.png"));
        }
        files
    }

    fn copy(&self, from: &str, to: &str) {
        self.write(to, std::fs::read(from).unwrap());
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.0.path().join("cases").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Writes `set.dataset.ron`.
    fn define(&self, source: &str, more: &str) -> &Self {
        let prompt = if more.contains("prompt:") { "" } else { "prompt: \"{question}\"," };
        self.write("set.dataset.ron", format!("(source: {source}, {prompt} {more})"));
        self
    }

    /// Exit code, stdout and stderr of the program in the folder of cases.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_eyechart"));
        let said =
            command.args(arguments).current_dir(self.0.path().join("cases")).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (said.status.code().unwrap(), text(said.stdout), text(said.stderr))
    }

    /// `check` finds so many rows, and `import` writes as many.
    fn is_valid(&self, rows: usize) -> &Self {
        let (code, out, problems) = self.run(&["check", "."]);
        let counted = if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") };
        assert_eq!((code, problems.as_str()), (0, ""), "{out}");
        assert_eq!(out, format!("0 cases, 1 data set with {counted}, all valid\n"));
        let folder = self.0.path().join("imported");
        let (code, _, problems) =
            self.run(&["import", "set.dataset.ron", folder.to_str().unwrap()]);
        assert_eq!((code, problems.as_str()), (0, ""));
        self
    }

    /// What `check` says is wrong.
    fn refusal(&self) -> String {
        let (code, _, problems) = self.run(&["check", "."]);
        assert_eq!(code, 1, "{problems}");
        problems
    }

    fn imported(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.path().join("imported").join(name)).unwrap()
    }

    /// The figure of the only gate, over these answers.
    fn figure(&self, answers: &[&str]) -> f64 {
        let root = self.0.path().join("cases");
        let found = case::discover(&root, &KnownNames::default(), Checks::Structure).unwrap();
        let Some(Discovered::Dataset(file)) = found.first() else { panic!("{found:?}") };
        let dataset = Dataset::open(file).unwrap();
        let all: Vec<usize> = (0..dataset.len()).collect();
        let rows = dataset.rows(&all, Pictures::Checked).unwrap();
        assert_eq!(rows.len(), answers.len());
        let answered = |(row, text): (&'_ Row, &'_ str)| (row.clone(), text.to_owned());
        let owned: Vec<(Row, String)> =
            rows.iter().zip(answers.iter().copied()).map(answered).collect();
        let rows: Vec<AnsweredRow<'_>> = owned
            .iter()
            .map(|(row, text)| AnsweredRow {
                row,
                text,
                passed: false,
                iou: None,
                center_accuracy: None,
                opinions: &[],
            })
            .collect();
        dataset.gates()[0].figure(&rows).unwrap().value
    }

    /// A figure of `score`.
    fn score(&self, task: &str, annotations: &str, results: &str, figure: &str) -> f64 {
        self.write("results.json", results);
        let arguments = ["score", task, "--annotations", annotations, "--results", "results.json"];
        let (code, out, problems) = self.run(&[&arguments[..], &["--format", "json"]].concat());
        assert_eq!((code, problems.as_str()), (0, ""));
        let table: serde_json::Value = serde_json::from_str(&out).unwrap();
        table["aggregate"][figure].as_f64().unwrap()
    }

    fn no_score(&self, task: &str, annotations: &str, results: &str) -> String {
        self.write("results.json", results);
        let arguments = ["score", task, "--annotations", annotations, "--results", "results.json"];
        let (code, _, problems) = self.run(&arguments);
        assert_eq!(code, 2, "{problems}");
        problems
    }
}

const OPTIONS: &str = "prompt: \"{question}\\n{options}\",";

fn gated(metric: &str) -> String {
    format!("gate: [(metric: {metric}, min: 0.5)],")
}

#[test]
fn scienceqa() {
    let files = Files::new();
    for (split, id) in [("test", "5"), ("val", "11")] {
        files.copy(
            "fixtures/datasets/ok/pictures/red.png",
            &format!("images/{split}/{id}/image.png"),
        );
    }
    // Two problems of the official file, with all its fields, and one without a picture.
    files.write("problems.json", r#"{
  "1": {"question": "Which of these states is farthest north?", "choices": ["West Virginia", "Louisiana", "Arizona", "Oklahoma"], "answer": 0, "hint": "", "image": null, "task": "closed choice", "grade": "grade2", "subject": "social science", "topic": "geography", "category": "Geography", "skill": "Read a map: cardinal directions", "lecture": "Maps have four cardinal directions.", "solution": "To find the answer, look at the compass rose.", "split": "test"},
  "5": {"question": "Which of the following could this test show?", "choices": ["one", "the other"], "answer": 1, "hint": "People can use the engineering-design process.", "image": "image.png", "task": "closed choice", "grade": "grade8", "subject": "natural science", "topic": "science-and-engineering-practices", "category": "Engineering practices", "skill": "Evaluate tests", "lecture": "", "solution": "", "split": "test"},
  "11": {"question": "Which property?", "choices": ["soft", "hard"], "answer": 0, "hint": "", "image": "image.png", "task": "closed choice", "grade": "grade3", "subject": "natural science", "topic": "physics", "category": "Materials", "skill": "", "lecture": "", "solution": "", "split": "val"}
}"#);
    files.write("pid_splits.json", r#"{"test": ["1", "5"], "val": ["11"], "minival": ["11"]}"#);
    let source = |more: &str| {
        format!(
            "ScienceQa(file: \"problems.json\", {more} images: \"images/{{split}}/{{id}}/{{image}}\")"
        )
    };
    let more = format!("{OPTIONS} {}", gated("mmbench"));
    files.define(&source("split: \"test\","), &more).is_valid(1);
    assert!(files.imported("5.ron").contains("A. one\\nB. the other"));
    assert_eq!((files.figure(&["B"]), files.figure(&["A"])), (1.0, 0.0));
    files.define(&source("split: \"minival\", splits: \"pid_splits.json\","), &more);
    assert_eq!(files.figure(&["A"]), 1.0);
    files.define(&source(""), &more);
    assert_eq!(files.figure(&["B", "B"]), 0.5);
    files.define(&source("splits: \"pid_splits.json\","), &more);
    assert!(files.refusal().contains("set `split`"));
    files.define(&source("split: \"minitest\", splits: \"pid_splits.json\","), &more);
    assert!(files.refusal().contains("expected a list of ids under this split"));
    // A split of other problems is not merely a smaller one.
    files.write("other.json", r#"{"test": ["5", "12"]}"#);
    files.define(&source("split: \"test\", splits: \"other.json\","), &more);
    assert!(files.refusal().contains("other.json: id 12 is not in"));
    let results = r#"[{"id": "11", "prediction": "A"}, {"id": "5", "prediction": "B"}, {"id": "1", "prediction": "B"}]"#;
    assert_eq!(files.score("mmbench", "problems.json", results, "mmbench"), 2.0 / 3.0);
}

#[test]
fn seed_bench() {
    let files = Files::new();
    files.copy("fixtures/datasets/ok/pictures/red.png", "SEED-Bench-image/1454426_2591111986");
    files.write("SEED-Bench.json", r#"{"questions": [
 {"answer": "A", "choice_a": "One", "choice_b": "Two", "choice_c": "Three", "choice_d": "Four", "data_id": "1454426_2591111986", "data_type": "image", "question": "How many towels are in the image?", "question_id": "101669", "question_type_id": 5},
 {"answer": "C", "choice_a": "a", "choice_b": "b", "choice_c": "c", "choice_d": "d", "data_id": "P03/P03_101.MP4", "data_type": "video", "question": "Which action?", "question_id": "7", "question_type_id": 11, "segment": [1.0, 2.5]}],
 "question_type": {"Scene Understanding": 1, "Instance Counting": 5}}"#);
    let more = format!("{OPTIONS} {}", gated("mmbench"));
    files.define(
        "SeedBench(file: \"SEED-Bench.json\", images: \"SEED-Bench-image/{data_id}\")",
        &more,
    );
    files.is_valid(1);
    assert!(files.imported("101669.ron").contains("A. One\\nB. Two\\nC. Three\\nD. Four"));
    assert_eq!((files.figure(&["A"]), files.figure(&["D"])), (1.0, 0.0));
    let results =
        r#"[{"question_id": 7, "prediction": "C"}, {"question_id": 101669, "prediction": "B"}]"#;
    assert_eq!(files.score("mmbench", "SEED-Bench.json", results, "mmbench"), 0.5);
    // SEED-Bench-2 has lists of pictures.
    files.write("v2.json", r#"{"questions": [{"answer": "A", "choice_a": "x", "choice_b": "y", "choice_c": "", "choice_d": "", "data_id": ["red.png", "blue.png"], "data_type": "Multiple Images", "question": "Same?", "question_id": "1", "question_type_id": 20}]}"#);
    files.define("SeedBench(file: \"v2.json\", images: \"pictures/{data_id}\")", OPTIONS);
    assert!(files.run(&["check", "."]).0 == 0, "{}", files.refusal());
}

#[test]
fn viz_wiz() {
    let files = Files::new();
    let people = |texts: &[&str]| {
        let one =
            |text: &&str| format!("{{\"answer\": \"{text}\", \"answer_confidence\": \"yes\"}}");
        texts.iter().map(one).collect::<Vec<_>>().join(", ")
    };
    let first = people(&["basil"; 10]);
    let second = people(&[&["unanswerable"; 2][..], &["soda"; 8]].concat());
    files.write("val.json", format!(r#"[{{"image": "red.png", "question": "What's the name of this product?", "answers": [{first}], "answer_type": "other", "answerable": 1}},
 {{"image": "blue.png", "question": "Can you tell me what is in this can please?", "answers": [{second}], "answer_type": "other", "answerable": 1}}]"#));
    files
        .define("VizWiz(file: \"val.json\", images: \"pictures/{image}\")", &gated("vqa_accuracy"));
    files.is_valid(2);
    // Two of ten said it: 2/3 for the eight who did not, 1/3 for the two who did; (8 * 2/3 + 2 * 1/3) / 10.
    let value = files.figure(&["basil", "unanswerable"]);
    assert!((value - (1.0 + 0.6) / 2.0).abs() < 1e-9, "{value}");
    let results =
        r#"[{"image": "blue.png", "answer": "soda"}, {"image": "red.png", "answer": "basil"}]"#;
    assert_eq!(files.score("textvqa", "val.json", results, "textvqa_accuracy"), 1.0);
    // The test split has no answers.
    files.write("test.json", r#"[{"image": "red.png", "question": "What is this?"}]"#);
    files.define("VizWiz(file: \"test.json\", images: \"pictures/{image}\")", "");
    assert_eq!(files.run(&["check", "."]).0, 0);
}

#[test]
fn flickr30k_of_karpathy() {
    let files = Files::new();
    files.write("dataset_flickr30k.json", r#"{"images": [
 {"sentids": [0, 1], "imgid": 0, "sentences": [{"tokens": ["two", "men"], "raw": "Two men.", "imgid": 0, "sentid": 0}, {"tokens": ["men"], "raw": "Men in a yard.", "imgid": 0, "sentid": 1}], "split": "train", "filename": "red.png"},
 {"sentids": [2], "imgid": 1, "sentences": [{"tokens": ["a", "man"], "raw": "A man in green.", "imgid": 1, "sentid": 2}], "split": "test", "filename": "green.png"}], "dataset": "flickr30k"}"#);
    let source = "Karpathy(file: \"dataset_flickr30k.json\", split: \"test\", images: \"pictures/{filename}\")";
    files
        .define(source, "prompt: \"Describe it.\", gate: [(metric: bleu_1, min: 0.5)],")
        .is_valid(1);
    assert!(files.figure(&["A man in green"]) > 0.999);
    let results = r#"[{"image_id": 1, "caption": "A man in green"}]"#;
    assert!(files.score("coco-caption", "dataset_flickr30k.json", results, "bleu_1") > 0.999);
    let source = source.replace("{filename}", "{filepath}/{filename}");
    files.define(&source, "prompt: \"Describe it.\",");
    let message = files.refusal();
    assert!(message.contains("set.dataset.ron") && message.contains("no {filepath}"), "{message}");
}

/// VLMEvalKit's tables of MMStar and of SEED-Bench have pictures in base64 and options in columns.
#[test]
fn tables_of_vlmevalkit() {
    let files = Files::new();
    let table = std::fs::read_to_string("fixtures/datasets/ok/mmbench/MMBench_DEV_EN.tsv").unwrap();
    let picture = table.split(['\t', '\n']).max_by_key(|cell| cell.len()).unwrap();
    files.write("MMStar.tsv", format!("\u{FEFF}index\tquestion\tA\tB\tC\tD\tanswer\tcategory\tl2_category\tbench\timage\r\n0\tWhich?\tred\tNone\t['a', 'b']\t\tB\tcoarse perception\timage scene\tMMBench\t{picture}\r\n1\tWhich one?\tred\tblue\t\t\tA\tmath\tgeometry\tMathVista\t0\r\n"));
    let more = format!("{OPTIONS} {}", gated("mmbench"));
    files.define("VlmEvalKit(file: \"MMStar.tsv\")", &more).is_valid(2);
    // An option is what stands in its column, whatever it looks like.
    assert!(files.imported("0.ron").contains("A. red\\nB. None\\nC. ['a', 'b']"));
    assert_eq!(files.figure(&["B", "A"]), 1.0);
    let results =
        "[{\"index\": 1, \"prediction\": \"A\"}, {\"index\": \"0\", \"prediction\": \"A\"}]";
    assert_eq!(files.score("mmbench", "MMStar.tsv", results, "mmbench"), 0.5);
    files.write("DocVQA_VAL.tsv", format!("index\timage\tquestion\tanswer\r\n49153\t{picture}\tWhich brand?\t['Itc', \"itc's\"]\r\n"));
    files.define(
        "VlmEvalKit(file: \"DocVQA_VAL.tsv\")",
        &format!("metric: anls, {}", gated("anls")),
    );
    assert_eq!(files.figure(&["itc's"]), 1.0);
    let results = "[{\"index\": 49153, \"prediction\": \"Itc\"}]";
    assert_eq!(files.score("anls", "DocVQA_VAL.tsv", results, "anls"), 1.0);
}

#[test]
fn mme_with_dots_and_a_folder_for_score() {
    let files = Files::new();
    files.copy("fixtures/datasets/ok/pictures/red.png", "MME/posters/tt0032138_v1.2_shot.0395.JPG");
    files.write(
        "MME/posters/tt0032138_v1.2_shot.0395.txt",
        "\u{FEFF}Is this red?\tYes\r\nIs this blue?\tNo\r\n",
    );
    files.define("Mme(folder: \"MME\")", &gated("mme_perception")).is_valid(2);
    assert_eq!(files.figure(&["Yes", "No"]), 200.0);
    // The answers to a picture stand in another order, each beside its question.
    let results = r#"[{"question_id": "posters/tt0032138_v1.2_shot.0395.JPG", "question": "Is this blue?", "answer": "No"},
                      {"question_id": "posters/tt0032138_v1.2_shot.0395.JPG", "question": "Is this red?", "answer": "Yes"}]"#;
    assert_eq!(files.score("mme", "MME", results, "perception"), 200.0);
}

#[test]
fn mme_with_less_than_it_asks_is_refused() {
    let files = Files::new();
    let picture = "fixtures/datasets/ok/pictures/red.png";
    files.copy(picture, "MME/color/a.v1.png");
    let text = "MME/color/a.v1.txt";
    files.write(text, "Red?\tYes\nBlue?\tNo\n\n");
    files.define("Mme(folder: \"MME\")", "").is_valid(2);
    for less in ["Red?\tYes\n", "", "Red?\tYes\nBlue?\tNo\nGreen?\tNo\n"] {
        files.write(text, less);
        assert!(files.refusal().contains("questions, expected two"), "{less}");
    }
    files.write(text, "Red?\tYes\nBlue?\tNo\n");
    // What a Mac leaves beside the files is none of them.
    files.write("MME/color/._a.v1.txt", [0, 5, 22, 7]);
    files.write("MME/.DS_Store", "");
    assert_eq!(files.run(&["check", "."]).0, 0);
    files.copy(picture, "MME/count/images/a.png");
    let message = files.refusal();
    assert!(message.contains("MME/count: expected a text for each picture"), "{message}");
    files.write("MME/count/questions_answers_YN/a.TXT", "One?\tYes\nTwo?\tNo\n");
    assert_eq!(files.run(&["check", "."]).0, 0);
    files.copy(picture, "MME/color/a.v1.jpg");
    assert!(files.refusal().contains("keep one"));
}

#[test]
fn a_row_that_asks_nothing_is_refused() {
    let files = Files::new();
    let source = "Jsonl(file: \"t.jsonl\", columns: (id: \"id\", image: \"image\", answer: \"answer\"), images: \"pictures/{image}\")";
    files.define(source, "prompt: \"{hint} {question}\"");
    let row = |question: &str| {
        let whole =
            r#"{"id": 1, "image": "red.png", "question": "Red?", "hint": null, "answer": "a"}"#;
        format!(
            "{whole}\n{{\"id\": 2, \"image\": \"red.png\", {question} \"hint\": \"h\", \"answer\": \"b\"}}\n"
        )
    };
    files.write("t.jsonl", row("\"question\": \"Blue?\","));
    files.is_valid(2);
    for nothing in ["", "\"question\": null,", "\"question\": \" \",", "\"question\": [\"Blue?\"],"]
    {
        files.write("t.jsonl", row(nothing));
        let message = files.refusal();
        assert!(message.contains("t.jsonl:2:1: `question` is empty"), "{nothing}: {message}");
    }
}

/// MMMU writes its options as Python does.
#[test]
fn options_in_a_text() {
    let files = Files::new();
    let source = "Jsonl(file: \"t.jsonl\", columns: (id: \"id\", image: \"image\", answer: \"answer\", options: [\"options\"]), images: \"pictures/{image}\")";
    files.define(source, &format!("metric: mmbench, {OPTIONS}"));
    files.write("t.jsonl", r#"{"id": "a", "image": "red.png", "question": "?", "answer": "B", "options": "['$5', \"it's\", 'a, b']"}
{"id": "b", "image": "red.png", "question": "?", "answer": "B", "options": "[10, 20.5]"}
"#);
    files.is_valid(2);
    assert!(files.imported("a.ron").contains("A. $5\\nB. it's\\nC. a, b"));
    assert!(files.imported("b.ron").contains("A. 10\\nB. 20.5"));
}

#[test]
fn other_official_files_through_score() {
    let files = Files::new();
    let at = |name: &str| {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fixtures/datasets/ok")
            .join(name)
            .display()
            .to_string()
    };
    for (task, file, results, figure) in [
        (
            "textvqa",
            "textvqa/TextVQA_val.json",
            "[{\"question_id\": 34602, \"answer\": \"stop\"}]",
            "textvqa_accuracy",
        ),
        ("anls", "docvqa/val.json", "[{\"questionId\": \"337\", \"answer\": \"1/8/93\"}]", "anls"),
        (
            "chartqa",
            "chartqa/test_human.json",
            "[{\"query\": \"How many bars?\", \"answer\": 3}, {\"query\": \"Which is highest?\", \"answer\": \"Chad\"}]",
            "relaxed_accuracy",
        ),
        (
            "pope",
            "pope/coco_pope_random.json",
            "{\"question_id\": 2, \"text\": \"No\"}\r\n{\"question_id\": 1, \"text\": \"Yes\"}\r\n",
            "accuracy",
        ),
        (
            "blink",
            "blink/val.jsonl",
            "[{\"idx\": \"val_Counting_1\", \"prediction\": \"(B)\"}]",
            "blink",
        ),
        ("muirbench", "muirbench/test.jsonl", "[{\"idx\": 5, \"prediction\": \"A\"}]", "muirbench"),
        ("mmbench", "scienceqa/test.jsonl", "[{\"id\": \"11\", \"prediction\": \"B\"}]", "mmbench"),
        (
            "mme",
            "mme",
            "[{\"question_id\": \"artwork/green.png\", \"answer\": \"No\"}, {\"question_id\": \"artwork/green.png\", \"answer\": \"Yes\"}, {\"question_id\": \"color/red.png\", \"answer\": \"Yes\"}, {\"question_id\": \"color/red.png\", \"answer\": \"No\"}]",
            "perception",
        ),
    ] {
        let expected = if task == "mme" { 400.0 } else { 1.0 };
        assert_eq!(files.score(task, &at(file), results, figure), expected, "{task}");
    }
}

#[test]
fn results_that_do_not_find_their_questions_are_refused() {
    let files = Files::new();
    files.write("a.json", r#"[{"question_id": "007", "question": "Red?", "answers": ["yes"]}, {"question_id": "7", "question": "Blue?", "answers": ["no"]}]"#);
    let good = r#"[{"question_id": 7, "answer": "no"}, {"question_id": "007", "answer": "yes"}]"#;
    assert_eq!(files.score("exact-match", "a.json", good, "exact_match"), 1.0);
    for (results, said) in [
        (
            r#"[{"sample_id": 7, "answer": "no"}, {"sample_id": 8, "answer": "yes"}]"#,
            "`sample_id`; call it `question_id`",
        ),
        (r#"[{"question_id": 7, "answer": "no"}, {"answer": "yes"}]"#, "row 2 has no id"),
        (
            r#"[{"question": "Blue?", "answer": "no"}, {"question": "Red?", "answer": "yes"}]"#,
            "in another order",
        ),
        (
            r#"[{"question_id": 7, "answer": null}, {"question_id": "007", "answer": "yes"}]"#,
            "has no `answer` or `prediction`",
        ),
        (
            r#"[{"question_id": 7, "answer": "no", "answer": "yes"}, {"question_id": "007", "answer": "yes"}]"#,
            "`answer` is there twice",
        ),
        (
            r#"[{"question_id": 7, "answer": "no"}, {"question_id": "7", "answer": "yes"}]"#,
            "occurs twice",
        ),
    ] {
        let message = files.no_score("exact-match", "a.json", results);
        assert!(message.contains(said), "{results}: {message}");
    }
    // Columns that lack a value have floats in pandas, and a number beyond 64 bits is still one id.
    let floats = r#"[{"question_id": 2.0, "answer": "b"}, {"question_id": 1.0, "answer": "a"}]"#;
    files.write(
        "f.json",
        r#"[{"question_id": 1, "answers": ["a"]}, {"question_id": 2.0, "answers": ["b"]}]"#,
    );
    assert_eq!(files.score("exact-match", "f.json", floats, "exact_match"), 1.0);
    files.write("f.json", r#"[{"question_id": 18446744073709551615, "answers": ["a"]}, {"question_id": 18446744073709551614, "answers": ["b"]}]"#);
    let large = r#"[{"question_id": 18446744073709551614, "answer": "b"}, {"question_id": "18446744073709551615", "answer": "a"}]"#;
    assert_eq!(files.score("exact-match", "f.json", large, "exact_match"), 1.0);
    files.write("plain.json", r#"[{"imgname": "a.png", "query": "Red?", "label": "yes"}, {"imgname": "b.png", "query": "Blue?", "label": "no"}]"#);
    let shuffled = r#"[{"id": 2, "answer": "no"}, {"id": 1, "answer": "yes"}]"#;
    let message = files.no_score("chartqa", "plain.json", shuffled);
    assert!(message.contains("have none"), "{message}");
    let counted = r#"[{"id": 1, "answer": "yes"}, {"id": 2, "answer": "no"}]"#;
    assert_eq!(files.score("chartqa", "plain.json", counted, "relaxed_accuracy"), 1.0);
    let twice = r#"{"annotations": [{"question_id": 1, "answers": [{"answer": "a", "answer_id": 1}]}], "annotations": []}"#;
    files.write("twice.json", twice);
    let message = files.no_score("vqa", "twice.json", r#"[{"question_id": 1, "answer": "a"}]"#);
    assert!(message.contains("duplicate field `annotations`"), "{message}");
    files.write("wide.json", [0xFF, 0xFE, b'[', 0, b']', 0]);
    let message = files.no_score("exact-match", "wide.json", good);
    assert!(message.contains("UTF-16"), "{message}");
}

/// A clone without `git lfs pull` has these in place of the files.
#[test]
fn pointers_of_git_lfs_are_told() {
    let files = Files::new();
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";
    let mut names = vec!["t.csv", "t.jsonl"];
    if cfg!(feature = "parquet") {
        names.push("t.parquet");
    }
    for name in names {
        let columns = "columns: (image: \"image\", answer: \"answer\")";
        let source = match name {
            "t.csv" => format!("Csv(file: \"{name}\", {columns})"),
            "t.jsonl" => format!("Jsonl(file: \"{name}\", {columns})"),
            _ => format!("Parquet(files: [\"{name}\"], {columns})"),
        };
        files.define(&source, "");
        files.write(name, pointer);
        assert!(files.refusal().contains("git lfs pull"), "{name}");
    }
}

/// pandas writes the index of its rows as an unnamed column.
#[test]
fn results_of_pandas() {
    let files = Files::new();
    files.write(
        "a.json",
        r#"[{"question": "Red?", "answers": ["yes"]}, {"question": "Blue?", "answers": ["no"]}]"#,
    );
    let score = |table: &str| {
        files.write("r.csv", table);
        let arguments = ["score", "exact-match", "--annotations", "a.json", "--results", "r.csv"];
        files.run(&[&arguments[..], &["--format", "json"]].concat())
    };
    for table in [
        ",prediction\n0,yes\n1,no\n",
        "Unnamed: 0,prediction\n3,yes\n9,no\n",
        ",Unnamed: 0,prediction,pred\n0,0,yes,x\n1,1,no,y\n",
        "Prediction,prediction\nyes,yes\nno,no\n",
    ] {
        let (code, out, problems) = score(table);
        assert_eq!(code, 0, "{table}: {problems}");
        let found: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(found["aggregate"]["exact_match"], 1.0, "{table}");
    }
    for (table, said) in [
        (",prediction\n1,no\n0,yes\n", "goes back in row 2"),
        ("Unnamed: 0,prediction\n9,no\n3,yes\n", "goes back in row 2"),
        (
            "Prediction,prediction\nyes,yes\nno,yes\n",
            "row 2 has both `Prediction` and `prediction`",
        ),
        ("id,ID,prediction\n1,2,yes\n2,1,no\n", "row 1 has both `ID` and `id`"),
    ] {
        let (code, _, problems) = score(table);
        assert!(code == 2 && problems.contains(said), "{table}: {problems}");
    }
}

#[test]
fn tables_that_can_be_misread_are_refused() {
    let files = Files::new();
    let source =
        "Csv(file: \"t.csv\", columns: (id: \"id\", image: \"image\", answer: \"answer\"))";
    files.define(source, "");
    let row = "1,pictures/red.png,?,a\n";
    for (table, said) in [
        (
            "id,image,question,answer,answer\n1,pictures/red.png,?,a,b\n".to_owned(),
            "two columns are named `answer`, number 4 and 5",
        ),
        (format!("sep=,\nid,image,question,answer\n{row}"), "Excel's `sep=`"),
        (
            format!(
                "id,image,question,answer\n{row}2,pictures/red.png,?,\"a\n3,pictures/red.png,?,b\n"
            ),
            "t.csv:3:1: a quote",
        ),
        ("id|image|question|answer\n1|pictures/red.png|?|a\n".to_owned(), "seems to be bars"),
        ("id\timage\tquestion\tanswer\n1\tpictures/red.png\t?\ta\n".to_owned(), "seems to be tabs"),
        (
            format!("id,image,question,answer\r\n{row}\r\n\r\n2,../../red.png,?,a\r\n"),
            "t.csv:5:1: the picture \"../../red.png\" is outside of",
        ),
        (
            "id,image,question,answer\n1,pictures/red.png,?,\"['a', 'b\"\n".to_owned(),
            "a list that is cut off",
        ),
        (
            "id,image,question,answer\n1,pictures/red.png,?,['a' 'b']\n".to_owned(),
            "no comma between them",
        ),
    ] {
        files.write("t.csv", &table);
        let message = files.refusal();
        assert!(message.contains(said), "{table}: {message}");
    }
    for wide in [&b"\xFF\xFEi\0d\0"[..], b"\xFE\xFF\0i\0d", b"i\0d\0", b"\0i\0d"] {
        files.write("t.csv", wide);
        assert!(files.refusal().contains("UTF-16"));
    }
    files.write("t.csv", "\u{FEFF}\"id\",image,question,answer\r\n007,pictures/red.png,?,[sic] a\r\n7,pictures/red.png,?,\"[10, 20]\"\r\n");
    files.is_valid(2);
    assert!(files.imported("007.ron").contains("[\"[sic] a\"]"));
    assert!(files.imported("7.ron").contains("[\"[10, 20]\"]"));
}

#[test]
fn boxes_of_another_frame_are_refused() {
    let files = Files::new();
    files.define(
        "Jsonl(file: \"b.jsonl\", columns: (id: \"id\", image: \"image\", xyxy: [\"box\"]))",
        "",
    );
    let row = |numbers: &str| {
        format!(
            "{{\"id\": 1, \"image\": \"pictures/red.png\", \"question\": \"?\", \"box\": {numbers}}}\n"
        )
    };
    // The pictures are 8 x 6.
    for (numbers, said) in [
        ("[1, 1, 9, 5]", "reaches beyond the picture"),
        ("[1, 1, 4, 600]", "which is 8x6 pixels"),
        ("[-3, 1, 4, 5]", "reaches beyond"),
        ("[0.1, 0.25, 0.5, 0.75]", "shares of its sides"),
        ("[4, 1, 1, 5]", "expected x1 < x2"),
    ] {
        files.write("b.jsonl", row(numbers));
        let message = files.refusal();
        assert!(message.contains(said) && message.contains("b.jsonl:1:1"), "{numbers}: {message}");
    }
    for fine in
        ["[0, 0, 8, 6]", "[-0.5, 0, 8.4, 6.99]", "\"[1, 1, 4, 5]\"", "[\"1\", \"1\", \"4\", \"5\"]"]
    {
        files.write("b.jsonl", row(fine));
        assert_eq!(files.run(&["check", "."]).0, 0, "{fine}");
    }
}

/// The picture is 60 x 80 as it is viewed, and 80 x 60 as it is stored.
#[test]
fn boxes_are_of_the_orientation_that_is_asked_for() {
    let files = Files::new();
    files.copy("fixtures/failures/exif-rotation/pictures/phone.jpg", "pictures/phone.jpg");
    let source =
        "Jsonl(file: \"b.jsonl\", columns: (id: \"id\", image: \"image\", xyxy: [\"box\"]))";
    let row = |numbers: &str| {
        format!(
            "{{\"id\": 1, \"image\": \"pictures/phone.jpg\", \"question\": \"?\", \"box\": {numbers}}}\n"
        )
    };
    for (orientation, fine, beyond) in [
        ("", "[0, 0, 50, 70]", "[0, 0, 70, 50]"),
        ("orientation: Upright", "[0, 0, 50, 70]", "[0, 0, 70, 50]"),
        ("orientation: Stored", "[0, 0, 70, 50]", "[0, 0, 50, 70]"),
    ] {
        files.define(source, orientation);
        files.write("b.jsonl", row(beyond));
        assert!(files.refusal().contains("reaches beyond the picture"), "{orientation}");
        files.write("b.jsonl", row(fine));
        assert_eq!(files.run(&["check", "."]).0, 0, "{orientation}");
    }
}

#[cfg(unix)]
#[test]
fn import_follows_no_link_out() {
    let files = Files::new();
    files.write("t.csv", "id,image,question,answer\n1,pictures/red.png,?,a\n");
    files.define(
        "Csv(file: \"t.csv\", columns: (id: \"id\", image: \"image\", answer: \"answer\"))",
        "",
    );
    let (folder, outside) = (files.0.path().join("imported"), files.0.path().join("outside.ron"));
    std::fs::create_dir(&folder).unwrap();
    std::os::unix::fs::symlink(&outside, folder.join("1.ron")).unwrap();
    let (code, _, problems) = files.run(&["import", "set.dataset.ron", folder.to_str().unwrap()]);
    assert_eq!(code, 1, "{problems}");
    assert!(!outside.exists());
}
