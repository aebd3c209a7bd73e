/*!
What a clause does to that which it speaks of: states it, denies it, or doubts it.

[Idioms](super::idioms) are taken first and blanked out; single negations count
in what is left. Two negations in one clause ("I don't think there is no dog") are not resolved: the
clause then says nothing that is certain. Works on the words of a clause or on normalised text.
*/

use std::sync::LazyLock;

use regex::Regex;

use super::idioms::IDIOMS;
use super::vocabulary::{CHINESE_NEGATIONS, NEGATIONS};

/// What an idiom says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sense {
    /// So it is.
    Affirming,
    /// So it is not.
    Denying,
    /// Nobody knows.
    Doubting,
    /// Nothing about that which is asked.
    Neutral,
}

/// How a clause speaks of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stance {
    /// It is so.
    Stated,
    /// It is not so.
    Denied,
    /// Denied twice over: which it is cannot be told.
    Tangled,
    /// The clause says that it does not know.
    Doubted,
}

/// The negations and doubts of a clause, by their places in its words.
#[derive(Debug, Clone, Default)]
pub(super) struct Polarity {
    denials: Vec<(usize, usize)>,
    doubts: Vec<usize>,
}

impl Polarity {
    /// The polarity of words with a space between and around them.
    pub(super) fn of(words: &str) -> Self {
        let mut found = Self::default();
        for token in TOKEN.iter().flat_map(|pattern| pattern.find_iter(words)) {
            let text = token.as_str().trim();
            match sense(text) {
                Sense::Denying => found.deny(words, token.start(), token.end(), text),
                Sense::Doubting => found.doubts.push(token.start()),
                Sense::Affirming | Sense::Neutral => {}
            }
        }
        found
    }

    fn deny(&mut self, words: &str, start: usize, end: usize, text: &str) {
        let is_number =
            text == "no" && words[end..].trim_start().starts_with(|c: char| c.is_ascii_digit());
        let is_second_half = text == "nor" && !self.denials.is_empty();
        if !is_number && !is_second_half {
            self.denials.push((start, end));
        }
    }

    /// How the whole clause speaks.
    pub(super) fn stance(&self) -> Stance {
        stance(self.denials.len(), !self.doubts.is_empty())
    }

    /// How it speaks of what stands at a place: negations before it count whose scope has not ended.
    pub(super) fn stance_at(&self, words: &str, place: usize) -> Stance {
        let before = self.denials.partition_point(|(_, end)| *end <= place + 1);
        // Two are as good as many, and a third may be one whose scope has ended.
        let nearest = self.denials[..before].iter().rev().take(3);
        let denials = nearest.filter(|(_, end)| reaches(&words[*end..place.max(*end)])).count();
        stance(denials, self.doubts.first().is_some_and(|doubt| *doubt <= place))
    }
}

fn stance(denials: usize, is_doubted: bool) -> Stance {
    match (is_doubted, denials) {
        (true, _) => Stance::Doubted,
        (false, 0) => Stance::Stated,
        (false, 1) => Stance::Denied,
        (false, _) => Stance::Tangled,
    }
}

fn sense(text: &str) -> Sense {
    IDIOMS.iter().find(|(idiom, _)| *idiom == text).map_or(Sense::Denying, |(_, sense)| *sense)
}

/// Whether a negation still holds behind these words: a place named on the way ends it ("no trees in
/// front of the house" denies trees), unless the place is the picture itself.
fn reaches(between: &str) -> bool {
    if denies_a_place(between) && between.contains(" and ") {
        return false;
    }
    !PLACE.iter().any(|pattern| {
        pattern.find_iter(between).any(|found| {
            let is_right_behind = between[..found.start()].trim().is_empty();
            let after = between[found.end()..].trim_start();
            let after = ["the ", "this ", "my "]
                .iter()
                .find_map(|word| after.strip_prefix(word))
                .unwrap_or(after);
            let is_picture =
                ["image", "picture", "photo", "scene"].iter().any(|word| after.starts_with(word));
            !is_right_behind && !is_picture
        })
    })
}

/// Whether a negation is of a place only, so that "and" begins what is no longer denied: "is not on a
/// leash and plays with a ball".
fn denies_a_place(between: &str) -> bool {
    PLACE
        .iter()
        .any(|pattern| pattern.find(between.trim_start()).is_some_and(|found| found.start() == 0))
}

static PLACE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"\b(?:in front of|next to|on|in|near|behind|beside|under|above|at)\b").ok()
});

/// An idiom or a negation, the longest first.
static TOKEN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let mut all: Vec<&str> = IDIOMS.iter().map(|(idiom, _)| *idiom).collect();
    all.extend(NEGATIONS);
    all.extend(CHINESE_NEGATIONS);
    all.sort_by_key(|text| std::cmp::Reverse(text.len()));
    let entry = |text: &&str| match text.is_ascii() {
        true => format!(r"\b{text}\b"),
        false => (*text).to_owned(),
    };
    Regex::new(&all.iter().map(entry).collect::<Vec<_>>().join("|")).ok()
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::clause::words;

    fn read(text: &str) -> Stance {
        Polarity::of(&words(text)).stance()
    }

    #[test]
    fn clauses_state_deny_or_doubt() {
        for (text, stance) in [
            ("There is a dog", Stance::Stated),
            ("No doubt there is a dog", Stance::Stated),
            ("There is not only a dog", Stance::Stated),
            ("不仅有狗", Stance::Stated),
            ("无疑有狗", Stance::Stated),
            ("I don't think there is a dog", Stance::Denied),
            ("There are neither dogs nor cats", Stance::Denied),
            ("no sign of a dog", Stance::Denied),
            ("未发现图中有狗", Stance::Denied),
            ("我不认为图中有狗", Stance::Denied),
            ("I don't think there is no dog", Stance::Tangled),
            ("I am not sure if there is one", Stance::Doubted),
            ("无法判断", Stance::Doubted),
            ("bus no 5", Stance::Stated),
        ] {
            assert_eq!(read(text), stance, "of {text:?}");
        }
    }

    #[test]
    fn a_negation_ends_at_a_place() {
        let text = words("no trees in front of the house");
        let polarity = Polarity::of(&text);
        assert_eq!(polarity.stance_at(&text, text.find("trees").unwrap()), Stance::Denied);
        assert_eq!(polarity.stance_at(&text, text.find("house").unwrap()), Stance::Stated);
    }
}
