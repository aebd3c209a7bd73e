//! The test threads: bodies of tests run several at a time, and whoever started them hears as each
//! starts and ends.

use std::any::Any;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::engine::panic_message;

use super::console::Outcome;

/// What a test does when it is run.
pub(super) type Body = Box<dyn FnOnce() -> Outcome + Send>;

/// What happens to a test, told by its place among the bodies.
pub(super) enum Event {
    Started(usize),
    Ended(usize, Outcome),
}

/// Bodies that no thread has taken.
enum Waiting {
    Open(std::iter::Enumerate<std::vec::IntoIter<Body>>),
    /// Nothing starts any more. The bodies are kept: dropping one would tell those that run, and
    /// wait for it, that it has ended.
    Stopped {
        _kept: std::iter::Enumerate<std::vec::IntoIter<Body>>,
    },
}

/// Runs all bodies, `threads` at a time, until `hear` breaks off; what runs then is left behind.
pub(super) fn run(
    bodies: Vec<Body>,
    threads: NonZeroUsize,
    mut hear: impl FnMut(Event) -> ControlFlow<()>,
) {
    let threads = threads.get().min(bodies.len());
    let waiting = Arc::new(Mutex::new(Waiting::Open(bodies.into_iter().enumerate())));
    let (sender, events) = channel();
    for number in 0..threads {
        let thread = thread::Builder::new().name(format!("test {number}"));
        let spawned = thread.spawn({
            let (waiting, sender) = (Arc::clone(&waiting), sender.clone());
            move || work(&waiting, &sender)
        });
        if spawned.is_err() {
            // A system short of threads is served by those that it gave, or by this one.
            if number == 0 {
                work(&waiting, &sender);
            }
            break;
        }
    }
    drop(sender);
    for event in events {
        if hear(event).is_break() {
            let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.stop();
            return;
        }
    }
}

impl Waiting {
    fn next(&mut self) -> Option<(usize, Body)> {
        match self {
            Self::Open(bodies) => bodies.next(),
            Self::Stopped { .. } => None,
        }
    }

    fn stop(&mut self) {
        if let Self::Open(bodies) = self {
            let kept = std::mem::replace(bodies, Vec::new().into_iter().enumerate());
            *self = Self::Stopped { _kept: kept };
        }
    }
}

fn work(waiting: &Mutex<Waiting>, events: &Sender<Event>) {
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
        let Some((index, body)) = next else { return };
        // Nobody listens once the run was broken off.
        let _ = events.send(Event::Started(index));
        let outcome = catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(panicked);
        let _ = events.send(Event::Ended(index, outcome));
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the form that `unwrap_or_else` wants")]
fn panicked(payload: Box<dyn Any + Send>) -> Outcome {
    Outcome::failed(format!("test panicked: {}", panic_message(payload.as_ref())))
}

#[cfg(test)]
mod tests {
    use super::super::console::Ending;
    use super::*;

    fn bodies(count: usize) -> Vec<Body> {
        let body = |number: usize| -> Body {
            Box::new(move || match number % 2 {
                0 => Outcome { ending: Ending::Passed, text: number.to_string(), time: None },
                _ => panic!("odd"),
            })
        };
        (0..count).map(body).collect()
    }

    #[test]
    fn every_body_starts_and_ends_and_a_panic_is_a_failure() {
        let (mut started, mut ended) = (Vec::new(), Vec::new());
        run(bodies(20), NonZeroUsize::new(3).unwrap(), |event| {
            match event {
                Event::Started(index) => started.push(index),
                Event::Ended(index, outcome) => ended.push((index, outcome.text)),
            }
            ControlFlow::Continue(())
        });
        started.sort_unstable();
        ended.sort_unstable();
        assert_eq!(started, (0..20).collect::<Vec<_>>());
        assert_eq!(ended[4], (4, "4".to_owned()));
        assert_eq!(ended[5], (5, "test panicked: odd".to_owned()));
    }

    #[test]
    fn nothing_starts_after_breaking_off() {
        let mut started = 0;
        run(bodies(1000), NonZeroUsize::MIN, |event| match event {
            Event::Started(_) => {
                started += 1;
                ControlFlow::Continue(())
            }
            Event::Ended(..) => ControlFlow::Break(()),
        });
        assert_eq!(started, 1);
    }
}
