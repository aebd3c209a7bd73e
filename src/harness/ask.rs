//! From a case to what one model is asked.

use crate::case::{Case, Expectation};
use crate::engine::TrialRequest;
use crate::model::Identity;
use crate::preset;
use crate::request::GenerationOptions;

/// The case as a question to this model: in the words of its family where the case says so.
pub(super) fn request(case: &Case, model: &Identity) -> TrialRequest {
    let Identity { family, language_model, .. } = model;
    let preset = case.preset.and_then(|task| preset::find(family, language_model.as_deref(), task));
    let conversation = case.conversation.clone();
    let (conversation, options) = match preset {
        Some(preset) => {
            let choices = case.expectation.as_ref().and_then(Expectation::options);
            let worded = preset.word(conversation, choices.unwrap_or_default());
            (worded, preset.options(&case.generation))
        }
        None => (conversation, case.generation.apply(GenerationOptions::default())),
    };
    TrialRequest { images: case.images.clone(), conversation, options }
}
