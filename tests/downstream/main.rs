//! Drives eyechart as its users do: real `cargo test` and `cargo insta` in a crate that depends
//! on it, with the checkpoint that ships.
//!
//! All projects share this build's target folder, so that candle is compiled once.

mod project;

mod advised; // Judges and networks that score, after all answers.
mod cache; // Answers kept between runs.
mod datasets; // Rows and gates of data sets.
mod engine; // Batches, devices and checks.
mod failures; // Cases, checkpoints and settings that cannot be used.
mod families; // What families can do, how they are asked, and what they got.
mod folder; // Whose a folder is, and what cannot be written.
mod hostile; // Answers, names and reasons that act on whoever reads them, through every output.
mod insta; // Snapshots: new, changed, accepted, reviewed, unreferenced.
mod kills; // Kills at random moments.
mod libtest; // The same arguments as to a binary of libtest's, side by side.
mod nextest; // A process a test, or a model.
mod protocol; // The arguments and output of cargo test.
mod replay; // Answers of an earlier run in a model's place.
mod reports; // The journal and report files.
mod resume; // Runs that were killed, interrupted, or failed in part.
mod runs; // Cases that are run several times.
mod scale; // Thousands of cases.
mod shards; // Shares of a suite, and journals merged.
mod snapshots; // What insta is told, and what reports say of it.
