use candle_core::DType;
use eyechart::model::load_processor;

use crate::fixture::{Features, Fixture, check_all, check_batches, largest_share};
use crate::oracle;

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

/// `liuhaotian/*`: pickled shards, the tower in a folder beside them, `tokenizer.model`.
#[test]
fn the_original_layout_equals_the_original_code() {
    assert!(check_all(Fixture::random("llava/original"), Features::Recorded) >= 13);
}

#[test]
fn a_batch_equals_transformers_and_each_row_alone() {
    for name in ["llava/hub", "llava/renamed", "llava/original"] {
        check_batches(Fixture::random(name));
    }
}

/// Half types keep the logits near the f32 ones: within this share of their spread.
#[test]
fn half_types_stay_near() {
    for (dtype, bound) in [(DType::F16, 0.01), (DType::BF16, 0.07)] {
        for name in ["llava/hub", "llava/renamed", "llava/original"] {
            let worst = largest_share(Fixture::cast(name, dtype));
            eprintln!("{name}, {dtype:?}: a logit differs by {worst:.4} of the spread at most");
            assert!(worst < bound, "{name}, {dtype:?}: {worst} of the spread");
        }
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
