//! Keeps insta's panics out of stderr: the trial's own message says what differs.

use std::any::Any;
use std::cell::Cell;
use std::panic;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Installs a panic hook that is silent while [`during`] runs on the panicking thread, and
/// otherwise does what the hook before did.
pub(crate) fn install() {
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !QUIET.get() {
            previous(info);
        }
    }));
}

/// Runs `work`, whose panics are caught inside, without a word on stderr.
pub(super) fn during<T>(work: impl FnOnce() -> T) -> T {
    QUIET.set(true);
    let result = work();
    QUIET.set(false);
    result
}

/// What a caught panic said.
pub(super) fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message")
}
