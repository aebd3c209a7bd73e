/*!
The pictures of a model's trials: each file is decoded, preprocessed and encoded once, however many
trials show it.

What the vision tower made of a picture is kept while a later trial shows it. If that becomes too
much, the picture that is shown again last goes first (Belady 1966: no other order reads fewer
again). Pixels are kept until they are encoded.
*/

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::picture::{Loaded, Picture};
use super::{EngineError, TrialRequest};
use crate::answer::Timings;
use crate::image::Viewing;
use crate::model::Processor;

/// Most memory that features of pictures take which no trial is looking at, in bytes.
pub(super) const KEPT_BYTES: usize = 1 << 30;

/// The pictures of some requests.
pub(super) struct Gallery {
    shelves: Mutex<HashMap<View, Shelf>>,
    limit: usize,
}

/// A picture's place.
#[derive(Default)]
struct Shelf {
    /// The requests that show it and have not ended.
    uses: BTreeSet<usize>,
    picture: Option<Arc<Picture>>,
}

/// When a picture was prepared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prepared {
    /// For the one who asks.
    Now,
    /// For someone else before.
    Earlier,
}

impl Gallery {
    pub(super) fn new(requests: &[TrialRequest]) -> Self {
        Self::with_limit(requests, KEPT_BYTES)
    }

    fn with_limit(requests: &[TrialRequest], limit: usize) -> Self {
        let mut shelves: HashMap<View, Shelf> = HashMap::new();
        for (index, request) in requests.iter().enumerate() {
            for path in &request.images {
                shelves.entry(view(path, request.orientation)).or_default().uses.insert(index);
            }
        }
        Self { shelves: Mutex::new(shelves), limit }
    }

    /// How many pictures several requests show.
    pub(super) fn shared_pictures(&self) -> usize {
        let shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        shelves.values().filter(|shelf| shelf.uses.len() > 1).count()
    }

    /// The picture in a file. Whoever asks while another thread prepares it waits.
    pub(super) fn picture(
        &self,
        path: &Path,
        orientation: Viewing,
        processor: &dyn Processor,
        timings: &mut Timings,
    ) -> Result<(Arc<Picture>, Prepared), EngineError> {
        let picture = {
            let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
            let shelf = shelves.entry(view(path, orientation)).or_default();
            Arc::clone(shelf.picture.get_or_insert_with(Arc::default))
        };
        let mut prepared = Prepared::Earlier;
        picture.load(|| {
            prepared = Prepared::Now;
            Loaded::read(path, orientation, processor, timings)
        })?;
        Ok((picture, prepared))
    }

    /// Forgets what no request shows that has not ended.
    pub(super) fn release(&self, index: usize, request: &TrialRequest) {
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        for path in &request.images {
            let view = view(path, request.orientation);
            let Some(shelf) = shelves.get_mut(&view) else { continue };
            shelf.uses.remove(&index);
            if shelf.uses.is_empty() {
                shelves.remove(&view);
            }
        }
    }

    /// Forgets pictures until the features of the others are no more than may be kept.
    pub(super) fn make_room(&self) {
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = |shelf: &Shelf| shelf.picture.as_ref().map_or(0, |picture| picture.bytes());
        let mut kept: usize = shelves.values().map(bytes).sum();
        while kept > self.limit {
            let encoded = shelves.values_mut().filter(|shelf| bytes(shelf) > 0);
            let Some(last) = encoded.max_by_key(|shelf| shelf.uses.first().copied()) else {
                return;
            };
            kept -= bytes(last);
            last.picture = None;
        }
    }
}

/// A file, under the name that all paths to it have in common, and how it is viewed.
type View = (PathBuf, Viewing);

fn view(path: &Path, orientation: Viewing) -> View {
    (path.canonicalize().unwrap_or_else(|_| path.to_owned()), orientation)
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Tensor};

    use super::*;
    use crate::model::ImageFeatures;
    use crate::request::{Conversation, GenerationOptions};

    fn requests(shown: &[&str]) -> Vec<TrialRequest> {
        let request = |name: &&str| TrialRequest {
            images: vec![PathBuf::from(name)],
            orientation: Viewing::Upright,
            conversation: Conversation::ask(1, "?"),
            options: GenerationOptions::default(),
        };
        shown.iter().map(request).collect()
    }

    /// Puts 1000 bytes of features on a shelf.
    fn encode(gallery: &Gallery, name: &str) {
        let tokens = Tensor::zeros((25, 10), DType::F32, &Device::Cpu).unwrap();
        let picture = Picture::default();
        picture.set_features(Ok(ImageFeatures { tokens, deep: Vec::new() }));
        let mut shelves = gallery.shelves.lock().unwrap();
        shelves.get_mut(&view(Path::new(name), Viewing::Upright)).unwrap().picture =
            Some(Arc::new(picture));
    }

    fn kept(gallery: &Gallery) -> Vec<String> {
        let shelves = gallery.shelves.lock().unwrap();
        let kept = shelves.iter().filter(|(_, shelf)| shelf.picture.is_some());
        let mut kept: Vec<String> = kept.map(|((path, _), _)| path.display().to_string()).collect();
        kept.sort();
        kept
    }

    #[test]
    fn a_picture_goes_with_the_last_that_shows_it() {
        let requests = requests(&["no/a", "no/b", "no/a"]);
        let gallery = Gallery::new(&requests);
        encode(&gallery, "no/a");
        encode(&gallery, "no/b");
        gallery.release(0, &requests[0]);
        gallery.release(1, &requests[1]);
        assert_eq!(kept(&gallery), ["no/a"]);
        gallery.release(2, &requests[2]);
        assert!(kept(&gallery).is_empty());
    }

    /// Two of three may stay; b is shown again last.
    #[test]
    fn the_picture_that_is_shown_again_last_goes_first() {
        let requests = requests(&["no/a", "no/b", "no/c", "no/a", "no/c", "no/b"]);
        let gallery = Gallery::with_limit(&requests, 2500);
        for (index, name) in ["no/a", "no/b", "no/c"].into_iter().enumerate() {
            encode(&gallery, name);
            gallery.release(index, &requests[index]);
        }
        gallery.make_room();
        assert_eq!(kept(&gallery), ["no/a", "no/c"]);
    }
}
