//! A large checkpoint that takes no time to make.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use tempfile::TempDir;

fn oracle() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/oracle/qwen3_vl/tied")
}

/// The width of the layers' middle in the oracle's checkpoint.
const NARROW: u64 = 80;

/// What the file adds up to, in numbers of 4 bytes.
pub(crate) struct Sizes {
    pub(crate) all: usize,
    pub(crate) largest: usize,
}

/// The oracle's checkpoint with layers that are so wide in their middle: f32 zeros in a file with
/// holes, so that making it takes no time.
pub(crate) fn wide_checkpoint(width: u64) -> (TempDir, Sizes) {
    let folder = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(oracle()).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|ending| ending != "safetensors") {
            std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    let config = folder.path().join("config.json");
    let mut content: Value = serde_json::from_slice(&std::fs::read(&config).unwrap()).unwrap();
    content["text_config"]["intermediate_size"] = json!(width);
    std::fs::write(&config, content.to_string()).unwrap();
    let (header, sizes) = wide_header(width);
    let mut file = File::create(folder.path().join("model.safetensors")).unwrap();
    file.write_all(&(header.len() as u64).to_le_bytes()).unwrap();
    file.write_all(&header).unwrap();
    let start = file.seek(SeekFrom::End(0)).unwrap();
    file.set_len(start + 4 * sizes.all as u64).unwrap();
    (folder, sizes)
}

/// The header of the oracle's checkpoint with wide layers.
fn wide_header(width: u64) -> (Vec<u8>, Sizes) {
    let stored = std::fs::read(oracle().join("model.safetensors")).unwrap();
    let length = u64::from_le_bytes(stored[..8].try_into().unwrap()) as usize;
    let entries: Map<String, Value> = serde_json::from_slice(&stored[8..8 + length]).unwrap();
    let (mut wide, mut sizes) = (Map::new(), Sizes { all: 0, largest: 0 });
    for (name, entry) in entries.into_iter().filter(|(name, _)| name != "__metadata__") {
        let is_wide = name.contains("language_model") && name.contains(".mlp.");
        let size = |size: &Value| match size.as_u64().unwrap() {
            NARROW if is_wide => width,
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
