/*!
Scores that take a network which the user names: CLIPScore of captions, and the similarity of answers
with references.

Owns the official files of `jmhessel/clipscore` (`{image_id: caption}`, `{image_id: [reference]}` and a
folder of pictures); must not know the networks.
*/

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use candle_core::Device;
use serde::Deserialize;
use thiserror::Error;

use super::short_answer::{Pair, load};
use super::{ItemId, OfflineError, ScoreTable, files};
use crate::image::Viewing;
use crate::model::ModelError;
use crate::opinion::Said;
use crate::ordered_map::OrderedMap;
use crate::score::numpy::mean;
use crate::scorer::{
    ClipScorer, Scorer, ScorerError, SentenceEncoder, clip_scores, nearest_cosine, picture_features,
};

/// The endings of pictures that the official script takes.
const PICTURES: [&str; 4] = ["png", "jpg", "jpeg", "tiff"];

/// Why a network gave no scores.
#[derive(Debug, Error)]
pub enum NetworkError {
    /// The files.
    #[error(transparent)]
    Files(#[from] OfflineError),
    /// The checkpoint or a picture.
    #[error(transparent)]
    Scorer(#[from] ScorerError),
}

impl From<ModelError> for NetworkError {
    fn from(error: ModelError) -> Self {
        Self::Scorer(error.into())
    }
}

/// The files of captions.
#[derive(Debug, Clone, Copy)]
pub struct CaptionFiles<'p> {
    /// `{image_id: caption}`.
    pub candidates: &'p Path,
    /// The folder of pictures, each named by its image id and an ending.
    pub images: &'p Path,
    /// `{image_id: [caption]}` or `{image_id: caption}`.
    pub references: Option<&'p Path>,
}

/// One reference or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum References {
    One(String),
    Several(Vec<String>),
}

impl References {
    fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Several(texts) => texts,
        }
    }
}

/// CLIPScore and, with references, RefCLIPScore by the CLIP checkpoint in a folder, on the CPU in
/// f32.
///
/// # Errors
/// The checkpoint or a file cannot be used, or a picture and its caption do not find each other.
pub fn score_clip(model: &Path, files: CaptionFiles<'_>) -> Result<ScoreTable, NetworkError> {
    let Scorer::Clip(scorer) = Scorer::load(model, &Device::Cpu)? else {
        let (found, expected) = ("an encoder of sentences", "a CLIP checkpoint");
        return Err(ScorerError::Kind { path: model.to_owned(), found, expected }.into());
    };
    let candidates = read_map::<String>(files.candidates)?;
    if candidates.is_empty() {
        let path = files.candidates.to_owned();
        return Err(OfflineError::Empty { path, what: "captions" }.into());
    }
    let pictures = pictures(files, &candidates)?;
    let references = references(files, &candidates)?;
    let has_references = files.references.is_some();
    let names =
        if has_references { vec!["clip_score", "ref_clip_score"] } else { vec!["clip_score"] };
    let mut table = ScoreTable::new(names);
    let (mut plain, mut with_references) = (Vec::new(), Vec::new());
    for ((id, caption), references) in candidates.iter().zip(&references) {
        let features = picture_features(&scorer, &pictures[id.as_str()], Viewing::Upright)?;
        let [score, with_reference] = scores(&scorer, &features, caption, references)?;
        plain.push(score);
        let id = ItemId::Text(id.clone());
        match has_references {
            true => {
                with_references.push(with_reference);
                table.push_item(id, [score, with_reference]);
            }
            false => table.push_item(id, [score]),
        }
    }
    table.set("clip_score", mean(&plain));
    if has_references {
        table.set("ref_clip_score", mean(&with_references));
    }
    Ok(table)
}

/// CLIPScore and RefCLIPScore; NaN for the latter without references.
fn scores(
    scorer: &ClipScorer,
    picture: &[f32],
    caption: &str,
    references: &[String],
) -> Result<[f64; 2], ModelError> {
    Ok(match clip_scores(scorer, picture, caption, references)? {
        Said::ClipScores { clip_score, ref_clip_score } => {
            [clip_score, ref_clip_score.unwrap_or(f64::NAN)]
        }
        _ => [f64::NAN; 2],
    })
}

fn read_map<V: for<'b> Deserialize<'b>>(path: &Path) -> Result<Vec<(String, V)>, OfflineError> {
    let OrderedMap(entries) = files::parse(path, &files::read(path)?)?;
    Ok(entries)
}

/// The file of each caption's picture. The official script takes every picture of the folder and
/// needs a caption for each; a caption without a picture, which it passes over, is refused too.
fn pictures(
    files: CaptionFiles<'_>,
    candidates: &[(String, String)],
) -> Result<HashMap<String, PathBuf>, OfflineError> {
    let CaptionFiles { candidates: path, images, .. } = files;
    let unreadable = |source| OfflineError::Read { path: images.to_owned(), source };
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(images).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        let ending = file.extension().map(|ending| ending.to_string_lossy().into_owned());
        if ending.is_some_and(|ending| PICTURES.contains(&ending.as_str()))
            && let Some(stem) = file.file_stem()
        {
            found.insert(stem.to_string_lossy().into_owned(), file);
        }
    }
    let has_caption = |id: &String| candidates.iter().any(|(known, _)| known == id);
    let what = "image_id";
    if let Some(id) = found.keys().find(|id| !has_caption(id)) {
        let (id, path) = (ItemId::Text(id.clone()), path.to_owned());
        return Err(OfflineError::Missing { path, what, id, count: 1, total: found.len() });
    }
    let mut seen = std::collections::HashSet::new();
    for (id, _) in candidates {
        let (path, item) = (path.to_owned(), ItemId::Text(id.clone()));
        if !seen.insert(id) {
            return Err(OfflineError::Duplicate { path, what, id: item });
        }
        if !found.contains_key(id) {
            let annotations = images.to_owned();
            return Err(OfflineError::Unknown { path, annotations, what, id: item });
        }
    }
    Ok(found.into_iter().collect())
}

/// The references of each caption; empty lists without a file of them.
fn references(
    files: CaptionFiles<'_>,
    candidates: &[(String, String)],
) -> Result<Vec<Vec<String>>, OfflineError> {
    let Some(path) = files.references else { return Ok(vec![Vec::new(); candidates.len()]) };
    let known = read_map::<References>(path)?;
    let mut known: HashMap<String, Vec<String>> =
        known.into_iter().map(|(id, references)| (id, references.into_vec())).collect();
    let of = |(id, _): &(String, String)| {
        known.remove(id).filter(|references| !references.is_empty()).ok_or_else(|| {
            let (path, id) = (path.to_owned(), ItemId::Text(id.clone()));
            OfflineError::Incomplete { path, what: "image_id", id, lacks: "references" }
        })
    };
    candidates.iter().map(of).collect()
}

/// The cosine of each answer with the nearest of its references, by the encoder in a folder, on the
/// CPU in f32.
///
/// # Errors
/// The checkpoint or a file cannot be used, or ids do not match.
pub fn score_similarity(
    model: &Path,
    annotations: &Path,
    results: &Path,
) -> Result<ScoreTable, NetworkError> {
    const NAME: &str = "sentence_similarity";
    let Scorer::Sentences(encoder) = Scorer::load(model, &Device::Cpu)? else {
        let (found, expected) = ("a CLIP checkpoint", "an encoder of sentences");
        return Err(ScorerError::Kind { path: model.to_owned(), found, expected }.into());
    };
    let mut table = ScoreTable::new(vec![NAME]);
    let mut all = Vec::new();
    for pair in load(annotations, results)? {
        let cosine = similarity(&encoder, annotations, &pair)?;
        all.push(cosine);
        table.push_item(pair.id, [cosine]);
    }
    table.set(NAME, mean(&all));
    Ok(table)
}

fn similarity(
    encoder: &SentenceEncoder,
    annotations: &Path,
    pair: &Pair,
) -> Result<f64, NetworkError> {
    let references = pair.references();
    if references.is_empty() {
        let (path, id) = (annotations.to_owned(), pair.id.clone());
        let (what, lacks) = ("question_id", "answers");
        return Err(OfflineError::Incomplete { path, what, id, lacks }.into());
    }
    Ok(nearest_cosine(encoder, &pair.answer, references)?)
}
