//! The test threads: libtest-mimic runs the bodies of tests, several at a time, and whoever started
//! them hears as each starts and ends.
//!
//! What libtest-mimic would print goes nowhere: see [`super::console`] for what stdout says.

use std::any::Any;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;

use libtest_mimic::{Arguments, Trial};

use crate::engine::panic_message;

use super::console::Outcome;

/// What a test does when it is run.
pub(super) type Body = Box<dyn FnOnce() -> Outcome + Send>;

/// What happens to a test, told by its place among the bodies.
pub(super) enum Event {
    Started(usize),
    Ended(usize, Outcome),
}

/// Where libtest-mimic's own words go.
const NULL_DEVICE: &str = if cfg!(windows) { "NUL" } else { "/dev/null" };

/// The test threads ended before all bodies did.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unfinished {
    pub(super) left: usize,
}

/// Runs all bodies, `threads` at a time, until `hear` breaks off; what runs then is left behind.
pub(super) fn run(
    bodies: Vec<Body>,
    threads: NonZeroUsize,
    mut hear: impl FnMut(Event) -> ControlFlow<()>,
) -> Result<(), Unfinished> {
    let mut left = bodies.len();
    let arguments = Arguments {
        test_threads: Some(threads.get().min(left)),
        logfile: Some(NULL_DEVICE.to_owned()),
        ..Arguments::default()
    };
    let (sender, events) = channel();
    let stopped = Arc::new(AtomicBool::new(false));
    let link = Arc::new(Link { events: sender, stopped: Arc::clone(&stopped) });
    let trials = bodies.into_iter().enumerate();
    let trials = trials.map(|(index, body)| trial(index, body, Arc::clone(&link))).collect();
    drop(link);
    thread::spawn(move || libtest_mimic::run(&arguments, trials));
    for event in events {
        left -= usize::from(matches!(event, Event::Ended(..)));
        if hear(event).is_break() {
            stopped.store(true, Ordering::Release);
            return Ok(());
        }
    }
    if left == 0 { Ok(()) } else { Err(Unfinished { left }) }
}

/// What all test threads share with whoever hears of them.
struct Link {
    events: Sender<Event>,
    stopped: Arc<AtomicBool>,
}

/// A body as libtest-mimic takes it. The name is for its printer alone, which nobody reads.
fn trial(index: usize, body: Body, link: Arc<Link>) -> Trial {
    Trial::test(String::new(), move || {
        let Link { events, stopped } = &*link;
        if stopped.load(Ordering::Acquire) {
            // Dropping the body would tell those that run, and wait for it, that it has ended.
            std::mem::forget(body);
            return Ok(());
        }
        // Nobody listens once the run was broken off.
        let _ = events.send(Event::Started(index));
        let outcome = catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(panicked);
        let _ = events.send(Event::Ended(index, outcome));
        Ok(())
    })
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
        })
        .unwrap();
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
        })
        .unwrap();
        assert_eq!(started, 1);
    }
}
