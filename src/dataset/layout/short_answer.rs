//! Layouts whose answers are a few words, each a file of independent rows.

use std::path::PathBuf;

use super::{Compared, Format, Id, Reading, RowLayout, Truth, named_images};
use crate::case::{Metric, PersonAnswer};
use crate::dataset::template::Template;

/// TextVQA: `{data: [{question_id, question, image_id, answers, ..}]}`.
pub(in crate::dataset) fn text_vqa(file: PathBuf, images: Template) -> RowLayout {
    RowLayout {
        file,
        format: Format::List("data"),
        id: Id::Columns(&["question_id"]),
        only: Vec::new(),
        images: Some(images.clone()),
        image_name: None,
        compared: Compared::Answers(Metric::TextVqaAccuracy),
        derived: &[],
        read: Box::new(move |row| {
            let known = row.value("answers").is_some();
            let truth = if known { Truth::People(row.people("answers")?) } else { Truth::Unknown };
            Ok(Reading::new(named_images(&images, row)?, truth))
        }),
    }
}

/// GQA: `{id: {question, imageId, answer, ..}, ..}`.
pub(in crate::dataset) fn gqa(file: PathBuf, images: Template) -> RowLayout {
    RowLayout {
        file,
        format: Format::Members,
        id: Id::Key,
        only: Vec::new(),
        images: Some(images.clone()),
        image_name: None,
        compared: Compared::Answers(Metric::ExactMatchLmmsEval),
        derived: &[],
        read: Box::new(move |row| {
            let truth = match row.optional("answer") {
                Some(answer) => Truth::People(PersonAnswer::of_persons([answer])),
                None => Truth::Unknown,
            };
            Ok(Reading::new(named_images(&images, row)?, truth))
        }),
    }
}

/// DocVQA and InfographicVQA: `{data: [{questionId, question, image, answers, ..}]}`.
pub(in crate::dataset) fn doc_vqa(file: PathBuf, images: Template) -> RowLayout {
    RowLayout {
        file,
        format: Format::List("data"),
        id: Id::Columns(&["questionId", "question_id"]),
        only: Vec::new(),
        images: Some(images.clone()),
        image_name: None,
        compared: Compared::Answers(Metric::Anls),
        derived: &[],
        read: Box::new(move |row| {
            let known = row.value("answers").is_some();
            let truth = if known { Truth::People(row.people("answers")?) } else { Truth::Unknown };
            Ok(Reading::new(named_images(&images, row)?, truth))
        }),
    }
}

/// ChartQA: `[{imgname, query, label}]`. It has no ids: rows are numbered from 1.
pub(in crate::dataset) fn chart_qa(file: PathBuf, images: Template) -> RowLayout {
    RowLayout {
        file,
        format: Format::Rows,
        id: Id::Number,
        only: Vec::new(),
        images: Some(images.clone()),
        image_name: None,
        compared: Compared::Answers(Metric::RelaxedAccuracy),
        derived: &["question"],
        read: Box::new(move |row| {
            let truth = Truth::People(PersonAnswer::of_persons(row.texts("label")?));
            let question = row.text("query")?;
            let derived = vec![("question".to_owned(), question)];
            Ok(Reading { derived, ..Reading::new(named_images(&images, row)?, truth) })
        }),
    }
}

/// POPE: a JSON line `{question_id, image, text, label}` for each question.
pub(in crate::dataset) fn pope(file: PathBuf, images: Template) -> RowLayout {
    RowLayout {
        file,
        format: Format::Rows,
        id: Id::Columns(&["question_id"]),
        only: Vec::new(),
        images: Some(images.clone()),
        image_name: None,
        compared: Compared::Answers(Metric::Pope),
        derived: &["question"],
        read: Box::new(move |row| {
            let truth = Truth::YesNo(row.text("label")?);
            let derived = vec![("question".to_owned(), row.text("text")?)];
            Ok(Reading { derived, ..Reading::new(named_images(&images, row)?, truth) })
        }),
    }
}

/// VizWiz: `[{image, question, answers: [{answer, answer_confidence}], answer_type, answerable}]`. A picture
/// has one question and is its id.
pub(in crate::dataset) fn viz_wiz(file: PathBuf, images: Template) -> RowLayout {
    RowLayout {
        file,
        format: Format::Rows,
        id: Id::Columns(&["image"]),
        only: Vec::new(),
        images: Some(images.clone()),
        image_name: None,
        compared: Compared::Answers(Metric::VqaAccuracy),
        derived: &[],
        read: Box::new(move |row| {
            let truth = match row.value("answers") {
                Some(_) => Truth::People(row.people("answers")?),
                None => Truth::Unknown,
            };
            let group = row.optional("answer_type").unwrap_or_default();
            Ok(Reading { group, ..Reading::new(named_images(&images, row)?, truth) })
        }),
    }
}
