/*!
Equality with the references: Pillow for pictures, transformers from pixels to answer ids.

The expected values under `fixtures/oracle/` come from `tools/oracle/`, never from this crate.
*/

/// Beam search against transformers.
mod beams;
/// BLIP-2 against transformers.
mod blip2;
/// Boxes in each notation against the code that reads them.
mod boxes;
/// Damaged checkpoint folders and their error messages.
mod broken;
/// Ways to damage a checkpoint folder.
mod damage;
/// Fields of configuration files that are refused or told.
mod fields;
/// A checkpoint and its data, and comparing them.
mod fixture;
/// How far half types are from f32.
mod half_types;
/// What records say of a model's input against transformers.
mod inputs;
/// InstructBLIP against transformers.
mod instruct_blip;
/// Requests that cannot be served, and seeds.
mod limits;
/// LLaVA-1.5 in both published layouts.
mod llava;
/// MiniGPT-v2 from its three parts.
mod minigpt_v2;
/// Decoding and resizing against Pillow.
mod pictures;
/// Prompts, pixels, features, logits and answers against transformers.
mod qwen3_vl;
/// Penalty and filters against transformers' logits processors.
mod sampling;
/// Checkpoints as two versions of transformers save them.
mod saved_by;
/// CLIP and sentence encoders against transformers and sentence-transformers.
mod scorers;
/// Rows that come and go in the slots of one cache.
mod slots;
/// Checkpoints with other settings.
mod variants;

use std::path::PathBuf;

use serde::de::DeserializeOwned;

/// A path under `fixtures/oracle/`.
fn oracle(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/oracle").join(path)
}

fn read_json<T: DeserializeOwned>(path: &str) -> T {
    serde_json::from_str(&std::fs::read_to_string(oracle(path)).unwrap()).unwrap()
}

/// The largest absolute difference of two lists of the same length.
fn largest_difference(left: &[f32], right: &[f32]) -> f32 {
    assert_eq!(left.len(), right.len());
    left.iter().zip(right).map(|(left, right)| (left - right).abs()).fold(0.0, f32::max)
}
