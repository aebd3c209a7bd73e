//! The places at which an answer names an option, how strongly, and what is done to it there.

use std::collections::HashMap;
use std::ops::Range;

use super::super::clause::words_with_places;
use super::super::clause::{Clause, clauses};
use super::super::polarity::{Polarity, Stance};
use super::super::yes_no::takes_back;
use super::letter;
use super::tokens::{Token, option_tokens, tokens};

/// How strongly an option is put forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Force {
    /// Within a sentence.
    Plain,
    /// As the heading of a line.
    Heading,
    /// As the answer.
    Declared,
}

/// A place that names an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mention {
    /// The option's index.
    pub(super) option: usize,
    /// Where, in the folded text.
    pub(super) place: Range<usize>,
    /// Whether by its letter, not its text.
    pub(super) is_letter: bool,
    pub(super) force: Force,
    stance: Stance,
    /// Whether what stands behind it denies it.
    is_denied_behind: bool,
    is_asked: bool,
    /// Another option whose text stands right behind the letter.
    pub(super) contradicted_by: Option<usize>,
}

impl Mention {
    /// Whether the answer says that this is so.
    pub(super) fn is_asserted(&self) -> bool {
        self.stance == Stance::Stated && !self.is_asked
    }

    /// Whether the answer says that this is not so.
    pub(super) fn is_denied(&self) -> bool {
        self.stance == Stance::Denied && !self.is_asked
    }
}

/// All mentions of an answer.
#[derive(Debug)]
pub(super) struct Mentions {
    all: Vec<Mention>,
    /// The options that are named, if the answer is nothing else.
    alone: Option<Vec<usize>>,
    /// Where the last correction begins.
    corrected_at: Option<usize>,
}

impl Mentions {
    pub(super) fn of(folded: &str, options: &[String]) -> Self {
        let tokens = tokens(folded);
        let wordings: Vec<Vec<String>> = options
            .iter()
            .map(|option| option_tokens(&super::super::clause::fold(option)))
            .collect();
        let texts = texts(&tokens, &wordings, folded);
        let scene = Scene { folded, tokens: &tokens, wordings: &wordings };
        let alone = scene.alone(&texts);
        let all = scene.mentions(texts, options.len());
        let corrected_at = clauses(folded)
            .iter()
            .skip(1)
            .rev()
            .find(|clause| takes_back(clause))
            .map(|clause| clause.start);
        Self { all, alone, corrected_at }
    }

    pub(super) fn nothing_else(&self) -> Option<Vec<usize>> {
        self.alone.clone()
    }

    /// The mentions behind the last correction; if there are none there, those before it no longer
    /// count as said.
    pub(super) fn since_correction(&self) -> &[Mention] {
        let Some(at) = self.corrected_at else { return &self.all };
        let first = self.all.partition_point(|one| one.place.start < at);
        &self.all[first..]
    }
}

/// A text with what is looked for in it.
struct Scene<'s> {
    folded: &'s str,
    tokens: &'s [Token],
    wordings: &'s [Vec<String>],
}

/// An option's text at a range of tokens.
#[derive(Debug, Clone)]
struct TextFound {
    option: usize,
    tokens: Range<usize>,
}

/// The texts of options, from left to right, the longest at each place.
fn texts(tokens: &[Token], wordings: &[Vec<String>], folded: &str) -> Vec<TextFound> {
    let mut by_first: HashMap<&str, Vec<usize>> = HashMap::new();
    for (option, wording) in wordings.iter().enumerate() {
        if let Some(first) = wording.first() {
            by_first.entry(first).or_default().push(option);
        }
    }
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let starting = by_first.get(tokens[at].text.as_str());
        let fits = |option: &&usize| {
            let wording = &wordings[**option];
            tokens[at..].len() >= wording.len()
                && wording.iter().zip(&tokens[at..]).all(|(word, token)| *word == token.text)
        };
        let longest = starting
            .and_then(|all| all.iter().filter(fits).max_by_key(|one| wordings[**one].len()));
        match longest {
            Some(&option) if !is_shaded(tokens, at, folded) => {
                let end = at + wordings[option].len();
                found.push(TextFound { option, tokens: at..end });
                at = end;
            }
            _ => at += 1,
        }
    }
    found
}

/// Whether a Chinese colour has a shade in front, with which it is another colour (粉红色).
fn is_shaded(tokens: &[Token], at: usize, folded: &str) -> bool {
    const COLOURS: &str = "红绿蓝黄紫灰褐棕";
    const SHADES: &str = "粉深浅淡暗橙紫玫桃嫩墨天翠酒砖枣橘";
    let Some(before) = at.checked_sub(1).map(|index| &tokens[index]) else { return false };
    let touches = before.place.end == tokens[at].place.start;
    touches
        && SHADES.contains(&folded[before.place.clone()])
        && COLOURS.contains(&folded[tokens[at].place.clone()])
}

impl Scene<'_> {
    /// The options of an answer that is nothing but their letters, or one's text.
    fn alone(&self, texts: &[TextFound]) -> Option<Vec<usize>> {
        let whole = texts.iter().find(|found| self.is_all(&found.tokens));
        let is_linked =
            |token: &&Token| !matches!(token.text.as_str(), "and" | "or" | "和" | "或" | "&");
        let letters: Option<Vec<usize>> = self
            .tokens
            .iter()
            .filter(is_linked)
            .map(|token| letter::index(&self.folded[token.place.clone()], self.wordings.len()))
            .collect();
        let letters = letters.filter(|all| !all.is_empty());
        if self.folded.trim_end().ends_with('?') {
            return None;
        }
        match (letters, whole) {
            (None, None) => None,
            (Some(letters), None) => Some(letters),
            (letters, Some(text)) => {
                let mut named = letters.unwrap_or_default();
                named.push(text.option);
                Some(named)
            }
        }
    }

    /// Whether these tokens are all there are, an article in front apart.
    fn is_all(&self, range: &Range<usize>) -> bool {
        let is_first = range.start == 0 || (range.start == 1 && self.opens_with_article());
        is_first && range.end == self.tokens.len()
    }

    fn opens_with_article(&self) -> bool {
        let Some(first) = self.tokens.first() else { return false };
        let is_article = matches!(first.text.as_str(), "a" | "an" | "the");
        is_article && self.folded[first.place.end..].starts_with(' ')
    }

    fn mentions(&self, texts: Vec<TextFound>, option_count: usize) -> Vec<Mention> {
        let covered = self.covered(&texts);
        let letters = (0..self.tokens.len()).filter(|at| !covered[*at]).filter_map(|at| {
            let option = letter::mentioned(self.folded, self.tokens, at, option_count)?;
            Some((option, at..at + 1, true))
        });
        let texts = texts.into_iter().map(|found| (found.option, found.tokens, false));
        let mut found: Vec<(usize, Range<usize>, bool)> = letters.chain(texts).collect();
        found.sort_by_key(|(_, tokens, _)| tokens.start);
        let mut all: Vec<Mention> = Vec::with_capacity(found.len());
        let clauses = clauses(self.folded);
        let mut current = Current::default();
        for (option, tokens, is_letter) in found {
            let place =
                self.tokens[tokens.start].place.start..self.tokens[tokens.end - 1].place.end;
            current.move_to(&clauses, place.start);
            let mention = self.mention(option, place, is_letter, &current, all.last());
            all.push(mention);
        }
        for at in 1..all.len() {
            self.note_contradiction(&mut all, at);
        }
        self.deny_linked(&mut all);
        one_heading_or_many(&mut all, self.folded);
        all
    }

    /// The tokens within texts longer than a letter.
    fn covered(&self, texts: &[TextFound]) -> Vec<bool> {
        let mut covered = vec![false; self.tokens.len()];
        for found in texts.iter().filter(|found| found.tokens.len() > 1) {
            covered[found.tokens.clone()].fill(true);
        }
        covered
    }

    fn mention(
        &self,
        option: usize,
        place: Range<usize>,
        is_letter: bool,
        current: &Current<'_>,
        previous: Option<&Mention>,
    ) -> Mention {
        let after = letter::behind(self.folded, &place, &self.wordings[option], is_letter);
        let linked = previous.filter(|one| {
            letter::are_linked(self.between(&one.place, &place), &self.folded[place.end..])
        });
        let before = letter::before(self.folded, place.start);
        let (mut force, mut stance) = (Force::Plain, current.stance_at(place.start));
        if letter::is_line(self.folded, &place) {
            force = Force::Declared;
        } else if is_letter && letter::is_heading(self.folded, &place) {
            force = Force::Heading;
        }
        if letter::is_announced(&before) || letter::is_confirmed(&after) {
            force = Force::Declared;
        }
        if let Some(previous) = linked {
            force = force.max(previous.force);
        }
        let is_denied_behind = letter::is_denied(&after);
        if is_denied_behind {
            stance = Stance::Denied;
        }
        let (is_asked, contradicted_by) = (current.is_asked(), None);
        Mention {
            option,
            place,
            is_letter,
            force,
            stance,
            is_denied_behind,
            is_asked,
            contradicted_by,
        }
    }

    /// Denies what is joined to a denied mention behind it: "A, B and D are wrong".
    fn deny_linked(&self, all: &mut [Mention]) {
        for at in (1..all.len()).rev() {
            let (before, one) = (&all[at - 1], &all[at]);
            let between = self.between(&before.place, &one.place);
            if one.is_denied_behind && letter::are_linked(between, &self.folded[one.place.end..]) {
                all[at - 1].stance = Stance::Denied;
                all[at - 1].is_denied_behind = true;
            }
        }
    }

    fn between(&self, left: &Range<usize>, right: &Range<usize>) -> &str {
        self.folded.get(left.end..right.start).unwrap_or_default()
    }

    /// Notes that another option's text stands right behind a letter.
    fn note_contradiction(&self, all: &mut [Mention], at: usize) {
        let (letter, text) = (&all[at - 1], &all[at]);
        let between = self.between(&letter.place, &text.place);
        let is_right_behind = between.chars().all(|c| !c.is_alphanumeric())
            || matches!(
                between.trim_start_matches(['.', ')', ':', ',', ' ']),
                "it is "
                    | "It is "
                    | "It's "
                    | "is "
                    | "a "
                    | "an "
                    | "the "
                    | "A "
                    | "An "
                    | "The "
                    | "It is a "
                    | "It's a "
                    | "it is a "
                    | "It is the "
            );
        let tail =
            self.folded[text.place.end..].trim_start_matches(['*', '"', '\'', ')', '`', '}']);
        let ends = tail.trim_start_matches(' ').is_empty()
            || tail.starts_with(['.', '\n', '!', ',', ';', '。']);
        let disagrees = letter.is_letter && !text.is_letter && letter.option != text.option;
        if disagrees && is_right_behind && ends && text.stance == Stance::Stated {
            all[at - 1].contradicted_by = Some(all[at].option);
        }
    }
}

/// One heading at the very start is the answer; headings of several options are a list.
fn one_heading_or_many(all: &mut [Mention], folded: &str) {
    let is_heading = |one: &&Mention| one.force == Force::Heading;
    let first = all.iter().find(is_heading).map(|one| one.option);
    let are_one = all.iter().filter(is_heading).all(|one| Some(one.option) == first);
    let opens = |one: &Mention| !folded[..one.place.start].contains(|c: char| c.is_alphanumeric());
    // "A: 10%, B: 85%" weighs the options.
    let weighed = |one: &&Mention| one.is_letter && letter::has_share(folded, &one.place);
    if all
        .iter()
        .filter(weighed)
        .any(|one| all.first().is_some_and(|opening| opening.option != one.option))
    {
        for one in
            all.iter_mut().filter(|one| one.is_letter && letter::has_share(folded, &one.place))
        {
            one.force = one.force.min(Force::Plain);
        }
        return;
    }
    if let Some(opening) = all.first_mut().filter(|one| one.force == Force::Heading)
        && are_one
        && opens(opening)
    {
        opening.force = Force::Declared;
    }
}

/// The clause that is being read, with its polarity.
#[derive(Default)]
struct Current<'c> {
    index: usize,
    clause: Option<Clause<'c>>,
    words: String,
    places: Vec<usize>,
    polarity: Polarity,
}

impl<'c> Current<'c> {
    fn move_to(&mut self, clauses: &[Clause<'c>], place: usize) {
        let is_past = |clause: &Clause<'_>| clause.start + clause.raw.len() <= place;
        let before = self.index;
        while clauses.get(self.index).is_some_and(is_past) {
            self.index += 1;
        }
        if self.clause.is_none() || self.index != before {
            self.clause = clauses.get(self.index).cloned();
            let raw = self.clause.as_ref().map_or("", |clause| clause.raw);
            (self.words, self.places) = words_with_places(raw);
            self.polarity = Polarity::of(&self.words);
        }
    }

    fn stance_at(&self, place: usize) -> Stance {
        let start = self.clause.as_ref().map_or(0, |clause| clause.start);
        let within = place.checked_sub(start).and_then(|offset| self.places.get(offset));
        within.map_or(Stance::Stated, |at| self.polarity.stance_at(&self.words, *at))
    }

    fn is_asked(&self) -> bool {
        self.clause.as_ref().is_some_and(|clause| clause.is_asked)
    }
}
