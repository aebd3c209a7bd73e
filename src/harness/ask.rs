//! From a case to what one model is asked.

use crate::case::{Case, Expectation, seed_of_run};
use crate::engine::TrialRequest;
use crate::model::Identity;
use crate::preset;
use crate::request::{GenerationOptions, Sampling};

/// The case as a question to this model, in the words of its family where the case says so, for the
/// nth run, from 0.
pub(super) fn request(case: &Case, run: usize, model: &Identity) -> TrialRequest {
    let Identity { family, language_model, .. } = model;
    let preset = case.preset.and_then(|task| preset::find(family, language_model.as_deref(), task));
    let conversation = case.conversation.clone();
    let (conversation, mut options) = match preset {
        Some(preset) => {
            let choices = case.expectation.as_ref().and_then(Expectation::options);
            let worded = preset.word(conversation, choices.unwrap_or_default());
            (worded, preset.options(&case.generation))
        }
        None => (conversation, case.generation.apply(GenerationOptions::default())),
    };
    if let Sampling::Seeded { seed, .. } = &mut options.sampling {
        *seed = seed_of_run(*seed, run);
    }
    let (images, orientation) = (case.images.clone(), case.orientation);
    TrialRequest { images, orientation, conversation, options }
}
