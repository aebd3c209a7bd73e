/*!
Ctrl-C, SIGTERM and SIGHUP: the run ends with its reports written.

One request to end often comes as several signals: `timeout` signals its child and then the group, a
terminal all processes of it, CI runners SIGINT and seconds later SIGTERM. So what comes within
[`IMPATIENCE`] of the first says nothing new; whatever comes later ends the run at once, reports or not.
A signal that whoever started the run has switched off (`nohup`, `&` in a script) stays so.
*/

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::foreign;
use crate::journal::Run;
use crate::report;

use super::judge::Judge;
use super::{INTERRUPTED, RunError, say};

/// How long after the first signal others mean the same request. GitHub's runner sends SIGTERM 7.5
/// seconds after SIGINT.
const IMPATIENCE: Duration = Duration::from_secs(10);

/// From here on an interrupt writes the reports, into `out`, of what the journal has by then.
pub(super) fn write_reports_when_interrupted(judge: &Arc<Judge>, out: PathBuf) {
    let judge = Arc::clone(judge);
    let first: OnceLock<Instant> = OnceLock::new();
    let handle = move || {
        if let Some(first) = first.get() {
            if first.elapsed() >= IMPATIENCE {
                end();
            }
            return;
        }
        first.get_or_init(Instant::now);
        let (judge, out) = (Arc::clone(&judge), out.clone());
        // The handler returns at once, so that it hears of further signals.
        std::thread::spawn(move || {
            say("eyechart: interrupted; writing the reports of what has ended");
            if let Err(error) = write_reports(&judge, &out) {
                say(&format!("error: {}", foreign::shown(&error)));
            }
            end();
        });
    };
    let ignored = ignored::signals();
    if let Err(error) = ctrlc::set_handler(handle) {
        say(&format!("eyechart: an interrupt will write no reports: {error}"));
    }
    ignored::keep(&ignored);
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

#[cfg(unix)]
mod ignored {
    use libc::{SIG_IGN, SIGHUP, SIGINT, SIGTERM, c_int};

    /// Of the signals that `ctrlc` handles, those that are ignored now.
    pub(super) fn signals() -> Vec<c_int> {
        [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| is_ignored(*signal)).collect()
    }

    fn is_ignored(signal: c_int) -> bool {
        // SAFETY: a null action changes nothing, and an all-zero `sigaction` is a valid one to be
        // written over.
        unsafe {
            let mut current: libc::sigaction = std::mem::zeroed();
            libc::sigaction(signal, std::ptr::null(), &raw mut current) == 0
                && current.sa_sigaction == SIG_IGN
        }
    }

    /// Ignores them again.
    pub(super) fn keep(signals: &[c_int]) {
        for signal in signals {
            // SAFETY: ignoring a signal runs no code of ours.
            unsafe { libc::signal(*signal, SIG_IGN) };
        }
    }
}

#[cfg(not(unix))]
mod ignored {
    pub(super) fn signals() {}

    pub(super) fn keep(_signals: &()) {}
}

/// A file that grows beyond the limit of `ulimit -f` is then an error that is told, where the signal
/// would end the process without a word.
pub(super) fn make_file_limit_an_error() {
    #[cfg(unix)]
    // SAFETY: ignoring a signal runs no code of ours.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN)
    };
}
