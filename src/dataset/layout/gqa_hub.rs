//! The hub's `lmms-lab/GQA`: questions (`*_instructions`) and pictures (`*_images`) are files of their
//! own, which belong together by `imageId`.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{BadRow, Compared, Draft, DraftImage, Drafts, Heads, Layout, RowLayout};
use crate::dataset::error::{DataError, DataPlace, DataProblem};
use crate::dataset::parquet;
use crate::dataset::record::{Picture, PictureColumns, PictureText};

/// Questions whose drafts name their picture by its id, and the files that have the pictures.
#[derive(Debug)]
pub(in crate::dataset) struct GqaHub {
    pub(in crate::dataset) questions: RowLayout,
    /// At least one.
    pub(in crate::dataset) pictures: Vec<PathBuf>,
}

/// Pictures in base64 by id: some thirty questions share one.
type ById = HashMap<String, Arc<str>>;

impl GqaHub {
    fn pictures(&self, wanted: &HashSet<String>) -> Result<ById, DataError> {
        let mut found = ById::new();
        for path in &self.pictures {
            parquet::for_each(path, PictureColumns::Read, &mut |row| {
                let id = row.text("id")?;
                if !wanted.contains(&id) {
                    return Ok(());
                }
                let picture = match row.some_pictures("image", PictureText::Base64)?.remove(0) {
                    Picture::File(text) | Picture::Base64(text) => text.into(),
                };
                match found.insert(id.clone(), picture) {
                    None => Ok(()),
                    Some(_) => Err(row.error(DataProblem::Duplicate { what: "id", id })),
                }
            })?;
        }
        Ok(found)
    }

    fn show(&self, draft: Draft, pictures: &ById) -> Result<Draft, BadRow> {
        let id = draft.cluster.clone();
        match pictures.get(&id).map(Arc::clone) {
            Some(base64) => {
                Ok(Draft { images: vec![DraftImage::Shared { name: id, base64 }], ..draft })
            }
            None => {
                let other = self.pictures.last().cloned().unwrap_or_default();
                let problem = DataProblem::Lacks { what: "imageId", id, lacks: "picture", other };
                let error = DataError::new(&draft.path, DataPlace::File, problem);
                Err(BadRow { id: draft.id, error })
            }
        }
    }
}

impl Layout for GqaHub {
    fn heads(&self, column: Option<&str>) -> Result<Heads, DataError> {
        self.questions.heads(column)
    }

    fn drafts(&self, wanted: &HashSet<&str>) -> Result<Drafts, DataError> {
        let drafts = self.questions.drafts(wanted)?;
        let ids = drafts.iter().flatten().map(|draft| draft.cluster.clone());
        let ids: HashSet<String> = ids.collect();
        if ids.is_empty() {
            return Ok(drafts);
        }
        let pictures = self.pictures(&ids)?;
        Ok(drafts.into_iter().map(|draft| self.show(draft?, &pictures)).collect())
    }

    fn compared(&self) -> Compared {
        self.questions.compared()
    }

    fn id_name(&self) -> &'static str {
        self.questions.id_name()
    }

    fn path(&self) -> &Path {
        self.questions.path()
    }
}
