//! The paths that a run on a CPU spends its time in, each by itself.
//!
//! `cargo bench --bench hot_paths`, or with a part of a name behind it. What it measured is in
//! `docs/performance.md`.

use std::path::{Path, PathBuf};

use candle_core::Device;
use divan::Bencher;
use divan::counter::ItemsCount;
use eyechart::case::{Checks, KnownNames, discover};
use eyechart::decode::{DecodeRow, Decoding};
use eyechart::geometry::PixelSize;
use eyechart::image::decode_file;
use eyechart::image::resize::bicubic;
use eyechart::model::{self, ImageFeatures, PreparedImage, PreparedPrompt, VisionLanguageModel};
use eyechart::request::{Conversation, GenerationOptions};
use eyechart::score::caption::ptb::{Context, LineBreaks, tokenize};
use eyechart::score::caption::{CaptionCorpus, TokenizedItem, cider};
use image::RgbImage;

fn main() {
    divan::main();
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn shipped() -> PathBuf {
    repository().join("fixtures/models/qwen3-vl-tiny")
}

/// A picture of 640 by 480 pixels that is not all of one colour.
fn photograph() -> RgbImage {
    RgbImage::from_fn(640, 480, |x, y| image::Rgb([x as u8, y as u8, (x * y) as u8]))
}

#[divan::bench]
fn resize_to_half(bencher: Bencher<'_, '_>) {
    let picture = photograph();
    let size = PixelSize { width: 320, height: 240 };
    bencher.bench(|| bicubic(&picture, size));
}

/// Resized, normalised and cut into patches, in the layout of each family.
#[divan::bench(args = ["models/qwen3-vl-tiny", "oracle/llava/hub", "oracle/blip2/opt"])]
fn preprocess(bencher: Bencher<'_, '_>, checkpoint: &str) {
    let processor = model::load_processor(&repository().join("fixtures").join(checkpoint)).unwrap();
    let picture = photograph();
    bencher.bench(|| processor.prepare_image(&picture).unwrap());
}

const ANSWER_TOKENS: usize = 400;
/// Of a slot: prompt and answer.
const SLOT_TOKENS: usize = 512;

/// The shipped checkpoint with one question about one picture.
struct Question {
    model: Box<dyn VisionLanguageModel>,
    image: PreparedImage,
    prompt: PreparedPrompt,
    options: GenerationOptions,
}

impl Question {
    fn new() -> Self {
        let model = model::load(&shipped(), &Device::Cpu, None).unwrap();
        let processor = model.processor();
        let picture = decode_file(&repository().join("cases/images/traffic.png")).unwrap();
        let image = processor.prepare_image(&picture.pixels).unwrap();
        let conversation = Conversation::ask(1, "Describe the image.");
        let images = std::slice::from_ref(&image);
        let prompt = processor.prepare_prompt(&conversation, images).unwrap();
        // More than are measured, so that no row ends.
        let options = GenerationOptions {
            max_new_tokens: ANSWER_TOKENS,
            min_new_tokens: ANSWER_TOKENS,
            ..GenerationOptions::default()
        };
        Self { model, image, prompt, options }
    }

    fn features(&mut self, pictures: usize) -> Vec<ImageFeatures> {
        self.model.encode_images(&vec![&self.image; pictures]).unwrap()
    }
}

#[divan::bench(args = [1, 8])]
fn encode_pictures(bencher: Bencher<'_, '_>, pictures: usize) {
    let mut question = Question::new();
    bencher.counter(ItemsCount::new(pictures)).bench_local(|| question.features(pictures));
}

#[divan::bench(args = [1, 8])]
fn read_prompts(bencher: Bencher<'_, '_>, rows: usize) {
    let mut question = Question::new();
    let features = question.features(1);
    let Question { mut model, image, prompt, options } = question;
    let images = [image];
    let row =
        DecodeRow { prompt: &prompt, images: &images, features: &features, options: &options };
    bencher.counter(ItemsCount::new(rows)).bench_local(|| {
        let mut decoding = Decoding::new(model.as_mut(), rows, SLOT_TOKENS).unwrap();
        decoding.admit(model.as_mut(), &vec![row; rows]).unwrap()
    });
}

/// The cache is some 100 tokens long when it begins and grows by one a step.
#[divan::bench(args = [1, 8, 32], sample_count = 50, sample_size = 1)]
fn decode_step(bencher: Bencher<'_, '_>, rows: usize) {
    let mut question = Question::new();
    let features = question.features(1);
    let Question { mut model, image, prompt, options } = question;
    let images = [image];
    let row =
        DecodeRow { prompt: &prompt, images: &images, features: &features, options: &options };
    let mut decoding = Decoding::new(model.as_mut(), rows, SLOT_TOKENS).unwrap();
    for row in vec![row; rows] {
        decoding.admit(model.as_mut(), &[row]).unwrap();
    }
    bencher.counter(ItemsCount::new(rows)).bench_local(|| decoding.step(model.as_mut()).unwrap());
}

/// Captions like those of COCO, five for each of so many pictures.
fn captions(pictures: usize) -> Vec<Vec<String>> {
    let things = ["a dog", "two children", "the red bus", "an old man's hat", "3 pizzas"];
    let caption = |picture: usize, index: usize| {
        let (first, second) = (things[(picture + index) % 5], things[(picture / 5 + index) % 5]);
        format!("{first} next to {second}, in a street no. {} of the U.S.", picture % 97)
    };
    (0..pictures).map(|picture| (0..5).map(|index| caption(picture, index)).collect()).collect()
}

#[divan::bench]
fn tokenize_captions(bencher: Bencher<'_, '_>) {
    let captions = captions(200).concat();
    bencher
        .counter(ItemsCount::new(captions.len()))
        .bench(|| tokenize(&captions, Context::WholeCorpus, LineBreaks::Refuse).unwrap());
}

#[divan::bench]
fn score_cider(bencher: Bencher<'_, '_>) {
    let references = captions(200);
    let items = references.iter().map(|references| TokenizedItem {
        candidate: &references[0],
        references: &references[1..],
    });
    let corpus = CaptionCorpus::new(items);
    bencher.counter(ItemsCount::new(references.len())).bench(|| cider(&corpus));
}

/// The starter suite as a list of tests needs it.
#[divan::bench]
fn list_cases(bencher: Bencher<'_, '_>) {
    let cases = repository().join("cases");
    bencher.bench(|| discover(&cases, &KnownNames::default(), Checks::Structure).unwrap());
}
