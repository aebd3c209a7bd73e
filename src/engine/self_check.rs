//! Asking again with nobody else in the model, to see whether the others changed the answer.

use super::gallery::Gallery;
use super::input::Input;
use super::preparer::Prepared;
use super::{EngineError, TrialRequest, guarded, vision};
use crate::answer::{Answer, OtherAnswer, SelfCheck};
use crate::decode::{Decoding, Generated};
use crate::model::VisionLanguageModel;

/// Prepares, encodes and answers the request anew while all others wait.
///
/// # Errors
/// Something failed that did not fail before.
pub(super) fn check_alone(
    model: &mut dyn VisionLanguageModel,
    decoding: &mut Decoding,
    request: &TrialRequest,
    answer: &Answer,
) -> Result<SelfCheck, EngineError> {
    let processor = model.processor();
    let gallery = Gallery::new(std::slice::from_ref(request));
    let prepared = Prepared::new(request, &gallery, processor.as_ref())?;
    let mut input = Input::new(0, request, prepared, model.max_positions())?;
    vision::encode(model, std::slice::from_mut(&mut input))?;
    input.look()?;
    let alone = guarded(|| Ok(decoding.answer_alone(model, &input.row())?))?;
    let text = processor.decode_text(&alone.token_ids)?;
    Ok(compare(answer, &alone, text))
}

fn compare(answer: &Answer, alone: &Generated, text_alone: String) -> SelfCheck {
    if answer.token_ids == alone.token_ids {
        return SelfCheck::Same;
    }
    let pairs = answer.token_ids.iter().zip(&alone.token_ids);
    let shared_tokens = pairs.take_while(|(among_others, alone)| among_others == alone).count();
    SelfCheck::Differs(OtherAnswer {
        shared_tokens,
        margin: answer.margins.get(shared_tokens).copied(),
        margin_alone: alone.margins.get(shared_tokens).copied(),
        text_alone,
    })
}
