//! One network that scores answers, in memory.

use std::collections::HashMap;
use std::path::PathBuf;

use super::{EngineError, EngineSettings, checkpoint_folder, guarded};
use crate::image::Viewing;
use crate::opinion::{Matter, Said};
use crate::registry::ScorerEntry;
use crate::scorer::{Scorer, ScorerError, clip_scores, nearest_cosine, picture_features};
use crate::weights;

/// A scorer with the features of the pictures that it has seen.
pub struct ScorerInUse {
    scorer: Scorer,
    folder: PathBuf,
    pictures: HashMap<(PathBuf, Viewing), Vec<f32>>,
}

impl ScorerInUse {
    /// Loads a registry entry.
    ///
    /// # Errors
    /// The device is not there, the checkpoint is missing or unusable, or loading panicked.
    pub fn load(entry: &ScorerEntry, settings: &EngineSettings) -> Result<Self, EngineError> {
        let device = settings.devices.choices()?.into_iter().next().unwrap_or_default().open()?;
        let folder = checkpoint_folder(&entry.source)?;
        weights::check_pins(&folder, &entry.sha256)?;
        let scorer = guarded(|| Ok(Scorer::load(&folder, &device)?))?;
        Ok(Self { scorer, folder, pictures: HashMap::new() })
    }

    /// Scores an answer; `images` are the case's pictures, of which CLIP sees the first.
    ///
    /// # Errors
    /// The checkpoint is of the wrong kind for this, a picture cannot be read, or the network
    /// failed.
    pub fn score(
        &mut self,
        matter: &Matter,
        images: &[PathBuf],
        orientation: Viewing,
    ) -> Result<Said, EngineError> {
        let Self { scorer, folder, pictures } = self;
        guarded(|| match (matter, &*scorer) {
            (Matter::ClipScore { caption, references }, Scorer::Clip(clip)) => {
                let path = images.first().ok_or(EngineError::Lost)?;
                let view = (path.clone(), orientation);
                if !pictures.contains_key(&view) {
                    pictures.insert(view.clone(), picture_features(clip, path, orientation)?);
                }
                Ok(clip_scores(clip, &pictures[&view], caption, references)?)
            }
            (Matter::Similarity { text, references }, Scorer::Sentences(encoder)) => {
                Ok(Said::Similarity(nearest_cosine(encoder, text, references)?))
            }
            (matter, scorer) => {
                let expected = match matter {
                    Matter::ClipScore { .. } => "a CLIP checkpoint",
                    _ => "an encoder of sentences",
                };
                let (path, found) = (folder.clone(), scorer.kind());
                Err(ScorerError::Kind { path, found, expected }.into())
            }
        })
    }
}
