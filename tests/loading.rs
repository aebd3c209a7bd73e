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
use eyechart::weights::{CheckpointFolder, Weights};
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

/// A PyTorch file of tensors `0`, `1`, .. of so many f32 zeros each, views of one storage.
fn zeros_archive(path: &Path, tensors: usize, numbers: usize) {
    let mut file = File::create(path).unwrap();
    let mut directory = Vec::new();
    let pickle = pickle_of_views(tensors, numbers);
    for (name, content, size) in [
        ("archive/data/0", &[][..], 4 * tensors * numbers),
        ("archive/data.pkl", &pickle[..], pickle.len()),
    ] {
        let start = file.seek(SeekFrom::End(0)).unwrap() as u32;
        // Version, flags, method (stored), time, date, checksum, both sizes, length of the name.
        let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        common.extend([size as u32; 2].map(u32::to_le_bytes).concat());
        common.extend([name.len() as u16, 0].map(u16::to_le_bytes).concat());
        file.write_all(&[b"PK\x03\x04", common.as_slice(), name.as_bytes(), content].concat())
            .unwrap();
        let end = file.stream_position().unwrap() + (size - content.len()) as u64;
        file.set_len(end).unwrap();
        directory.extend([b"PK\x01\x02\x14\x00", common.as_slice(), &[0; 10]].concat());
        directory.extend(start.to_le_bytes());
        directory.extend(name.bytes());
    }
    let start = file.seek(SeekFrom::End(0)).unwrap() as u32;
    let mut end = b"PK\x05\x06\0\0\0\0\x02\0\x02\0".to_vec();
    end.extend([directory.len() as u32, start].map(u32::to_le_bytes).concat());
    end.extend([0, 0]);
    file.write_all(&[directory, end].concat()).unwrap();
}

fn pickle_of_views(tensors: usize, numbers: usize) -> Vec<u8> {
    let number = |value: usize| [&b"J"[..], &(value as u32).to_le_bytes()].concat();
    let text =
        |value: &str| [&b"X"[..], &(value.len() as u32).to_le_bytes(), value.as_bytes()].concat();
    let mut pickle = b"\x80\x02}(".to_vec();
    for index in 0..tensors {
        pickle.extend(text(&index.to_string()));
        pickle.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        pickle.extend(text("storage"));
        pickle.extend(b"ctorch\nFloatStorage\n");
        pickle.extend([text("0"), text("cpu"), number(tensors * numbers)].concat());
        pickle.extend(b"tQ");
        pickle.extend(number(index * numbers));
        pickle.extend([number(numbers), b"\x85K\x01\x85\x89}tR".to_vec()].concat());
    }
    pickle.extend(b"u.");
    pickle
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

    let (tensors, numbers) = (5, 8 << 20);
    let path = folder.path().join("zeros.pth");
    zeros_archive(&path, tensors, numbers);
    let (peak, read) = peak_of(|| {
        let reader = Weights::open_file(&path).unwrap().reader(&Device::Cpu, DType::BF16);
        let read = |index: usize| reader.tensor(&index.to_string(), &[numbers]).unwrap();
        (0..tensors).map(read).collect::<Vec<_>>()
    });
    assert_eq!(read.len(), tensors);
    let bound = 2 * tensors * numbers + 4 * numbers;
    assert!((2 * tensors * numbers..=bound + SMALL).contains(&peak), "{peak}, at most {bound}");
}
