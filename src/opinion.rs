/*!
What another network is asked about an answer, and what it said: plain data that the judging of
answers, the journal and the second round of a run share.

An expectation that needs more than the answer's text (a judge's mark, CLIPScore, the similarity of
sentences) makes an [`Inquiry`]; whoever has the networks answers it with an [`Opinion`]. The two
find each other by a hash of all that was asked, so that a kept opinion is never taken for one of
another rubric or another answer. Must not know how networks run.
*/

use serde::{Deserialize, Serialize};

use crate::answer::FinishReason;
use crate::checksum;

/// A question about an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inquiry {
    /// Who is asked: a model of the registry to judge, or one of its scorers.
    pub adviser: String,
    /// What is asked.
    pub matter: Matter,
}

/// What is asked about an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Matter {
    /// A judge's mark, by this prompt.
    Mark {
        /// The whole prompt.
        prompt: String,
        /// Whether the judge sees the case's pictures.
        pictures: JudgedPictures,
    },
    /// Which of two answers a judge prefers, by this prompt.
    Preference {
        /// The whole prompt.
        prompt: String,
        /// Whether the judge sees the case's pictures.
        pictures: JudgedPictures,
        /// Where the answer stands in the prompt.
        position: AnswerPosition,
    },
    /// How well a caption fits the case's (first) picture, and its references.
    ClipScore {
        /// The caption.
        caption: String,
        /// What people wrote.
        references: Vec<String>,
    },
    /// How near in meaning a text is to references.
    Similarity {
        /// The text.
        text: String,
        /// What people wrote; at least one.
        references: Vec<String>,
    },
}

/// Where an answer stands among the two that a judge compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerPosition {
    /// As answer A.
    First,
    /// As answer B.
    Second,
}

/// Whether a judge sees what the judged model saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename = "Pictures")]
pub enum JudgedPictures {
    /// The pictures stand before the judge's prompt.
    #[default]
    Shown,
    /// The judge reads texts only.
    Hidden,
}

impl Inquiry {
    /// SHA-256 of all that is asked, in hexadecimal: of a judge, of its prompt.
    pub fn sha256(&self) -> String {
        match &self.matter {
            Matter::Mark { prompt, .. } | Matter::Preference { prompt, .. } => {
                checksum::of_bytes(prompt.as_bytes())
            }
            Matter::ClipScore { caption: text, references }
            | Matter::Similarity { text, references } => {
                let mut bytes = Vec::new();
                for text in std::iter::once(text).chain(references) {
                    bytes.extend((text.len() as u64).to_le_bytes());
                    bytes.extend(text.as_bytes());
                }
                checksum::of_bytes(&bytes)
            }
        }
    }

    /// What came back of this, as an opinion.
    pub fn answered(&self, said: Said) -> Opinion {
        Opinion { adviser: self.adviser.clone(), sha256: self.sha256(), said }
    }

    /// The opinion on this, if it is among them.
    pub fn find<'o>(&self, opinions: &'o [Opinion]) -> Option<&'o Opinion> {
        let sha256 = self.sha256();
        let is_wanted = |one: &&Opinion| {
            one.adviser == self.adviser && one.sha256 == sha256 && one.said.fits(&self.matter)
        };
        opinions.iter().find(is_wanted)
    }
}

/// What came of an inquiry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Opinion {
    /// Who was asked.
    pub adviser: String,
    /// [`Inquiry::sha256`] of what was asked.
    pub sha256: String,
    /// What came back.
    pub said: Said,
}

/// What came back of an inquiry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// A judge's reply, to the letter.
    Reply {
        /// The text.
        text: String,
        /// Why it ended.
        finish: FinishReason,
        /// Where the answer stood, if the judge compared two.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        position: Option<AnswerPosition>,
        /// Why no mark or preference could be read from it, if none could.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unread: Option<String>,
    },
    /// CLIPScore and, with references, RefCLIPScore.
    ClipScores {
        /// From 0 to 2.5.
        clip_score: f64,
        /// From 0 to 2.5.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ref_clip_score: Option<f64>,
    },
    /// The cosine with the nearest reference.
    Similarity(f64),
    /// There is no answer, and why.
    Nothing(String),
}

impl Said {
    fn fits(&self, matter: &Matter) -> bool {
        match self {
            Self::Reply { .. } => {
                matches!(matter, Matter::Mark { .. } | Matter::Preference { .. })
            }
            Self::ClipScores { .. } => matches!(matter, Matter::ClipScore { .. }),
            Self::Similarity(_) => matches!(matter, Matter::Similarity { .. }),
            Self::Nothing(_) => true,
        }
    }
}

#[cfg(test)]
impl Opinion {
    /// A judge's reply about an answer that stood in this position.
    pub(crate) fn replied(adviser: &str, text: &str, position: AnswerPosition) -> Self {
        let (text, position) = (text.to_owned(), Some(position));
        let said = Said::Reply { text, finish: FinishReason::Stop, position, unread: None };
        Self { adviser: adviser.to_owned(), sha256: String::new(), said }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn similarity(references: &[&str]) -> Inquiry {
        let references = references.iter().map(|text| (*text).to_owned()).collect();
        let matter = Matter::Similarity { text: "a cat".into(), references };
        Inquiry { adviser: "minilm".into(), matter }
    }

    #[test]
    fn a_judges_hash_is_that_of_its_prompt() {
        let (prompt, pictures) = ("abc".to_owned(), JudgedPictures::Shown);
        let mark = Inquiry { adviser: "j".into(), matter: Matter::Mark { prompt, pictures } };
        // FIPS 180-2, example B.1.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(mark.sha256(), expected);
    }

    #[test]
    fn an_opinion_on_something_else_is_not_taken() {
        let asked = similarity(&["cat", "dog"]);
        let about = |inquiry: &Inquiry, adviser: &str, said| Opinion {
            adviser: adviser.into(),
            sha256: inquiry.sha256(),
            said,
        };
        let other = similarity(&["cat d", "og"]);
        let opinions = [
            about(&other, "minilm", Said::Similarity(0.1)),
            about(&asked, "mpnet", Said::Similarity(0.2)),
            about(&asked, "minilm", Said::ClipScores { clip_score: 0.3, ref_clip_score: None }),
        ];
        assert_eq!(asked.find(&opinions), None);
        let right = about(&asked, "minilm", Said::Similarity(0.4));
        assert_eq!(asked.find(&[opinions[0].clone(), right.clone()]), Some(&right));
    }
}
