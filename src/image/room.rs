/*!
Memory for pictures: what one may take, and what all that are decoded at once may.

The budget counts all that is allocated on the way to RGB: what the decoder keeps, the pixels as they are
stored, the conversion, and the turned copy. A picture may take 256 MiB and 256 bytes for each byte of its file,
at most 1 GiB; all that are decoded at once, on any threads, share 1 GiB, and who finds no room waits.
*/

use std::sync::{Condvar, Mutex, PoisonError};

/// What every picture may take, in bytes: RGB of Pillow's `MAX_IMAGE_PIXELS` (89,478,485) and no more.
const ALWAYS: u64 = 256 << 20;
/// What it may take for each byte of its file.
const FOR_EACH_BYTE: u64 = 256;
/// What one, or all at once, may take.
const MOST: u64 = 1 << 30;

/// The most that a picture may take whose file is so long, in bytes.
pub(super) fn allowed(file_bytes: usize) -> u64 {
    (file_bytes as u64).saturating_mul(FOR_EACH_BYTE).saturating_add(ALWAYS).min(MOST)
}

/// Whether so many bytes may be made of a picture by resizing or padding.
pub(crate) fn holds(bytes: u64) -> bool {
    bytes <= MOST
}

static TAKEN: Mutex<u64> = Mutex::new(0);
static GIVEN_BACK: Condvar = Condvar::new();

/// Room for a picture, given back when this is dropped.
#[derive(Debug)]
pub(super) struct Room(u64);

impl Room {
    /// Waits until there is room for so many bytes, of which no more are counted than there are.
    pub(super) fn wait_for(bytes: u64) -> Self {
        let bytes = bytes.min(MOST);
        let taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |taken: &mut u64| *taken + bytes > MOST;
        let mut taken = GIVEN_BACK.wait_while(taken, full).unwrap_or_else(PoisonError::into_inner);
        *taken += bytes;
        Self(bytes)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        *TAKEN.lock().unwrap_or_else(PoisonError::into_inner) -= self.0;
        GIVEN_BACK.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_file_may_not_take_much() {
        assert_eq!(allowed(0), 256 << 20);
        assert_eq!(allowed(1 << 20), 512 << 20);
        assert_eq!(allowed(usize::MAX), 1 << 30);
    }
}
