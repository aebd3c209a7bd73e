//! ScienceQA: its official `problems.json`, an object of problems by id with `pid_splits.json` beside it, or
//! a JSON line for each problem.

use std::path::PathBuf;

use super::choice::files;
use super::{Compared, Format, Id, Only, Reading, RowLayout, Truth, letter, listed};
use crate::case::Metric;
use crate::dataset::template::Template;

/// Which problems are taken.
#[derive(Debug, Clone, Default)]
pub(in crate::dataset) struct Problems {
    /// `test`, `minival`, ...
    pub(in crate::dataset) split: Option<String>,
    /// `pid_splits.json`, which lists the ids of each split; without it a problem's own `split` counts.
    pub(in crate::dataset) splits: Option<PathBuf>,
}

impl Problems {
    fn only(self) -> Vec<Only> {
        // As in "ScienceQA-IMG": a model of pictures and texts is asked about pictures.
        let mut only = vec![Only::Pictured("image")];
        only.extend(self.split.map(|split| match self.splits {
            Some(file) => Only::Listed { file, list: split },
            None => Only::Value("split", split),
        }));
        only
    }
}

/// `{id: {question, hint, choices, answer, image, split, ..}}` or lines `{id, question, ..}`, where the
/// answer counts from 0. Problems without a picture are not taken.
pub(in crate::dataset) fn science_qa(
    file: PathBuf,
    problems: Problems,
    images: Option<Template>,
) -> RowLayout {
    RowLayout {
        file,
        format: Format::RowsOrMembers,
        id: Id::Columns(&["id", "question_id"]),
        only: problems.only(),
        images: images.clone(),
        image_name: Some("image"),
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
