//! Data sets in every layout.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use eyechart::case::{self, Checks, DatasetFile, Discovered, KnownNames};
use eyechart::dataset::{Dataset, Pictures};

use super::projects::said;
use super::{Target, choose, chosen, files, paths, repository, write};

const SAMPLES: &str = "fixtures/datasets/ok";

pub(super) const DEFINITION: Target = Target {
    name: "dataset_definition",
    seeds: || files("fixtures/datasets/*/*.dataset.ron"),
    run: |folder, input| {
        let samples = samples(folder);
        let path = samples.join("x.dataset.ron");
        write(&path, input);
        for file in found(&samples).into_iter().filter(|file| file.path == path) {
            open(&file);
        }
        std::fs::remove_file(path).expect("can be removed");
    },
};

/// The data files, each with the definition that reads it.
pub(super) const ROWS: Target = Target {
    name: "dataset_rows",
    seeds: || {
        let contents = data().iter().map(|path| std::fs::read(path).expect("a fixture"));
        contents.enumerate().map(|(index, content)| chosen(index, &content)).collect()
    },
    run: |folder, input| {
        static FOUND: OnceLock<Vec<DatasetFile>> = OnceLock::new();
        let samples = samples(folder);
        let definitions = FOUND.get_or_init(|| found(&samples));
        let (index, content) = choose(input, data().len());
        restore_others(&samples, index);
        let name = name_of(&data()[index]);
        write(&samples.join(name), content);
        let readers: Vec<_> = definitions.iter().filter(|file| reads(&file.path, name)).collect();
        readers.get(content.len() % readers.len().max(1)).into_iter().for_each(|file| open(file));
    },
};

/// Puts the data file back that an earlier input was written over, unless it is the next one.
fn restore_others(samples: &Path, next: usize) {
    static CHANGED: Mutex<Option<usize>> = Mutex::new(None);
    let mut changed = CHANGED.lock().expect("not poisoned");
    if let Some(last) = changed.replace(next).filter(|last| *last != next) {
        let source = &data()[last];
        std::fs::copy(source, samples.join(name_of(source))).expect("can be written");
    }
}

fn name_of(source: &Path) -> &Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    let root = ROOT.get_or_init(|| repository().join(SAMPLES));
    source.strip_prefix(root).expect("lies below")
}

#[cfg(feature = "parquet")]
pub(super) const PARQUET: Target = Target {
    name: "parquet",
    seeds: || files("fixtures/datasets/**/*.parquet"),
    run: |folder, input| {
        write(
            &folder.join("x.dataset.ron"),
            br#"(data: Parquet(file: "x.parquet", columns: (image: "image", prompt: "question", answer: "answer")),
                 expect: Metric(name: exact_match))"#,
        );
        write(&folder.join("x.parquet"), input);
        found(folder).iter().for_each(open);
    },
};

/// All data files of the samples, but for pictures and definitions.
fn data() -> &'static [PathBuf] {
    static DATA: OnceLock<Vec<PathBuf>> = OnceLock::new();
    DATA.get_or_init(|| {
        let kinds = ["json", "jsonl", "tsv", "csv", "p", "txt"];
        let is_data = |path: &PathBuf| {
            path.extension().is_some_and(|kind| kinds.iter().any(|one| kind == *one))
        };
        paths("fixtures/datasets/ok/*/**/*").into_iter().filter(is_data).collect()
    })
}

/// Whether a definition names the file, or a folder that it is in.
fn reads(definition: &Path, name: &Path) -> bool {
    let text = std::fs::read_to_string(definition).unwrap_or_default();
    let folder = name.iter().next().and_then(|part| part.to_str()).unwrap_or_default();
    text.contains(&format!("\"{folder}"))
}

/// A copy of the samples in the scratch folder.
fn samples(folder: &Path) -> PathBuf {
    let copy = folder.join("samples");
    if !copy.is_dir() {
        for path in paths("fixtures/datasets/ok/**/*") {
            let name = path.strip_prefix(repository().join(SAMPLES)).expect("lies below");
            let target = copy.join(name);
            std::fs::create_dir_all(target.parent().expect("has a parent")).expect("a folder");
            std::fs::copy(&path, target).expect("a copy");
        }
    }
    copy
}

fn found(folder: &Path) -> Vec<DatasetFile> {
    let found = case::discover(folder, &KnownNames::default(), Checks::Structure);
    let dataset = |one| match one {
        Discovered::Dataset(file) => Some(*file),
        _ => None,
    };
    found.unwrap_or_default().into_iter().filter_map(dataset).collect()
}

fn open(file: &DatasetFile) {
    match Dataset::open(file) {
        Ok(dataset) => {
            let first: Vec<usize> = (0..dataset.len().min(20)).collect();
            said(dataset.rows(&first, Pictures::Checked));
        }
        Err(error) => drop(error.to_string()),
    }
}
