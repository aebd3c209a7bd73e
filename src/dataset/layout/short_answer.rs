//! Layouts whose answers are a few words, each a file of independent rows.

use std::path::PathBuf;

use super::{Compared, Format, Id, Reading, RowLayout, Truth, one_image};
use crate::case::{Metric, PersonAnswer};
use crate::dataset::template::Template;

/// TextVQA: `{data: [{question_id, question, image_id, answers, ..}]}`.
pub(in crate::dataset) fn text_vqa(file: PathBuf, images: Template) -> RowLayout {
    RowLayout {
        file,
        format: Format::List("data"),
        id: Id::Columns(&["question_id"]),
        only: None,
        compared: Compared::Answers(Metric::TextVqaAccuracy),
        derived: &[],
        read: Box::new(move |row| {
            let known = row.value("answers").is_some();
            let truth = if known { Truth::People(row.people("answers")?) } else { Truth::Unknown };
            Ok(Reading::new(one_image(&images, row), truth))
        }),
    }
}

/// GQA: `{id: {question, imageId, answer, ..}, ..}`.
pub(in crate::dataset) fn gqa(file: PathBuf, images: Template) -> RowLayout {
    RowLayout {
        file,
        format: Format::Members,
        id: Id::Key,
        only: None,
        compared: Compared::Answers(Metric::ExactMatchLmmsEval),
        derived: &[],
        read: Box::new(move |row| {
            let truth = match row.optional("answer") {
                Some(answer) => Truth::People(PersonAnswer::of_persons([answer])),
                None => Truth::Unknown,
            };
            Ok(Reading::new(one_image(&images, row), truth))
        }),
    }
}

/// DocVQA and InfographicVQA: `{data: [{questionId, question, image, answers, ..}]}`.
pub(in crate::dataset) fn doc_vqa(file: PathBuf, images: Template) -> RowLayout {
    RowLayout {
        file,
        format: Format::List("data"),
        id: Id::Columns(&["questionId", "question_id"]),
        only: None,
        compared: Compared::Answers(Metric::Anls),
        derived: &[],
        read: Box::new(move |row| {
            let known = row.value("answers").is_some();
            let truth = if known { Truth::People(row.people("answers")?) } else { Truth::Unknown };
            Ok(Reading::new(one_image(&images, row), truth))
        }),
    }
}

/// ChartQA: `[{imgname, query, label}]`. It has no ids: rows are numbered from 1.
pub(in crate::dataset) fn chart_qa(file: PathBuf, images: Template) -> RowLayout {
    RowLayout {
        file,
        format: Format::Rows,
        id: Id::Number,
        only: None,
        compared: Compared::Answers(Metric::RelaxedAccuracy),
        derived: &["question"],
        read: Box::new(move |row| {
            let truth = Truth::People(PersonAnswer::of_persons(row.texts("label")?));
            let question = row.text("query")?;
            let derived = vec![("question".to_owned(), question)];
            Ok(Reading { derived, ..Reading::new(one_image(&images, row), truth) })
        }),
    }
}

/// POPE: a JSON line `{question_id, image, text, label}` for each question.
pub(in crate::dataset) fn pope(file: PathBuf, images: Template) -> RowLayout {
    RowLayout {
        file,
        format: Format::Rows,
        id: Id::Columns(&["question_id"]),
        only: None,
        compared: Compared::Answers(Metric::Pope),
        derived: &["question"],
        read: Box::new(move |row| {
            let truth = Truth::YesNo(row.text("label")?);
            let derived = vec![("question".to_owned(), row.text("text")?)];
            Ok(Reading { derived, ..Reading::new(one_image(&images, row), truth) })
        }),
    }
}
