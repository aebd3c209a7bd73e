//! COCO captions: the annotation files of 2014 and 2017, and Karpathy's split of them.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::{
    Compared, Draft, DraftImage, Drafts, Format, Heads, Id, Layout, Only, Reading, RowLayout,
    Truth, named_images, offset,
};
use crate::dataset::error::{DataError, DataPlace, DataProblem};
use crate::dataset::json;
use crate::dataset::record::Record;
use crate::dataset::sample::Head;
use crate::dataset::template::Template;

/// `dataset_coco.json`: `{images: [{cocoid, filepath, filename, split, sentences: [{raw}]}]}`, and those of
/// Flickr30k and Flickr8k, which have neither `cocoid` nor `filepath`. The references are `raw`; `tokens` have
/// lost their punctuation.
pub(in crate::dataset) fn karpathy(file: PathBuf, split: String, images: Template) -> RowLayout {
    RowLayout {
        file,
        format: Format::List("images"),
        id: Id::Columns(&["cocoid", "imgid"]),
        only: vec![Only::Value("split", split)],
        images: Some(images.clone()),
        image_name: None,
        compared: Compared::Captions,
        derived: &[],
        read: Box::new(move |row| {
            let raw = |sentence: &Value| Some(sentence.get("raw")?.as_str()?.to_owned());
            let captions: Option<Vec<String>> = row.list("sentences")?.iter().map(raw).collect();
            let captions = captions.filter(|captions| !captions.is_empty());
            let captions = captions.ok_or_else(|| row.wrong("sentences", "a list of {raw}"))?;
            Ok(Reading::new(named_images(&images, row)?, Truth::Captions(captions)))
        }),
    }
}

const ID: &str = "image_id";

/// `captions_val2014.json`: `{images: [{id, file_name, ..}], annotations: [{image_id, caption}]}`.
/// A row is an image.
#[derive(Debug)]
pub(in crate::dataset) struct CocoCaptions {
    pub(in crate::dataset) annotations: PathBuf,
    pub(in crate::dataset) images: Template,
}

#[derive(Deserialize)]
struct Caption {
    image_id: i64,
    caption: String,
}

impl CocoCaptions {
    fn draft(&self, id: String, record: &Record) -> Draft {
        let values = record.scalars();
        let image = self.images.fill(&values);
        Draft {
            id,
            values,
            cluster: image.clone(),
            images: vec![DraftImage::File(image)],
            truth: Truth::Unknown,
            size: None,
            group: String::new(),
            path: self.annotations.clone(),
            place: record.place(),
        }
    }
}

impl Layout for CocoCaptions {
    fn heads(&self, column: Option<&str>) -> Result<Heads, DataError> {
        let mut heads = Heads::default();
        json::for_each(&self.annotations, &mut |element| {
            if element.key != "images" {
                return Ok(());
            }
            let record = Record::parse(&element)?;
            let stratum = column.map(|column| record.text(column)).transpose()?;
            heads.add_columns(record.names());
            let (id, offset) = (record.text("id")?, offset(record.place()));
            heads.rows.push(Head { id, stratum: stratum.unwrap_or_default(), offset });
            Ok(())
        })?;
        Ok(heads)
    }

    fn drafts(&self, wanted: &HashSet<&str>) -> Result<Drafts, DataError> {
        let mut drafts = Vec::with_capacity(wanted.len());
        let mut images = HashSet::new();
        let mut captions: HashMap<String, (Vec<String>, DataPlace)> = HashMap::new();
        json::for_each(&self.annotations, &mut |element| {
            match element.key {
                "images" => {
                    let record = Record::parse(&element)?;
                    let id = record.text("id")?;
                    if wanted.contains(id.as_str()) {
                        drafts.push(self.draft(id.clone(), &record));
                    }
                    images.insert(id);
                }
                "annotations" => {
                    let Caption { image_id, caption } = element.parse()?;
                    let known = captions.entry(image_id.to_string());
                    let (texts, _) = known.or_insert_with(|| (Vec::new(), element.place()));
                    texts.push(caption);
                }
                _ => {}
            }
            Ok(())
        })?;
        let path = &self.annotations;
        if let Some((id, (_, place))) = captions.iter().find(|(id, _)| !images.contains(*id)) {
            let problem = DataProblem::Unknown { what: ID, id: id.clone(), other: "images".into() };
            return Err(DataError::new(path, *place, problem));
        }
        for draft in &mut drafts {
            let Some((texts, _)) = captions.remove(&draft.id) else {
                let (id, other) = (draft.id.clone(), "annotations".into());
                let problem = DataProblem::Lacks { what: ID, id, lacks: "caption", other };
                return Err(DataError::new(path, draft.place, problem));
            };
            draft.truth = Truth::Captions(texts);
        }
        Ok(drafts.into_iter().map(Ok).collect())
    }

    fn images(&self) -> Option<&Template> {
        Some(&self.images)
    }

    fn compared(&self) -> Compared {
        Compared::Captions
    }

    fn id_name(&self) -> &'static str {
        ID
    }

    fn path(&self) -> &Path {
        &self.annotations
    }
}
