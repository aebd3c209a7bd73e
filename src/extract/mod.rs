/*!
What can be read from an answer's text: boxes, choices, numbers, yes or no.

Every reading has a typed outcome ([`Extraction`], [`BoxReading`]); nothing is guessed, and the
truth is never looked at. Knows nothing of files or models: how a family writes boxes comes in as
a [`BoxNotation`].
*/

mod boxes;
mod choice;
mod clause;
mod figures;
mod final_answer;
mod idioms;
mod judgement;
mod number;
mod numerals;
mod occurrence;
mod polarity;
mod refusal;
mod text;
mod thought;
mod vocabulary;
mod yes_no;

pub use boxes::{BoxError, BoxNotation, BoxReading, FoundBox, boxes};
pub use choice::choice;
pub use judgement::{JudgementError, Preference, mark, preference};
pub use number::number;
pub use occurrence::{affirms, contains};
pub use refusal::is_refusal;
pub use text::normalize;
pub use thought::{
    Unfinished, after_thought, answer_of, inside_answer_tag, said, thought_opened_by,
    with_opened_thought,
};
pub use yes_no::yes_no;

/// What came of looking for one value in an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Extraction<T> {
    /// The answer says exactly this.
    Found(T),
    /// The answer says several things, in the order in which it says them.
    Ambiguous(Vec<T>),
    /// The answer says only what it is not.
    Denied(Vec<T>),
    /// The answer says nothing of the kind, or doubts all that it says.
    Absent,
}

impl<T: PartialEq> Extraction<T> {
    /// What came of finding only denials: equal values are one.
    fn all_denied(denied: impl IntoIterator<Item = T>) -> Self {
        match Self::from_candidates(denied) {
            Self::Found(one) => Self::Denied(vec![one]),
            Self::Ambiguous(several) => Self::Denied(several),
            other => other,
        }
    }

    /// What came of finding these: equal values are one.
    fn from_candidates(candidates: impl IntoIterator<Item = T>) -> Self {
        let mut distinct: Vec<T> = Vec::new();
        for candidate in candidates {
            if !distinct.contains(&candidate) {
                distinct.push(candidate);
            }
        }
        match distinct.pop() {
            None => Self::Absent,
            Some(only) if distinct.is_empty() => Self::Found(only),
            Some(last) => {
                distinct.push(last);
                Self::Ambiguous(distinct)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::PixelSize;

    /// Pieces that the readers treat specially, so that random texts reach their corners.
    const PIECES: [&str; 62] = [
        "A",
        "b",
        " ",
        "\n",
        ".",
        ",",
        "-",
        "'",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "\"",
        ":",
        "1",
        "23",
        "３",
        "一",
        "十",
        "百",
        "个",
        "的",
        "不",
        "没有",
        "是",
        "yes",
        "no",
        "the",
        "two",
        "hundred",
        "bbox_2d",
        "```json",
        "e\u{301}",
        "\u{FEFF}",
        "ﬁ",
        "é",
        "🐈",
        "答案",
        "<",
        ">",
        ";",
        "<p>",
        "</p>",
        "<unk>",
        "<delim>",
        "<ref>",
        "</ref>",
        "<box>",
        "</box>",
        "[[",
        "]]",
        "0,0,9,9",
        "(1,2),(3,4)",
        "{<1><2><3><4>}",
        "<patch_index_0044>",
        "<object>",
        "</object>",
        "<loc0123>",
        "<loc_12>",
        "<poly>",
    ];

    fn random_texts() -> impl Iterator<Item = String> {
        let mut state = 1_u64;
        let mut draw = move |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % below
        };
        (0..20_000).map(move |_| (0..draw(12)).map(|_| PIECES[draw(PIECES.len())]).collect())
    }

    #[test]
    fn no_text_makes_a_reader_panic() {
        let options = ["red", "A", "一", "."].map(String::from);
        let size = PixelSize { width: 10, height: 10 }.into();
        for text in random_texts() {
            let normalized = normalize(&text);
            assert!(!normalized.starts_with(' ') && !normalized.contains("  "), "{text:?}");
            number(&text);
            yes_no(&text);
            choice(&text, &options);
            for notation in BoxNotation::ALL {
                boxes(&text, notation, size);
            }
            is_refusal(&text);
            affirms(&normalized, &normalize("没有个"));
        }
    }
}
