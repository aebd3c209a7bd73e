//! Layouts whose questions have lettered options.

use std::path::PathBuf;

use super::{Compared, DraftImage, Format, Id, Reading, RowLayout, Truth, listed, named_images};
use crate::case::{Metric, PersonAnswer, TruthKind};
use crate::dataset::error::DataError;
use crate::dataset::python_number;
use crate::dataset::record::{Lists, Picture, PictureText, Record};
use crate::dataset::table::Separator;
use crate::dataset::template::Template;

const LETTERS: [&str; 26] = [
    "A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "N", "O", "P", "Q", "R", "S",
    "T", "U", "V", "W", "X", "Y", "Z",
];

/// VLMEvalKit's tables, MMBench's among them: tab-separated `index, question, hint, A, B, ..,
/// answer, category, image (base64), ..`. Rotations of a question have the index plus a multiple
/// of a million.
pub(in crate::dataset) fn vlm_eval_kit(
    file: PathBuf,
    images: Option<Template>,
    metric: Metric,
) -> RowLayout {
    RowLayout {
        file,
        format: Format::Table(Separator::Tab),
        id: Id::Columns(&["index"]),
        only: Vec::new(),
        images: images.clone(),
        image_name: None,
        compared: Compared::Answers(metric),
        derived: &["options"],
        read: Box::new(move |row| {
            let shown = match &images {
                Some(images) => named_images(images, row)?,
                None => table_images(row)?,
            };
            let options = table_options(row);
            let truth = table_truth(metric, row, &options)?;
            let cluster = row.optional("image_path").or_else(|| row.optional("question_id"));
            let cluster = cluster.or_else(|| unrotated(&row.optional("index")?));
            Ok(Reading {
                derived: vec![("options".to_owned(), listed(&options))],
                group: row.optional("category").unwrap_or_default(),
                cluster: cluster.unwrap_or_default(),
                ..Reading::new(shown, truth)
            })
        }),
    }
}

/// The index of the question that a row is a rotation of.
fn unrotated(index: &str) -> Option<String> {
    Some((python_number::canonical(index)? % 1_000_000).to_string())
}

/// The longest text that VLMEvalKit takes for the index of the row that has the picture.
const LONGEST_INDEX: usize = 64;

/// Pictures in base64, or the index of the row whose picture is meant.
fn table_images(row: &Record) -> Result<Vec<DraftImage>, DataError> {
    let pictures = row.some_pictures("image", PictureText::Base64)?;
    Ok(match &pictures[..] {
        [Picture::Base64(index)] if index.len() <= LONGEST_INDEX => {
            vec![DraftImage::SameAs(index.clone())]
        }
        _ => pictures.into_iter().map(DraftImage::from).collect(),
    })
}

/// The options in the columns `A` to `Z`, whether or not it is known which one is right.
fn table_options(row: &Record) -> Vec<String> {
    let last = LETTERS.iter().rposition(|name| row.optional(name).is_some());
    let count = last.map_or(0, |last| last + 1);
    LETTERS[..count].iter().map(|name| row.optional(name).unwrap_or_default()).collect()
}

/// What is right, if the table says so: in test splits it does not.
fn table_truth(metric: Metric, row: &Record, options: &[String]) -> Result<Truth, DataError> {
    let Some(answer) = row.optional("answer") else { return Ok(Truth::Unknown) };
    Ok(match metric.truth() {
        TruthKind::Answers => {
            Truth::People(PersonAnswer::of_persons(row.texts_by("answer", Lists::Any)?))
        }
        TruthKind::YesNo => Truth::YesNo(answer),
        TruthKind::Choice => Truth::Choice { options: options.to_vec(), answer },
    })
}

/// BLINK, a JSON line for each question: `{idx, question, prompt, sub_task, choices, answer,
/// image_1, .., image_4}`, where the answer is `(A)` and the pictures are names of files.
pub(in crate::dataset) fn blink(file: PathBuf, images: Option<Template>) -> RowLayout {
    RowLayout {
        file,
        format: Format::Rows,
        id: Id::Columns(&["idx"]),
        only: Vec::new(),
        images: images.clone(),
        image_name: Some("image"),
        compared: Compared::Answers(Metric::BlinkLmmsEval),
        derived: &["options"],
        read: Box::new(move |row| {
            let names = ["image_1", "image_2", "image_3", "image_4"];
            let names = names.iter().filter_map(|name| row.optional(name)).collect();
            let options = row.texts("choices")?;
            let answer = row.text("answer")?.trim_matches(['(', ')']).to_owned();
            Ok(Reading {
                derived: vec![("options".to_owned(), listed(&options))],
                group: row.optional("sub_task").unwrap_or_default(),
                ..Reading::new(
                    files(images.as_ref(), row, names),
                    Truth::Choice { options, answer },
                )
            })
        }),
    }
}

/// MuirBench, a JSON line for each question: `{idx, task, question, options, answer, image_list}`,
/// where the answer is a letter, the pictures are names of files, and `<image>` in the question and
/// the options says where they stand.
pub(in crate::dataset) fn muir_bench(file: PathBuf, images: Option<Template>) -> RowLayout {
    RowLayout {
        file,
        format: Format::Rows,
        id: Id::Columns(&["idx"]),
        only: Vec::new(),
        images: images.clone(),
        image_name: Some("image"),
        compared: Compared::Answers(Metric::MuirBench),
        derived: &["options"],
        read: Box::new(move |row| {
            let options = row.texts("options")?;
            let answer = row.text("answer")?;
            Ok(Reading {
                derived: vec![("options".to_owned(), listed(&options))],
                group: row.optional("task").unwrap_or_default(),
                ..Reading::new(
                    files(images.as_ref(), row, row.texts("image_list")?),
                    Truth::Choice { options, answer },
                )
            })
        }),
    }
}

/// Files by name; the template, if there is one, has each name as `{image}`.
pub(super) fn files(
    template: Option<&Template>,
    row: &Record,
    names: Vec<String>,
) -> Vec<DraftImage> {
    let file = |name: String| match template {
        None => DraftImage::File(name),
        Some(template) => {
            let mut values = row.scalars();
            values.push(("image".to_owned(), name));
            DraftImage::File(template.fill(&values))
        }
    };
    names.into_iter().map(file).collect()
}
