//! Layouts whose questions have lettered options.

use std::path::PathBuf;

use super::{
    Compared, DraftImage, Format, Id, Reading, RowLayout, Truth, letter, listed, one_image,
};
use crate::case::{Metric, PersonAnswer, TruthKind};
use crate::dataset::error::DataError;
use crate::dataset::record::Record;
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
        only: None,
        compared: Compared::Answers(metric),
        derived: &["options"],
        read: Box::new(move |row| {
            let shown = match &images {
                Some(images) => one_image(images, row),
                None => vec![table_image(row.text("image")?)],
            };
            let (truth, options) = table_truth(metric, row)?;
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
    Some((index.parse::<u64>().ok()? % 1_000_000).to_string())
}

/// VLMEvalKit takes a text of up to 64 characters for the index of the row that has the picture.
fn table_image(text: String) -> DraftImage {
    match text.len() <= 64 && text.parse::<u64>().is_ok() {
        true => DraftImage::SameAs(text),
        false => DraftImage::Base64(text),
    }
}

fn table_truth(metric: Metric, row: &Record) -> Result<(Truth, Vec<String>), DataError> {
    let Some(answer) = row.optional("answer") else { return Ok((Truth::Unknown, Vec::new())) };
    Ok(match metric.truth() {
        TruthKind::Answers => (Truth::People(PersonAnswer::of_persons([answer])), Vec::new()),
        TruthKind::YesNo => (Truth::YesNo(answer), Vec::new()),
        TruthKind::Choice => {
            let last = LETTERS.iter().rposition(|name| row.optional(name).is_some());
            let count = last.map_or(0, |last| last + 1);
            let option = |name: &&str| row.optional(name).unwrap_or_default();
            let options: Vec<String> = LETTERS[..count].iter().map(option).collect();
            (Truth::Choice { options: options.clone(), answer }, options)
        }
    })
}

/// BLINK, a JSON line for each question: `{idx, question, prompt, sub_task, choices, answer,
/// image_1, .., image_4}`, where the answer is `(A)` and the pictures are names of files.
pub(in crate::dataset) fn blink(file: PathBuf, images: Option<Template>) -> RowLayout {
    RowLayout {
        file,
        format: Format::Rows,
        id: Id::Columns(&["idx"]),
        only: None,
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
        only: None,
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

/// ScienceQA, a JSON line for each question with a picture: `{id, question, hint, choices, answer,
/// image}`, where the answer counts from 0.
pub(in crate::dataset) fn science_qa(file: PathBuf, images: Option<Template>) -> RowLayout {
    RowLayout {
        file,
        format: Format::Rows,
        id: Id::Columns(&["id", "question_id"]),
        only: None,
        compared: Compared::Answers(Metric::MmBench),
        derived: &["options"],
        read: Box::new(move |row| {
            let options = row.texts("choices")?;
            let index = row.value("answer").and_then(serde_json::Value::as_u64);
            let index = index.and_then(|index| usize::try_from(index).ok());
            let answer = index.filter(|index| *index < options.len()).and_then(letter);
            let answer = answer.ok_or_else(|| row.wrong("answer", "an option, counted from 0"))?;
            Ok(Reading {
                derived: vec![("options".to_owned(), listed(&options))],
                group: row.optional("subject").unwrap_or_default(),
                ..Reading::new(
                    files(images.as_ref(), row, vec![row.text("image")?]),
                    Truth::Choice { options, answer },
                )
            })
        }),
    }
}

/// Files by name; the template, if there is one, has each name as `{image}`.
fn files(template: Option<&Template>, row: &Record, names: Vec<String>) -> Vec<DraftImage> {
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
