/*!
How much memory loading takes: the weights as they will be used, and one tensor as it is stored.

The checkpoint of 1 GB is the random one of the oracle with a wide middle of its layers, all zeros in
a file with holes, so that making it takes no time. What is counted is what the allocator hands out:
mapped pages of the file itself are the system's, which drops them when memory is short.
*/

mod counting;
mod wide;

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use candle_core::{DType, Device};
use eyechart::weights::{CheckpointFolder, Weights};

use counting::peak_of;
use wide::{Sizes, wide_checkpoint};

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

/// The width of the layers' middle.
const WIDE: u64 = 630_000;

/// Room for names, configuration and tokenizer.
const SMALL: usize = 8 << 20;

/// One test, because the allocator counts for all threads of the process.
#[test]
fn loading_takes_the_weights_and_one_tensor() {
    let (folder, Sizes { all, largest }) = wide_checkpoint(WIDE);
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
