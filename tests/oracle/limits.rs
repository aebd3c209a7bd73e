use std::path::Path;

use candle_core::{Device, Tensor};
use eyechart::decode::{DecodeRow, generate};
use eyechart::model::tokenizer::TextTokenizer;
use eyechart::model::{
    ImageFeatures, ModelError, PrefillRow, PreparedImage, PreparedPrompt, Slot,
    VisionLanguageModel, load,
};
use eyechart::request::{Conversation, GenerationOptions, Sampling};
use eyechart::weights::CheckpointFolder;
use image::RgbImage;

use crate::oracle;

fn tied() -> Box<dyn VisionLanguageModel> {
    load(&oracle("qwen3_vl/tied"), &Device::Cpu, None).unwrap()
}

fn text_prompt(model: &dyn VisionLanguageModel, text: &str) -> PreparedPrompt {
    model.processor().prepare_prompt(&Conversation::ask(0, text), &[]).unwrap()
}

fn answer(
    model: &mut dyn VisionLanguageModel,
    prompt: &PreparedPrompt,
    options: &GenerationOptions,
) -> Result<Vec<u32>, ModelError> {
    let row = DecodeRow { prompt, images: &[], features: &[], options };
    Ok(generate(model, &[row])?.remove(0).token_ids)
}

/// A run of spaces that ends before a letter is two pieces by Qwen's splitting rule: all but the last one, and
/// the last one with the letter. Whoever gives up in the middle has more or fewer.
#[test]
fn the_longest_prompt_is_split_wholly_and_a_longer_one_is_refused() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/models/qwen3-vl-tiny");
    let folder = CheckpointFolder::open(&folder).unwrap();
    let tokenizer = TextTokenizer::load(&folder).unwrap();
    let ids = |text: &str| tokenizer.encode(text).unwrap();
    let text = format!("{}a", " ".repeat(499_999));
    let pieces = [ids(&" ".repeat(499_998)), ids(" a")].concat();
    assert_eq!(ids(&text), pieces);
    let error = tokenizer.encode(&" ".repeat(500_001)).unwrap_err().to_string();
    assert!(error.contains("500001 bytes; at most 500000"), "{error}");
}

#[test]
fn a_request_beyond_the_model_says_the_numbers() {
    let mut model = tied();
    let prompt = text_prompt(model.as_ref(), "hello");
    let length = prompt.token_ids.len();
    let options = GenerationOptions { max_new_tokens: 2048, ..GenerationOptions::default() };
    let error = answer(model.as_mut(), &prompt, &options).unwrap_err().to_string();
    let together = format!("together {}, but the model takes at most 2048", length + 2048);
    assert!(error.contains(&together), "{error}");
}

#[test]
fn a_placeholder_in_the_text_is_an_error() {
    let model = tied();
    let conversation = Conversation::ask(0, "what is <|image_pad|>?");
    let error = model.processor().prepare_prompt(&conversation, &[]).unwrap_err().to_string();
    assert!(error.contains("holds 1 image placeholders `<|image_pad|>`"), "{error}");
}

#[test]
fn an_image_that_was_not_given_is_an_error() {
    let model = tied();
    let conversation = Conversation::ask(2, "what?");
    let image = model.processor().prepare_image(&RgbImage::new(40, 40)).unwrap();
    let error = model.processor().prepare_prompt(&conversation, &[image]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the conversation shows image 1 (counted from 0), but 1 were given"
    );
}

/// Features of another picture than the prompt was made for.
#[test]
fn features_of_another_size_are_an_error() {
    let mut model = tied();
    let processor = model.processor();
    let images: Vec<PreparedImage> = [(40, 40), (90, 40)]
        .map(|(width, height)| processor.prepare_image(&RgbImage::new(width, height)).unwrap())
        .into();
    let prompt = processor.prepare_prompt(&Conversation::ask(1, "what?"), &images[..1]).unwrap();
    let features = model.encode_images(&[&images[1]]).unwrap();
    let options = GenerationOptions::default();
    let row =
        DecodeRow { prompt: &prompt, images: &images[..1], features: &features, options: &options };
    let error = generate(model.as_mut(), &[row]).unwrap_err();
    assert!(matches!(error, ModelError::ImageMismatch { index: 0, .. }), "{error}");
}

#[test]
fn not_a_number_is_an_error() {
    let mut model = tied();
    let processor = model.processor();
    let images = vec![processor.prepare_image(&RgbImage::new(40, 40)).unwrap()];
    let prompt = processor.prepare_prompt(&Conversation::ask(1, "what?"), &images).unwrap();
    let mut features = model.encode_images(&[&images[0]]).unwrap();
    let tokens = features[0].tokens.dims().to_vec();
    features[0] = ImageFeatures {
        tokens: Tensor::full(f32::NAN, tokens, &Device::Cpu).unwrap(),
        deep: Vec::new(),
    };
    let options = GenerationOptions::default();
    let row =
        DecodeRow { prompt: &prompt, images: &images, features: &features, options: &options };
    let error = generate(model.as_mut(), &[row]).unwrap_err();
    assert!(matches!(error, ModelError::NotANumber { generated: 0 }), "{error}");
}

/// The same seed draws the same answer, alone or beside others; another seed another one.
#[test]
fn a_seed_fixes_the_answer() {
    let mut model = tied();
    let prompt = text_prompt(model.as_ref(), "one two three");
    let seeded = |seed| GenerationOptions {
        max_new_tokens: 20,
        sampling: Sampling::Seeded { temperature: 2.0, top_p: 0.95, top_k: 50, seed },
        ..GenerationOptions::default()
    };
    let (one, two) = (seeded(1), seeded(2));
    let first = answer(model.as_mut(), &prompt, &one).unwrap();
    let other = answer(model.as_mut(), &prompt, &two).unwrap();
    assert_ne!(first, other);
    let row = |options| DecodeRow { prompt: &prompt, images: &[], features: &[], options };
    let together = generate(model.as_mut(), &[row(&two), row(&one)]).unwrap();
    assert_eq!([&together[0].token_ids, &together[1].token_ids], [&other, &first]);
}

#[test]
fn a_slot_used_twice_is_an_error() {
    let mut model = tied();
    let prompt = text_prompt(model.as_ref(), "one");
    model.reserve(2, prompt.token_ids.len() + 1).unwrap();
    let row = PrefillRow { slot: Slot(1), prompt: &prompt, images: &[], features: &[] };
    model.prefill(&[row]).unwrap();
    let error = model.decode_step(&[(Slot(1), 5), (Slot(1), 6)]).unwrap_err();
    assert!(matches!(error, ModelError::SlotTwice { slot: 1 }), "{error}");
}
