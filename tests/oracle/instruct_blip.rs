//! InstructBLIP with Vicuna and Flan-T5 against transformers: the folder's layout since 4.47 and
//! before it.

use std::path::Path;

use candle_core::Device;
use eyechart::model::blip2::QFormerInput;
use eyechart::model::load;
use serde::Deserialize;
use serde_json::json;

use crate::blip2::check_parts;
use crate::damage::{copy, message_of, remove, set, write};
use crate::fixture::{Features, Fixture, check_all, check_batches};
use crate::{beams, half_types, oracle, read_json, slots};

#[test]
fn a_checkpoint_with_vicuna_equals_transformers() {
    assert!(check_all(Fixture::random("instruct_blip/vicuna"), Features::Recorded) >= 15);
}

#[test]
fn a_checkpoint_with_t5_from_before_placeholders_equals_transformers() {
    assert!(check_all(Fixture::random("instruct_blip/t5"), Features::Recorded) >= 12);
}

#[test]
fn a_batch_equals_transformers_and_each_row_alone() {
    for name in ["instruct_blip/vicuna", "instruct_blip/t5"] {
        check_batches(Fixture::random(name));
    }
}

#[test]
fn the_parts_equal_transformers() {
    for name in ["instruct_blip/vicuna", "instruct_blip/t5"] {
        assert!(check_parts(name, QFormerInput::QueriesAndPrompt) >= 2, "{name}");
    }
}

/// The Q-Former reads the prompt in its own tokens.
#[test]
fn the_connector_reads_what_transformers_gives_it() {
    #[derive(Deserialize)]
    struct Asked {
        connector_ids: Vec<u32>,
    }
    #[derive(Deserialize)]
    struct Oracle {
        cases: Vec<Asked>,
    }
    for name in ["instruct_blip/vicuna", "instruct_blip/t5"] {
        let Oracle { cases } = read_json(&format!("{name}/oracle.json"));
        let mut fixture = Fixture::random(name);
        for (index, case) in cases.iter().enumerate() {
            assert_eq!(fixture.prepare(index).prompt.connector_ids, case.connector_ids, "{name}");
        }
    }
}

#[test]
fn beams_equal_transformers() {
    for name in ["instruct_blip/vicuna", "instruct_blip/t5"] {
        beams::check(name);
    }
}

#[test]
fn a_copied_slot_continues_alike() {
    for name in ["instruct_blip/vicuna", "instruct_blip/t5"] {
        slots::check_copies(name);
    }
}

#[test]
fn half_types_stay_near() {
    for name in ["instruct_blip/vicuna", "instruct_blip/t5"] {
        half_types::check(name);
    }
}

/// A prompt that the Q-Former's table of positions does not reach.
#[test]
fn a_prompt_too_long_for_the_connector_is_an_error() {
    let fixture = Fixture::random("instruct_blip/t5");
    let processor = fixture.model.processor();
    let picture = image::RgbImage::from_pixel(8, 9, image::Rgb([1, 2, 3]));
    let images = [processor.prepare_image(&picture).unwrap()];
    let long = eyechart::request::Conversation::ask(1, "two cars and ".repeat(100));
    let error = processor.prepare_prompt(&long, &images).unwrap_err().to_string();
    assert!(error.starts_with("InstructBLIP cannot take"), "{error}");
    assert!(error.contains("reads at most 130 tokens, but the prompt has"), "{error}");
}

/// Damages a copy of a checkpoint.
type Damage = fn(&Path);

const DAMAGES: &[(&str, Damage, &[&str])] = &[
    (
        "vicuna",
        |folder| remove(folder, "qformer_tokenizer/tokenizer.json"),
        &["qformer_tokenizer/tokenizer.json: not found"],
    ),
    (
        "vicuna",
        |folder| write(folder, "qformer_tokenizer/tokenizer.json", "{}"),
        &["qformer_tokenizer/tokenizer.json: not a tokenizer"],
    ),
    (
        "vicuna",
        |folder| set(folder, "config.json", "/qformer_config/vocab_size", json!(9)),
        &["`qformer.embeddings.word_embeddings.weight` has shape", "[9, 32]"],
    ),
    (
        "vicuna",
        |folder| set(folder, "config.json", "/text_config/num_key_value_heads", json!(4)),
        &["text_config.num_attention_heads is 6, expected a multiple of num_key_value_heads (4)"],
    ),
    (
        "vicuna",
        |folder| set(folder, "tokenizer_config.json", "/bos_token", json!("<begin>")),
        &["tokenizer.json: token `<begin>` is missing"],
    ),
    (
        "t5",
        |folder| set(folder, "config.json", "/text_config/d_ff", json!(57)),
        &["DenseReluDense.wi_0.weight` has shape [56, 40]", "[57, 40]"],
    ),
];

#[test]
fn each_damage_has_its_message() {
    for (name, damage, expected) in DAMAGES {
        let folder = copy(&oracle(&format!("instruct_blip/{name}")));
        damage(folder.path());
        let message = message_of(load(folder.path(), &Device::Cpu, None));
        for part in *expected {
            assert!(message.contains(part), "`{message}` lacks `{part}`");
        }
    }
}
