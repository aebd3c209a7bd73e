use std::path::Path;

use candle_core::Device;
use eyechart::model::load;
use serde_json::json;

use crate::damage::{copy, cut, insert, message_of, read, remove, set, write};
use crate::oracle;

/// Damages a copy of a checkpoint.
type Damage = fn(&Path);

/// Each damage, the checkpoint it is done to, and what the error must say.
const DAMAGES: &[(&str, Damage, &[&str])] = &[
    ("tied", |folder| remove(folder, "config.json"), &["config.json: not found"]),
    ("tied", |folder| write(folder, "config.json", "{"), &["config.json: not valid", "line 1"]),
    (
        "tied",
        |folder| set(folder, "config.json", "/model_type", json!("llava_next")),
        &["config.json", "model_type is `llava_next`", "known are ", "qwen3_vl"],
    ),
    (
        "tied",
        |folder| set(folder, "config.json", "/text_config/num_attention_heads", json!(0)),
        &["text_config.num_attention_heads is 0, expected a number from 1"],
    ),
    (
        "tied",
        |folder| set(folder, "config.json", "/text_config/num_key_value_heads", json!(4)),
        &["text_config.num_attention_heads is 6", "multiple of num_key_value_heads (4)"],
    ),
    (
        "tied",
        |folder| set(folder, "config.json", "/text_config/head_dim", json!(21)),
        &["text_config.head_dim is 21, expected an even number"],
    ),
    (
        "tied",
        |folder| set(folder, "config.json", "/text_config/vocab_size", json!(1_u64 << 60)),
        &["text_config.vocab_size is 1152921504606846976, expected a number from 1"],
    ),
    (
        "tied",
        |folder| {
            set(folder, "config.json", "/text_config/rope_scaling/rope_type", json!("dynamic"))
        },
        &["rope_scaling.rope_type is `dynamic`, expected `default`"],
    ),
    (
        "tied",
        |folder| set(folder, "config.json", "/text_config/rope_scaling/mrope_section", json!([5])),
        &["mrope_section is [5], expected three numbers"],
    ),
    (
        "tied",
        |folder| set(folder, "config.json", "/text_config/hidden_act", json!("mish")),
        &["text_config.hidden_act is `mish`, expected silu"],
    ),
    (
        "tied",
        |folder| set(folder, "config.json", "/vision_config/num_heads", json!(3)),
        &["vision_config.hidden_size is 32 with 3 heads"],
    ),
    (
        "tied",
        |folder| {
            set(folder, "config.json", "/vision_config/deepstack_visual_indexes", json!([1, 9]))
        },
        &["deepstack_visual_indexes is [1, 9], expected increasing numbers below the depth of 4"],
    ),
    (
        "tied",
        |folder| set(folder, "config.json", "/vision_config/num_position_embeddings", json!(50)),
        &["num_position_embeddings is 50, expected a square number"],
    ),
    (
        "tied",
        |folder| set(folder, "config.json", "/text_config/intermediate_size", json!(81)),
        &["model.safetensors", "mlp.gate_proj.weight", "has shape [80, 48]", "[81, 48]"],
    ),
    (
        "tied",
        |folder| set(folder, "config.json", "/text_config/num_hidden_layers", json!(4)),
        &["`model.language_model.layers.3.input_layernorm.weight` is missing", "[48]"],
    ),
    (
        "tied",
        |folder| set(folder, "config.json", "/image_token_id", json!(100_000)),
        &["tokenizer.json: there is no token of id 100000"],
    ),
    (
        "tied",
        |folder| set(folder, "preprocessor_config.json", "/patch_size", json!(16)),
        &["preprocessor_config.json", "[2, 16, 2], expected [2, 8, 2] as in config.json"],
    ),
    (
        "tied",
        |folder| set(folder, "preprocessor_config.json", "/image_std", json!([0.5, 0.0, 0.5])),
        &["preprocessor_config.json: image_std is [0.5, 0.0, 0.5], expected numbers other than 0"],
    ),
    (
        "tied",
        |folder| insert(folder, "preprocessor_config.json", "do_resize", json!(false)),
        &["preprocessor_config.json: do_resize is false, expected true"],
    ),
    (
        "tied",
        |folder| set(folder, "generation_config.json", "/eos_token_id", json!("stop")),
        &["generation_config.json: eos_token_id is \"stop\", expected a token id"],
    ),
    (
        "tied",
        |folder| remove(folder, "chat_template.jinja"),
        &["none found in chat_template.jinja, chat_template.json or tokenizer_config.json"],
    ),
    (
        "tied",
        |folder| write(folder, "chat_template.jinja", "{% for %}"),
        &["chat_template.jinja: chat template: syntax error"],
    ),
    ("tied", |folder| write(folder, "tokenizer.json", "{}"), &["tokenizer.json: not a tokenizer"]),
    (
        "tied",
        |folder| cut(folder, "model.safetensors", 1000),
        &["model.safetensors: the file has", "but its header describes", "fetch it again"],
    ),
    (
        "tied",
        |folder| write(folder, "model.safetensors", "12345"),
        &["model.safetensors: not a safetensors file: only 5 bytes long"],
    ),
    (
        "tied",
        |folder| write(folder, "model.safetensors", "<html>not found</html>"),
        &["model.safetensors: not a safetensors file: header length"],
    ),
    (
        "tied",
        |folder| {
            let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
            write(folder, "model.safetensors", pointer);
        },
        &["model.safetensors: this is a Git LFS pointer", "git lfs pull"],
    ),
    ("tied", |folder| remove(folder, "model.safetensors"), &["model.safetensors: not found"]),
    (
        "untied",
        |folder| remove(folder, "model-00002-of-00002.safetensors"),
        &["model-00002-of-00002.safetensors: not found", "lists it as a shard"],
    ),
    (
        "untied",
        |folder| {
            let tensor = "/weight_map/lm_head.weight";
            let shard = json!("model-00002-of-00002.safetensors");
            let other = json!("model-00001-of-00002.safetensors");
            let index = "model.safetensors.index.json";
            let placed = read(folder, index).pointer(tensor).cloned();
            set(folder, index, tensor, if placed == Some(shard.clone()) { other } else { shard });
        },
        &["the index places tensor `lm_head.weight` here, but the file does not hold it"],
    ),
];

#[test]
fn each_damage_has_its_message() {
    for (index, (checkpoint, damage, expected)) in DAMAGES.iter().enumerate() {
        let folder = copy(&oracle(&format!("qwen3_vl/{checkpoint}")));
        damage(folder.path());
        let message = message_of(load(folder.path(), &Device::Cpu, None));
        for part in *expected {
            assert!(message.contains(part), "damage {index}: `{message}` lacks `{part}`");
        }
    }
}

#[test]
fn a_missing_folder_is_named() {
    let Err(error) = load(Path::new("no/such/folder"), &Device::Cpu, None) else {
        panic!("loaded a model from nowhere");
    };
    assert_eq!(error.to_string(), "no/such/folder: no such checkpoint folder");
}
