//! From a request to what the model gets: the part of answering that needs no weights.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::SyncSender;

use super::checkpoint::{checkpoint_folder, identity_of, present_folder};
use super::gallery::{self, Gallery};
use super::input::Input;
use super::picture::{Loaded, Picture};
use super::serving::PreparedInput;
use super::{EngineError, TrialRequest, guarded, timed};
use crate::answer::{ModelInput, Timings};
use crate::model::{self, Demand, Identity, PreparedImage, PreparedPrompt, Processor};
use crate::registry::ModelEntry;

/// The half of a model that needs no weights.
pub struct Preparer {
    processor: Box<dyn Processor>,
    identity: Identity,
}

impl Preparer {
    /// Loads it for a registry entry.
    ///
    /// # Errors
    /// The checkpoint's configuration is missing or unusable, or loading panicked.
    pub fn load(entry: &ModelEntry) -> Result<Self, EngineError> {
        guarded(|| {
            let present = present_folder(&entry.source);
            let present =
                present.and_then(|folder| Some((model::load_processor(&folder).ok()?, folder)));
            // What is here suffices without the weights; if it does not, all is fetched.
            let (processor, folder) = match present {
                Some(present) => present,
                None => {
                    let folder = checkpoint_folder(&entry.source)?;
                    (model::load_processor(&folder)?, folder)
                }
            };
            let identity = identity_of(&folder, processor.as_ref(), entry)?;
            Ok(Self { processor, identity })
        })
    }

    /// What the model is and can do.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What the model would get.
    ///
    /// # Errors
    /// A picture cannot be read, or the conversation not be put to this family.
    pub fn prepare(&self, request: &TrialRequest) -> Result<ModelInput, EngineError> {
        guarded(|| {
            let gallery = Gallery::new(std::slice::from_ref(request));
            Ok(Prepared::new(request, &gallery, self.processor.as_ref())?.describe())
        })
    }
}

impl Preparer {
    /// The largest of what requests ask of memory; requests that cannot be prepared are left out.
    pub fn demand(&self, requests: &[TrialRequest]) -> Demand {
        let gallery = Gallery::new(requests);
        let demand = |request: &TrialRequest| {
            let prepared =
                guarded(|| Prepared::new(request, &gallery, self.processor.as_ref())).ok()?;
            let demand = prepared.demand();
            let tokens = demand.prompt_tokens + request.options.max_new_tokens;
            prepared.pictures.iter().for_each(|picture| picture.let_go());
            Some(Demand { tokens, beams: request.options.num_beams, ..demand })
        };
        let all = requests.iter().filter_map(demand).fold(Demand::default(), Demand::and);
        Demand { shared_pictures: gallery.shared_pictures(), ..all }
    }
}

/// A request's pictures and prompt, ready for the model.
pub(super) struct Prepared {
    pub(super) pictures: Vec<Arc<Picture>>,
    /// The same without pixels and features.
    pub(super) outlines: Vec<PreparedImage>,
    pub(super) prompt: PreparedPrompt,
    pub(super) timings: Timings,
    /// Pictures that had been prepared for an earlier request.
    pub(super) reused: usize,
}

impl Prepared {
    pub(super) fn new(
        request: &TrialRequest,
        gallery: &Gallery,
        processor: &dyn Processor,
    ) -> Result<Self, EngineError> {
        let mut timings = Timings::default();
        let (mut pictures, mut outlines, mut reused) = (Vec::new(), Vec::new(), 0);
        for path in &request.images {
            let (picture, prepared) =
                gallery.picture(path, request.orientation, processor, &mut timings)?;
            reused += usize::from(prepared == gallery::Prepared::Earlier);
            outlines.extend(picture.loaded().map(|loaded| loaded.outline.clone()));
            pictures.push(picture);
        }
        let prompt = timed(&mut timings.preprocessing, || {
            processor.prepare_prompt(&request.conversation, &outlines)
        })?;
        Ok(Self { pictures, outlines, prompt, timings, reused })
    }

    /// What pictures and prompt ask of memory.
    pub(super) fn demand(&self) -> Demand {
        let patches = |loaded: &Loaded| loaded.outline.grid.0 * loaded.outline.grid.1;
        let values = |loaded: &Loaded| loaded.seen.pixels_shape.iter().product::<usize>();
        let prompt_tokens = self.prompt.token_ids.len();
        let mut demand = Demand {
            requests: 1,
            prompt_tokens,
            all_prompt_tokens: prompt_tokens,
            visual_tokens: self.prompt.image_spans.iter().map(|(_, span)| span.len()).sum(),
            pictures: self.pictures.len(),
            ..Demand::default()
        };
        for picture in &self.pictures {
            let Some(loaded) = picture.loaded() else { continue };
            demand.patches = demand.patches.max(patches(loaded));
            demand.pixel_values = demand.pixel_values.max(values(loaded));
            if picture.pixels().is_some() {
                demand.fresh_pictures += 1;
                demand.fresh_patches += patches(loaded);
                demand.fresh_pixel_values += values(loaded);
            }
        }
        demand
    }

    /// The same as plain data, for records.
    pub(super) fn describe(&self) -> ModelInput {
        let Self { pictures, prompt, .. } = self;
        let seen = pictures.iter().filter_map(|picture| Some(picture.loaded()?.seen.clone()));
        ModelInput {
            rendered_prompt: prompt.rendered.clone(),
            prompt_tokens: prompt.token_ids.len(),
            visual_tokens: prompt.image_spans.iter().map(|(_, span)| span.len()).sum(),
            token_ids: prompt.token_ids.clone(),
            connector_ids: prompt.connector_ids.clone(),
            images: seen.collect(),
        }
    }
}

/// Preparing requests ahead of the model, in their order, on any number of threads.
pub(super) struct Preparation<'r> {
    pub(super) requests: &'r [TrialRequest],
    pub(super) gallery: &'r Gallery,
    pub(super) processor: Arc<dyn Processor>,
    pub(super) max_positions: usize,
    /// The first that nobody has taken.
    pub(super) next: AtomicUsize,
}

impl Preparation<'_> {
    /// Prepares and sends until all are taken, or nobody listens.
    pub(super) fn run(&self, sender: SyncSender<PreparedInput>) {
        loop {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(request) = self.requests.get(index) else { return };
            let input = guarded(|| {
                let prepared = Prepared::new(request, self.gallery, self.processor.as_ref())?;
                Input::new(index, request, prepared, self.max_positions)
            });
            if sender.send((index, input)).is_err() {
                return;
            }
        }
    }
}
