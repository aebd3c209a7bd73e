/*!
Finds the rule that wins at each position: the longest match, look-ahead included, and of equally
long ones the first.

One lazily built automaton runs all rules side by side; where the winner looks ahead, two small ones
find where its body ends. Knows nothing of what is made of a match.
*/

use std::collections::HashSet;
use std::sync::LazyLock;

use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, Config, DFA};
use regex_automata::nfa::thompson;
use regex_automata::util::{start, syntax};
use regex_automata::{Anchored, MatchKind};

use super::pattern::expand;
use super::rules::{RULES, Rule};

/// Room for the states of the automaton of all rules; a caption corpus needs a fraction of it.
const CACHE_BYTES: usize = 32 << 20;

static AUTOMATA: LazyLock<Automata> = LazyLock::new(Automata::build);

struct Automata {
    all_rules: DFA,
    /// Body and look-ahead of each rule that has one.
    parts: Vec<Option<(DFA, DFA)>>,
}

impl Automata {
    fn build() -> Self {
        let whole: Vec<String> = RULES.iter().map(whole_pattern).collect();
        let parts = RULES.iter().map(|rule| {
            let has_look = !rule.look.is_empty();
            has_look.then(|| (automaton(&[expand(rule.body)]), automaton(&[expand(rule.look)])))
        });
        Self { all_rules: automaton(&whole), parts: parts.collect() }
    }
}

fn whole_pattern(rule: &Rule) -> String {
    format!("(?:{})(?:{})", expand(rule.body), expand(rule.look))
}

fn automaton(patterns: &[String]) -> DFA {
    let config = Config::new()
        .match_kind(MatchKind::All)
        .cache_capacity(CACHE_BYTES)
        .skip_cache_capacity_check(true);
    let built = DFA::builder()
        .configure(config)
        .syntax(syntax::Config::new().unicode(false).utf8(false))
        .thompson(thompson::Config::new().utf8(false).shrink(false))
        .build_many(patterns);
    match built {
        Ok(dfa) => dfa,
        Err(error) => unreachable!("the rules are constants and do compile: {error}"),
    }
}

/// The winner at a position.
#[derive(Debug, Clone, Copy)]
pub(super) struct Match {
    /// Index into [`RULES`].
    pub(super) rule: usize,
    /// Where the body ends.
    pub(super) end: usize,
}

/// At every so many bytes of a text it is remembered that nothing more is found from there. Captions are shorter than
/// a few of these, so that they pay nothing for it.
const REMEMBERED_EVERY: usize = 64;

/// States of the automaton, each at a place of the text, from which no match is reached any more.
///
/// A rule may hope for an `@` or a `.com` up to the end of the text. Where a text disappoints it at every token,
/// the lexer would read it to its end as often as it has tokens; so a hope that was lost once is not followed again
/// (Reps, "Maximal munch" tokenization in linear time, 1998).
#[derive(Default)]
struct DeadEnds {
    known: HashSet<(LazyStateID, usize)>,
    /// Those of the match that is being looked for, since the last one that was found.
    hoped: Vec<(LazyStateID, usize)>,
    /// How often the automaton's states had been made anew when these were.
    clear_count: usize,
}

impl DeadEnds {
    /// Forgets states that mean something else by now.
    fn keep_to(&mut self, cache: &Cache) {
        if self.clear_count != cache.clear_count() {
            *self = Self { clear_count: cache.clear_count(), ..Self::default() };
        }
    }

    /// Whether a match may still come; notes the state if so.
    fn may_go_on(&mut self, cache: &Cache, state: LazyStateID, place: usize) -> bool {
        self.keep_to(cache);
        if self.known.contains(&(state, place)) {
            return false;
        }
        self.hoped.push((state, place));
        true
    }

    /// Nothing came of what was hoped for.
    fn close(&mut self, cache: &Cache) {
        self.keep_to(cache);
        self.known.extend(self.hoped.drain(..));
    }
}

/// The working memory of one reading of one text.
pub(super) struct Lexer {
    all_rules: Cache,
    dead_ends: DeadEnds,
    parts: Vec<Option<(Cache, Cache)>>,
}

impl Lexer {
    pub(super) fn new() -> Self {
        let caches = |(body, look): &(DFA, DFA)| (body.create_cache(), look.create_cache());
        Self {
            all_rules: AUTOMATA.all_rules.create_cache(),
            dead_ends: DeadEnds::default(),
            parts: AUTOMATA.parts.iter().map(|part| part.as_ref().map(caches)).collect(),
        }
    }

    /// The winner at `from`; there is always one before the end of the text, because the last rule
    /// takes any character.
    pub(super) fn next(&mut self, classes: &[u8], from: usize) -> Match {
        if from == 0 {
            // Another text.
            self.dead_ends = DeadEnds::default();
        }
        let mut best = self.longest(classes, from);
        if let (Some((body, look)), Some((body_cache, look_cache))) =
            (&AUTOMATA.parts[best.rule], &mut self.parts[best.rule])
        {
            let whole = &classes[from..best.end];
            best.end = from + body_length(whole, (body, body_cache), (look, look_cache));
        }
        best
    }
}

impl Lexer {
    /// The longest match at `from`, look-ahead included.
    fn longest(&mut self, classes: &[u8], from: usize) -> Match {
        let Self { all_rules: cache, dead_ends, .. } = self;
        let dfa = &AUTOMATA.all_rules;
        let mut best = Match { rule: RULES.len() - 1, end: from + 1 };
        dead_ends.hoped.clear();
        let anchored = start::Config::new().anchored(Anchored::Yes);
        let Ok(mut state) = dfa.start_state(cache, &anchored) else { return best };
        // A state says that it matches one byte late.
        for (place, byte) in classes.iter().enumerate().skip(from) {
            let Ok(next) = dfa.next_state(cache, state, *byte) else { return best };
            state = next;
            if state.is_tagged() {
                if state.is_match() {
                    let rule = dfa.match_pattern(cache, state, 0).as_usize();
                    best = Match { rule, end: place };
                    dead_ends.hoped.clear();
                } else if state.is_dead() {
                    dead_ends.close(cache);
                    return best;
                }
            }
            if place % REMEMBERED_EVERY == 0 && !dead_ends.may_go_on(cache, state, place) {
                dead_ends.close(cache);
                return best;
            }
        }
        let Ok(end) = dfa.next_eoi_state(cache, state) else { return best };
        match end.is_match() {
            true => {
                let rule = dfa.match_pattern(cache, end, 0).as_usize();
                Match { rule, end: classes.len() }
            }
            false => {
                dead_ends.close(cache);
                best
            }
        }
    }
}

/// The longest body such that all the rest is look-ahead.
fn body_length(whole: &[u8], body: (&DFA, &mut Cache), look: (&DFA, &mut Cache)) -> usize {
    let mut ends = Vec::new();
    run(body.0, body.1, whole, |length, _| ends.push(length));
    let is_look = |rest: &[u8], cache: &mut Cache| {
        let mut longest = 0;
        run(look.0, cache, rest, |length, _| longest = length);
        !rest.is_empty() && longest == rest.len()
    };
    ends.into_iter().rev().find(|end| is_look(&whole[*end..], look.1)).unwrap_or(whole.len())
}

/// Calls `matched` with length and first pattern of every match that starts where `input` does,
/// shortest first.
fn run(dfa: &DFA, cache: &mut Cache, input: &[u8], mut matched: impl FnMut(usize, usize)) {
    let anchored = start::Config::new().anchored(Anchored::Yes);
    let Ok(mut state) = dfa.start_state(cache, &anchored) else { return };
    // A state says that it matches one byte late.
    for (position, byte) in input.iter().enumerate() {
        let Ok(next) = dfa.next_state(cache, state, *byte) else { return };
        state = next;
        if state.is_tagged() {
            if state.is_match() {
                matched(position, dfa.match_pattern(cache, state, 0).as_usize());
            } else if state.is_dead() {
                return;
            }
        }
    }
    let Ok(end) = dfa.next_eoi_state(cache, state) else { return };
    if end.is_match() {
        matched(input.len(), dfa.match_pattern(cache, end, 0).as_usize());
    }
}
