//! Fields that would change what is computed: refused by name, or told.

use std::path::Path;

use eyechart::model::{load_processor, notices};
use serde_json::{Value, json};

use crate::damage::{copy, insert_under, message_of, remove, write};
use crate::oracle;

const CONFIG: &str = "config.json";
const TEXT: &str = "/text_config";
const VISION: &str = "/vision_config";

/// Checkpoint, file, object in it, field, value, and what the error says.
type Refusal = (&'static str, &'static str, &'static str, &'static str, Value, &'static str);

fn refusals() -> Vec<Refusal> {
    let quantised = json!({"quant_method": "bitsandbytes", "load_in_4bit": true});
    let rope = |kind: &str| json!({"rope_type": kind, "factor": 2.0, "rope_theta": 10000.0});
    let nested = json!({"full_attention": {"rope_type": "default"}, "sliding_attention": {"rope_type": "yarn"}});
    vec![
        (
            "qwen3_vl/tied",
            CONFIG,
            "",
            "quantization_config",
            quantised.clone(),
            "quantization_config is {\"load_in_4bit\":true",
        ),
        (
            "llava/hub",
            CONFIG,
            TEXT,
            "quantization_config",
            json!({"quant_method": "gptq"}),
            "text_config.quantization_config is",
        ),
        (
            "blip2/opt",
            CONFIG,
            "",
            "quantization_config",
            json!({"quant_method": "fp8"}),
            "save the model dequantised",
        ),
        (
            "llava/original",
            CONFIG,
            "",
            "quantization_config",
            json!({"quant_method": "awq"}),
            "quantization_config is",
        ),
        (
            "minigpt_v2/published",
            "llama/config.json",
            "",
            "quantization_config",
            quantised,
            "llama/config.json: quantization_config is",
        ),
        (
            "qwen3_vl/tied",
            CONFIG,
            TEXT,
            "sliding_window",
            json!(8),
            "text_config.sliding_window is 8, expected null",
        ),
        (
            "llava/hub",
            CONFIG,
            TEXT,
            "sliding_window",
            json!(4096),
            "text_config.sliding_window is 4096",
        ),
        (
            "llava/hub",
            CONFIG,
            TEXT,
            "attn_logit_softcapping",
            json!(50.0),
            "text_config.attn_logit_softcapping is 50.0",
        ),
        (
            "llava/hub",
            CONFIG,
            TEXT,
            "partial_rotary_factor",
            json!(0.5),
            "partial_rotary_factor is 0.5, expected 1",
        ),
        (
            "llava/hub",
            CONFIG,
            TEXT,
            "layer_types",
            json!(["sliding_attention"]),
            "text_config.layer_types is",
        ),
        (
            "qwen3_vl/tied",
            CONFIG,
            TEXT,
            "mlp_bias",
            json!(true),
            "text_config.mlp_bias is true, expected false",
        ),
        (
            "qwen3_vl/tied",
            CONFIG,
            VISION,
            "rope_parameters",
            json!({"rope_type": "axial", "rope_theta": 500.0}),
            "vision_config.rope_parameters is",
        ),
        (
            "llava/hub",
            CONFIG,
            TEXT,
            "rope_scaling",
            rope("dynamic"),
            "text_config.rope_scaling.rope_type is `dynamic`, expected `default`, `linear`, `llama3` or `yarn`",
        ),
        (
            "llava/hub",
            CONFIG,
            TEXT,
            "rope_parameters",
            rope("longrope"),
            "text_config.rope_parameters.rope_type is `longrope`",
        ),
        (
            "instruct_blip/vicuna",
            CONFIG,
            TEXT,
            "rope_parameters",
            rope("proportional"),
            "text_config.rope_parameters.rope_type is `proportional`",
        ),
        (
            "qwen3_vl/untied",
            CONFIG,
            TEXT,
            "rope_scaling",
            json!({"type": "dynamic", "factor": 2.0}),
            "text_config.rope_scaling.rope_type is `dynamic`",
        ),
        (
            "minigpt_v2/published",
            "llama/config.json",
            "",
            "rope_parameters",
            rope("dynamic"),
            "rope_parameters.rope_type is `dynamic`",
        ),
        (
            "llava/original",
            CONFIG,
            "",
            "rope_scaling",
            json!({"type": "dynamic", "factor": 2.0}),
            "rope_scaling.rope_type is `dynamic`",
        ),
        (
            "llava/hub",
            CONFIG,
            TEXT,
            "rope_parameters",
            nested,
            "text_config.rope_parameters.full_attention is",
        ),
        (
            "llava/hub",
            CONFIG,
            TEXT,
            "rope_parameters",
            json!({"rope_type": "default", "partial_rotary_factor": 0.25}),
            "partial_rotary_factor is 0.25",
        ),
        (
            "llava/hub",
            CONFIG,
            TEXT,
            "rope_parameters",
            json!({"rope_type": "linear"}),
            "rope_parameters.factor is missing",
        ),
        (
            "llava/hub",
            CONFIG,
            TEXT,
            "rope_parameters",
            json!({"rope_type": "linear", "factor": 2.0, "beta_fast": 8}),
            "rope_parameters.beta_fast is 8, expected no such field",
        ),
        (
            "llava/hub",
            CONFIG,
            "",
            "vision_feature_layer",
            json!([-2, -3]),
            "vision_feature_layer is [-2, -3], expected one layer",
        ),
        (
            "llava/hub",
            CONFIG,
            "",
            "vision_feature_select_strategy",
            json!("cls"),
            "vision_feature_select_strategy is `cls`",
        ),
        (
            "llava/hub",
            CONFIG,
            "",
            "projector_hidden_act",
            json!("mish"),
            "projector_hidden_act is `mish`",
        ),
        (
            "llava/hub",
            CONFIG,
            VISION,
            "hidden_act",
            json!("relu"),
            "vision_config.hidden_act is `relu`",
        ),
        (
            "llava/hub",
            CONFIG,
            VISION,
            "layer_norm_eps",
            json!(1e-6),
            "vision_config.layer_norm_eps is",
        ),
        (
            "llava/original",
            CONFIG,
            "",
            "mm_patch_merge_type",
            json!("spatial_unpad"),
            "mm_patch_merge_type is `spatial_unpad`, expected \"flat\"",
        ),
        ("llava/original", CONFIG, "", "s2", json!(true), "s2 is true, expected false"),
        (
            "blip2/opt",
            CONFIG,
            TEXT,
            "no_repeat_ngram_size",
            json!(3),
            "text_config.no_repeat_ngram_size is 3, expected 0",
        ),
        (
            "blip2/opt",
            CONFIG,
            "/qformer_config",
            "position_embedding_type",
            json!("relative_key"),
            "qformer_config.position_embedding_type is `relative_key`",
        ),
        (
            "qwen3_vl/tied",
            "preprocessor_config.json",
            "",
            "do_center_crop",
            json!(true),
            "preprocessor_config.json: do_center_crop is true, expected false",
        ),
        ("blip2/opt", "preprocessor_config.json", "", "do_pad", json!(true), "do_pad is true"),
        (
            "qwen3_vl/tied",
            "preprocessor_config.json",
            "",
            "resample",
            json!(2),
            "resample is 2, expected 3",
        ),
        (
            "llava/hub",
            "preprocessor_config.json",
            "",
            "image_processor_type",
            json!("SiglipImageProcessor"),
            "image_processor_type is `SiglipImageProcessor`",
        ),
        (
            "llava/hub",
            "preprocessor_config.json",
            "",
            "size",
            json!({"height": 42, "width": 42}),
            "size is {\"height\":42,\"width\":42}, expected",
        ),
        (
            "llava/hub",
            "generation_config.json",
            "",
            "forced_eos_token_id",
            json!(2),
            "generation_config.json: forced_eos_token_id is 2, expected null",
        ),
        (
            "qwen3_vl/tied",
            "generation_config.json",
            "",
            "guidance_scale",
            json!(1.5),
            "guidance_scale is 1.5",
        ),
        (
            "qwen3_vl/tied",
            "generation_config.json",
            "",
            "repetition_penalty",
            json!(0.0),
            "repetition_penalty is 0, expected a number above 0",
        ),
        (
            "qwen3_vl/tied",
            "tokenizer_config.json",
            "",
            "add_bos_token",
            json!(true),
            "tokenizer_config.json: add_bos_token is true, expected false",
        ),
        (
            "blip2/opt",
            "tokenizer_config.json",
            "",
            "add_bos_token",
            json!(false),
            "add_bos_token is false, expected true",
        ),
        (
            "qwen3_vl/tied",
            "tokenizer_config.json",
            "",
            "split_special_tokens",
            json!(true),
            "split_special_tokens is true",
        ),
        (
            "qwen3_vl/tied",
            "tokenizer_config.json",
            "/added_tokens_decoder",
            "7",
            json!({"content": "<|im_end|>", "special": true}),
            "added_tokens_decoder.7 is `<|im_end|>`",
        ),
        (
            "instruct_blip/t5",
            "qformer_tokenizer/tokenizer_config.json",
            "",
            "do_lower_case",
            json!(false),
            "do_lower_case is false, expected true",
        ),
        (
            "minigpt_v2/published",
            CONFIG,
            "",
            "use_rslora",
            json!(true),
            "use_rslora is true, expected false",
        ),
    ]
}

#[test]
fn what_is_not_implemented_is_refused_by_name() {
    for (checkpoint, file, object, field, value, said) in refusals() {
        let folder = copy(&oracle(checkpoint));
        if checkpoint == "llava/original" {
            // Its tower lies beside it.
            let tower = oracle("llava/clip-vit-tiny-patch7-28");
            insert_under(folder.path(), CONFIG, "", "mm_vision_tower", json!(tower));
        }
        insert_under(folder.path(), file, object, field, value);
        let message = message_of(load_processor(folder.path()));
        assert!(message.contains(said), "{checkpoint}, {field}: {message}");
        let name = Path::new(file).file_name().unwrap().to_str().unwrap();
        assert!(message.contains(name), "{checkpoint}, {field}: {message}");
    }
}

/// What is told of a field of a checkpoint.
fn told(checkpoint: &str, file: &str, object: &str, field: &str, value: Value) -> Vec<String> {
    let folder = copy(&oracle(checkpoint));
    insert_under(folder.path(), file, object, field, value);
    let notices = notices(folder.path()).unwrap();
    notices.iter().map(|notice| notice.within(folder.path())).collect()
}

#[test]
fn fields_that_are_not_known_are_told() {
    let told: Vec<String> = [
        told("llava/hub", CONFIG, TEXT, "use_qk_norm", json!(true)),
        told("llava/hub", CONFIG, VISION, "window_size", json!(112)),
        told(
            "llava/hub",
            "preprocessor_config.json",
            "",
            "image_grid_pinpoints",
            json!([[336, 672]]),
        ),
        told("llava/hub", "generation_config.json", "", "temperature", json!(0.6)),
        told("llava/hub", "generation_config.json", "", "max_new_tokens", json!(20)),
        told("llava/hub", "generation_config.json", "", "new_penalty", json!(2)),
        told("llava/hub", "tokenizer_config.json", "", "clean_up_tokenization_spaces", json!(true)),
        told("blip2/opt", "generation_config.json", "", "repetition_penalty", json!(1.5)),
        told("blip2/opt", CONFIG, "/qformer_config", "gate", json!("sigmoid")),
    ]
    .concat();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn an_adapter_beside_the_weights_is_refused() {
    for checkpoint in ["llava/hub", "qwen3_vl/tied", "blip2/t5"] {
        let folder = copy(&oracle(checkpoint));
        write(folder.path(), "adapter_config.json", "{\"peft_type\": \"LORA\", \"r\": 8}");
        let message = message_of(load_processor(folder.path()));
        assert!(message.contains("adapter_config.json: a low-rank adapter"), "{message}");
    }
    let folder = copy(&oracle("minigpt_v2/published"));
    let adapter = |text: &str| write(folder.path(), "adapter_config.json", text);
    adapter("{\"r\": 6, \"lora_alpha\": 9, \"target_modules\": [\"v_proj\", \"q_proj\"]}");
    assert!(load_processor(folder.path()).is_ok());
    adapter("{\"r\": 8}");
    assert!(message_of(load_processor(folder.path())).contains("r is 8, expected 6"));
    adapter("{\"r\": 6, \"target_modules\": [\"q_proj\", \"k_proj\"]}");
    assert!(message_of(load_processor(folder.path())).contains("target_modules is"));
}

/// A tokenizer that is there in another form is named.
#[test]
fn a_slow_tokenizer_alone_is_named() {
    let folder = copy(&oracle("qwen3_vl/tied"));
    remove(folder.path(), "tokenizer.json");
    write(folder.path(), "vocab.json", "{}");
    write(folder.path(), "merges.txt", "");
    let message = message_of(load_processor(folder.path()));
    assert!(message.contains("vocab.json and merges.txt alone cannot be read"), "{message}");
}
