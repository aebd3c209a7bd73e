//! Ctrl-C and SIGTERM: the run ends with its reports written; a second one ends it at once.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::foreign;
use crate::journal::Run;
use crate::report;

use super::judge::Judge;
use super::{INTERRUPTED, RunError, say};

/// From here on an interrupt writes the reports, into `out`, of what the journal has by then.
pub(super) fn write_reports_when_interrupted(judge: &Arc<Judge>, out: PathBuf) {
    let judge = Arc::clone(judge);
    let is_second = AtomicBool::new(false);
    let handle = move || {
        if is_second.swap(true, Ordering::SeqCst) {
            end();
        }
        let (judge, out) = (Arc::clone(&judge), out.clone());
        // The handler returns at once, so that it hears of a second interrupt.
        std::thread::spawn(move || {
            say("eyechart: interrupted; writing the reports of what has ended");
            if let Err(error) = write_reports(&judge, &out) {
                say(&format!("error: {}", foreign::shown(&error)));
            }
            end();
        });
    };
    if let Err(error) = ctrlc::set_handler(handle) {
        say(&format!("eyechart: an interrupt will write no reports: {error}"));
    }
}

fn write_reports(judge: &Judge, out: &std::path::Path) -> Result<(), RunError> {
    // Nobody writes on after this: a line that is begun now would be torn at the end.
    let locked = judge.journal.lock()?;
    let run = Run::read(judge.journal.path())?;
    say(&report::write_all(&run, out)?);
    std::mem::forget(locked);
    Ok(())
}

#[expect(clippy::exit, reason = "threads that wait for answers cannot be ended in another way")]
fn end() -> ! {
    std::process::exit(i32::from(INTERRUPTED))
}
