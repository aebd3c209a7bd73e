//! Copies of checkpoint folders, and what can be done to them.

use std::collections::HashMap;
use std::path::Path;

use candle_core::Device;
use eyechart::model::ModelError;
use serde_json::Value;
use tempfile::TempDir;

/// What loading a damaged folder says.
pub(crate) fn message_of<T>(loaded: Result<T, ModelError>) -> String {
    match loaded {
        Ok(_) => panic!("the damage goes unnoticed"),
        Err(error) => error.to_string(),
    }
}

/// The folder with all its files, those of folders in it included.
pub(crate) fn copy(checkpoint: &Path) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy_into(checkpoint, folder.path());
    folder
}

fn copy_into(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copy = to.join(path.file_name().unwrap());
        if path.is_dir() {
            std::fs::create_dir(&copy).unwrap();
            copy_into(&path, &copy);
        } else {
            std::fs::write(copy, std::fs::read(&path).unwrap()).unwrap();
        }
    }
}

pub(crate) fn read(folder: &Path, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap()
}

pub(crate) fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

pub(crate) fn remove(folder: &Path, name: &str) {
    std::fs::remove_file(folder.join(name)).unwrap();
}

/// Writes a file of tensors again under other names, of which at least one must differ.
pub(crate) fn rename_tensors(folder: &Path, name: &str, rename: impl Fn(&str) -> String) {
    let path = folder.join(name);
    let tensors = candle_core::safetensors::load(&path, &Device::Cpu).unwrap();
    assert!(tensors.keys().any(|name| rename(name) != *name));
    let renamed = tensors.into_iter().map(|(name, tensor)| (rename(&name), tensor));
    candle_core::safetensors::save(&renamed.collect::<HashMap<_, _>>(), path).unwrap();
}

/// Drops the last bytes of a file.
pub(crate) fn cut(folder: &Path, name: &str, bytes: usize) {
    let content = std::fs::read(folder.join(name)).unwrap();
    std::fs::write(folder.join(name), &content[..content.len() - bytes]).unwrap();
}

/// Changes a value that is there.
pub(crate) fn set(folder: &Path, name: &str, pointer: &str, value: Value) {
    let mut content = read(folder, name);
    *content.pointer_mut(pointer).unwrap() = value;
    write(folder, name, &content.to_string());
}

/// Puts a value at the top of a file, whether or not it is there.
pub(crate) fn insert(folder: &Path, name: &str, key: &str, value: Value) {
    insert_under(folder, name, "", key, value);
}

/// Puts a value into an object of a file, whether or not it is there.
pub(crate) fn insert_under(folder: &Path, name: &str, pointer: &str, key: &str, value: Value) {
    let mut content = read(folder, name);
    let object = content.pointer_mut(pointer).unwrap().as_object_mut().unwrap();
    object.insert(key.to_owned(), value);
    write(folder, name, &content.to_string());
}
