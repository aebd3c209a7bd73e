//! What can be wrong with `eyechart.ron`, or with the choice of models.

use std::path::PathBuf;

/// The registry cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The file is missing or cannot be read.
    #[error(
        "{}: cannot be read: {source}; write one beside Cargo.toml, for example \
         (models: {{\"my-model\": (dir: \"path/to/checkpoint\")}})",
        path.display()
    )]
    Unreadable {
        /// Where it should be.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not valid RON or has unknown fields.
    #[error("{}:{line}:{column}: {reason}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong there.
        reason: String,
    },
    /// An entry is not usable.
    #[error("{}: {what} \"{name}\" {reason}", path.display())]
    Entry {
        /// The file.
        path: PathBuf,
        /// `model` or `scorer`.
        what: &'static str,
        /// The entry's name.
        name: String,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// There are no entries.
    #[error("{}: `models` is empty; add at least one, \"name\": (dir: \"folder\")", path.display())]
    NoModels {
        /// The file.
        path: PathBuf,
    },
    /// A price is not one.
    #[error(
        "{}: price_per_hour of \"{device}\" is {price}; write the price of an hour, 0 to 1000000000",
        path.display()
    )]
    Price {
        /// The file.
        path: PathBuf,
        /// The device.
        device: String,
        /// What was given.
        price: f64,
    },
    /// A list is longer than any project needs.
    #[error("{found} {what}, expected {limit} at most")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// The most.
        limit: usize,
    },
    /// A glob over model names is malformed.
    #[error("\"{glob}\" is not a glob: {reason}; `*` stands for any characters")]
    Glob {
        /// The glob.
        glob: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A glob over model names matches none.
    #[error("\"{glob}\" matches no model of {}; it has: {}", super::FILE_NAME, known.join(", "))]
    NoMatch {
        /// The glob.
        glob: String,
        /// The names there are.
        known: Vec<String>,
    },
}
