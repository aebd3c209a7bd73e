/*!
Files of weights: what is read of PyTorch's equals what torch wrote, and what is made to do harm
does none.

The files under `fixtures/oracle/pickles/` come from `tools/oracle/pickles.py`.
*/

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use eyechart::weights::{CheckpointFolder, TensorReader, Weights, WeightsError};

fn pickles(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/oracle/pickles").join(name)
}

fn open(name: &str) -> TensorReader {
    let weights = Weights::open_file(&pickles(name)).unwrap();
    weights.reader(&Device::Cpu, DType::F32)
}

fn expected() -> HashMap<String, Tensor> {
    candle_core::safetensors::load(pickles("expected.safetensors"), &Device::Cpu).unwrap()
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.to_dtype(DType::F32).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// Tensors whose numbers do not lie densely; they are refused one by one.
const STRIDED: [&str; 2] = ["gaps", "repeated"];

fn check_state(reader: &TensorReader) {
    let expected = expected();
    assert!(expected.len() >= 12);
    for (name, tensor) in &expected {
        let read = reader.tensor(name, tensor.dims());
        if STRIDED.contains(&name.as_str()) {
            let error = read.unwrap_err().to_string();
            assert!(error.contains(&format!("{name}` do not lie one after the other")), "{error}");
            continue;
        }
        let read = read.unwrap();
        assert!(read.is_contiguous(), "{name}");
        assert_eq!(values(&read), values(tensor), "{name}");
    }
}

#[test]
fn a_state_dictionary_equals_torch() {
    check_state(&open("state.pth"));
}

#[test]
fn a_dictionary_under_a_key_is_read_with_its_key() {
    let reader = open("nested.pth");
    check_state(&reader.under("model"));
    assert!(reader.contains("optimizer.state.0.exp_avg"));
    let model = reader.under("model");
    let names: Vec<&str> = model.names().collect();
    assert!(
        names.contains(&"model.position_ids") && !names.iter().any(|name| name.contains("optim"))
    );
}

#[test]
fn a_file_of_protocol_4_equals_torch() {
    let plain = open("protocol_4.pth").tensor("plain", &[2, 3]).unwrap();
    assert_eq!(values(&plain), values(&expected()["plain"]));
}

#[test]
fn shards_of_pickles_are_found_by_their_index() {
    let folder = CheckpointFolder::open(&pickles("sharded")).unwrap();
    check_state(&folder.weights().unwrap().reader(&Device::Cpu, DType::F32));
}

#[test]
fn safetensors_come_before_pickles() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.json"), "{}").unwrap();
    let copy = |from: &str, to: &str| std::fs::copy(pickles(from), folder.path().join(to)).unwrap();
    let weights = || CheckpointFolder::open(folder.path()).unwrap().weights();
    assert!(weights().err().unwrap().to_string().contains("model.safetensors: not found"));
    copy("protocol_4.pth", "pytorch_model.bin");
    assert!(!weights().unwrap().contains("half"));
    copy("expected.safetensors", "model.safetensors");
    assert!(weights().unwrap().contains("half"));
}

/// Each file, and what its error says.
const REFUSED: &[(&str, &str)] = &[
    (
        "harm.pth",
        "harm.pth: its pickle names `posix.system`, which tensors do not need; it was not run",
    ),
    (
        "old.pth",
        "old.pth: written by torch before 1.6; save it anew in Python with torch.save(torch.load(\"old.pth\"",
    ),
    (
        "beyond.pth",
        "beyond.pth: tensor `x` of shape [5] does not fit into the 16 bytes stored for it",
    ),
    ("offset.pth", "tensor `x` of shape [2] does not fit into the 16 bytes"),
    (
        "huge.pth",
        "tensor `x` of shape [4611686018427387904, 4611686018427387904] does not fit into the 16 bytes",
    ),
    ("no_storage.pth", "tensor `x` of shape [4] does not fit into the 0 bytes"),
    ("negative.pth", "expected a size"),
    ("few_arguments.pth", "too few arguments"),
    ("long_text.pth", "damaged at byte 7: ends too early"),
    ("cut_pickle.pth", "damaged at byte"),
    ("opcode.pth", "unknown instruction 0x69 at byte 2"),
    ("no_dictionary.pth", "not a dictionary of tensors"),
    ("itself.pth", "holds more than 1048576 entries"),
    ("compressed.pth", "is compressed, which torch.save does not do"),
    ("cut.pth", "cut.pth: not a file of torch.save"),
    ("missing.pth", "missing.pth: not found"),
];

#[test]
fn hostile_and_damaged_files_are_refused() {
    for (name, expected) in REFUSED {
        let Err(error) = Weights::open_file(&pickles(name)) else { panic!("{name} was read") };
        let message = error.to_string();
        assert!(message.contains(expected), "{name}: `{message}` lacks `{expected}`");
    }
    assert!(!Path::new("harm").exists());
}

/// Values within values, which would overflow the stack or the memory of a naive reader.
#[test]
fn deep_and_doubling_values_are_harmless() {
    for name in ["deep.pth", "laughs.pth"] {
        assert_eq!(open(name).names().count(), 0, "{name}");
    }
}

#[test]
fn every_cut_of_a_file_is_an_error_and_no_panic() {
    let whole = std::fs::read(pickles("state.pth")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.pth");
    for length in (0..whole.len()).step_by(37) {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert!(Weights::open_file(&path).is_err(), "{length} bytes");
    }
}

/// Whatever byte is turned, reading ends with tensors or an error.
#[test]
fn turned_bytes_never_panic() {
    let whole = std::fs::read(pickles("state.pth")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("turned.pth");
    for place in (0..whole.len()).step_by(7) {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x5f;
        std::fs::write(&path, &bytes).unwrap();
        let Ok(weights) = Weights::open_file(&path) else { continue };
        let reader = weights.reader(&Device::Cpu, DType::F32);
        let _ = reader.tensor("transposed", &[4, 3]);
    }
}

#[test]
fn errors_name_file_tensor_and_shapes() {
    let reader = open("state.pth");
    let message = |name: &str, shape: &[usize]| {
        let message = reader.tensor(name, shape).unwrap_err().to_string();
        message.rsplit_once("pickles/").unwrap().1.to_owned()
    };
    assert_eq!(
        message("plain", &[3, 2]),
        "state.pth: tensor `plain` has shape [2, 3], but the configuration asks for [3, 2]"
    );
    assert_eq!(message("none", &[7]), "state.pth: tensor `none` is missing (expected shape [7])");
    assert_eq!(
        message("position_ids", &[5]),
        "state.pth: tensor `position_ids` holds I64, expected F32, F16 or BF16"
    );
}

#[test]
fn extra_tensors_are_an_error_only_if_asked() {
    let reader = open("nested.pth").under("model");
    assert!(reader.refuse_others(|_| true).is_ok());
    let error = reader.refuse_others(|name| name != "half").unwrap_err();
    assert!(matches!(&error, WeightsError::ExtraTensor { tensor, .. } if tensor == "model.half"));
}

#[test]
fn a_git_lfs_pointer_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("minigptv2_checkpoint.pth");
    std::fs::write(&path, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
        .unwrap();
    let error = Weights::open_file(&path).err().unwrap();
    assert!(error.to_string().contains("this is a Git LFS pointer"), "{error}");
}

/// A folder with an index that places every tensor of the expected file in `shard`.
fn indexed(shard: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.json"), "{}").unwrap();
    let names: Vec<String> = expected().keys().map(|name| format!("{name:?}: {shard:?}")).collect();
    let index = format!("{{\"weight_map\": {{{}}}}}", names.join(", "));
    std::fs::write(folder.path().join("model.safetensors.index.json"), index).unwrap();
    folder
}

#[test]
fn an_index_names_files_below_its_folder() {
    let outside = tempfile::tempdir().unwrap();
    let private = outside.path().join("w.safetensors");
    std::fs::copy(pickles("expected.safetensors"), &private).unwrap();
    let absolute = private.display().to_string();
    for shard in ["../w", "a/../../w", "./w", "", "..", "/", &absolute] {
        let folder = indexed(shard);
        let checkpoint = CheckpointFolder::open(folder.path()).unwrap();
        for error in [checkpoint.weights().err(), checkpoint.weight_files().err()] {
            let error = error.unwrap();
            assert!(matches!(error, WeightsError::LeavesFolder { .. }), "{shard}: {error}");
            let message = format!("it names the file {shard:?}, which is not below its folder");
            assert!(error.to_string().contains(&message), "{error}");
        }
    }
    let folder = indexed("parts/one.safetensors");
    std::fs::create_dir(folder.path().join("parts")).unwrap();
    let shard = folder.path().join("parts/one.safetensors");
    // As the hub's cache has it.
    #[cfg(unix)]
    std::os::unix::fs::symlink(&private, &shard).unwrap();
    #[cfg(not(unix))]
    std::fs::copy(&private, &shard).unwrap();
    let weights = CheckpointFolder::open(folder.path()).unwrap().weights().unwrap();
    let reader = weights.reader(&Device::Cpu, DType::F32);
    for (name, tensor) in &expected() {
        assert_eq!(values(&reader.tensor(name, tensor.dims()).unwrap()), values(tensor), "{name}");
    }
}

/// A setting that is there and cannot be read must not count as absent: other defaults would hold.
#[cfg(unix)]
#[test]
fn a_setting_that_is_there_in_any_form_is_read_or_an_error() {
    use std::os::unix::fs::symlink;

    const NAME: &str = "generation_config.json";
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.json"), "{}").unwrap();
    let path = folder.path().join(NAME);
    let checkpoint = CheckpointFolder::open(folder.path()).unwrap();
    assert_eq!(checkpoint.optional_text(NAME).unwrap(), None);
    let refused = |expected: &str| {
        let text = checkpoint.optional_text(NAME).unwrap_err().to_string();
        let json = checkpoint.optional_json::<serde_json::Value>(NAME).unwrap_err().to_string();
        let required = checkpoint.required_bytes(NAME, "").unwrap_err().to_string();
        for error in [text, json, required] {
            assert!(error.contains(NAME) && error.contains(expected), "{error}");
        }
    };
    std::fs::create_dir(&path).unwrap();
    refused("it is a folder, not a file");
    std::fs::remove_dir(&path).unwrap();
    for (target, expected) in [
        ("pruned", "No such file or directory"),
        (NAME, "symbolic links"),
        ("/dev/zero", "it is a device, not a file"),
    ] {
        symlink(target, &path).unwrap();
        refused(expected);
        std::fs::remove_file(&path).unwrap();
    }
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    refused("it is a named pipe, not a file");
}

/// A download or `git checkout` writes over a file while it is loaded; mapped, this would be SIGBUS.
#[test]
fn a_file_that_shrinks_while_it_is_read_is_an_error() {
    for name in ["state.pth", "expected.safetensors"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::copy(pickles(name), &path).unwrap();
        let reader = Weights::open_file(&path).unwrap().reader(&Device::Cpu, DType::F32);
        reader.tensor("plain", &[2, 3]).unwrap();
        std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(100).unwrap();
        let error = reader.tensor("plain", &[2, 3]).unwrap_err().to_string();
        assert!(error.contains("the file was changed while it was read"), "{error}");
    }
}
