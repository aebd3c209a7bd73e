use std::path::Path;

use candle_core::Device;
use eyechart::model::load;
use serde_json::json;

use crate::damage::{copy, cut, message_of, read, remove, set, write};
use crate::fixture::{Features, Fixture, check_all, check_batches};
use crate::{beams, half_types, oracle};

const CHECKPOINTS: [&str; 2] = ["minigpt_v2/published", "minigpt_v2/later"];

/// Names of peft 0.2, no norm behind the tower in the trained file, two BOS tokens.
#[test]
fn the_published_parts_equal_the_reference() {
    assert!(check_all(Fixture::random("minigpt_v2/published"), Features::Recorded) >= 12);
}

/// Names of later peft, a norm in the trained file, one BOS, parts in another folder.
#[test]
fn a_later_checkpoint_equals_the_reference() {
    assert!(check_all(Fixture::random("minigpt_v2/later"), Features::Recorded) >= 12);
}

#[test]
fn a_batch_equals_the_reference_and_each_row_alone() {
    for name in CHECKPOINTS {
        check_batches(Fixture::random(name));
    }
}

/// Answers and scores of beam searches, some of whose beams end before others.
#[test]
fn beams_equal_transformers() {
    for name in CHECKPOINTS {
        beams::check(name);
    }
}

/// Half types differ from f32 by no more than twice what the reference's own do.
#[test]
fn half_types_stay_near() {
    for name in CHECKPOINTS {
        half_types::check(name);
    }
}

/// Damages a copy of the published parts.
type Damage = fn(&Path);

fn leave_out(folder: &Path, field: &str) {
    let mut config = read(folder, "config.json");
    config.as_object_mut().unwrap().remove(field);
    write(folder, "config.json", &config.to_string());
}

/// Each damage, and what the error must say.
const DAMAGES: &[(Damage, &[&str])] = &[
    (
        |folder| leave_out(folder, "llama_model"),
        &["config.json: llama_model is missing", "\"llama_model\": \"Llama-2-7b-chat-hf\""],
    ),
    (
        |folder| leave_out(folder, "vit_model"),
        &["config.json: vit_model is missing", "\"vit_model\": \"eva_vit_g.pth\""],
    ),
    (
        |folder| leave_out(folder, "ckpt"),
        &["config.json: ckpt is missing", "\"ckpt\": \"minigptv2_checkpoint.pth\""],
    ),
    (
        |folder| remove(folder, "eva_vit_g.pth"),
        &["vit_model is ", "eva_vit_g.pth, expected the vision tower's file"],
    ),
    (
        |folder| remove(folder, "llama/tokenizer.model"),
        &["tokenizer.model: not found", "the sentencepiece tokenizer"],
    ),
    (
        |folder| set(folder, "config.json", "/lora_r", json!(7)),
        &["layers.0.self_attn.q_proj.lora_A.weight", "[6, 32]", "[7, 32]"],
    ),
    (
        |folder| set(folder, "config.json", "/vit_config/depth", json!(5)),
        &["eva_vit_g.pth", "blocks.4.", "is missing"],
    ),
    (
        |folder| set(folder, "config.json", "/image_size", json!(60)),
        &["vit_config.patch_size is 7, expected a part of image_size, which is 60"],
    ),
    (
        |folder| write(folder, "config.json", r#"{"model_type": "minigpt_v2", "prompt_bos": 3}"#),
        &["llama_model is missing"],
    ),
    (
        |folder| set(folder, "llama/config.json", "/model_type", json!("mistral")),
        &["llama/config.json: model_type is `mistral`, expected `llama`"],
    ),
    (|folder| cut(folder, "minigptv2_checkpoint.pth", 300), &["minigptv2_checkpoint.pth"]),
];

#[test]
fn each_damage_has_its_message() {
    for (damage, parts) in DAMAGES {
        let folder = copy(&oracle("minigpt_v2/published"));
        damage(folder.path());
        let message = message_of(load(folder.path(), &Device::Cpu, None));
        for part in *parts {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
    }
}

/// `prompt_bos` decides how the prompt begins, and is checked.
#[test]
fn the_number_of_bos_tokens_is_a_setting() {
    let folder = copy(&oracle("minigpt_v2/published"));
    let begin = |folder: &Path| {
        let processor = eyechart::model::load_processor(folder).unwrap();
        let conversation = eyechart::request::Conversation::ask(0, "What?");
        processor.prepare_prompt(&conversation, &[]).unwrap().token_ids[..3].to_vec()
    };
    assert_eq!(begin(folder.path())[..2], [1, 1]);
    let mut config = read(folder.path(), "config.json");
    config["prompt_bos"] = json!(1);
    write(folder.path(), "config.json", &config.to_string());
    assert_ne!(begin(folder.path())[1], 1);
    set(folder.path(), "config.json", "/prompt_bos", json!(3));
    let message = message_of(load(folder.path(), &Device::Cpu, None));
    assert!(message.contains("prompt_bos is 3, expected 2 (as in"), "{message}");
}
