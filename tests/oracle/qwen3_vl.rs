use std::path::Path;

use candle_core::DType;

use crate::fixture::{Features, Fixture, check_all, check_batches, largest_share};
use crate::slots;

#[test]
fn a_tied_checkpoint_equals_transformers() {
    let cases = check_all(Fixture::random("qwen3_vl/tied"), Features::Recorded);
    assert!(cases >= 25);
}

#[test]
fn an_untied_sharded_checkpoint_with_biases_equals_transformers() {
    let cases = check_all(Fixture::random("qwen3_vl/untied"), Features::Recorded);
    assert!(cases >= 25);
}

#[test]
fn a_bf16_checkpoint_cast_to_f32_equals_transformers() {
    let cases = check_all(Fixture::random("qwen3_vl/bf16"), Features::Recorded);
    assert!(cases >= 25);
}

/// Layers with a mixture of experts between dense ones.
#[test]
fn a_mixture_of_experts_equals_transformers() {
    let cases = check_all(Fixture::random("qwen3_vl/experts"), Features::Recorded);
    assert!(cases >= 25);
}

/// Real questions about real scenes, most of them answered until the model stops by itself.
#[test]
fn the_trained_checkpoint_equals_transformers() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let checkpoint = root.join("fixtures/models/qwen3-vl-tiny");
    let fixture = Fixture::load(&checkpoint, "qwen3_vl/trained", root.join("cases/images"), None);
    let cases = check_all(fixture, Features::Absent);
    assert!(cases >= 60);
}

/// Prompts of unequal length together give what transformers gives, left-padded, and what each
/// gives alone.
#[test]
fn a_batch_equals_transformers_and_each_row_alone() {
    for name in ["qwen3_vl/tied", "qwen3_vl/untied", "qwen3_vl/bf16", "qwen3_vl/experts"] {
        check_batches(Fixture::random(name));
    }
}

#[test]
fn a_copied_slot_continues_alike() {
    slots::check_copies("qwen3_vl/tied");
}

/// Half types keep the logits near the f32 ones: within this share of their spread.
#[test]
fn half_types_stay_near() {
    for (dtype, bound) in [(DType::F16, 0.01), (DType::BF16, 0.07)] {
        let worst = largest_share(Fixture::cast("qwen3_vl/bf16", dtype));
        eprintln!("{dtype:?}: a logit differs by {worst:.4} of the spread at most");
        assert!(worst < bound, "{dtype:?}: {worst} of the spread");
    }
}
