/*!
What a model was asked, as sums: enough to tell later whether the same is asked still.

The journal keeps it, and a replayed answer is good only as long as it holds. Knows nothing of
models: the question is that of the case, not what a family's template makes of it.
*/

use std::fmt;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::checksum::{self, FileSums};
use crate::image::Viewing;
use crate::request::{Conversation, GenerationOptions};

/// A question in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// SHA-256 of the conversation as JSON.
    pub conversation_sha256: String,
    /// SHA-256 of each picture's file.
    pub images_sha256: Vec<String>,
    /// Whether the pictures are turned as their files say.
    #[serde(default)]
    pub orientation: Viewing,
    /// How the answer is generated.
    pub generation: GenerationOptions,
}

/// What is asked otherwise than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The prompt, or another turn of the conversation.
    Conversation,
    /// The number of pictures.
    PictureCount,
    /// The picture of this index.
    Picture(usize),
    /// Whether the pictures are turned.
    Orientation,
    /// A generation option.
    Generation,
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conversation => formatter.write_str("the prompt"),
            Self::PictureCount => formatter.write_str("the number of pictures"),
            Self::Picture(index) => write!(formatter, "picture {}", index + 1),
            Self::Orientation => formatter.write_str("`orientation`"),
            Self::Generation => formatter.write_str("`generation`"),
        }
    }
}

impl Asked {
    /// The question in short, with upright pictures; reads their files.
    ///
    /// # Errors
    /// A picture cannot be read.
    pub fn of(
        conversation: &Conversation,
        generation: &GenerationOptions,
        images: &[PathBuf],
        sums: &FileSums,
    ) -> io::Result<Self> {
        let conversation = serde_json::to_vec(conversation).map_err(io::Error::from)?;
        Ok(Self {
            conversation_sha256: checksum::of_bytes(&conversation),
            images_sha256: images.iter().map(|image| sums.of(image)).collect::<Result<_, _>>()?,
            orientation: Viewing::default(),
            generation: generation.clone(),
        })
    }

    /// The first thing that is otherwise than in `before`.
    pub fn change_since(&self, before: &Self) -> Option<Change> {
        let Self { conversation_sha256, images_sha256, orientation, generation } = self;
        if *conversation_sha256 != before.conversation_sha256 {
            return Some(Change::Conversation);
        }
        if images_sha256.len() != before.images_sha256.len() {
            return Some(Change::PictureCount);
        }
        let mut pairs = images_sha256.iter().zip(&before.images_sha256);
        if let Some(index) = pairs.position(|(now, before)| now != before) {
            return Some(Change::Picture(index));
        }
        if *orientation != before.orientation {
            return Some(Change::Orientation);
        }
        (*generation != before.generation).then_some(Change::Generation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["a", "b"].map(|name| folder.path().join(name));
        for path in &paths {
            std::fs::write(path, path.to_str().unwrap()).unwrap();
        }
        let asked = |prompt: &str, images: &[PathBuf], options: &GenerationOptions| {
            Asked::of(&Conversation::ask(1, prompt), options, images, &FileSums::default()).unwrap()
        };
        let greedy = GenerationOptions::default();
        let short = GenerationOptions { max_new_tokens: 1, ..greedy.clone() };
        let before = asked("what?", &paths[..1], &greedy);
        let change = |now: Asked| now.change_since(&before).map(|change| change.to_string());
        assert_eq!(change(before.clone()), None);
        assert_eq!(change(asked("what? ", &paths[..1], &greedy)).unwrap(), "the prompt");
        assert_eq!(change(asked("what?", &paths, &greedy)).unwrap(), "the number of pictures");
        assert_eq!(change(asked("what?", &paths[1..], &greedy)).unwrap(), "picture 1");
        assert_eq!(change(asked("what?", &paths[..1], &short)).unwrap(), "`generation`");
    }
}
