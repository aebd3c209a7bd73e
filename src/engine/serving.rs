/*!
The loop that answers: requests come prepared, go into free slots of the cache together, step
together, and leave one by one.

What fails stays with those who had a part in it: a failed call is repeated for each of its requests
alone, and if memory ran out, for half as many at a time.
*/

use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::Receiver;

use super::gallery::Gallery;
use super::input::{Company, Input};
use super::memory::Meter;
use super::{
    Answered, EngineError, Event, OutOfMemory, SelfChecking, TrialRequest, guarded, memory, room,
    self_check, vision,
};
use crate::answer::MemoryShortage;
use crate::decode::{DecodeRow, Decoding, Ticket};
use crate::model::{Demand, Footprint, VisionLanguageModel};

/// While requests are decoded, others are read in only when so many slots are free as this part
/// of all: together they are read faster.
const REFILLED_PART: usize = 4;

/// A request's place, and its input or why there is none.
pub(super) type PreparedInput = (usize, Result<Input, EngineError>);

/// What the loop works with.
pub(super) struct Serving<'s> {
    pub(super) model: &'s mut dyn VisionLanguageModel,
    pub(super) requests: &'s [TrialRequest],
    pub(super) gallery: &'s Gallery,
    pub(super) meter: &'s Meter,
    pub(super) tell: &'s mut dyn FnMut(Event),
    /// Most requests in the cache at a time.
    pub(super) batch: usize,
    pub(super) self_check: SelfChecking,
    /// What tells how much memory a batch takes, if that is known.
    pub(super) footprint: Option<Footprint>,
    /// Whether the batch is not to be made smaller before the first cache is made.
    pub(super) is_fitted: bool,
}

/// What is on its way.
#[derive(Default)]
struct Work {
    waiting: VecDeque<Input>,
    running: BTreeMap<Ticket, Input>,
    decoding: Option<Decoding>,
}

impl Serving<'_> {
    /// Answers until no more requests come.
    pub(super) fn run(mut self, prepared: &Receiver<PreparedInput>) {
        let mut work = Work::default();
        loop {
            self.receive(prepared, &mut work);
            if work.waiting.is_empty() && work.running.is_empty() {
                return;
            }
            self.admit(&mut work);
            self.step(&mut work);
            self.hand_out(&mut work);
        }
    }

    /// Takes prepared requests up to a batch, and waits for as many as are to be read in now.
    ///
    /// How many are read in together must not hang on how fast they were prepared: a CPU rounds a
    /// product of other rows otherwise, and two runs would differ in the last bits.
    fn receive(&mut self, prepared: &Receiver<PreparedInput>, work: &mut Work) {
        let wanted = self.wanted(work);
        while work.waiting.len() < self.batch {
            let next = match work.waiting.len() < wanted {
                true => prepared.recv().ok(),
                false => prepared.try_recv().ok(),
            };
            match next {
                Some((_, Ok(input))) => work.waiting.push_back(input),
                Some((index, Err(error))) => self.end(index, Err(error)),
                None => return,
            }
        }
    }

    /// How many requests must wait before it is decided which are read in.
    fn wanted(&self, work: &Work) -> usize {
        let is_due = work.decoding.as_ref().is_none_or(is_refilled);
        match (work.running.is_empty(), is_due) {
            (true, _) => self.batch,
            (false, true) => self.batch.saturating_sub(work.running.len()),
            (false, false) => 0,
        }
    }

    /// Reads in as many of those that wait as there is room for, if it is time to.
    fn admit(&mut self, work: &mut Work) {
        loop {
            if let Err(error) = self.open_cache(work) {
                return self.fail(work, Vec::new(), error);
            }
            let count = self.next_together(work);
            if count == 0 {
                return;
            }
            let group: Vec<Input> = work.waiting.drain(..count).collect();
            self.admit_together(work, group);
        }
    }

    /// Makes a cache that those who wait fit into, unless there is one, or others are still in it.
    fn open_cache(&mut self, work: &mut Work) -> Result<(), EngineError> {
        if work.waiting.is_empty() || !work.running.is_empty() {
            return Ok(());
        }
        self.fit_batch(work);
        let batch = self.next_batch(work);
        let needs = || work.waiting.iter().take(batch).map(|input| input.need);
        let slots = batch * needs().map(|need| need.slots).max().unwrap_or(1);
        let tokens = needs().map(|need| need.tokens).max().unwrap_or(0);
        if work.decoding.as_ref().is_some_and(|decoding| decoding.holds(slots, tokens)) {
            return Ok(());
        }
        work.decoding = None;
        self.check_room(work, batch)?;
        work.decoding = Some(guarded(|| Ok(Decoding::new(self.model, slots, tokens)?))?);
        Ok(())
    }

    /// Makes the batch as small as free memory asks for, once.
    fn fit_batch(&mut self, work: &Work) {
        if std::mem::replace(&mut self.is_fitted, true) {
            return;
        }
        if let (Some(footprint), Some(free)) = (self.footprint, self.meter.free_bytes()) {
            self.batch = room::fitting(&footprint, &demand_of(&work.waiting), free, self.batch);
        }
    }

    /// An error where the cache and a call that fills it would not fit into memory.
    fn check_room(&self, work: &Work, batch: usize) -> Result<(), EngineError> {
        let Some(footprint) = self.footprint else { return Ok(()) };
        let demand = demand_of(work.waiting.iter().take(batch));
        let prediction = footprint.predict(&demand, &room::bounds(batch));
        memory::check_room(self.meter, prediction.cache.saturating_add(prediction.activations))
    }

    /// How many may be in the cache with the first of those that wait.
    fn next_batch(&self, work: &Work) -> usize {
        match work.waiting.front() {
            Some(first) if first.company == Company::None => 1,
            _ => self.batch,
        }
    }

    /// How many of those that wait go into one call now.
    fn next_together(&self, work: &Work) -> usize {
        let (Some(decoding), Some(first)) = (&work.decoding, work.waiting.front()) else {
            return 0;
        };
        let is_lonely = |input: &Input| input.company == Company::None;
        if is_lonely(first) || work.running.values().any(is_lonely) {
            return usize::from(work.running.is_empty());
        }
        if !work.running.is_empty() && !is_refilled(decoding) {
            return 0;
        }
        let sociable = work.waiting.iter().take_while(|input| !is_lonely(input));
        let free = self.batch.saturating_sub(work.running.len());
        decoding.room_for(sociable.take(free).map(|input| input.need))
    }

    fn admit_together(&mut self, work: &mut Work, mut group: Vec<Input>) {
        self.begin_peak(work);
        if let Err(error) = vision::encode(self.model, &mut group) {
            return self.fail(work, group, error);
        }
        let mut seeing = Vec::with_capacity(group.len());
        for mut input in group {
            match input.look() {
                Ok(()) => seeing.push(input),
                Err(error) => self.end(input.index, Err(error)),
            }
        }
        self.gallery.make_room();
        if seeing.is_empty() {
            return;
        }
        let rows: Vec<DecodeRow<'_>> = seeing.iter().map(Input::row).collect();
        let Some(decoding) = &mut work.decoding else { return };
        match guarded(|| Ok(decoding.admit(self.model, &rows)?)) {
            Ok(tickets) => work.running.extend(tickets.into_iter().zip(seeing)),
            Err(error) => self.fail(work, seeing, error),
        }
    }

    fn step(&mut self, work: &mut Work) {
        let Some(decoding) = &mut work.decoding else { return };
        if let Err(error) = guarded(|| Ok(decoding.step(self.model)?)) {
            self.fail(work, Vec::new(), error);
        }
    }

    fn hand_out(&mut self, work: &mut Work) {
        let Some(decoding) = &mut work.decoding else { return };
        let mut ended = Vec::new();
        for (ticket, generated) in decoding.take_ended() {
            let Some(mut input) = work.running.remove(&ticket) else { continue };
            input.note_peak(self.meter.peak_bytes());
            let index = input.index;
            let answered = generated.map_err(EngineError::from).and_then(|generated| {
                input.answered(generated, self.model.processor().as_ref(), self.meter)
            });
            ended.push((index, answered));
        }
        for (index, answered) in ended {
            let checked = match self.self_check {
                SelfChecking::Off => answered,
                SelfChecking::Batch => {
                    answered.and_then(|answered| self.checked(decoding, index, answered))
                }
            };
            self.end(index, checked);
        }
    }

    fn checked(
        &mut self,
        decoding: &mut Decoding,
        index: usize,
        mut answered: Answered,
    ) -> Result<Answered, EngineError> {
        let request = &self.requests[index];
        let found = self_check::check_alone(self.model, decoding, request, &answered.answer)?;
        answered.answer.conditions.self_check = Some(found);
        Ok(answered)
    }

    /// What is left to do when a call has failed that read in `group`, or stepped.
    fn fail(&mut self, work: &mut Work, group: Vec<Input>, error: EngineError) {
        let mut involved = group;
        // Prompts that could not be read leave the others' slots as they were.
        let was_reading = !involved.is_empty() && matches!(error, EngineError::Model(_));
        if !was_reading {
            work.decoding = None;
            let running = std::mem::take(&mut work.running);
            involved.splice(0..0, running.into_values());
        }
        if involved.is_empty() {
            // There was no memory for the cache itself.
            let count = self.next_batch(work).min(work.waiting.len());
            involved.extend(work.waiting.drain(..count));
        }
        let is_short = matches!(error, EngineError::OutOfMemory { .. });
        match error {
            EngineError::OutOfMemory { .. } if self.batch > 1 => self.halve(work, involved),
            _ if involved.len() > 1 => {
                involved.iter_mut().for_each(|input| input.company = Company::None);
                work.requeue(involved);
            }
            error => {
                let error = error.at_peak(self.meter.peak_bytes());
                involved.iter().for_each(|input| self.end(input.index, Err(error.clone())));
            }
        }
        if is_short {
            self.meter.release_unused();
        }
    }

    /// Starts again with half as many at a time.
    fn halve(&mut self, work: &mut Work, mut involved: Vec<Input>) {
        let peak_memory_bytes = self.meter.peak_bytes();
        let shortage = MemoryShortage { batch: involved.len(), peak_memory_bytes };
        involved.iter_mut().for_each(|input| input.shortages.push(shortage));
        self.batch /= 2;
        // What the smaller batch needs must not stand beside what the larger one had.
        let freed = guarded(|| Ok(self.model.reserve(0, 0)?));
        debug_assert!(freed.is_ok(), "giving memory back takes none");
        let requests = involved.iter().map(|input| input.index).collect();
        let next_batch = self.batch;
        (self.tell)(Event::OutOfMemory(OutOfMemory { requests, shortage, next_batch }));
        work.requeue(involved);
    }

    /// Memory is measured from here on for those that come, and so far for those that are there.
    fn begin_peak(&self, work: &mut Work) {
        let peak = self.meter.peak_bytes();
        work.running.values_mut().for_each(|input| input.note_peak(peak));
        self.meter.reset_peak();
    }

    fn end(&mut self, index: usize, answered: Result<Answered, EngineError>) {
        self.gallery.release(index, &self.requests[index]);
        (self.tell)(Event::Ended { index, answered: Box::new(answered) });
    }
}

/// Whether enough slots are free for others to be read in while requests are decoded.
fn is_refilled(decoding: &Decoding) -> bool {
    decoding.free_slots() * REFILLED_PART >= decoding.slots()
}

/// What these ask for together.
fn demand_of<'i>(inputs: impl IntoIterator<Item = &'i Input>) -> Demand {
    inputs.into_iter().map(Input::demand).fold(Demand::default(), Demand::and)
}

impl Work {
    /// Puts requests back where they were: before those that have not been tried.
    fn requeue(&mut self, inputs: Vec<Input>) {
        for input in inputs.into_iter().rev() {
            self.waiting.push_front(input);
        }
    }
}
