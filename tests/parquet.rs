//! Data sets in the hub's parquet layouts, in a build with the feature `parquet`. The files are made
//! by pyarrow (`tools/metrics/parquet_samples.py`).

use std::fmt::Write;
use std::path::Path;

use eyechart::case::{self, CaseError, Checks, DatasetFile, Discovered, Expectation, KnownNames};
use eyechart::dataset::{Dataset, Pictures, Row};

const FOLDER: &str = "fixtures/datasets/parquet";

fn files(root: &Path) -> Vec<DatasetFile> {
    let found = case::discover(root, &KnownNames::default(), Checks::Structure).unwrap();
    let files = found.into_iter().map(|one| match one {
        Discovered::Dataset(file) => *file,
        other => panic!("{} is no data set", other.path().display()),
    });
    files.collect()
}

fn rows(dataset: &Dataset, pictures: Pictures<'_>) -> Result<Vec<Row>, CaseError> {
    dataset.rows(&(0..dataset.len()).collect::<Vec<_>>(), pictures)
}

fn describe(row: &Row) -> String {
    let Row { id, case, prompt, captions, group, cluster } = row;
    let expected = match &case.expectation {
        Some(Expectation::Metric(expected)) => {
            let answers: Vec<&str> =
                expected.answers.iter().map(|answer| answer.text.as_str()).collect();
            format!("{} {answers:?} of {:?}", expected.metric, expected.options)
        }
        Some(Expectation::Boxes { truth, .. }) => {
            format!("{} at {}", truth[0].label, truth[0].bounds)
        }
        _ => format!("captions {captions:?}"),
    };
    format!("{id} ({group}, {cluster}) {} pictures, {prompt:?}: {expected}", case.images.len())
}

#[test]
fn every_layout_becomes_rows() {
    let mut shown = String::new();
    let pictures = tempfile::tempdir().unwrap();
    for file in files(Path::new(FOLDER)) {
        let dataset = Dataset::open(&file).unwrap_or_else(|error| panic!("{error}"));
        writeln!(shown, "== {}", dataset.name()).unwrap();
        let rows = rows(&dataset, Pictures::UnpackedTo(pictures.path())).unwrap();
        for (row, name) in rows.iter().zip(dataset.row_names()) {
            assert_eq!(row.case.name, name);
            for image in &row.case.images {
                // The pictures are 8 x 6 PNGs.
                let size = image::image_dimensions(image).unwrap();
                assert_eq!(size, (8, 6), "{}", image.display());
            }
            writeln!(shown, "{}", describe(row)).unwrap();
        }
    }
    insta::with_settings!({snapshot_path => "../fixtures/datasets", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("parquet", shown);
    });
}

/// A data set of POPE's columns whose file has this content.
fn refused(content: &[u8]) -> Result<usize, String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.parquet"), content).unwrap();
    let definition = "(source: LmmsLab(set: Pope, files: [\"a.parquet\"]), prompt: \"{question}\")";
    std::fs::write(folder.path().join("pope.dataset.ron"), definition).unwrap();
    let opened = files(folder.path()).into_iter().map(|file| {
        let dataset = Dataset::open(&file)?;
        Ok(rows(&dataset, Pictures::Checked)?.len())
    });
    let opened: Result<Vec<usize>, CaseError> = opened.collect();
    let shorten =
        |error: CaseError| error.headline().replace(&format!("{}/", folder.path().display()), "");
    opened.map(|rows| rows[0]).map_err(shorten)
}

#[test]
fn what_cannot_be_read_is_told() {
    let read = |name: &str| std::fs::read(Path::new(FOLDER).join(name)).unwrap();
    let messages = [
        refused(&read("cut_off.parquet")),
        refused(b"id,question\n1,?\n"),
        refused(&read("mme/test.parquet")),
    ];
    let messages: Vec<String> = messages.into_iter().map(Result::unwrap_err).collect();
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn questions_of_gqa_share_their_pictures() {
    let pictures = tempfile::tempdir().unwrap();
    let files = files(Path::new(FOLDER));
    let file = files.iter().find(|file| file.name.to_string() == "gqa").unwrap();
    let dataset = Dataset::open(file).unwrap();
    let rows = rows(&dataset, Pictures::UnpackedTo(pictures.path())).unwrap();
    let shown = |name: &str| &rows.iter().find(|row| row.id == name).unwrap().case.images;
    assert_eq!(shown("201307251"), shown("201307252"));
    for (row, colour) in [("201307251", "blue"), ("201640614", "green")] {
        // The very files that the samples were made from, and no other one is unpacked.
        let [picture] = &shown(row)[..] else { panic!("{row}") };
        let expected =
            std::fs::read(format!("fixtures/datasets/ok/pictures/{colour}.png")).unwrap();
        assert_eq!(std::fs::read(picture).unwrap(), expected);
    }
    assert_eq!(std::fs::read_dir(pictures.path()).unwrap().count(), 2);
}

/// Why this source cannot be read.
fn refused_source(source: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    for name in ["instructions", "images"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
    }
    let gqa = Path::new(FOLDER).join("gqa");
    let copy = |from: &str, to: &str| {
        std::fs::copy(gqa.join(from), folder.path().join(to)).unwrap();
    };
    copy("testdev_balanced_instructions/testdev-00000-of-00001.parquet", "instructions/0.parquet");
    // Without the second file, in which the first question's picture is.
    copy("testdev_balanced_images/testdev-00000-of-00002.parquet", "images/0.parquet");
    let definition = format!("(source: {source}, prompt: \"{{question}}\")");
    std::fs::write(folder.path().join("gqa.dataset.ron"), definition).unwrap();
    let opened = Dataset::open(&files(folder.path())[0]);
    let error = opened.and_then(|dataset| rows(&dataset, Pictures::Checked)).unwrap_err();
    error.headline().replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn pictures_of_gqa_that_are_not_there_are_told() {
    let questions = "files: [\"instructions/*.parquet\"]";
    let messages = [
        refused_source(&format!("LmmsLab(set: Gqa, {questions}, images: [\"images/*\"])")),
        refused_source(&format!(
            "LmmsLab(set: Gqa, {questions}, images: [\"images/*\", \"images/0*\"])"
        )),
        refused_source(&format!("LmmsLab(set: Gqa, {questions}, images: [\"pictures/*\"])")),
        refused_source(&format!("LmmsLab(set: Gqa, {questions})")),
        refused_source(&format!("LmmsLab(set: Gqa, {questions}, images: [\"instructions/*\"])")),
        refused_source(&format!("LmmsLab(set: Pope, {questions}, images: [\"images/*\"])")),
    ];
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn damage_is_an_error_and_never_a_panic() {
    let whole = std::fs::read(Path::new(FOLDER).join("pope/test.parquet")).unwrap();
    assert_eq!(refused(&whole), Ok(2));
    for place in (0..whole.len()).step_by(7) {
        let mut damaged = whole.clone();
        damaged[place] ^= 0x55;
        // Whatever comes of it, it comes back.
        let _ = refused(&damaged);
    }
}

#[test]
fn globs_must_match_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let definition =
        "(source: LmmsLab(set: VqaV2, files: [\"val-*.parquet\"]), prompt: \"{question}\")";
    std::fs::write(folder.path().join("none.dataset.ron"), definition).unwrap();
    let error = Dataset::open(&files(folder.path())[0]).unwrap_err();
    assert!(error.headline().ends_with("no file matches \"val-*.parquet\""), "{error}");
}

const KINDS: &str = "fixtures/datasets/parquet_kinds";

/// A data set over one of the files of all kinds, in a folder of its own.
struct Kind(tempfile::TempDir);

impl Kind {
    /// With the source's `columns`.
    fn new(file: &str, columns: &str) -> Self {
        let source = format!("Parquet(files: [\"set.parquet\"], columns: ({columns}))");
        Self::of(&[(file, "set.parquet")], &source)
    }

    fn of(files: &[(&str, &str)], source: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cases = folder.path().join("cases");
        std::fs::create_dir(&cases).unwrap();
        for (from, to) in files {
            std::fs::copy(Path::new(KINDS).join(from), cases.join(to)).unwrap();
        }
        let definition =
            format!("(source: {source}, prompt: \"{{question}}\", metric: exact_match)");
        std::fs::write(cases.join("set.dataset.ron"), definition).unwrap();
        Self(folder)
    }

    fn open(&self) -> Result<Dataset, CaseError> {
        Dataset::open(&files(&self.0.path().join("cases"))[0])
    }

    /// Each row, or why it is none.
    fn rows(&self) -> Vec<Result<Row, String>> {
        let dataset = self.open().unwrap_or_else(|error| panic!("{error}"));
        let all: Vec<usize> = (0..dataset.len()).collect();
        let pictures = self.0.path().join("pictures");
        let rows = dataset.each_row(&all, Pictures::UnpackedTo(&pictures)).unwrap();
        rows.into_iter().map(|row| row.map_err(|error| error.headline())).collect()
    }

    fn answers(&self) -> Vec<Vec<String>> {
        let answers = |row: Result<Row, String>| match &row.unwrap().case.expectation {
            Some(Expectation::Metric(expected)) => {
                expected.answers.iter().map(|answer| answer.text.clone()).collect()
            }
            other => panic!("{other:?}"),
        };
        self.rows().into_iter().map(answers).collect()
    }

    fn refusal(&self) -> String {
        self.open().unwrap_err().to_string()
    }
}

#[test]
fn every_type_arrives_as_other_readers_print_it() {
    let expected = std::fs::read_to_string(Path::new(KINDS).join("expected.json")).unwrap();
    let expected: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&expected).unwrap();
    assert!(expected.len() >= 30);
    for (column, texts) in &expected {
        let columns = format!("id: \"id\", image: \"picture\", answer: \"{column}\"");
        let found = Kind::new("types.parquet", &columns).answers();
        let texts: Vec<Vec<String>> = texts
            .as_array()
            .unwrap()
            .iter()
            .map(|text| vec![text.as_str().unwrap().to_owned()])
            .collect();
        assert_eq!(found, texts, "{column}");
    }
}

#[test]
fn ids_of_every_whole_type_name_rows() {
    for (column, ids) in [
        ("uint64", ["1", "18446744073709551615", "0"]),
        ("int64", ["1", "-9223372036854775808", "9223372036854775807"]),
        ("fixed", ["abc", "def", "123"]),
        ("date32", ["2020-01-02", "1969-12-31", "2000-02-29"]),
    ] {
        let columns = format!("id: \"{column}\", image: \"picture\", answer: \"view\"");
        let rows = Kind::new("types.parquet", &columns).rows();
        let found: Vec<String> = rows.into_iter().map(|row| row.unwrap().id).collect();
        assert_eq!(found, ids);
    }
}

#[test]
fn every_codec_and_page_in_common_use_is_read() {
    for file in ["none", "snappy", "gzip", "zstd", "brotli", "lz4", "v2", "delta"] {
        let columns = "id: \"id\", image: \"picture\", answer: \"answer\"";
        let kind = Kind::new(&format!("{file}.parquet"), columns);
        let answers = ["red", "green", "blue"].map(|text| vec![text.to_owned()]);
        assert_eq!(kind.answers(), answers, "{file}");
        for (row, colour) in kind.rows().into_iter().zip(["red", "green", "blue"]) {
            assert_eq!(shown(&row.unwrap()), [colour.to_owned()], "{file}");
        }
    }
}

/// The colours of a row's pictures, which are the very files that the samples were made from.
fn shown(row: &Row) -> Vec<String> {
    let colour = |image: &std::path::PathBuf| {
        let bytes = std::fs::read(image).unwrap();
        let known = ["red", "green", "blue"].into_iter().find(|colour| {
            std::fs::read(format!("fixtures/datasets/ok/pictures/{colour}.png")).unwrap() == bytes
        });
        known.unwrap().to_owned()
    };
    row.case.images.iter().map(colour).collect()
}

#[test]
fn pictures_arrive_in_every_form() {
    for (column, base64) in [
        ("bytes", true),
        ("bytes", false),
        ("further", true),
        ("further", false),
        ("alone", false),
        ("several_large", false),
        ("large_bytes", false),
        ("large_bytes", true),
    ] {
        let name = if base64 { "image_base64" } else { "image" };
        let columns = format!("id: \"id\", {name}: \"{column}\", answer: \"answer\"");
        let kind = Kind::new("forms.parquet", &columns);
        let found: Vec<Vec<String>> =
            kind.rows().into_iter().map(|row| shown(&row.unwrap())).collect();
        assert_eq!(found, [["red"], ["green"], ["blue"]], "{column} as {name}");
    }
    let columns = "id: \"id\", image: \"several\", answer: \"answer\"";
    let kind = Kind::new("forms.parquet", columns);
    let found: Vec<Vec<String>> = kind.rows().into_iter().map(|row| shown(&row.unwrap())).collect();
    assert_eq!(found, [["red", "red"], ["green", "red"], ["blue", "red"]]);
}

/// Whether each row is one, and the words of the others' messages.
fn told(columns: &str, ok: [bool; 3], words: &[&str]) {
    let rows = Kind::new("forms.parquet", columns).rows();
    assert_eq!(rows.len(), 3);
    for (row, ok) in rows.iter().zip(ok) {
        assert_eq!(row.is_ok(), ok, "{columns}: {row:?}");
        if let Err(message) = row {
            assert!(words.iter().all(|word| message.contains(word)), "{columns}: {message}");
            assert!(message.len() < 500, "{message}");
        }
    }
}

#[test]
fn a_row_that_lacks_something_is_one_failing_row() {
    let with =
        |image: &str, answer: &str| format!("id: \"id\", image: \"{image}\", answer: \"{answer}\"");
    told(
        &with("one_lacks", "answer"),
        [true, false, true],
        &["set.parquet", "`one_lacks` is null, expected a picture"],
    );
    told(&with("bytes", "one_null"), [true, false, true], &["`one_null` is null"]);
    told(&with("bytes", "one_empty"), [true, false, true], &["`one_empty` is []"]);
    told(&with("bytes", "list"), [true; 3], &[]);
    told(&with("bytes", "empty_text"), [true; 3], &[]);
    told(&with("no_picture", "answer"), [false; 3], &["`no_picture`", "expected a picture"]);
    // A path alone is a file of that name, which must not lead away.
    told(&with("away", "answer"), [false; 3], &["\"/etc/red.png\" is outside of"]);
    told(&with("beside", "answer"), [false; 3], &["is outside of"]);
}

#[test]
fn lists_of_answers_are_several_answers() {
    let list =
        Kind::new("forms.parquet", "id: \"id\", image: \"bytes\", answer: \"list\"").answers();
    assert_eq!(list, [vec!["red", "crimson"], vec!["green"], vec!["blue", "x"]]);
    let structs = Kind::new("forms.parquet", "id: \"id\", image: \"bytes\", answer: \"structs\"");
    assert_eq!(structs.answers(), [vec!["red", "crimson"], vec!["green"], vec!["blue"]]);
    // MMMU writes its lists as Python does.
    let python = Kind::new("forms.parquet", "id: \"id\", image: \"bytes\", answer: \"python\"");
    assert_eq!(python.answers(), [vec!["red", "crim's"], vec!["green"], vec!["blue", "x"]]);
}

#[test]
fn a_shard_that_lacks_is_named() {
    let source =
        "Parquet(files: [\"test-*.parquet\"], columns: (image: \"picture\", answer: \"answer\"))";
    let with = |names: &[&str]| {
        let files: Vec<(&str, &str)> = names.iter().map(|name| ("snappy.parquet", *name)).collect();
        Kind::of(&files, source)
    };
    let [first, second, third] =
        [0, 1, 2].map(|number| format!("test-{number:05}-of-00003.parquet"));
    assert_eq!(with(&[&first, &second, &third]).rows().len(), 9);
    for (names, said) in [
        (
            &[first.as_str()][..],
            "1 of 3 shards; test-00001-of-00003.parquet is not among the files",
        ),
        (&[&first, &third], "2 of 3 shards; test-00001-of-00003.parquet"),
        (&[&second, &third], "2 of 3 shards; test-00000-of-00003.parquet"),
        (&[&first, &second, &third, "test-00000-of-00002.parquet"], "they are of two sets"),
        (&[&first, &second, &third, "test-00007-of-00003.parquet"], "shard 7 of a set of 3"),
        (&[&first, &second, &third, "test-00003-of-00003.parquet"], "shard 3 of a set of 3"),
    ] {
        let message = with(names).refusal();
        assert!(message.contains(said), "{names:?}: {message}");
    }
    let twice = "Parquet(files: [\"a*.parquet\", \"*.parquet\"], columns: (image: \"picture\", answer: \"answer\"))";
    let message = Kind::of(&[("snappy.parquet", "a.parquet")], twice).refusal();
    assert!(message.contains("a.parquet is matched twice"), "{message}");
}

/// A filter leaves such a file; pyarrow writes a row group without a row for it.
#[test]
fn a_shard_without_a_row_is_none_of_its_own() {
    let source =
        "Parquet(files: [\"*.parquet\"], columns: (image: \"picture\", answer: \"answer\"))";
    let kind = Kind::of(&[("no_row.parquet", "a.parquet"), ("zstd.parquet", "b.parquet")], source);
    assert_eq!(kind.answers(), [["red"], ["green"], ["blue"]]);
    let alone = Kind::of(&[("no_row.parquet", "a.parquet")], source).refusal();
    assert!(alone.contains("expected rows, found none"), "{alone}");
}

/// duckdb writes spans of time, at which the reader of rows panics.
#[test]
fn a_column_that_is_not_read_leaves_the_others() {
    let columns = "id: \"id\", image: \"picture\", answer: \"answer\"";
    assert_eq!(Kind::new("interval.parquet", columns).answers(), [["red"], ["green"], ["blue"]]);
    let message =
        Kind::new("interval.parquet", &columns.replace("\"answer\"", "\"span\"")).rows().remove(0);
    assert!(message.unwrap_err().contains("row 1: `span` is missing"));
}

#[test]
fn a_bad_row_is_told_by_its_number() {
    let columns = "id: \"id\", image: \"picture\", answer: \"one_null\"";
    let columns = columns.replace("\"picture\"", "\"bytes\"");
    let rows = Kind::new("forms.parquet", &columns).rows();
    let problem = rows[1].as_ref().unwrap_err();
    assert!(problem.contains("set.parquet: row 2: `one_null` is null"), "{problem}");
    assert!(rows[0].is_ok() && rows[2].is_ok());
}

#[test]
fn no_part_of_a_binary_file_is_quoted() {
    let columns = "id: \"id\", image: \"picture\", answer: \"answer\"";
    let message = Kind::new("equal_names.parquet", columns).refusal();
    assert!(message.contains("a b and a/b would both be named set::a_b"), "{message}");
    assert!(
        !message.contains("PAR1") && !message.chars().any(|c| c.is_control() && c != '\n'),
        "{message:?}"
    );
    // The same of a binary file that is named as a text.
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(Path::new(KINDS).join("none.parquet"), folder.path().join("a.csv")).unwrap();
    let definition =
        "(source: Csv(file: \"a.csv\", columns: (image: \"i\", answer: \"a\")), prompt: \"?\")";
    std::fs::write(folder.path().join("a.dataset.ron"), definition).unwrap();
    let message = Dataset::open(&files(folder.path())[0]).unwrap_err().to_string();
    assert!(!message.contains("PAR1"), "{message:?}");
    // The first line of a picture is short and has no control characters.
    std::fs::copy("fixtures/datasets/ok/pictures/red.png", folder.path().join("a.csv")).unwrap();
    let message = Dataset::open(&files(folder.path())[0]).unwrap_err().to_string();
    assert!(message.contains("not UTF-8") && !message.contains("PNG"), "{message:?}");
}
