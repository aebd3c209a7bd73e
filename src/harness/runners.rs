//! What each test does when it is run: wait for its answer, judge it, and tell the gates.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use crate::journal::{Status, TrialEntry, TrialRecord};

use super::console::Outcome;
use super::gate::{self, PlannedGate, RowOutcome};
use super::judge::{Judge, Judged};
use super::plan::{Plan, PlannedTrial, Waiting};
use super::replay::Replay;
use super::resumed::{self, Worth};
use super::say;
use super::threads::Body;
use super::worker::Queue;

type RunRow = Box<dyn FnOnce() -> Judged + Send>;

/// What all tests share whose answers were recorded.
struct Replaying {
    replay: Replay,
    judge: Arc<Judge>,
}

/// Makes the tests' bodies.
pub(super) struct Runners<'p> {
    plan: &'p Plan,
    judge: &'p Arc<Judge>,
    queue: Queue,
    /// For each model, the journal that answers in its place, if one does.
    replays: Vec<Option<Arc<Replaying>>>,
    /// For each of [`Plan::gated`], the gates to tell of a row.
    listeners: Vec<Vec<Sender<RowOutcome>>>,
    /// What each gate that judges hears, in the order in which their bodies are made.
    heard: VecDeque<Receiver<RowOutcome>>,
    /// For each of [`Plan::gated`], whether a gate runs the rows that no test runs.
    adopted: Vec<bool>,
}

impl<'p> Runners<'p> {
    /// `run` are the trials that get a body, in the order in which those are made.
    pub(super) fn new(
        plan: &'p Plan,
        run: impl Iterator<Item = &'p PlannedTrial>,
        judge: &'p Arc<Judge>,
    ) -> Self {
        let mut listeners: Vec<Vec<Sender<RowOutcome>>> = vec![Vec::new(); plan.gated().len()];
        let mut heard = VecDeque::new();
        for trial in run {
            if let PlannedTrial::Gate(gate) = trial
                && let (Some(group), None) = (gate.group, &gate.partial)
            {
                let (sender, receiver) = channel();
                listeners[group].push(sender);
                heard.push_back(receiver);
            }
        }
        let adopted = vec![false; plan.gated().len()];
        let replaying = |replay| Arc::new(Replaying { replay, judge: Arc::clone(judge) });
        let replays = plan.models().iter().map(|model| Replay::of(model).map(replaying)).collect();
        let queue = Queue::new(plan.models().to_vec());
        Self { plan, judge, queue, replays, listeners, heard, adopted }
    }

    /// The body of a trial that is run; to be called in the order that [`Self::new`] was told.
    pub(super) fn body(&mut self, trial: &PlannedTrial) -> Body {
        let judge = Arc::clone(self.judge);
        match trial {
            PlannedTrial::Run(waiting) => self.test(waiting),
            // It judges anew, unless it lacks rows for that.
            PlannedTrial::Gate(gate)
                if gate.partial.is_some()
                    && let Some(earlier) = judge.history.stand_in(&gate.name).cloned() =>
            {
                Box::new(move || match earlier.record() {
                    Ok(record) => judge.finish(Judged::earlier(record)),
                    Err(error) => Outcome::failed(error.to_string()),
                })
            }
            PlannedTrial::Invalid(invalid) => {
                let invalid = Arc::clone(invalid);
                Box::new(move || judge.conclude_invalid(&invalid))
            }
            PlannedTrial::Gate(gate) => self.gate(gate),
            PlannedTrial::Idle(idle) => leave_out(idle.ignored.clone()),
        }
    }

    /// All requests, once every body is made. From here on only rows hold on to the gates'
    /// channels, so that a channel closes when the last row is done.
    pub(super) fn into_queue(self) -> Queue {
        self.queue
    }

    fn test(&mut self, waiting: &Arc<Waiting>) -> Body {
        let judge = Arc::clone(self.judge);
        match self.replays[waiting.model_index as usize].clone() {
            // A suite may have very many of these: what they need is made when they run.
            Some(replaying) if judge.history.stand_in(&waiting.name()).is_none() => {
                let (waiting, gates) = (Arc::clone(waiting), self.gates_of(waiting));
                match gates.is_empty() {
                    true => Box::new(move || replaying.finish(&waiting, &[])),
                    false => Box::new(move || replaying.finish(&waiting, &gates)),
                }
            }
            _ => {
                let run = self.row(waiting);
                Box::new(move || judge.finish(run()))
            }
        }
    }

    /// Waits for the answer, judges it, and tells the gates of the row's data set.
    fn row(&mut self, waiting: &Arc<Waiting>) -> RunRow {
        let (waiting, judge) = (Arc::clone(waiting), Arc::clone(self.judge));
        let gates = self.gates_of(&waiting);
        if let Some(earlier) = judge.history.stand_in(&waiting.name())
            && let Some(run) = self.resumed(earlier.clone(), &waiting)
        {
            return run;
        }
        if let Some(replaying) = self.replays[waiting.model_index as usize].clone() {
            return Box::new(move || replaying.judged(&waiting, &gates));
        }
        let planned = match waiting.turn() {
            Ok(planned) => planned,
            Err(invalid) => {
                return Box::new(move || {
                    let record = judge.changed(&waiting, &invalid);
                    tell(&gates, &waiting, &record);
                    record.into()
                });
            }
        };
        let runs = 0..planned.case.runs.times;
        let replies: Vec<_> = runs.map(|run| self.queue.push(&planned, run)).collect();
        Box::new(move || {
            let replies = replies.into_iter().map(|reply| reply.recv().ok());
            let judged = judge.judge(&planned, replies.collect());
            tell(&gates, &waiting, &judged.record);
            judged
        })
    }

    /// What stands in for running a trial that is recorded; none if it is run again, which is said.
    fn resumed(&self, earlier: TrialEntry, waiting: &Arc<Waiting>) -> Option<RunRow> {
        let (waiting, judge) = (Arc::clone(waiting), Arc::clone(self.judge));
        let gates = self.gates_of(&waiting);
        let boxes = self.plan.models()[waiting.model_index as usize].boxes;
        let worth = match earlier.record() {
            Ok(record) => resumed::worth(&record, &waiting, boxes, &judge),
            Err(_) => Worth::Record,
        };
        if let Worth::Nothing(reason) = &worth {
            say(&format!("eyechart: {} is run again: {reason}", waiting.name()));
            return None;
        }
        Some(Box::new(move || {
            let judged = match (earlier.record(), waiting.turn()) {
                (Err(error), _) => judge.unreadable(&waiting, &error).into(),
                (Ok(record), Ok(planned)) if worth == Worth::Answers => {
                    resumed::judged(&record, &planned, boxes, &judge)
                }
                (Ok(record), _) => Judged::earlier(record),
            };
            tell(&gates, &waiting, &judged.record);
            judged
        }))
    }

    /// The gates to tell of a row.
    fn gates_of(&self, waiting: &Waiting) -> Vec<Sender<RowOutcome>> {
        let group = waiting.member.as_ref().and_then(|member| member.group);
        group.map(|group| self.listeners[group].clone()).unwrap_or_default()
    }

    /// Waits for all rows. The first gate of a data set whose rows are not run by tests of their
    /// own runs them.
    fn gate(&mut self, planned: &Arc<PlannedGate>) -> Body {
        let (planned, judge) = (Arc::clone(planned), Arc::clone(self.judge));
        let Some(group) = planned.group else { return leave_out(None) };
        if let Some(reason) = planned.partial.clone() {
            return Box::new(move || judge.conclude_gate(&planned, (Status::Ignored, reason)));
        }
        let gated = &self.plan.gated()[group];
        let is_first = !std::mem::replace(&mut self.adopted[group], true);
        let own: &[Arc<Waiting>] = if is_first { &gated.own } else { &[] };
        let own: Vec<RunRow> = own.iter().map(|row| self.row(row)).collect();
        let rows = Arc::clone(&gated.rows);
        let heard = self.heard.pop_front();
        Box::new(move || {
            for run in own {
                // The row has no test that could fail; the gate hears how it ended.
                judge.finish(run());
            }
            match heard {
                Some(heard) => {
                    judge.conclude_gate(&planned, gate::judge(&planned.gate, &rows, &heard))
                }
                None => Outcome::failed("this gate hears of no row"),
            }
        })
    }
}

impl Replaying {
    fn finish(&self, waiting: &Waiting, gates: &[Sender<RowOutcome>]) -> Outcome {
        self.judge.finish(self.judged(waiting, gates))
    }

    /// Judges the recorded answer, and tells the gates of the row's data set.
    fn judged(&self, waiting: &Waiting, gates: &[Sender<RowOutcome>]) -> Judged {
        let Self { replay, judge } = self;
        let judged = match waiting.turn() {
            Ok(planned) => {
                let replies = replay.replies(&planned.case, &judge.pictures);
                judge.judge(&planned, replies.into_iter().map(Some).collect())
            }
            Err(invalid) => judge.changed(waiting, &invalid).into(),
        };
        tell(gates, waiting, &judged.record);
        judged
    }
}

/// Tells the gates of a row's data set how it ended.
fn tell(gates: &[Sender<RowOutcome>], waiting: &Waiting, record: &TrialRecord) {
    if let Some(member) = &waiting.member {
        gate::tell(gates, &RowOutcome::of(member.index, record));
    }
}

/// What stands in for a trial that is not run.
pub(super) fn leave_out(reason: Option<String>) -> Body {
    Box::new(move || Outcome::ignored(reason))
}
