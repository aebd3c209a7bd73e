//! RefCOCO, RefCOCO+ and RefCOCOg as `lichengunc/refer` has them: a pickle of expressions, and
//! COCO's instances with the boxes. A row is a sentence.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::{BadRow, Compared, Draft, DraftImage, Drafts, Heads, Layout, Truth};
use crate::case::CaseError;
use crate::dataset::error::{DataError, DataPlace, DataProblem};
use crate::dataset::record::Record;
use crate::dataset::sample::Head;
use crate::dataset::template::Template;
use crate::dataset::{json, pickle};
use crate::geometry::PixelSize;

const ID: &str = "sent_id";

/// Names that templates may use.
const COLUMNS: [&str; 12] = [
    "question",
    "sent",
    "raw",
    "sent_id",
    "ref_id",
    "ann_id",
    "image_id",
    "category_id",
    "split",
    "file_name",
    "width",
    "height",
];

#[derive(Debug)]
pub(in crate::dataset) struct RefCoco {
    /// `refs(unc).p`
    pub(in crate::dataset) refs: PathBuf,
    pub(in crate::dataset) instances: PathBuf,
    pub(in crate::dataset) split: String,
    pub(in crate::dataset) images: Template,
}

impl RefCoco {
    /// The sentences of the split, each with the reference that it belongs to.
    fn sentences(&self) -> Result<Vec<(Record, Rc<Record>)>, DataError> {
        let bytes = std::fs::read(&self.refs);
        let bytes = bytes.map_err(|error| DataError::unreadable(&self.refs, &error))?;
        let broken = |error: pickle::PickleError| {
            let place = DataPlace::Binary(error.offset as u64);
            DataError::new(&self.refs, place, DataProblem::Pickle(error.to_string()))
        };
        let mut refs = pickle::read(&bytes).map_err(broken)?;
        let count = refs.len().ok_or_else(|| {
            let expected = "a list of references";
            DataError::new(&self.refs, DataPlace::File, DataProblem::NoRows { expected })
        })?;
        let path: Arc<Path> = self.refs.as_path().into();
        let mut sentences = Vec::new();
        for index in 0..count {
            // One at a time: a reference of another split is forgotten at once.
            let mut fields = self.dict(refs.item(index).map_err(broken)?)?;
            let said = fields.remove("sentences");
            let reference = Rc::new(Record::new(fields, &path, DataPlace::File));
            if is_in_split(&self.split, &reference.text("split")?) {
                let Some(Value::Array(said)) = said else {
                    return Err(reference.wrong("sentences", "a list"));
                };
                for sentence in said {
                    let sentence = Record::new(self.dict(sentence)?, &path, DataPlace::File);
                    sentences.push((sentence, Rc::clone(&reference)));
                }
            }
        }
        Ok(sentences)
    }

    fn dict(&self, value: Value) -> Result<Map<String, Value>, DataError> {
        match value {
            Value::Object(fields) => Ok(fields),
            _ => {
                let problem = DataProblem::NoRows { expected: "references and sentences as dicts" };
                Err(DataError::new(&self.refs, DataPlace::File, problem))
            }
        }
    }

    fn draft(&self, sentence: &Record, reference: &Record) -> Result<Draft, DataError> {
        // The file's name in the pickle is none of a file; the instances have the right one.
        let mut values = reference.scalars();
        values.retain(|(name, _)| name != "file_name");
        values.extend(sentence.scalars());
        values.push(("question".to_owned(), sentence.text("sent")?));
        Ok(Draft {
            id: sentence.text(ID)?,
            values,
            images: Vec::new(),
            truth: Truth::Unknown,
            size: None,
            group: String::new(),
            cluster: reference.text("image_id")?,
            path: self.refs.clone(),
            place: DataPlace::File,
        })
    }

    /// The draft with its picture and box.
    fn locate(&self, mut draft: Draft, instances: &Instances) -> Result<Draft, BadRow> {
        let file = instances.files.get(value(&draft, "image_id"));
        let bounds = instances.boxes.get(value(&draft, "ann_id"));
        let (Some(file), Some(bounds)) = (file, bounds) else {
            let error = match file {
                None => self.lacks(&draft, "image_id", "picture"),
                Some(_) => self.lacks(&draft, "ann_id", "box"),
            };
            return Err(BadRow { id: draft.id, error });
        };
        draft.values.push(("file_name".to_owned(), file.clone()));
        if let Some([width, height]) = instances.sizes.get(value(&draft, "image_id")) {
            draft.size = width
                .parse()
                .ok()
                .zip(height.parse().ok())
                .map(|(width, height)| PixelSize { width, height });
            draft.values.push(("width".to_owned(), width.clone()));
            draft.values.push(("height".to_owned(), height.clone()));
        }
        draft.images = vec![DraftImage::File(self.images.fill(&draft.values))];
        draft.truth = Truth::Box(*bounds);
        Ok(draft)
    }

    fn lacks(&self, draft: &Draft, what: &'static str, lacks: &'static str) -> DataError {
        let id = value(draft, what).to_owned();
        let other = self.instances.clone();
        let problem = DataProblem::Lacks { what, id, lacks, other };
        DataError::new(&self.refs, DataPlace::File, problem)
    }
}

/// `getRefIds` of `refer.py`: `testA` takes every split with an `A` in its name.
fn is_in_split(wanted: &str, found: &str) -> bool {
    match wanted {
        "testA" | "testB" | "testC" => found.contains(&wanted[4..]),
        "test" => found.contains("test"),
        _ => wanted == found,
    }
}

fn value<'d>(draft: &'d Draft, name: &str) -> &'d str {
    draft.values.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}

/// A sentence and the box that it means.
#[derive(Debug, Clone, PartialEq)]
pub struct ReferSentence {
    /// `sent_id`.
    pub id: String,
    /// The box in pixels.
    pub xyxy: [f64; 4],
    /// The picture's size, where the instances tell it.
    pub picture: Option<PixelSize>,
}

/// The sentences of a split of the official files, in their order, with their boxes.
///
/// # Errors
/// A file is not as it should be; names the place.
pub fn refer_sentences(
    refs: &Path,
    instances: &Path,
    split: &str,
) -> Result<Vec<ReferSentence>, CaseError> {
    let layout = RefCoco {
        refs: refs.to_owned(),
        instances: instances.to_owned(),
        split: split.to_owned(),
        images: Template::default(),
    };
    let heads = layout.heads(None)?;
    if heads.rows.is_empty() {
        let problem = DataProblem::NoRows { expected: "sentences of this split" };
        return Err(DataError::new(refs, DataPlace::File, problem).into());
    }
    let ids: HashSet<&str> = heads.rows.iter().map(|head| head.id.as_str()).collect();
    let sentence = |draft: Draft| match draft.truth {
        Truth::Box(xyxy) => Some(ReferSentence { xyxy, picture: draft.size, id: draft.id }),
        _ => None,
    };
    let drafts = layout.drafts(&ids)?.into_iter();
    let drafts =
        drafts.map(|draft| draft.map_err(|bad| bad.error)).collect::<Result<Vec<_>, _>>()?;
    Ok(drafts.into_iter().filter_map(sentence).collect())
}

/// What the instances say of the wanted pictures and boxes.
#[derive(Default)]
struct Instances {
    files: HashMap<String, String>,
    boxes: HashMap<String, [f64; 4]>,
    /// Width and height of pictures, where they are told.
    sizes: HashMap<String, [String; 2]>,
}

impl Instances {
    fn read(path: &Path, drafts: &[Draft]) -> Result<Self, DataError> {
        let ids = |name| drafts.iter().map(|draft| value(draft, name)).collect::<HashSet<_>>();
        let (images, boxes) = (ids("image_id"), ids("ann_id"));
        let mut found = Self::default();
        json::for_each(path, &mut |element| {
            if !matches!(element.key, "images" | "annotations") {
                return Ok(());
            }
            let record = Record::parse(&element)?;
            let id = record.text("id")?;
            if element.key == "images" && images.contains(id.as_str()) {
                let sides = record.optional("width").zip(record.optional("height"));
                if let Some((width, height)) = sides {
                    found.sizes.insert(id.clone(), [width, height]);
                }
                found.files.insert(id, record.text("file_name")?);
            } else if element.key == "annotations" && boxes.contains(id.as_str()) {
                let [x, y, width, height] = record.four_numbers("bbox")?;
                found.boxes.insert(id, [x, y, x + width, y + height]);
            }
            Ok(())
        })?;
        Ok(found)
    }
}

impl Layout for RefCoco {
    fn heads(&self, column: Option<&str>) -> Result<Heads, DataError> {
        let mut heads = Heads::default();
        for (sentence, reference) in self.sentences()? {
            let stratum = match column {
                None => String::new(),
                Some(column) => {
                    sentence.optional(column).map_or_else(|| reference.text(column), Ok)?
                }
            };
            heads.rows.push(Head { id: sentence.text(ID)?, stratum, offset: 0 });
        }
        heads.add_columns(COLUMNS);
        Ok(heads)
    }

    fn drafts(&self, wanted: &HashSet<&str>) -> Result<Drafts, DataError> {
        let mut drafts = Vec::with_capacity(wanted.len());
        for (sentence, reference) in self.sentences()? {
            if wanted.contains(sentence.text(ID)?.as_str()) {
                drafts.push(self.draft(&sentence, &reference)?);
            }
        }
        let instances = Instances::read(&self.instances, &drafts)?;
        Ok(drafts.into_iter().map(|draft| self.locate(draft, &instances)).collect())
    }

    fn images(&self) -> Option<&Template> {
        Some(&self.images)
    }

    fn compared(&self) -> Compared {
        Compared::Boxes
    }

    fn id_name(&self) -> &'static str {
        ID
    }

    fn path(&self) -> &Path {
        &self.refs
    }
}

#[cfg(test)]
mod tests {
    use super::is_in_split;

    #[test]
    fn splits_are_chosen_as_refer_does() {
        assert!(is_in_split("testA", "testAB") && is_in_split("testB", "testAB"));
        assert!(is_in_split("test", "testA") && !is_in_split("testA", "testB"));
        assert!(is_in_split("val", "val") && !is_in_split("train", "val"));
    }
}
