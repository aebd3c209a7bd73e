//! VQA v2 and whatever has its layout, OK-VQA say: a file of questions, one of annotations.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Compared, Draft, DraftImage, Drafts, Heads, Layout, Truth, offset};
use crate::case::Metric;
use crate::dataset::error::{DataError, DataProblem};
use crate::dataset::json;
use crate::dataset::record::Record;
use crate::dataset::sample::Head;
use crate::dataset::template::Template;

const ID: &str = "question_id";

/// What annotations add to a question, for templates.
const ANNOTATED: [&str; 3] = ["question_type", "answer_type", "multiple_choice_answer"];

#[derive(Debug)]
pub(in crate::dataset) struct Vqa {
    pub(in crate::dataset) questions: PathBuf,
    /// Test splits have none.
    pub(in crate::dataset) annotations: Option<PathBuf>,
    pub(in crate::dataset) images: Template,
}

/// The id of a row, and nothing else of it.
#[derive(Deserialize)]
struct OnlyId {
    question_id: i64,
}

impl Vqa {
    fn for_each_question(
        &self,
        visit: &mut dyn FnMut(String, Record) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        json::for_each(&self.questions, &mut |element| {
            if element.key != "questions" {
                return Ok(());
            }
            let record = Record::parse(&element)?;
            visit(record.text(ID)?, record)
        })
    }

    /// Gives each wanted question its answers, and checks that both files have the same ids.
    fn annotate(
        &self,
        path: &Path,
        drafts: &mut [Draft],
        asked: &HashSet<String>,
    ) -> Result<(), DataError> {
        let mut positions: HashMap<String, usize> =
            drafts.iter().enumerate().map(|(place, draft)| (draft.id.clone(), place)).collect();
        let mut annotated: HashSet<i64> = HashSet::with_capacity(asked.len());
        json::for_each(path, &mut |element| {
            if element.key != "annotations" {
                return Ok(());
            }
            let OnlyId { question_id } = element.parse()?;
            let error = |problem| DataError::new(path, element.place(), problem);
            let id = question_id.to_string();
            if !annotated.insert(question_id) {
                return Err(error(DataProblem::Duplicate { what: ID, id }));
            }
            if !asked.contains(&id) {
                let other = self.questions.clone();
                return Err(error(DataProblem::Unknown { what: ID, id, other }));
            }
            match positions.remove(&id) {
                Some(place) => annotate(&mut drafts[place], &Record::parse(&element)?),
                None => Ok(()),
            }
        })?;
        let lacking = drafts.iter().find(|draft| positions.contains_key(&draft.id));
        match lacking {
            None => Ok(()),
            Some(Draft { id, place, .. }) => {
                let (id, other) = (id.clone(), path.to_owned());
                let problem = DataProblem::Lacks { what: ID, id, lacks: "annotation", other };
                Err(DataError::new(&self.questions, *place, problem))
            }
        }
    }

    /// The values of an annotation's field by question.
    fn annotated_values(
        &self,
        path: &Path,
        column: &str,
    ) -> Result<HashMap<String, String>, DataError> {
        let mut values = HashMap::new();
        json::for_each(path, &mut |element| {
            if element.key == "annotations" {
                let record = Record::parse(&element)?;
                values.insert(record.text(ID)?, record.text(column)?);
            }
            Ok(())
        })?;
        Ok(values)
    }
}

fn annotate(draft: &mut Draft, annotation: &Record) -> Result<(), DataError> {
    draft.truth = Truth::People(annotation.people("answers")?);
    draft.group = annotation.optional("answer_type").unwrap_or_default();
    for name in ANNOTATED {
        draft.values.extend(annotation.optional(name).map(|value| (name.to_owned(), value)));
    }
    Ok(())
}

impl Layout for Vqa {
    fn heads(&self, column: Option<&str>) -> Result<Heads, DataError> {
        let mut heads = Heads::default();
        let annotated = match (&self.annotations, column) {
            (Some(path), Some(column)) if ANNOTATED.contains(&column) => {
                Some(self.annotated_values(path, column)?)
            }
            _ => None,
        };
        self.for_each_question(&mut |id, record| {
            let stratum = match (&annotated, column) {
                (_, None) => String::new(),
                (Some(values), _) => values.get(&id).cloned().unwrap_or_default(),
                (None, Some(column)) => record.text(column)?,
            };
            heads.add_columns(record.names());
            heads.rows.push(Head { id, stratum, offset: offset(record.place()) });
            Ok(())
        })?;
        if self.annotations.is_some() {
            heads.add_columns(ANNOTATED);
        }
        Ok(heads)
    }

    fn drafts(&self, wanted: &HashSet<&str>) -> Result<Drafts, DataError> {
        let mut asked = HashSet::new();
        let mut drafts = Vec::with_capacity(wanted.len());
        self.for_each_question(&mut |id, record| {
            if wanted.contains(id.as_str()) {
                let values = record.scalars();
                let image = self.images.fill(&values);
                drafts.push(Draft {
                    id: id.clone(),
                    values,
                    cluster: image.clone(),
                    images: vec![DraftImage::File(image)],
                    truth: Truth::Unknown,
                    size: None,
                    group: String::new(),
                    path: self.questions.clone(),
                    place: record.place(),
                });
            }
            asked.insert(id);
            Ok(())
        })?;
        if let Some(path) = &self.annotations {
            self.annotate(path, &mut drafts, &asked)?;
        }
        Ok(drafts.into_iter().map(Ok).collect())
    }

    fn images(&self) -> Option<&Template> {
        Some(&self.images)
    }

    fn compared(&self) -> Compared {
        Compared::Answers(Metric::VqaAccuracy)
    }

    fn id_name(&self) -> &'static str {
        ID
    }

    fn path(&self) -> &Path {
        &self.questions
    }
}
