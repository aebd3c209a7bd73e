//! Panics whose words are of others: a tokenizer's, a decoder's.

use std::cell::Cell;
use std::io::Write as _;
use std::panic::{self, PanicHookInfo};

use super::{block, cut};

/// Most characters of a panic's message that are shown.
const LONGEST: usize = 10_000;

/// Shows a panic whose message has hidden characters, or no end, with those escaped and cut; all
/// others are told as before.
pub fn show_panics_harmlessly() {
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| match harmless_message(info) {
        None => previous(info),
        Some(message) => {
            let place = info.location().map(ToString::to_string).unwrap_or_default();
            // stderr is gone only if nobody listens.
            let _ = writeln!(std::io::stderr().lock(), "\npanicked at {place}:\n{message}");
        }
    }));
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs a reader of others that panics on some files; nothing if it did. Nobody sees its words: the caller says
/// what is wrong with the file.
pub(crate) fn unless_it_panics<T>(work: impl FnOnce() -> T) -> Option<T> {
    static INSTALLED: std::sync::Once = std::sync::Once::new();
    INSTALLED.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                previous(info);
            }
        }));
    });
    let was = QUIET.replace(true);
    let result = panic::catch_unwind(panic::AssertUnwindSafe(work));
    QUIET.set(was);
    result.ok()
}

/// The message as it may be shown, if that is not as it is.
fn harmless_message(info: &PanicHookInfo<'_>) -> Option<String> {
    let message = info.payload_as_str()?;
    let shown = block(&cut(message, LONGEST)).into_owned();
    (shown != message).then_some(shown)
}
