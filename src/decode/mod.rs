/*!
From logits to answers: one loop for all families.

[`Decoding`] holds the slots of the model's cache: rows are admitted into free slots, all of them
step together, and a row that has ended makes room for the next. [`generate`] answers a given batch
that way. A row follows one answer ([`sampling`]) or several (`beam`), each in a slot of its own,
beside rows that do otherwise. Knows nothing of families, cases or scores.
*/

mod beam;
mod decoding;
mod options;
pub mod sampling;
mod sequence;
mod single;

use std::time::Duration;

pub use decoding::{CAPACITY_STEP, Decoding, PREFILL_TOKENS, Ticket};

use crate::answer::FinishReason;
use crate::model::{ImageFeatures, ModelError, PreparedImage, PreparedPrompt, VisionLanguageModel};
use crate::request::GenerationOptions;

/// A request, ready for the cache.
#[derive(Debug, Clone, Copy)]
pub struct DecodeRow<'a> {
    /// The prompt.
    pub prompt: &'a PreparedPrompt,
    /// The request's images, indexed as in [`PreparedPrompt::image_spans`].
    pub images: &'a [PreparedImage],
    /// Their features, same indices.
    pub features: &'a [ImageFeatures],
    /// How to generate.
    pub options: &'a GenerationOptions,
}

/// What a row takes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// Slots of the cache: one for each beam.
    pub slots: usize,
    /// Tokens that are read at once.
    pub prompt_tokens: usize,
    /// Tokens of prompt and longest answer.
    pub tokens: usize,
}

impl Need {
    /// That of a request to a model that takes `max_positions` tokens.
    ///
    /// # Errors
    /// The options contradict each other, or prompt and answer are longer than the model takes.
    pub fn of(
        prompt: &PreparedPrompt,
        options: &GenerationOptions,
        max_positions: usize,
    ) -> Result<Self, ModelError> {
        options::check(options)?;
        let (prompt, new) = (prompt.token_ids.len(), options.max_new_tokens);
        let tokens = prompt.saturating_add(new);
        match tokens > max_positions {
            true => Err(ModelError::TooLong { prompt, new, limit: max_positions }),
            false => Ok(Self { slots: options.num_beams, prompt_tokens: prompt, tokens }),
        }
    }
}

/// What the model said to one row.
#[derive(Debug, Clone, PartialEq)]
pub struct Generated {
    /// The generated ids, the stop token included if one was produced.
    pub token_ids: Vec<u32>,
    /// For each id, its logit less the best other one's, before penalties.
    pub margins: Vec<f32>,
    /// For each id, that best other one.
    pub runners_up: Vec<u32>,
    /// What beam search ranked the answer by; none without beam search.
    pub beam_score: Option<f32>,
    /// Why it ended.
    pub finish: FinishReason,
    /// Time of its prompt, up to the first token's logits.
    pub prefill: SharedTime,
    /// Time of the steps it took part in.
    pub decoding: SharedTime,
    /// Most rows of a call that it was in.
    pub largest_batch: usize,
}

/// Time of work that was done for several rows at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SharedTime {
    /// As the row saw it.
    pub wall: Duration,
    /// The row's part: that of each call, divided among the rows it served.
    pub own: Duration,
}

impl SharedTime {
    /// Adds a call of which the row was `part` in `whole`.
    pub fn add(&mut self, wall: Duration, part: usize, whole: usize) {
        self.wall += wall;
        self.own += wall.mul_f64(part as f64 / whole.max(1) as f64);
    }
}

/// Generates an answer to each row. Reserves as many slots and tokens as the rows need.
///
/// # Errors
/// A row's options cannot be had, it is too long, or the model failed.
pub fn generate(
    model: &mut dyn VisionLanguageModel,
    rows: &[DecodeRow<'_>],
) -> Result<Vec<Generated>, ModelError> {
    let limit = model.max_positions();
    let need = |row: &DecodeRow<'_>| Need::of(row.prompt, row.options, limit);
    let needs = rows.iter().map(need).collect::<Result<Vec<_>, _>>()?;
    let slots = needs.iter().map(|need| need.slots).sum();
    let tokens = needs.iter().map(|need| need.tokens).max().unwrap_or(0);
    let mut decoding = Decoding::new(model, slots, tokens)?;
    let mut admitted = 0;
    while admitted < rows.len() {
        let count = decoding.room_for(needs[admitted..].iter().copied());
        decoding.admit(model, &rows[admitted..admitted + count])?;
        admitted += count;
    }
    let mut answers = decoding.take_ended();
    while decoding.is_running() {
        decoding.step(model)?;
        answers.append(&mut decoding.take_ended());
    }
    answers.sort_by_key(|(ticket, _)| *ticket);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

/// Why an answer with this last token ends, if it does.
fn finish_reason(
    token_ids: &[u32],
    stop_tokens: &[u32],
    max_new_tokens: usize,
) -> Option<FinishReason> {
    match token_ids.last().is_some_and(|id| stop_tokens.contains(id)) {
        true => Some(FinishReason::Stop),
        false => (token_ids.len() >= max_new_tokens).then_some(FinishReason::Length),
    }
}
