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
        refused(&read("compressed_otherwise.parquet")),
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
