/*!
How much memory loading takes: the weights as they will be used, and one tensor as it is stored.

The checkpoint of 1 GB is the random one of the oracle with a wide middle of its layers, all zeros in
a file with holes, so that making it takes no time. What is counted is what the allocator hands out:
mapped pages of the file itself are the system's, which drops them when memory is short.
*/

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use candle_core::{DType, Device};
use eyechart::weights::CheckpointFolder;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

/// Counts bytes handed out, and the most at a time.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

impl Counting {
    fn more(bytes: usize) {
        let now = NOW.fetch_add(bytes, Ordering::SeqCst) + bytes;
        PEAK.fetch_max(now, Ordering::SeqCst);
    }
}

// SAFETY: every call goes on to the system's allocator, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::more(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::more(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::SeqCst);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Most bytes in use during `work` beyond those before it.
fn peak_of<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let before = NOW.load(Ordering::SeqCst);
    PEAK.store(before, Ordering::SeqCst);
    let result = work();
    (PEAK.load(Ordering::SeqCst) - before, result)
}

fn oracle() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/oracle/qwen3_vl/tied")
}

/// The width of the layers' middle in the oracle's checkpoint, and here.
const NARROW: u64 = 80;
const WIDE: u64 = 630_000;

/// What the file adds up to, in numbers of 4 bytes.
struct Sizes {
    all: usize,
    largest: usize,
}

/// A checkpoint of f32 zeros.
fn wide_checkpoint() -> (TempDir, Sizes) {
    let folder = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(oracle()).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|ending| ending != "safetensors") {
            std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    let config = folder.path().join("config.json");
    let mut content: Value = serde_json::from_slice(&std::fs::read(&config).unwrap()).unwrap();
    content["text_config"]["intermediate_size"] = json!(WIDE);
    std::fs::write(&config, content.to_string()).unwrap();
    let (header, sizes) = wide_header();
    let mut file = File::create(folder.path().join("model.safetensors")).unwrap();
    file.write_all(&(header.len() as u64).to_le_bytes()).unwrap();
    file.write_all(&header).unwrap();
    let start = file.seek(SeekFrom::End(0)).unwrap();
    file.set_len(start + 4 * sizes.all as u64).unwrap();
    (folder, sizes)
}

/// The header of the oracle's checkpoint with wide layers.
fn wide_header() -> (Vec<u8>, Sizes) {
    let stored = std::fs::read(oracle().join("model.safetensors")).unwrap();
    let length = u64::from_le_bytes(stored[..8].try_into().unwrap()) as usize;
    let entries: Map<String, Value> = serde_json::from_slice(&stored[8..8 + length]).unwrap();
    let (mut wide, mut sizes) = (Map::new(), Sizes { all: 0, largest: 0 });
    for (name, entry) in entries.into_iter().filter(|(name, _)| name != "__metadata__") {
        let is_wide = name.contains("language_model") && name.contains(".mlp.");
        let size = |size: &Value| match size.as_u64().unwrap() {
            NARROW if is_wide => WIDE,
            size => size,
        };
        let shape: Vec<u64> = entry["shape"].as_array().unwrap().iter().map(size).collect();
        let numbers = shape.iter().product::<u64>() as usize;
        let offsets = [4 * sizes.all, 4 * (sizes.all + numbers)];
        wide.insert(name, json!({"dtype": "F32", "shape": shape, "data_offsets": offsets}));
        sizes = Sizes { all: sizes.all + numbers, largest: sizes.largest.max(numbers) };
    }
    let mut header = Value::Object(wide).to_string().into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    (header, sizes)
}

/// Room for names, configuration and tokenizer.
const SMALL: usize = 8 << 20;

/// One test, because the allocator counts for all threads of the process.
#[test]
fn loading_takes_the_weights_and_one_tensor() {
    let (folder, Sizes { all, largest }) = wide_checkpoint();
    assert!(4 * all >= 1 << 30, "{all} numbers are less than 1 GiB");
    let bound = 2 * all + 4 * largest;
    // The bound would not hold if all were read before any is cast.
    assert!(bound + SMALL < 4 * all);

    let (peak, model) =
        peak_of(|| eyechart::model::load(folder.path(), &Device::Cpu, Some(DType::BF16)));
    let kept = model.map(drop);
    eprintln!("a model of {} bytes as bf16, largest tensor {}: peak {peak}", 2 * all, 4 * largest);
    assert!(kept.is_ok());
    assert!(peak >= 2 * all, "{peak} bytes cannot hold the model");
    assert!(peak <= bound + SMALL, "{peak} bytes at the peak, expected at most {bound}");

    let checkpoint = CheckpointFolder::open(folder.path()).unwrap();
    let (peak, weights) = peak_of(|| checkpoint.weights().unwrap());
    assert!(weights.contains("model.language_model.norm.weight"));
    assert!(peak <= SMALL, "opening alone took {peak} bytes");
}
