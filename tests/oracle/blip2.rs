//! BLIP-2 with OPT and Flan-T5 against transformers: the folder's layout since 4.47 and before it.

use std::path::Path;

use candle_core::{DType, Device, Tensor};
use eyechart::model::blip2::{Config, QFormerInput};
use eyechart::model::{ImageFeatures, PrefillRow, Slot, load};
use eyechart::nn::eva_vit::{EvaNames, EvaVit};
use eyechart::nn::layer_norm;
use eyechart::nn::qformer::QFormer;
use eyechart::request::{Conversation, Part, Role, Turn};
use eyechart::weights::CheckpointFolder;
use serde_json::json;

use crate::damage::{copy, insert, insert_under, message_of, remove, set};
use crate::fixture::{Features, Fixture, Prepared, TOLERANCE, check_all, check_batches, values};
use crate::{beams, half_types, largest_difference, oracle, slots};

#[test]
fn a_checkpoint_with_opt_equals_transformers() {
    assert!(check_all(Fixture::random("blip2/opt"), Features::Recorded) >= 15);
}

#[test]
fn a_checkpoint_with_t5_from_before_placeholders_equals_transformers() {
    assert!(check_all(Fixture::random("blip2/t5"), Features::Recorded) >= 15);
}

/// Prompts of unequal length together give what transformers gives, padded, and what each gives
/// alone.
#[test]
fn a_batch_equals_transformers_and_each_row_alone() {
    for name in ["blip2/opt", "blip2/t5"] {
        check_batches(Fixture::random(name));
    }
}

/// The tower's and the Q-Former's own output.
#[test]
fn the_parts_equal_transformers() {
    for name in ["blip2/opt", "blip2/t5"] {
        assert!(check_parts(name, QFormerInput::Queries) >= 2, "{name}");
    }
}

/// Compares the parts in f32 wherever they were recorded; returns the number of cases.
pub(crate) fn check_parts(name: &str, input: QFormerInput) -> usize {
    let mut fixture = Fixture::random(name);
    let folder = CheckpointFolder::open(&oracle(name)).unwrap();
    let config = Config::load(&folder, input).unwrap();
    let root = folder.weights().unwrap().reader(&Device::Cpu, DType::F32);
    let vision = root.under("vision_model");
    let (sizes, queries) = (&config.vision, &config.qformer);
    let norm = layer_norm(sizes.hidden, sizes.eps, &vision.under("post_layernorm")).unwrap();
    let tower = EvaVit::load(sizes, EvaNames::Transformers, norm, &vision).unwrap();
    let learned = root.tensor("query_tokens", &[1, queries.queries, queries.hidden]).unwrap();
    let qformer = QFormer::load(queries, &learned, &root.under("qformer")).unwrap();
    let mut compared = 0;
    for index in 0..fixture.oracle.cases.len() {
        let case = fixture.oracle.cases[index].name.clone();
        if !fixture.tensors.contains_key(&format!("{case}.tower")) {
            continue;
        }
        let prepared = fixture.prepare(index);
        let features = tower.encode(&[&prepared.images[0].pixels]).unwrap();
        let found = qformer.forward(&features, &[&prepared.prompt.connector_ids]).unwrap();
        for (part, tensor) in [("tower", features), ("queries", found)] {
            let expected = fixture.expected(&format!("{case}.{part}"));
            let difference = largest_difference(&values(&tensor), &expected);
            assert!(difference < TOLERANCE, "{name} {case} {part}: {difference}");
        }
        compared += 1;
    }
    compared
}

/// What the repetition penalty counts: with OPT the prompt too, with T5 the start token.
#[test]
fn the_penalty_counts_what_transformers_counts() {
    let mut opt = Fixture::random("blip2/opt");
    let prompt = opt.prepare(0).prompt;
    assert_eq!(prompt.penalised_ids, prompt.token_ids);
    let mut t5 = Fixture::random("blip2/t5");
    assert_eq!(t5.prepare(0).prompt.penalised_ids, [0]);
}

/// Answers and scores of beam searches, some of whose beams end before others.
#[test]
fn beams_equal_transformers() {
    for name in ["blip2/opt", "blip2/t5"] {
        beams::check(name);
    }
}

/// A copied slot continues exactly as the one it was copied from.
#[test]
fn a_copied_slot_continues_alike() {
    for name in ["blip2/opt", "blip2/t5"] {
        slots::check_copies(name);
    }
}

/// Half types differ from f32 by no more than twice what transformers' own do.
#[test]
fn half_types_stay_near() {
    for name in ["blip2/opt", "blip2/t5"] {
        half_types::check(name);
    }
}

#[test]
fn what_it_was_not_made_for_is_an_error() {
    let fixture = Fixture::random("blip2/opt");
    let processor = fixture.model.processor();
    let picture = image::RgbImage::from_pixel(8, 9, image::Rgb([1, 2, 3]));
    let images = [processor.prepare_image(&picture).unwrap()];
    let ask = |conversation: &Conversation| {
        processor.prepare_prompt(conversation, &images).unwrap_err().to_string()
    };
    assert!(ask(&Conversation::ask(0, "What?")).contains("starts with the picture"));
    assert!(ask(&Conversation::ask(1, "an <image> here")).contains("must not contain"));
    let parts = vec![Part::Image(1), Part::Text("What?".to_owned())];
    let turns = vec![Turn { role: Role::User, parts }];
    assert!(ask(&Conversation { system: None, turns }).contains("image 1"));
}

/// Features of another size than the prompt's span are refused, not scattered.
#[test]
fn features_that_do_not_fit_are_refused() {
    let mut fixture = Fixture::random("blip2/opt");
    let Prepared { images, prompt, .. } = fixture.prepare(0);
    let tokens = Tensor::zeros((4, 40), DType::F32, &Device::Cpu).unwrap();
    let features = [ImageFeatures { tokens, deep: Vec::new() }];
    let model = fixture.model.as_mut();
    model.reserve(1, 100).unwrap();
    let (images, features, prompt) = (&images, &features, &prompt);
    let row = PrefillRow { slot: Slot(0), prompt, images, features };
    let error = model.prefill(&[row]).unwrap_err().to_string();
    assert_eq!(error, "image 0: the number of feature tokens is 4, expected 5");
}

/// Damages a copy of a checkpoint.
type Damage = fn(&Path);

const DAMAGES: &[(&str, Damage, &[&str])] = &[
    (
        "opt",
        |folder| set(folder, "config.json", "/text_config/model_type", json!("gpt2")),
        &["config.json: text_config.model_type is `gpt2`, expected opt, t5 or llama"],
    ),
    (
        "opt",
        |folder| set(folder, "config.json", "/text_config/do_layer_norm_before", json!(false)),
        &["text_config.do_layer_norm_before is false, expected true"],
    ),
    (
        "opt",
        |folder| set(folder, "config.json", "/text_config/word_embed_proj_dim", json!(20)),
        &["text_config.word_embed_proj_dim is 20, expected hidden_size, which is 40"],
    ),
    (
        "opt",
        |folder| set(folder, "config.json", "/text_config/num_attention_heads", json!(7)),
        &["text_config.hidden_size is 40, expected a multiple of 7 heads"],
    ),
    (
        "opt",
        |folder| set(folder, "config.json", "/vision_config/image_size", json!(43)),
        &["vision_config.image_size is 43, expected a multiple of patch_size (14)"],
    ),
    (
        "opt",
        |folder| set(folder, "config.json", "/qformer_config/num_attention_heads", json!(0)),
        &["qformer_config.num_attention_heads is 0, expected a number from 1"],
    ),
    (
        "opt",
        |folder| insert_qformer(folder, "position_embedding_type", json!("relative_key")),
        &["qformer_config.position_embedding_type is `relative_key`, expected `absolute`"],
    ),
    (
        "opt",
        |folder| insert_qformer(folder, "use_qformer_text_input", json!(true)),
        &["qformer_config.use_qformer_text_input is true", "do not generate"],
    ),
    (
        "opt",
        |folder| set(folder, "config.json", "/num_query_tokens", json!(6)),
        &["processor_config.json: num_query_tokens is 5, expected 6 as in config.json"],
    ),
    (
        "opt",
        |folder| set(folder, "config.json", "/image_token_index", json!(7)),
        &["config.json: image_token_index is 7", "the id of `<image>` in tokenizer.json"],
    ),
    (
        "opt",
        |folder| set(folder, "preprocessor_config.json", "/size", json!(224)),
        &["preprocessor_config.json: size is 224x224, expected 42x42", "vision_config.image_size"],
    ),
    (
        "opt",
        |folder| insert(folder, "preprocessor_config.json", "do_normalize", json!(false)),
        &["preprocessor_config.json: do_normalize is false, expected true"],
    ),
    (
        "opt",
        |folder| set(folder, "config.json", "/text_config/vocab_size", json!(400)),
        &["`language_model.model.decoder.embed_tokens.weight` has shape", "[400, 40]"],
    ),
    (
        "opt",
        |folder| set(folder, "config.json", "/qformer_config/num_hidden_layers", json!(4)),
        &["`qformer.encoder.layer.3.attention.attention.query.weight` is missing"],
    ),
    (
        "t5",
        |folder| {
            set(folder, "config.json", "/text_config/relative_attention_num_buckets", json!(7))
        },
        &["text_config.relative_attention_num_buckets is 7, expected an even number from 4"],
    ),
    (
        "t5",
        |folder| {
            set(folder, "config.json", "/text_config/relative_attention_max_distance", json!(4))
        },
        &["text_config.relative_attention_max_distance is 4, expected more than half"],
    ),
    (
        "t5",
        |folder| set(folder, "config.json", "/text_config/dense_act_fn", json!("mish")),
        &["text_config.dense_act_fn is `mish`, expected silu"],
    ),
    (
        "t5",
        |folder| set(folder, "config.json", "/text_config/is_gated_act", json!(false)),
        &["text_config.feed_forward_proj is `gated-gelu`, expected"],
    ),
    (
        "t5",
        |folder| remove(folder, "model-00002-of-00002.safetensors"),
        &["model-00002-of-00002.safetensors: not found", "lists it as a shard"],
    ),
    (
        "t5",
        |folder| remove(folder, "preprocessor_config.json"),
        &["preprocessor_config.json: not found", "how pictures are resized"],
    ),
];

fn insert_qformer(folder: &Path, key: &str, value: serde_json::Value) {
    insert_under(folder, "config.json", "/qformer_config", key, value);
}

#[test]
fn each_damage_has_its_message() {
    for (name, damage, expected) in DAMAGES {
        let folder = copy(&oracle(&format!("blip2/{name}")));
        damage(folder.path());
        let message = message_of(load(folder.path(), &Device::Cpu, None));
        for part in *expected {
            assert!(message.contains(part), "`{message}` lacks `{part}`");
        }
    }
}
