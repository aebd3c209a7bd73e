use std::path::Path;

use candle_core::Device;
use eyechart::model::{load, load_processor};
use serde_json::json;

use crate::damage::{copy, cut, insert, insert_under, message_of, remove, rename_tensors, set};
use crate::fixture::{Features, Fixture, check_all, check_batches};
use crate::{beams, half_types, oracle};

const CHECKPOINTS: [&str; 3] = ["llava/hub", "llava/renamed", "llava/original"];

/// `llava-hf/*`: names before transformers 4.52, fields left out, shards, padded pictures.
#[test]
fn the_hubs_layout_equals_transformers() {
    assert!(check_all(Fixture::random("llava/hub"), Features::Recorded) >= 14);
}

/// Names since transformers 4.52, the class token kept, another feature layer, biases, a tied head,
/// pictures cropped because the preprocessor's file says so.
#[test]
fn the_renamed_layout_equals_transformers() {
    assert!(check_all(Fixture::random("llava/renamed"), Features::Recorded) >= 14);
}

/// What transformers 5.17 writes: published names but for the tower's.
#[test]
fn the_layout_of_transformers_5_equals_the_others() {
    let folder = copy(&oracle("llava/renamed"));
    rename_tensors(folder.path(), "model.safetensors", |name| {
        name.replace("vision_tower.vision_model.", "vision_tower.")
    });
    let fixture = Fixture::load(folder.path(), "llava/renamed", oracle("pictures"), None);
    assert!(check_all(fixture, Features::Recorded) >= 14);
}

/// `liuhaotian/*`: pickled shards, the tower in a folder beside them, `tokenizer.model`.
#[test]
fn the_original_layout_equals_the_original_code() {
    assert!(check_all(Fixture::random("llava/original"), Features::Recorded) >= 13);
}

#[test]
fn a_batch_equals_transformers_and_each_row_alone() {
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

/// In the hub's layout `generate` sees the prompt's ids, in the original one embeddings alone.
#[test]
fn the_penalty_counts_what_the_reference_counts() {
    let mut hub = Fixture::random("llava/hub");
    let prompt = hub.prepare(0).prompt;
    assert_eq!(prompt.penalised_ids, prompt.token_ids);
    let mut original = Fixture::random("llava/original");
    assert!(original.prepare(0).prompt.penalised_ids.is_empty());
}

/// Half types differ from f32 by no more than twice what the reference's own do.
#[test]
fn half_types_stay_near() {
    for name in CHECKPOINTS {
        half_types::check(name);
    }
}

/// A thread of a picture would be resized to gigabytes.
#[test]
fn a_thread_of_a_picture_is_refused() {
    let processor = load_processor(&oracle("llava/renamed")).unwrap();
    let error = processor.prepare_image(&image::RgbImage::new(1, 201)).unwrap_err();
    let expected = "the image is 1x201 pixels; one side may be at most 200 times the other";
    assert_eq!(error.to_string(), expected);
}

/// Damages a copy of a checkpoint.
type Damage = fn(&Path);

/// Each damage, the checkpoint it is done to, and what the error must say.
const DAMAGES: &[(&str, Damage, &[&str])] = &[
    (
        "llava/hub",
        |folder| insert_under(folder, "config.json", "/vision_config", "hidden_act", json!("relu")),
        &["vision_config.hidden_act is `relu`, expected `quick_gelu` or `gelu`"],
    ),
    (
        "llava/hub",
        |folder| {
            let scaling = json!({"type": "dynamic", "factor": 2.0});
            insert_under(folder, "config.json", "/text_config", "rope_scaling", scaling);
        },
        &["text_config.rope_scaling.rope_type is `dynamic`, expected `default`"],
    ),
    (
        "llava/hub",
        |folder| set(folder, "config.json", "/vision_feature_layer", json!(-6)),
        &["vision_config.num_hidden_layers is 4, expected enough layers for feature layer -6"],
    ),
    (
        "llava/hub",
        |folder| set(folder, "config.json", "/vision_feature_select_strategy", json!("cls")),
        &["vision_feature_select_strategy is `cls`, expected `default` or `full`"],
    ),
    (
        "llava/hub",
        |folder| set(folder, "config.json", "/image_token_index", json!(5)),
        &["image_token_index is 5, which is `", "expected the id of `<image>`"],
    ),
    (
        "llava/hub",
        |folder| set(folder, "config.json", "/vision_config/patch_size", json!(7)),
        &["vision_tower.vision_model.embeddings.position_embedding.weight", "[10, 24]"],
    ),
    (
        "llava/hub",
        |folder| set(folder, "config.json", "/text_config/intermediate_size", json!(64)),
        &["language_model.model.layers.0.mlp.gate_proj.weight", "[72, 40]", "[64, 40]"],
    ),
    (
        "llava/hub",
        |folder| remove(folder, "preprocessor_config.json"),
        &["preprocessor_config.json: not found", "how pictures are resized"],
    ),
    (
        "llava/hub",
        |folder| set(folder, "preprocessor_config.json", "/crop_size/height", json!(336)),
        &["crop_size is 336, expected 42, the tower's image_size"],
    ),
    (
        "llava/hub",
        |folder| set(folder, "preprocessor_config.json", "/resample", json!(2)),
        &["resample is 2, expected 3 (bicubic)"],
    ),
    // A copy without the tower beside it.
    (
        "llava/original",
        |_| {},
        &["mm_vision_tower is `openai/clip-vit-tiny-patch7-28`", "put its files into "],
    ),
    (
        "llava/original",
        |folder| set(folder, "config.json", "/mm_projector_type", json!("linear")),
        &["mm_projector_type is `linear`, expected `mlp2x_gelu`"],
    ),
    (
        "llava/original",
        |folder| set(folder, "config.json", "/image_aspect_ratio", json!("anyres")),
        &["image_aspect_ratio is `anyres`, expected `pad` or `square` (LLaVA-1.6"],
    ),
    (
        "llava/original",
        |folder| set(folder, "config.json", "/mm_use_im_start_end", json!(true)),
        &["mm_use_im_start_end is true, expected false"],
    ),
];

#[test]
fn each_damage_has_its_message() {
    for (checkpoint, damage, parts) in DAMAGES {
        let folder = copy(&oracle(checkpoint));
        damage(folder.path());
        let message = message_of(load(folder.path(), &Device::Cpu, None));
        for part in *parts {
            assert!(message.contains(part), "{checkpoint}: `{part}` is not in: {message}");
        }
    }
}

/// A path to the tower's folder instead of a repository's name; then a damaged tokenizer there.
#[test]
fn the_tower_may_be_anywhere() {
    let folder = copy(&oracle("llava/original"));
    let tower = oracle("llava/clip-vit-tiny-patch7-28");
    set(folder.path(), "config.json", "/mm_vision_tower", json!(tower));
    assert!(load(folder.path(), &Device::Cpu, None).is_ok());
    cut(folder.path(), "tokenizer.model", 7);
    let message = message_of(load(folder.path(), &Device::Cpu, None));
    assert!(message.contains("tokenizer.model: not a tokenizer"), "{message}");
}

/// `"do_pad": false` asks for the middle of the picture, as transformers would see it.
#[test]
fn padding_is_a_setting() {
    let folder = copy(&oracle("llava/hub"));
    let picture = image::RgbImage::from_fn(90, 42, |x, _| image::Rgb([x as u8, 0, 255]));
    let pixels = |folder: &Path| {
        let prepared = load_processor(folder).unwrap().prepare_image(&picture).unwrap();
        prepared.pixels.flatten_all().unwrap().to_vec1::<f32>().unwrap()
    };
    let padded = pixels(folder.path());
    insert(folder.path(), "preprocessor_config.json", "do_pad", json!(false));
    let cropped = pixels(folder.path());
    // By hand: the crop starts at column (90 - 42) / 2, the padded picture with the mean colour.
    assert!((cropped[0] - (24.0 / 255.0 - 0.481_454_66) / 0.268_629_54).abs() < 1e-6);
    assert!((padded[0] - (122.0 / 255.0 - 0.481_454_66) / 0.268_629_54).abs() < 1e-6);
}
