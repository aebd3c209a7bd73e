/*!
**eyechart** makes the evaluation of vision-language models a part of `cargo test`.
*/

pub mod answer;
pub mod case;
pub mod decode;
pub mod engine;
pub mod extract;
pub mod geometry;
pub mod harness;
pub mod image;
pub mod journal;
pub mod model;
pub mod nn;
pub mod registry;
pub mod report;
pub mod request;
pub mod score;
pub mod snapshot;
pub mod weights;
