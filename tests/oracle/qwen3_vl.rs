use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use eyechart::answer::FinishReason;
use eyechart::decode::{DecodeRow, Generated, generate};
use eyechart::image::decode_file;
use eyechart::model::{
    self, ImageFeatures, PrefillRow, PreparedImage, PreparedPrompt, Slot, VisionLanguageModel,
};
use eyechart::request::{Conversation, GenerationOptions};
use serde::Deserialize;

use crate::{largest_difference, oracle, read_json};

/// Largest difference of a logit or a feature in f32.
const TOLERANCE: f32 = 2e-4;

#[derive(Deserialize)]
pub(super) struct Oracle {
    pub(super) cases: Vec<Case>,
    batches: Vec<Batch>,
}

#[derive(Deserialize)]
pub(super) struct Case {
    pub(super) name: String,
    images: Vec<String>,
    conversation: Conversation,
    max_new_tokens: usize,
    repetition_penalty: f32,
    rendered: String,
    input_ids: Vec<u32>,
    greedy_ids: Vec<u32>,
    smallest_margin: f32,
    text: String,
    shown: Vec<Shown>,
}

/// A picture as the reference prepared it.
#[derive(Deserialize)]
struct Shown {
    grid: (usize, usize),
    crc32: u32,
    first_values: Vec<f32>,
}

#[derive(Deserialize)]
struct Batch {
    cases: Vec<String>,
    max_new_tokens: usize,
    greedy_ids: Vec<Vec<u32>>,
}

/// A case as this crate prepared it.
pub(super) struct Prepared {
    images: Vec<PreparedImage>,
    prompt: PreparedPrompt,
    features: Vec<ImageFeatures>,
}

/// A checkpoint, its oracle data and the folder of its pictures.
pub(super) struct Fixture {
    pub(super) model: Box<dyn VisionLanguageModel>,
    pub(super) oracle: Oracle,
    tensors: HashMap<String, Tensor>,
    pictures: PathBuf,
}

impl Fixture {
    pub(super) fn random(name: &str) -> Self {
        let folder = oracle(&format!("qwen3_vl/{name}"));
        Self::load(&folder, name, oracle("pictures"), None)
    }

    pub(super) fn load(
        checkpoint: &Path,
        data: &str,
        pictures: PathBuf,
        dtype: Option<DType>,
    ) -> Self {
        let tensors = oracle(&format!("qwen3_vl/{data}/oracle.safetensors"));
        Self {
            model: model::load(checkpoint, &Device::Cpu, dtype).unwrap(),
            oracle: read_json(&format!("qwen3_vl/{data}/oracle.json")),
            tensors: candle_core::safetensors::load(tensors, &Device::Cpu).unwrap(),
            pictures,
        }
    }

    pub(super) fn prepare(&mut self, index: usize) -> Prepared {
        let case = &self.oracle.cases[index];
        let processor = self.model.processor();
        let image = |name: &String| {
            let decoded = decode_file(&self.pictures.join(name)).unwrap();
            processor.prepare_image(&decoded.pixels).unwrap()
        };
        let images: Vec<PreparedImage> = case.images.iter().map(image).collect();
        let prompt = processor.prepare_prompt(&case.conversation, &images).unwrap();
        let features = self.model.encode_images(&images.iter().collect::<Vec<_>>()).unwrap();
        Prepared { images, prompt, features }
    }

    fn options(&self, index: usize) -> GenerationOptions {
        let case = &self.oracle.cases[index];
        GenerationOptions {
            max_new_tokens: case.max_new_tokens,
            repetition_penalty: case.repetition_penalty,
            ..GenerationOptions::default()
        }
    }

    fn answer(&mut self, index: usize) -> Generated {
        let (prepared, options) = (self.prepare(index), self.options(index));
        generate(self.model.as_mut(), &[row(0, &prepared, &options)]).unwrap().remove(0)
    }

    /// Logits after the prompt.
    fn logits(&mut self, prepared: &Prepared) -> Vec<f32> {
        self.model.reserve(1, prepared.prompt.token_ids.len()).unwrap();
        let Prepared { images, prompt, features } = prepared;
        let row = PrefillRow { slot: Slot(0), prompt, images, features };
        self.model.prefill(&[row]).unwrap().to_vec2().unwrap().remove(0)
    }

    fn expected(&self, name: &str) -> Vec<f32> {
        self.tensors[name].flatten_all().unwrap().to_vec1().unwrap()
    }
}

pub(super) fn row<'a>(
    slot: usize,
    prepared: &'a Prepared,
    options: &'a GenerationOptions,
) -> DecodeRow<'a> {
    let Prepared { images, prompt, features } = prepared;
    DecodeRow { slot: Slot(slot), prompt, images, features, options }
}

/// The checksum of zlib over little-endian bytes.
fn crc32(values: &[f32]) -> u32 {
    let bytes = values.iter().flat_map(|value| value.to_le_bytes());
    !bytes.fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| (sum >> 1) ^ ((sum & 1) * 0xEDB8_8320))
    })
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn check_preparation(case: &Case, prepared: &Prepared) {
    let name = &case.name;
    assert_eq!(prepared.prompt.rendered, case.rendered, "{name}");
    assert_eq!(prepared.prompt.token_ids, case.input_ids, "{name}");
    assert_eq!(prepared.prompt.image_spans.len(), case.shown.len(), "{name}");
    for ((index, _), shown) in prepared.prompt.image_spans.iter().zip(&case.shown) {
        // Another decoder gives other pixels; the rest is tested on lossless pictures.
        if case.images[*index].ends_with(".jpg") {
            continue;
        }
        let image = &prepared.images[*index];
        let pixels = values(&image.pixels);
        assert_eq!(image.grid, shown.grid, "{name}");
        assert_eq!(pixels[..shown.first_values.len()], shown.first_values, "{name}");
        assert_eq!(crc32(&pixels), shown.crc32, "{name}: pixel values differ");
    }
}

fn check_features(fixture: &Fixture, index: usize, prepared: &Prepared) {
    let name = &fixture.oracle.cases[index].name;
    for (shown, (image, _)) in prepared.prompt.image_spans.iter().enumerate() {
        let ImageFeatures { tokens, deep } = &prepared.features[*image];
        let expected = fixture.expected(&format!("{name}.{shown}.tokens"));
        assert!(largest_difference(&values(tokens), &expected) < TOLERANCE, "{name}");
        for (level, deep) in deep.iter().enumerate() {
            let expected = fixture.expected(&format!("{name}.{shown}.deep.{level}"));
            assert!(largest_difference(&values(deep), &expected) < TOLERANCE, "{name}");
        }
    }
}

/// Everything of every case; returns the number of cases.
fn check_all(mut fixture: Fixture, features: Features) -> usize {
    let mut largest = 0.0_f32;
    let count = fixture.oracle.cases.len();
    for index in 0..count {
        let prepared = fixture.prepare(index);
        check_preparation(&fixture.oracle.cases[index], &prepared);
        if features == Features::Recorded {
            check_features(&fixture, index, &prepared);
        }
        let logits = fixture.logits(&prepared);
        let case = &fixture.oracle.cases[index];
        let expected = fixture.expected(&format!("{}.logits", case.name));
        let difference = largest_difference(&logits, &expected);
        assert!(difference < TOLERANCE, "{}: a logit differs by {difference}", case.name);
        largest = largest.max(difference);
        check_answer(&mut fixture, index);
    }
    eprintln!("{count} cases, a logit differs by {largest:.1e} at most");
    count
}

/// Whether the oracle data hold vision features.
#[derive(PartialEq, Eq, Clone, Copy)]
enum Features {
    Recorded,
    Absent,
}

fn check_answer(fixture: &mut Fixture, index: usize) {
    let answer = fixture.answer(index);
    let case = &fixture.oracle.cases[index];
    assert_eq!(answer.token_ids, case.greedy_ids, "{}", case.name);
    let processor = fixture.model.processor();
    assert_eq!(processor.decode_text(&answer.token_ids).unwrap(), case.text, "{}", case.name);
    let stopped = processor.stop_tokens().contains(answer.token_ids.last().unwrap());
    let finish = if stopped { FinishReason::Stop } else { FinishReason::Length };
    assert_eq!(answer.finish, finish, "{}", case.name);
    if case.repetition_penalty == 1.0 {
        let smallest = answer.margins.iter().copied().fold(f32::INFINITY, f32::min);
        assert!((smallest - case.smallest_margin).abs() < 2.0 * TOLERANCE, "{}", case.name);
    }
}

#[test]
fn a_tied_checkpoint_equals_transformers() {
    let cases = check_all(Fixture::random("tied"), Features::Recorded);
    assert!(cases >= 25);
}

#[test]
fn an_untied_sharded_checkpoint_with_biases_equals_transformers() {
    let cases = check_all(Fixture::random("untied"), Features::Recorded);
    assert!(cases >= 25);
}

#[test]
fn a_bf16_checkpoint_cast_to_f32_equals_transformers() {
    let cases = check_all(Fixture::random("bf16"), Features::Recorded);
    assert!(cases >= 25);
}

/// Layers with a mixture of experts between dense ones.
#[test]
fn a_mixture_of_experts_equals_transformers() {
    let cases = check_all(Fixture::random("experts"), Features::Recorded);
    assert!(cases >= 25);
}

/// Real questions about real scenes, most of them answered until the model stops by itself.
#[test]
fn the_trained_checkpoint_equals_transformers() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let checkpoint = root.join("fixtures/models/qwen3-vl-tiny");
    let fixture = Fixture::load(&checkpoint, "trained", root.join("cases/images"), None);
    let cases = check_all(fixture, Features::Absent);
    assert!(cases >= 60);
}

/// Prompts of unequal length together give what transformers gives, left-padded, and what each
/// gives alone.
#[test]
fn a_batch_equals_transformers_and_each_row_alone() {
    for name in ["tied", "untied", "bf16", "experts"] {
        let mut fixture = Fixture::random(name);
        let batches = std::mem::take(&mut fixture.oracle.batches);
        assert!(batches.len() >= 2, "{name}");
        for batch in batches {
            check_batch(&mut fixture, &batch);
        }
    }
}

fn check_batch(fixture: &mut Fixture, batch: &Batch) {
    let options =
        GenerationOptions { max_new_tokens: batch.max_new_tokens, ..GenerationOptions::default() };
    let position =
        |name: &String| fixture.oracle.cases.iter().position(|case| case.name == *name).unwrap();
    let indices: Vec<usize> = batch.cases.iter().map(position).collect();
    let prepared: Vec<Prepared> = indices.iter().map(|index| fixture.prepare(*index)).collect();
    // Slots out of order, with a gap.
    let slots = [3, 0, 1];
    let rows: Vec<DecodeRow<'_>> =
        prepared.iter().zip(slots).map(|(prepared, slot)| row(slot, prepared, &options)).collect();
    let together = generate(fixture.model.as_mut(), &rows).unwrap();
    for ((answer, expected), row) in together.iter().zip(&batch.greedy_ids).zip(&rows) {
        assert_eq!(&answer.token_ids, expected, "{:?}", batch.cases);
        let alone = generate(fixture.model.as_mut(), &[*row]).unwrap().remove(0);
        assert_eq!(answer.token_ids, alone.token_ids);
        assert!(largest_difference(&answer.margins, &alone.margins) < TOLERANCE);
    }
}

/// A copied slot continues exactly as the one it was copied from.
#[test]
fn a_copied_slot_continues_alike() {
    let mut fixture = Fixture::random("tied");
    let prepared = fixture.prepare(0);
    let Prepared { images, prompt, features } = &prepared;
    let model = fixture.model.as_mut();
    model.reserve(2, prompt.token_ids.len() + 2).unwrap();
    model.prefill(&[PrefillRow { slot: Slot(0), prompt, images, features }]).unwrap();
    model.copy_slot(Slot(0), Slot(1)).unwrap();
    model.decode_step(&[(Slot(0), 7)]).unwrap();
    let other: Vec<Vec<f32>> =
        model.decode_step(&[(Slot(1), 9), (Slot(0), 7)]).unwrap().to_vec2().unwrap();
    model.prefill(&[PrefillRow { slot: Slot(1), prompt, images, features }]).unwrap();
    let alone: Vec<Vec<f32>> = model.decode_step(&[(Slot(1), 9)]).unwrap().to_vec2().unwrap();
    assert!(largest_difference(&other[0], &alone[0]) < TOLERANCE);
}

/// Half types keep the logits near the f32 ones: within this share of their spread.
#[test]
fn half_types_stay_near() {
    for (dtype, bound) in [(DType::F16, 0.01), (DType::BF16, 0.07)] {
        let folder = oracle("qwen3_vl/bf16");
        let mut fixture = Fixture::load(&folder, "bf16", oracle("pictures"), Some(dtype));
        let mut worst = 0.0_f32;
        for index in 0..fixture.oracle.cases.len() {
            let prepared = fixture.prepare(index);
            let logits = fixture.logits(&prepared);
            let expected =
                fixture.expected(&format!("{}.logits", fixture.oracle.cases[index].name));
            let largest = expected.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let smallest = expected.iter().copied().fold(f32::INFINITY, f32::min);
            let share = largest_difference(&logits, &expected) / (largest - smallest);
            worst = worst.max(share);
        }
        eprintln!("{dtype:?}: a logit differs by {worst:.4} of the spread at most");
        assert!(worst < bound, "{dtype:?}: {worst} of the spread");
    }
}
