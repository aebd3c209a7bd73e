//! SEED-Bench: `SEED-Bench.json`, `{questions: [{question_id, question, choice_a, .., choice_d, answer,
//! data_type, data_id, ..}]}`.

use std::path::PathBuf;

use super::{Compared, Format, Id, Only, Reading, RowLayout, Truth, listed, named_images};
use crate::case::Metric;
use crate::dataset::error::DataError;
use crate::dataset::record::Record;
use crate::dataset::template::Template;

/// The columns of the four options.
const CHOICES: [&str; 4] = ["choice_a", "choice_b", "choice_c", "choice_d"];

/// The questions about pictures; those about videos are not taken. `data_id` is the picture's file, or a
/// list of them (SEED-Bench-2).
pub(in crate::dataset) fn seed_bench(file: PathBuf, images: Template) -> RowLayout {
    RowLayout {
        file,
        format: Format::List("questions"),
        id: Id::Columns(&["question_id"]),
        only: vec![Only::Value("data_type", "image".to_owned())],
        images: Some(images.clone()),
        image_name: None,
        compared: Compared::Answers(Metric::MmBench),
        derived: &["options"],
        read: Box::new(move |row| {
            let (options, truth) = choice(row)?;
            Ok(Reading {
                derived: vec![("options".to_owned(), listed(&options))],
                group: row.optional("question_type_id").unwrap_or_default(),
                ..Reading::new(named_images(&images, row)?, truth)
            })
        }),
    }
}

/// The options of a question, and the right one's letter, if it is told.
pub(super) fn choice(row: &Record) -> Result<(Vec<String>, Truth), DataError> {
    let mut options: Vec<String> =
        CHOICES.iter().map(|name| row.optional(name).unwrap_or_default()).collect();
    options.truncate(options.iter().rposition(|text| !text.is_empty()).map_or(0, |last| last + 1));
    let truth = match row.optional("answer") {
        Some(answer) => Truth::Choice { options: options.clone(), answer },
        None => Truth::Unknown,
    };
    Ok((options, truth))
}
