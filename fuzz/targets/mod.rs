/*!
Targets of the fuzzing campaign: each takes any bytes for a file or text that eyechart reads, and must come
back with a value or an error.

Compiled twice: into `fuzz/`, where libFuzzer drives a target by coverage, and into `tests/fuzz.rs`, which
runs the seeds and a few thousand mutations of them in every test run.
*/

mod answers; // What models said, and annotations and results of `score`.
mod checkpoints; // Weights, tokenizers and templates.
mod datasets; // Data sets in every layout.
mod pictures; // Pictures.
mod projects; // Cases, folder defaults and registries.
mod records; // Journals, the answer cache, and reports of them.

use std::path::{Path, PathBuf};

/// A parser under attack.
pub(crate) struct Target {
    /// The name by which it is chosen.
    pub(crate) name: &'static str,
    /// Inputs to begin with, from fixtures.
    pub(crate) seeds: fn() -> Vec<Vec<u8>>,
    /// Feeds it one input; the folder is for its files.
    pub(crate) run: fn(&Path, &[u8]),
}

/// Every target.
pub(crate) const TARGETS: &[Target] = &[
    projects::CASE,
    projects::DEFAULTS,
    projects::REGISTRY,
    datasets::DEFINITION,
    datasets::ROWS,
    #[cfg(feature = "parquet")]
    datasets::PARQUET,
    checkpoints::TORCH,
    checkpoints::SAFETENSORS,
    checkpoints::INDEX,
    checkpoints::TOKENIZER,
    checkpoints::SENTENCEPIECE,
    checkpoints::TEMPLATE,
    pictures::PICTURE,
    records::JOURNAL,
    records::REPORTS,
    records::CACHE,
    answers::READERS,
    answers::SCORE,
];

/// A fresh folder for a target's files, in memory where the system has one.
pub(crate) fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    tempfile::Builder::new().prefix("eyechart-fuzz").tempdir_in(folder).expect("a scratch folder")
}

fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let here = if here.ends_with("fuzz") { here.parent().expect("has a parent") } else { here };
    here.to_owned()
}

/// The contents of all files that fit a pattern, which is relative to the repository.
fn files(pattern: &str) -> Vec<Vec<u8>> {
    paths(pattern).iter().map(|path| std::fs::read(path).expect("a fixture can be read")).collect()
}

fn paths(pattern: &str) -> Vec<PathBuf> {
    let pattern = repository().join(pattern);
    let found = glob::glob(pattern.to_str().expect("a path in UTF-8")).expect("a pattern");
    let mut found: Vec<_> = found.filter_map(Result::ok).filter(|path| path.is_file()).collect();
    found.sort();
    found
}

fn write(path: &Path, content: &[u8]) {
    std::fs::write(path, content).expect("the scratch folder can be written");
}

/// Splits an input into a choice below `count` and the rest.
fn choose(input: &[u8], count: usize) -> (usize, &[u8]) {
    match input.split_first() {
        Some((first, rest)) => (usize::from(*first) % count, rest),
        None => (0, input),
    }
}

/// A seed that [`choose`] reads as this choice and content.
fn chosen(choice: usize, content: &[u8]) -> Vec<u8> {
    let choice = u8::try_from(choice).expect("fewer than 256 choices");
    std::iter::once(choice).chain(content.iter().copied()).collect()
}
