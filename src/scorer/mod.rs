/*!
Networks that score answers: CLIP's two towers, and encoders of sentences of BERT's kind.

Owns their checkpoints' configuration, preprocessing and tokens, and gives feature vectors and the
scores that [`crate::score`] makes of them; must not know cases or expectations. Everything runs in
f32. Each equals its reference on oracle checkpoints: transformers' `CLIPModel`, and
sentence-transformers' pooling over transformers' `BertModel` (`tests/oracle/scorers.rs`).
*/

use std::path::Path;

use candle_core::Device;
use serde::Deserialize;

use crate::image::{self, ImageError, Viewing};
use crate::model::ModelError;
use crate::model::fields::FieldCheck;
use crate::opinion::Said;
use crate::score::clip_score::{PROMPT, clip_score, cosine, ref_clip_score};
use crate::weights::CheckpointFolder;

mod clip;
mod sentences;

pub use clip::ClipScorer;
pub use sentences::SentenceEncoder;

/// A network that scores answers.
pub enum Scorer {
    /// Captions against pictures.
    Clip(ClipScorer),
    /// Texts against texts.
    Sentences(SentenceEncoder),
}

/// Why there is no score.
#[derive(Debug, thiserror::Error)]
pub enum ScorerError {
    /// The checkpoint cannot be used, or the network failed.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A picture cannot be read.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The checkpoint is of the other kind.
    #[error("{} is {found}, expected {expected}", path.display())]
    Kind {
        /// The checkpoint's folder.
        path: std::path::PathBuf,
        /// What it is.
        found: &'static str,
        /// What was wanted.
        expected: &'static str,
    },
}

impl From<crate::weights::WeightsError> for ScorerError {
    fn from(error: crate::weights::WeightsError) -> Self {
        Self::Model(error.into())
    }
}

#[derive(Deserialize)]
struct AnyConfig {
    model_type: Option<String>,
}

impl Scorer {
    /// Loads a checkpoint folder, whose `config.json` says of which kind it is.
    ///
    /// # Errors
    /// The folder is no checkpoint of these kinds, or cannot be used.
    pub fn load(folder: &Path, device: &Device) -> Result<Self, ModelError> {
        let folder = CheckpointFolder::open(folder)?;
        let config: AnyConfig = folder.required_json("config.json", "which network it is")?;
        match config.model_type.as_deref() {
            Some("clip") => Ok(Self::Clip(ClipScorer::load(&folder, device)?)),
            Some("bert") => Ok(Self::Sentences(SentenceEncoder::load(&folder, device)?)),
            found => {
                let found = found.map_or("missing".to_owned(), |found| format!("`{found}`"));
                let check = FieldCheck::new(folder.path().join("config.json"));
                Err(check.error("model_type", found, "`clip` or `bert`, to score with"))
            }
        }
    }

    /// What kind of network it is, in words.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Clip(_) => "a CLIP checkpoint",
            Self::Sentences(_) => "an encoder of sentences",
        }
    }
}

/// CLIPScore of a caption for a picture's features and, if there are references, RefCLIPScore, as
/// `jmhessel/clipscore` has them.
///
/// # Errors
/// The network failed.
pub fn clip_scores<S: AsRef<str>>(
    scorer: &ClipScorer,
    picture: &[f32],
    caption: &str,
    references: &[S],
) -> Result<Said, ModelError> {
    let features = |text: &str| scorer.text_features(&format!("{PROMPT}{text}"));
    let caption = features(caption)?;
    let references =
        references.iter().map(|text| features(text.as_ref())).collect::<Result<Vec<_>, _>>()?;
    let references: Vec<&[f32]> = references.iter().map(Vec::as_slice).collect();
    Ok(Said::ClipScores {
        clip_score: clip_score(picture, &caption).map_or(f64::NAN, f64::from),
        ref_clip_score: ref_clip_score(picture, &caption, &references).map(f64::from),
    })
}

/// The cosine of a text's embedding with that of the nearest reference.
///
/// # Errors
/// The network failed.
pub fn nearest_cosine<S: AsRef<str>>(
    encoder: &SentenceEncoder,
    text: &str,
    references: &[S],
) -> Result<f64, ModelError> {
    let text = encoder.embed(text)?;
    let mut nearest = f64::NAN;
    for reference in references {
        let other = encoder.embed(reference.as_ref())?;
        nearest = nearest.max(cosine(&text, &other).map_or(f64::NAN, f64::from));
    }
    Ok(nearest)
}

/// The features of a picture's file.
///
/// # Errors
/// The picture cannot be read, or the network failed.
pub fn picture_features(
    scorer: &ClipScorer,
    path: &Path,
    orientation: Viewing,
) -> Result<Vec<f32>, ScorerError> {
    let picture = image::open(path, orientation)?;
    Ok(scorer.image_features(&picture.pixels)?)
}

/// What a network reads of a text's ids: those beyond its length are cut off before the last one,
/// which ends the text.
fn fitted(mut ids: Vec<u32>, longest: usize, vocabulary: usize) -> Result<Vec<u32>, ModelError> {
    if ids.len() > longest {
        let last = ids.pop();
        ids.truncate(longest.saturating_sub(1));
        ids.extend(last);
    }
    if ids.is_empty() {
        return Err(ModelError::EmptyPrompt);
    }
    match ids.iter().find(|id| **id as usize >= vocabulary) {
        Some(id) => Err(ModelError::TokenOutOfRange { id: *id, vocabulary }),
        None => Ok(ids),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_keeps_its_end() {
        assert_eq!(fitted(vec![1, 2, 3, 4, 9], 3, 10).unwrap(), [1, 2, 9]);
        assert_eq!(fitted(vec![1, 9], 3, 10).unwrap(), [1, 9]);
        assert!(matches!(fitted(vec![], 3, 10), Err(ModelError::EmptyPrompt)));
        assert!(fitted(vec![1, 10], 3, 10).is_err());
    }
}
