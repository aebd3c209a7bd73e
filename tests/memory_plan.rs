/*!
What is predicted of memory against what the allocator hands out while models load and answer.

Files that are mapped are not counted, in neither of the two. One test, because the allocator counts
for all threads of the process.
*/

mod counting;
mod wide;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use candle_core::DType;
use eyechart::engine::{
    BatchSize, DeviceChoice, Devices, Engine, EngineSettings, Event, Preparer, TrialRequest, room,
};
use eyechart::model::Footprint;
use eyechart::registry::{ModelEntry, Registry};
use eyechart::request::{Conversation, GenerationOptions};

use counting::peak_of;
use wide::{Sizes, wide_checkpoint};

/// How far the prediction may be off, as a share of what is measured.
const BOUND: f64 = 0.15;

fn entry(folder: &Path) -> ModelEntry {
    let text = format!("(models: {{\"planned\": (dir: {:?})}})", folder.display().to_string());
    Registry::parse(&text, Path::new("/eyechart.ron")).unwrap().models()[0].clone()
}

/// Questions about every picture of the starter suite, each twice.
fn requests(answer_tokens: usize) -> Vec<TrialRequest> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/images");
    let mut pictures: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    pictures.sort();
    let ask = |prompt: &'static str| {
        let options =
            GenerationOptions { max_new_tokens: answer_tokens, ..GenerationOptions::default() };
        move |picture: &PathBuf| TrialRequest {
            images: vec![picture.clone()],
            orientation: eyechart::image::Viewing::Upright,
            conversation: Conversation::ask(1, prompt),
            options: options.clone(),
        }
    };
    let described = pictures.iter().map(ask("Describe the image."));
    described.chain(pictures.iter().map(ask("What is in the middle?"))).collect()
}

/// Predicted and measured bytes.
fn compare(folder: &Path, requests: &[TrialRequest], batch: usize) -> (u64, u64) {
    let entry = entry(folder);
    let demand = Preparer::load(&entry).unwrap().demand(requests);
    let footprint = Footprint::read(folder, DType::F32).unwrap();
    let prediction = footprint.predict(&demand, &room::bounds(batch));
    let settings = EngineSettings {
        devices: Devices::These(vec![DeviceChoice::Cpu]),
        batch: BatchSize::Fixed(NonZeroUsize::new(batch).unwrap()),
        ..EngineSettings::default()
    };
    let (peak, answered) = peak_of(|| {
        let mut engine = Engine::load(&entry, DeviceChoice::Cpu, &settings).unwrap();
        let mut answered = 0;
        engine.answer_all(requests, &mut |event| {
            if let Event::Ended { answered: one, .. } = event {
                answered += usize::from(one.is_ok());
            }
        });
        answered
    });
    assert_eq!(answered, requests.len());
    eprintln!(
        "batch {batch}: predicted {prediction:?}, {} together; measured {peak}",
        prediction.together()
    );
    (prediction.together(), peak as u64)
}

#[test]
fn memory_is_what_was_predicted() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/models/qwen3-vl-tiny");
    let (large, Sizes { all, largest }) = wide_checkpoint(100_000);
    assert!(all > 4 * largest, "no tensor is most of the model");
    let mut failures = Vec::new();
    for (name, folder, requests, batches) in [
        ("shipped", shipped.as_path(), requests(16), &[1, 8, 32][..]),
        ("large", large.path(), requests(2)[..8].to_vec(), &[1, 8]),
    ] {
        for batch in batches {
            let (predicted, measured) = compare(folder, &requests, *batch);
            let off = predicted as f64 / measured as f64 - 1.0;
            eprintln!("{name}, batch {batch}: {:+.1} %", 100.0 * off);
            if off.abs() > BOUND {
                failures.push(format!("{name} at batch {batch}: {:+.1} %", 100.0 * off));
            }
        }
    }
    assert!(failures.is_empty(), "{failures:?}");
}
