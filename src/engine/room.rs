/*!
How many requests there is memory for: the engine's bounds put into the model's footprint.
*/

use super::gallery::KEPT_BYTES;
use super::vision::ENCODED_PATCHES;
use crate::decode::{CAPACITY_STEP, PREFILL_TOKENS};
use crate::model::{Bounds, Demand, Footprint};

/// Most requests that are answered together on a GPU unless a number is asked for.
pub const MOST_ON_GPU: usize = 32;
/// Most on a CPU.
pub const MOST_ON_CPU: usize = 8;

/// Of the memory that is free, what may be planned with: fragments and other programs take some.
const USABLE: f64 = 0.9;

/// The bounds that the engine keeps with so many requests at a time.
pub fn bounds(batch: usize) -> Bounds {
    Bounds {
        batch,
        capacity_step: CAPACITY_STEP,
        prefill_tokens: PREFILL_TOKENS,
        encoded_patches: ENCODED_PATCHES,
        kept_bytes: KEPT_BYTES,
        // One batch in the channel, one that waits behind it.
        pictures_ahead: 2,
    }
}

/// The largest of `most`, half of it, and so on that free memory suffices for; at least 1.
pub fn fitting(footprint: &Footprint, demand: &Demand, free_bytes: u64, most: usize) -> usize {
    let usable = (free_bytes as f64 * USABLE) as u64;
    let needs = |batch| {
        let prediction = footprint.predict(demand, &bounds(batch));
        prediction.cache + prediction.activations
    };
    let mut batch = most.max(1);
    while batch > 1 && needs(batch) > usable {
        batch /= 2;
    }
    batch
}
