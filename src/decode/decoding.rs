//! The rows that are decoded together, and the slots of the cache that they hold.

use std::sync::Arc;
use std::time::Instant;

use super::sequence::{Sequence, push_all, step_all};
use super::{DecodeRow, Generated, Need};
use crate::model::{GenerationRules, ModelError, PrefillRow, Slot, VisionLanguageModel};
use crate::nn::CacheError;

/// Slots are made in multiples of this many tokens, so that prompts of similar length do not
/// make the cache grow each time.
pub const CAPACITY_STEP: usize = 256;

/// Most prompt tokens that are read in one call, unless a single prompt is longer: bounds the
/// memory of activations.
pub const PREFILL_TOKENS: usize = 4096;

/// Names an admitted row; later rows have larger ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(u64);

/// Rows on their way to an answer, in the slots of one cache.
///
/// A call that fails as a whole leaves rows behind of which nothing is known; the caller starts
/// anew with another `Decoding`. What one row's numbers bring about is that row's failure alone.
pub struct Decoding {
    stop_tokens: Arc<[u32]>,
    rules: Arc<GenerationRules>,
    /// Tokens that a slot can hold.
    capacity: usize,
    /// The last one is taken first.
    free: Vec<Slot>,
    sequences: Vec<Sequence>,
    next_ticket: u64,
}

impl Decoding {
    /// Makes room in the model's cache for `slots` sequences of `tokens` tokens; what it held is
    /// forgotten.
    ///
    /// # Errors
    /// There is not enough memory.
    pub fn new(
        model: &mut dyn VisionLanguageModel,
        slots: usize,
        tokens: usize,
    ) -> Result<Self, ModelError> {
        let capacity = tokens.next_multiple_of(CAPACITY_STEP);
        model.reserve(slots, capacity)?;
        Ok(Self {
            stop_tokens: model.processor().stop_tokens().into(),
            rules: Arc::new(model.processor().generation_rules()),
            capacity,
            free: (0..slots).rev().map(Slot).collect(),
            sequences: Vec::new(),
            next_ticket: 0,
        })
    }

    /// Slots that no row holds.
    pub fn free_slots(&self) -> usize {
        self.free.len()
    }

    /// All slots.
    pub fn slots(&self) -> usize {
        self.held_slots() + self.free.len()
    }

    fn held_slots(&self) -> usize {
        self.sequences.iter().map(|sequence| sequence.slots.len()).sum()
    }

    /// Whether there are so many slots for so many tokens.
    pub fn holds(&self, slots: usize, tokens: usize) -> bool {
        slots <= self.slots() && tokens <= self.capacity
    }

    /// Whether any row has not ended.
    pub fn is_running(&self) -> bool {
        self.sequences.iter().any(Sequence::is_running)
    }

    /// How many of the rows that wait, in their order, can be admitted with one call now.
    pub fn room_for(&self, waiting: impl IntoIterator<Item = Need>) -> usize {
        let (mut slots, mut tokens, mut count) = (self.free.len(), PREFILL_TOKENS, 0);
        for need in waiting {
            let is_read_with_others = count == 0 || need.prompt_tokens <= tokens;
            if need.slots > slots || need.tokens > self.capacity || !is_read_with_others {
                break;
            }
            slots -= need.slots;
            tokens = tokens.saturating_sub(need.prompt_tokens);
            count += 1;
        }
        count
    }

    /// Reads the prompts of as many rows as there is [room for](Self::room_for) and chooses the
    /// first tokens. Returns the rows' tickets, in order.
    ///
    /// # Errors
    /// The model failed; none of the rows was admitted, and the others go on.
    pub fn admit(
        &mut self,
        model: &mut dyn VisionLanguageModel,
        rows: &[DecodeRow<'_>],
    ) -> Result<Vec<Ticket>, ModelError> {
        let started = Instant::now();
        let slots = self.take_slots(rows)?;
        let prefilled: Vec<_> = rows.iter().zip(&slots).filter_map(prefill_row).collect();
        let logits = model.prefill(&prefilled);
        let mut admitted: Vec<Sequence> =
            rows.iter().zip(slots).map(|(row, slots)| self.sequence(row, slots)).collect();
        let mut rows_read: Vec<&mut Sequence> = admitted.iter_mut().collect();
        let read = logits.and_then(|logits| push_all(model, &mut rows_read, &logits));
        if let Err(error) = read {
            admitted.into_iter().for_each(|sequence| self.give_back(sequence.slots));
            return Err(error);
        }
        let elapsed = started.elapsed();
        for sequence in &mut admitted {
            sequence.count_prefill(elapsed, rows.len());
        }
        let tickets = admitted.iter().map(|sequence| sequence.ticket).collect();
        self.sequences.append(&mut admitted);
        Ok(tickets)
    }

    /// One step of all rows that have not ended.
    ///
    /// # Errors
    /// The model failed.
    pub fn step(&mut self, model: &mut dyn VisionLanguageModel) -> Result<(), ModelError> {
        step_all(model, &mut self.sequences)
    }

    /// Answers a row while all others wait.
    ///
    /// # Errors
    /// There is no room, or the model failed.
    pub fn answer_alone(
        &mut self,
        model: &mut dyn VisionLanguageModel,
        row: &DecodeRow<'_>,
    ) -> Result<Generated, ModelError> {
        let others = std::mem::take(&mut self.sequences);
        let answer = self.run_alone(model, row);
        let unfinished = std::mem::replace(&mut self.sequences, others);
        unfinished.into_iter().for_each(|sequence| self.give_back(sequence.slots));
        answer
    }

    fn run_alone(
        &mut self,
        model: &mut dyn VisionLanguageModel,
        row: &DecodeRow<'_>,
    ) -> Result<Generated, ModelError> {
        self.admit(model, &[*row])?;
        loop {
            if let Some((_, answer)) = self.take_ended().pop() {
                return answer;
            }
            self.step(model)?;
        }
    }

    /// The rows that have ended since the last call; their slots are free again.
    pub fn take_ended(&mut self) -> Vec<(Ticket, Result<Generated, ModelError>)> {
        let ended: Vec<Sequence> = self.sequences.extract_if(.., |row| !row.is_running()).collect();
        let mut answers = Vec::with_capacity(ended.len());
        for mut sequence in ended {
            self.give_back(std::mem::take(&mut sequence.slots));
            answers.push((sequence.ticket, sequence.ended()));
        }
        answers
    }

    /// A slot for each beam of each row.
    fn take_slots(&mut self, rows: &[DecodeRow<'_>]) -> Result<Vec<Vec<Slot>>, CacheError> {
        let needed: usize = rows.iter().map(|row| row.options.num_beams).sum();
        let held = self.held_slots();
        if needed > self.free.len() {
            return Err(CacheError::NoSlot { slot: held + needed - 1, slots: self.slots() });
        }
        let capacity = self.capacity;
        let tokens = |row: &DecodeRow<'_>| row.prompt.token_ids.len() + row.options.max_new_tokens;
        if let Some(added) = rows.iter().map(tokens).find(|tokens| *tokens > capacity) {
            return Err(CacheError::Full { slot: held, held: 0, added, capacity });
        }
        let mut take = |row: &DecodeRow<'_>| {
            let mut slots = self.free.split_off(self.free.len() - row.options.num_beams);
            slots.reverse();
            slots
        };
        Ok(rows.iter().map(&mut take).collect())
    }

    fn give_back(&mut self, slots: Vec<Slot>) {
        self.free.extend(slots.into_iter().rev());
    }

    fn sequence(&mut self, row: &DecodeRow<'_>, slots: Vec<Slot>) -> Sequence {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        Sequence::new(ticket, row, slots, &self.stop_tokens, &self.rules)
    }
}

fn prefill_row<'a>((row, slots): (&DecodeRow<'a>, &Vec<Slot>)) -> Option<PrefillRow<'a>> {
    let DecodeRow { prompt, images, features, options: _ } = *row;
    slots.first().map(|slot| PrefillRow { slot: *slot, prompt, images, features })
}
