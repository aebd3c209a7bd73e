use candle_core::DType;
use serde::Deserialize;

use crate::fixture::{Fixture, largest_share};
use crate::read_json;

/// Half types differ from f32 by no more than twice what transformers' own do.
pub(crate) fn check(name: &str) {
    let HalfTypes { half_types } = read_json(&format!("{name}/oracle.json"));
    for (dtype, reference) in [(DType::F16, half_types.f16), (DType::BF16, half_types.bf16)] {
        let worst = largest_share(Fixture::cast(name, dtype));
        eprintln!("{name} {dtype:?}: {worst:.4} of the spread at most, reference {reference:.4}");
        assert!(worst < 2.0 * reference, "{name} {dtype:?}: {worst} of the spread");
    }
}

#[derive(Deserialize)]
struct HalfTypes {
    half_types: Shares,
}

/// The largest difference of transformers' logits from its own in f32, as a share of the spread.
#[derive(Deserialize)]
struct Shares {
    #[serde(rename = "F16")]
    f16: f32,
    #[serde(rename = "BF16")]
    bf16: f32,
}
