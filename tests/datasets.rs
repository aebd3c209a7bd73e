//! Data sets in the official layouts: what is right becomes rows, what is wrong becomes one message
//! a file that says where and what to do. The files are made by `tools/metrics/dataset_samples.py`.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use eyechart::case::{self, CaseError, Checks, DatasetFile, Discovered, Expectation, KnownNames};
use eyechart::dataset::{AnsweredRow, Dataset, Pictures, Row, import};
use eyechart::offline::{CaptionOptions, score_captions};

const OK: &str = "fixtures/datasets/ok";
const ERR: &str = "fixtures/datasets/err";

fn files(root: &str) -> Vec<DatasetFile> {
    let found = case::discover(Path::new(root), &KnownNames::default(), Checks::Structure).unwrap();
    let files = found.into_iter().map(|one| match one {
        Discovered::Dataset(file) => *file,
        other => panic!("{} is no data set", other.path().display()),
    });
    files.collect()
}

fn open(name: &str) -> Dataset {
    let file = files(OK).into_iter().find(|file| file.name.as_str() == name).unwrap();
    Dataset::open(&file).unwrap()
}

fn all_rows(dataset: &Dataset, pictures: Pictures<'_>) -> Result<Vec<Row>, CaseError> {
    dataset.rows(&(0..dataset.len()).collect::<Vec<_>>(), pictures)
}

#[test]
fn what_is_right_becomes_rows() {
    let mut shown = String::new();
    for file in files(OK) {
        let dataset = Dataset::open(&file).unwrap_or_else(|error| panic!("{error}"));
        let gates: Vec<String> =
            dataset.gates().iter().map(|gate| dataset.gate_name(gate).to_string()).collect();
        writeln!(shown, "== {} {:?}, gates {gates:?}", dataset.name(), dataset.row_tests())
            .unwrap();
        let rows = all_rows(&dataset, Pictures::Checked).unwrap_or_else(|error| panic!("{error}"));
        for (row, name) in rows.iter().zip(dataset.row_names()) {
            assert_eq!(row.case.name, name);
            writeln!(shown, "{}", describe(row)).unwrap();
        }
    }
    insta::with_settings!({snapshot_path => "../fixtures/datasets", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("ok", shown);
    });
}

fn describe(row: &Row) -> String {
    let Row { id, case, prompt, captions, group, cluster } = row;
    let expected = match &case.expectation {
        None => "nothing".to_owned(),
        Some(Expectation::Metric(expected)) => {
            let answers: Vec<&str> =
                expected.answers.iter().map(|answer| answer.text.as_str()).collect();
            let (metric, options, min) = (expected.metric, &expected.options, expected.min);
            format!("{metric} of {answers:?}, options {options:?}, min {min:?}")
        }
        Some(other) => format!("{other:?}"),
    };
    format!(
        "{} (id {id})\n  images {:?}\n  prompt {prompt:?}, preset {:?}\n  expected {expected}\n  \
         captions {captions:?}, group {group:?}, cluster {cluster:?}, {}",
        case.name, case.images, case.preset, case.dimension
    )
}

#[test]
fn what_is_wrong_is_named_and_placed() {
    for file in files(ERR) {
        let rows = Dataset::open(&file).and_then(|one| all_rows(&one, Pictures::Checked));
        let Err(error) = rows else { panic!("{} is wrong but passed", file.path.display()) };
        insta::with_settings!({snapshot_path => "../fixtures/datasets/err/expected", prepend_module_to_snapshot => false, omit_expression => true}, {
            insta::assert_snapshot!(file.name.as_str(), error.to_string());
        });
    }
}

#[test]
fn listing_opens_no_picture_and_no_annotation() {
    let lists = |name: &str| {
        let file = files(ERR).into_iter().find(|file| file.name.as_str() == name).unwrap();
        Dataset::open(&file).is_ok()
    };
    for name in ["missing_image", "annotation_without_question", "box_not_there", "broken_base64"] {
        assert!(lists(name), "{name}");
    }
    for name in ["broken_json", "question_twice", "pickle_with_code", "unknown_figure"] {
        assert!(!lists(name), "{name}");
    }
}

/// The figures of a data set whose rows were answered so.
fn figures(name: &str, answers: &[&str]) -> Vec<(&'static str, f64)> {
    let dataset = open(name);
    let rows = all_rows(&dataset, Pictures::Checked).unwrap();
    assert_eq!(rows.len(), answers.len());
    let answered = |(row, text): (&'_ Row, &'_ str)| (row.clone(), text.to_owned());
    let owned: Vec<(Row, String)> =
        rows.iter().zip(answers.iter().copied()).map(answered).collect();
    let answered: Vec<AnsweredRow<'_>> = owned
        .iter()
        .map(|(row, text)| AnsweredRow {
            row,
            text,
            passed: false,
            iou: Some(0.5),
            center_accuracy: Some(1.0),
            opinions: &[],
        })
        .collect();
    let figure =
        |gate: &eyechart::dataset::Gate| (gate.metric(), gate.figure(&answered).unwrap().value);
    dataset.gates().iter().map(figure).collect()
}

#[test]
fn figures_by_hand() {
    // Seven of ten said red, nine yes and all 0: 1, 1 and 0 out of 3.
    assert_eq!(figures("vqa", &["red", "Yes.", "2"]), [("vqa_accuracy", 2.0 / 3.0)]);
    // One true positive, one false positive: precision 1/2, recall 1, f1 2/3; both say yes.
    assert_eq!(figures("pope", &["Yes", "Yes, a dog"]), [("f1", 2.0 / 3.0), ("yes_ratio", 1.0)]);
    // artwork: one of two right, 50; color: both, 200. Both count as perception.
    assert_eq!(figures("mme", &["no", "no", "yes", "no"]), [("mme_perception", 250.0)]);
    // The rotation is answered wrongly, so the question does not count.
    assert_eq!(figures("mmbench", &["A", "A"]), [("circular", 0.0)]);
    assert_eq!(figures("mmbench", &["A", "B"]), [("circular", 1.0)]);
    assert_eq!(figures("refcoco_val", &["", ""]), [("acc_at_0_5", 1.0)]);
}

/// The offline scorer is held to the golden vectors; gates must say the same.
#[test]
fn figures_of_captions_are_those_of_the_offline_scorer() {
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path().join("results.json");
    let said = r#"[{"image_id": 42, "caption": "Something quite green."}, {"image_id": 9, "caption": "All is a red field."}]"#;
    std::fs::write(&results, said).unwrap();
    let annotations = Path::new(OK).join("coco/captions.json");
    let table = score_captions(&annotations, &results, CaptionOptions::OFFICIAL).unwrap();
    let answers = ["Something quite green.", "All is a red field."];
    for (name, value) in figures("coco_captions", &answers) {
        assert!(value > 0.0);
        assert_eq!(Some(value), table.figure(name), "{name}");
    }
}

/// Every row of every sample, written as a case file, is a valid case that says the same.
#[test]
fn rows_are_written_as_case_files() {
    for file in files(OK) {
        let dataset = Dataset::open(&file).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let count = import(&dataset, folder.path()).unwrap();
        let pictures = tempfile::tempdir().unwrap();
        let rows = all_rows(&dataset, Pictures::UnpackedTo(pictures.path())).unwrap();
        let found =
            case::discover(folder.path(), &KnownNames::default(), Checks::Everything).unwrap();
        assert_eq!((found.len(), rows.len()), (count, count));
        for row in rows {
            let same = |one: &&Discovered| one.name().as_str() == row.case.name.stem();
            let Some(Discovered::Case(imported)) = found.iter().find(same) else {
                panic!("{}: {found:#?}", row.case.name);
            };
            let case = imported.read().unwrap();
            assert_eq!(case.conversation, row.case.conversation, "{}", row.case.name);
            assert_eq!(expected(&case), expected(&row.case), "{}", row.case.name);
            assert_eq!((case.dimension, case.preset), (row.case.dimension, row.case.preset));
            assert_eq!(case.generation, row.case.generation);
            assert_eq!(case.images.len(), row.case.images.len());
        }
        let again = import(&dataset, folder.path()).unwrap_err().to_string();
        assert!(again.contains("is there already"), "{again}");
    }
}

/// The expectation without how sure people were, which a case file does not say.
fn expected(case: &case::Case) -> Option<Expectation> {
    let mut expectation = case.expectation.clone();
    if let Some(Expectation::Metric(expected)) = &mut expectation {
        expected.answers.iter_mut().for_each(|answer| answer.confidence.clear());
    }
    expectation
}

#[test]
fn the_program_imports_and_checks() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_eyechart"));
        let output = command.args(arguments).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let cases = folder.path().join("cases");
    let path = cases.to_str().unwrap();
    let (code, out, problems) = run(&["import", "fixtures/datasets/ok/vqa.dataset.ron", path]);
    assert_eq!((code, out, problems), (Some(0), format!("3 cases in {path}\n"), String::new()));
    assert_eq!(run(&["check", path]), (Some(0), "3 cases, all valid\n".into(), String::new()));
    let (code, _, problems) = run(&["import", "fixtures/datasets/ok/vqa.dataset.ron", path]);
    assert!(code == Some(1) && problems.contains("is there already"), "{problems}");
    let (code, out, _) = run(&["check", OK]);
    assert_eq!((code, out.as_str()), (Some(0), "0 cases, 18 data sets with 30 rows, all valid\n"));
    let (code, out, _) = run(&["check", ERR]);
    assert_eq!(code, Some(1));
    assert!(out.ends_with("invalid\n"), "{out}");
}

#[test]
fn a_case_in_a_folder_named_as_a_data_set_collides() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("a.dataset.ron", "(source: Mme(folder: \"mme\"), prompt: \"{question}\")");
    write("a/1.ron", "(images: [\"a.png\"], prompt: \"?\")");
    let found = case::discover(folder.path(), &KnownNames::default(), Checks::Structure).unwrap();
    let invalid: Vec<String> = found
        .iter()
        .filter_map(|one| match one {
            Discovered::Invalid(invalid) => Some(invalid.error.headline()),
            _ => None,
        })
        .collect();
    assert_eq!(invalid.len(), 1);
    assert!(invalid[0].contains("the name \"a::1\" collides with \"a\""), "{}", invalid[0]);
}
