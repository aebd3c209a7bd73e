/*!
What is asked of a model: the conversation and the generation options.

Plain data that cases, families and the decode loop share. This module must not know where a
request came from (a case file, a dataset row) nor how a family renders it.
*/

use serde::{Deserialize, Serialize};

pub mod limits;

/// Who speaks in a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Role {
    /// The person who asks.
    User,
    /// The model, in an earlier turn of the same conversation.
    Assistant,
}

/// A piece of a turn, in reading order.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Part {
    /// Words.
    Text(String),
    /// The picture at this index of the request's images.
    Image(usize),
}

/// One contribution to a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Turn {
    /// Who speaks.
    pub role: Role,
    /// What is said and shown, in order.
    pub parts: Vec<Part>,
}

/// Everything said so far; the model speaks next.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Conversation {
    /// The system prompt, if the case sets one.
    pub system: Option<String>,
    /// The turns, oldest first. The last one is the user's.
    pub turns: Vec<Turn>,
}

impl Conversation {
    /// A single user turn: the images `0..image_count` in order, then `prompt`.
    pub fn ask(image_count: usize, prompt: impl Into<String>) -> Self {
        let images = (0..image_count).map(Part::Image);
        let parts = images.chain([Part::Text(prompt.into())]).collect();
        Self { system: None, turns: vec![Turn { role: Role::User, parts }] }
    }

    /// The image indices in the order in which the conversation shows them.
    pub fn image_order(&self) -> impl Iterator<Item = usize> + '_ {
        self.turns.iter().flat_map(|turn| &turn.parts).filter_map(|part| match part {
            Part::Image(index) => Some(*index),
            Part::Text(_) => None,
        })
    }
}

/// What kind of answer is asked for; families have their own words for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Task {
    /// What is in the picture.
    Description,
    /// A word or phrase.
    ShortAnswer,
    /// One of lettered options.
    Choice,
    /// Where something is: boxes.
    Grounding,
}

impl Task {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::Description, Self::ShortAnswer, Self::Choice, Self::Grounding];
}

/// How the next token is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Sampling {
    /// Always the most likely token; the first of equals.
    Greedy,
    /// A seeded draw, filtered in the order of transformers' `generate`:
    /// temperature, then `top_k`, then `top_p` over what is left.
    Seeded {
        /// Divides the logits; above 0.
        temperature: f64,
        /// Smallest set of tokens whose probability reaches this share; 1 keeps all.
        top_p: f64,
        /// Number of most likely tokens kept; 0 keeps all.
        top_k: usize,
        /// Start of the random stream.
        seed: u64,
    },
}

/// When a beam search with enough finished answers ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum EarlyStopping {
    /// When the best running beam, ended now, would not be among the finished ones
    /// (transformers' `early_stopping=False`). A guess: with a positive `length_penalty` a longer
    /// answer may still come out better.
    #[default]
    Heuristic,
    /// As soon as there are as many finished answers as beams (`True`).
    FirstFinished,
    /// When no running beam can get better than the finished ones at any length up to the limit
    /// (`"never"`).
    Never,
}

/// The options of one generation, complete: defaults are already filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GenerationOptions {
    /// Most tokens the answer may have; reaching it is finish reason `Length`.
    pub max_new_tokens: usize,
    /// Fewest tokens before a stop token may come, itself not counted; at most `max_new_tokens`.
    pub min_new_tokens: usize,
    /// How the next token is chosen.
    pub sampling: Sampling,
    /// Divides positive and multiplies negative logits of tokens seen so far
    /// (Keskar et al. 2019, arXiv 1909.05858); 1 changes nothing. Beam search applies it to log
    /// probabilities, as transformers does.
    pub repetition_penalty: f32,
    /// Answers followed at a time; 1 is no beam search. Above 1, `sampling` must be greedy.
    pub num_beams: usize,
    /// The power of its length by which the log probability of a beam's answer is divided: above 0
    /// favours long answers, below 0 short ones.
    pub length_penalty: f64,
    /// When a beam search ends.
    pub early_stopping: EarlyStopping,
}

impl Default for GenerationOptions {
    /// Greedy, 512 new tokens, no penalty: the same question gives the same answer.
    fn default() -> Self {
        Self {
            max_new_tokens: 512,
            min_new_tokens: 0,
            sampling: Sampling::Greedy,
            repetition_penalty: 1.0,
            num_beams: 1,
            length_penalty: 1.0,
            early_stopping: EarlyStopping::Heuristic,
        }
    }
}
