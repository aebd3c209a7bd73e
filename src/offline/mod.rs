/*!
`eyechart score`: the official result files of a task in, a table of scores out, without a model that
answers.

Owns the files' formats and the official rules for ids that do not match; must not know how a metric
is computed ([`crate::score`]) nor how the program was started. Whatever the reference scripts refuse is
refused here with the file, the place and the reason.
*/

mod caption;
mod choice;
pub mod command;
mod command_rules;
mod detection;
mod error;
pub mod external;
mod files;
mod gate;
mod grounding;
mod ids;
mod network;
mod pairing;
mod row;
mod rows;
mod short_answer;
mod table;
mod vqa;

pub use caption::{
    CaptionOptions, ImageSelection, TokenizedCaptions, TokenizedImage, score_captions,
    score_tokenized,
};
pub use choice::{ChoiceRules, score_choices};
pub use detection::score_detection;
pub use error::OfflineError;
pub use gate::{Gate, GateError, GateFailure};
pub use grounding::{
    AnswerBoxes, BoxFormat, ReferFiles, score_grounding, score_grounding_answers,
    score_refer_answers,
};
pub use network::{CaptionFiles, NetworkError, score_clip, score_similarity};
pub use row::ItemId;
pub use short_answer::{
    score_anls, score_exact_match, score_mme, score_pope, score_relaxed, score_textvqa,
};
pub use table::{AggregateValue, ScoreTable};
pub use vqa::{VqaFiles, score_vqa};
