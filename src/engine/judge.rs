//! A model that is asked what it makes of answers.

use std::path::PathBuf;

use super::{Answered, EngineError, Event, Fleet, OutOfMemory, TrialRequest};
use crate::answer::FinishReason;
use crate::extract::{mark, preference};
use crate::image::Viewing;
use crate::opinion::{JudgedPictures, Matter, Said};
use crate::request::{Conversation, GenerationOptions};

/// A judge is asked for one line.
const REPLY_TOKENS: usize = 64;

/// What a judge is asked about.
#[derive(Debug, Clone, Copy)]
pub struct ToJudge<'j> {
    /// A mark or a preference.
    pub matter: &'j Matter,
    /// The case's pictures, which the judge sees if it is to.
    pub images: &'j [PathBuf],
    /// Whether these are turned as their files say.
    pub orientation: Viewing,
}

/// Asks a judge about everything; its replies, to the letter, come in the same order. `short` is told
/// where memory ran out.
pub fn ask_judge(
    judge: &mut Fleet,
    asked: &[ToJudge<'_>],
    short: &mut dyn FnMut(&OutOfMemory),
) -> Vec<Said> {
    let requests: Vec<TrialRequest> = asked.iter().map(ToJudge::request).collect();
    let lost = || Said::Nothing(EngineError::Lost.to_string());
    let mut said: Vec<Said> = asked.iter().map(|_| lost()).collect();
    judge.answer_all(&requests, &mut |_, event| match event {
        Event::Ended { index, answered } => {
            said[index] = match *answered {
                Ok(Answered { answer, .. }) => asked[index].reply(answer.text, answer.finish),
                Err(error) => Said::Nothing(error.to_string()),
            };
        }
        Event::OutOfMemory(event) => short(&event),
    });
    said
}

impl ToJudge<'_> {
    pub(crate) fn request(&self) -> TrialRequest {
        let (prompt, pictures) = match self.matter {
            Matter::Mark { prompt, pictures } | Matter::Preference { prompt, pictures, .. } => {
                (prompt.as_str(), *pictures)
            }
            Matter::ClipScore { .. } | Matter::Similarity { .. } => ("", JudgedPictures::Hidden),
        };
        let images = match pictures {
            JudgedPictures::Shown => self.images.to_vec(),
            JudgedPictures::Hidden => Vec::new(),
        };
        let conversation = Conversation::ask(images.len(), prompt);
        let options =
            GenerationOptions { max_new_tokens: REPLY_TOKENS, ..GenerationOptions::default() };
        TrialRequest { images, orientation: self.orientation, conversation, options }
    }

    pub(crate) fn reply(&self, text: String, finish: FinishReason) -> Said {
        let (position, unread) = match self.matter {
            Matter::Preference { position, .. } => (Some(*position), preference(&text).err()),
            _ => (None, mark(&text).err()),
        };
        let unread = unread.map(|error| error.to_string());
        Said::Reply { text, finish, position, unread }
    }
}
