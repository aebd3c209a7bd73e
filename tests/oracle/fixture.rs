//! A checkpoint folder and what its reference gave for it, whatever the family: the format of
//! `oracle.json` and `oracle.safetensors`, and the comparison from pixels to answer ids.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use eyechart::answer::FinishReason;
use eyechart::decode::{DecodeRow, Generated, generate};
use eyechart::engine::DeviceChoice;
use eyechart::image::decode_file;
use eyechart::model::{
    self, ImageFeatures, PrefillRow, PreparedImage, PreparedPrompt, Slot, VisionLanguageModel,
};
use eyechart::request::{Conversation, GenerationOptions};
use serde::Deserialize;

use crate::{largest_difference, oracle, read_json};

/// Largest difference of a logit or a feature in f32.
pub(crate) const TOLERANCE: f32 = 2e-4;

#[derive(Deserialize)]
pub(crate) struct Oracle {
    pub(crate) cases: Vec<Case>,
    pub(crate) batches: Vec<Batch>,
}

#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) images: Vec<String>,
    pub(crate) conversation: Conversation,
    pub(crate) max_new_tokens: usize,
    pub(crate) repetition_penalty: f32,
    pub(crate) rendered: String,
    pub(crate) input_ids: Vec<u32>,
    pub(crate) greedy_ids: Vec<u32>,
    pub(crate) smallest_margin: f32,
    pub(crate) text: String,
    pub(crate) shown: Vec<Shown>,
}

/// A picture as the reference prepared it.
#[derive(Deserialize)]
pub(crate) struct Shown {
    grid: (usize, usize),
    pub(crate) crc32: u32,
    first_values: Vec<f32>,
}

#[derive(Deserialize)]
pub(crate) struct Batch {
    pub(crate) cases: Vec<String>,
    pub(crate) max_new_tokens: usize,
    pub(crate) greedy_ids: Vec<Vec<u32>>,
}

/// A case as this crate prepared it.
pub(crate) struct Prepared {
    pub(crate) images: Vec<PreparedImage>,
    pub(crate) prompt: PreparedPrompt,
    pub(crate) features: Vec<ImageFeatures>,
}

/// A checkpoint, its oracle data and the folder of its pictures.
pub(crate) struct Fixture {
    pub(crate) model: Box<dyn VisionLanguageModel>,
    pub(crate) oracle: Oracle,
    pub(crate) tensors: HashMap<String, Tensor>,
    pub(crate) pictures: PathBuf,
}

/// What the networks run on: `EYECHART_DEVICE`, else the CPU.
fn device() -> Device {
    let choice = std::env::var("EYECHART_DEVICE").unwrap_or("cpu".to_owned());
    choice.parse::<DeviceChoice>().unwrap().open().unwrap()
}

impl Fixture {
    /// The random checkpoint `name`, such as `llava/hub`, whose data lie in its own folder.
    pub(crate) fn random(name: &str) -> Self {
        Self::load(&oracle(name), name, oracle("pictures"), None)
    }

    /// The same, its weights cast.
    pub(crate) fn cast(name: &str, dtype: DType) -> Self {
        Self::load(&oracle(name), name, oracle("pictures"), Some(dtype))
    }

    /// Any checkpoint with the data of the folder `data` under `fixtures/oracle/`.
    pub(crate) fn load(
        checkpoint: &Path,
        data: &str,
        pictures: PathBuf,
        dtype: Option<DType>,
    ) -> Self {
        let tensors = oracle(&format!("{data}/oracle.safetensors"));
        Self {
            // A GPU would take the type of the file.
            model: model::load(checkpoint, &device(), Some(dtype.unwrap_or(DType::F32))).unwrap(),
            oracle: read_json(&format!("{data}/oracle.json")),
            tensors: candle_core::safetensors::load(tensors, &Device::Cpu).unwrap(),
            pictures,
        }
    }

    pub(crate) fn prepare(&mut self, index: usize) -> Prepared {
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

    pub(crate) fn options(&self, index: usize) -> GenerationOptions {
        let case = &self.oracle.cases[index];
        GenerationOptions {
            max_new_tokens: case.max_new_tokens,
            repetition_penalty: case.repetition_penalty,
            ..GenerationOptions::default()
        }
    }

    pub(crate) fn answer(&mut self, index: usize) -> Generated {
        let (prepared, options) = (self.prepare(index), self.options(index));
        generate(self.model.as_mut(), &[row(&prepared, &options)]).unwrap().remove(0)
    }

    /// Logits after the prompt.
    pub(crate) fn logits(&mut self, prepared: &Prepared) -> Vec<f32> {
        self.model.reserve(1, prepared.prompt.token_ids.len()).unwrap();
        let Prepared { images, prompt, features } = prepared;
        let row = PrefillRow { slot: Slot(0), prompt, images, features };
        self.model.prefill(&[row]).unwrap().to_vec2().unwrap().remove(0)
    }

    pub(crate) fn expected(&self, name: &str) -> Vec<f32> {
        self.tensors[name].flatten_all().unwrap().to_vec1().unwrap()
    }
}

pub(crate) fn row<'a>(prepared: &'a Prepared, options: &'a GenerationOptions) -> DecodeRow<'a> {
    let Prepared { images, prompt, features } = prepared;
    DecodeRow { prompt, images, features, options }
}

/// The checksum of zlib over little-endian bytes.
fn crc32(values: &[f32]) -> u32 {
    let bytes = values.iter().flat_map(|value| value.to_le_bytes());
    !bytes.fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| (sum >> 1) ^ ((sum & 1) * 0xEDB8_8320))
    })
}

pub(crate) fn values(tensor: &Tensor) -> Vec<f32> {
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
pub(crate) fn check_all(mut fixture: Fixture, features: Features) -> usize {
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
pub(crate) enum Features {
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

/// Every batch of the data, together and each row alone.
pub(crate) fn check_batches(mut fixture: Fixture) {
    let batches = std::mem::take(&mut fixture.oracle.batches);
    assert!(batches.len() >= 2);
    for batch in batches {
        check_batch(&mut fixture, &batch);
    }
}

fn check_batch(fixture: &mut Fixture, batch: &Batch) {
    let options =
        GenerationOptions { max_new_tokens: batch.max_new_tokens, ..GenerationOptions::default() };
    let position =
        |name: &String| fixture.oracle.cases.iter().position(|case| case.name == *name).unwrap();
    let indices: Vec<usize> = batch.cases.iter().map(position).collect();
    let prepared: Vec<Prepared> = indices.iter().map(|index| fixture.prepare(*index)).collect();
    let rows: Vec<DecodeRow<'_>> =
        prepared.iter().map(|prepared| row(prepared, &options)).collect();
    let together = generate(fixture.model.as_mut(), &rows).unwrap();
    for ((answer, expected), row) in together.iter().zip(&batch.greedy_ids).zip(&rows) {
        assert_eq!(&answer.token_ids, expected, "{:?}", batch.cases);
        let alone = generate(fixture.model.as_mut(), &[*row]).unwrap().remove(0);
        assert_eq!(answer.token_ids, alone.token_ids);
        assert!(largest_difference(&answer.margins, &alone.margins) < TOLERANCE);
    }
}

/// The largest difference of a logit from the reference's f32, as a share of the logits' spread.
pub(crate) fn largest_share(mut fixture: Fixture) -> f32 {
    let mut worst = 0.0_f32;
    for index in 0..fixture.oracle.cases.len() {
        let prepared = fixture.prepare(index);
        let logits = fixture.logits(&prepared);
        let expected = fixture.expected(&format!("{}.logits", fixture.oracle.cases[index].name));
        let largest = expected.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let smallest = expected.iter().copied().fold(f32::INFINITY, f32::min);
        worst = worst.max(largest_difference(&logits, &expected) / (largest - smallest));
    }
    worst
}
