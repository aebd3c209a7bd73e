/*!
Caption metrics as `salaniz/pycocoevalcap` computes them: tokenizer, BLEU, ROUGE-L, CIDEr.

Owns numbers from texts; must not know files or models. The order is: [`ptb::tokenize`] all
references and, apart from them, all candidates; build a [`CaptionCorpus`]; score it.
*/

mod bleu;
mod cider;
mod corpus;
mod ngram_counts;
mod ngram_table;
pub mod ptb;
mod rouge;

pub use bleu::{Bleu, BleuCounts, bleu};
pub use cider::{Cider, cider};
pub use corpus::{CaptionCorpus, TokenizedItem};
pub use rouge::{MeanScore, rouge_l};
