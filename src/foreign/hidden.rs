//! Which characters do something rather than show something.

/// Whether a character is never shown as it is, wherever it stands: it acts on a terminal, turns the
/// direction of the text around, breaks lines unseen, or takes no room.
///
/// Line feed, tab, and the joiners and variation selectors that some scripts and emoji need are not
/// among these.
pub fn is_hidden(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        // C0, DEL and C1: 0x9b is as good as ESC [ to a terminal.
        _ if c.is_control() => true,
        // Direction marks, overrides, embeddings and isolates, and those that are deprecated.
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}' => {
            true
        }
        // Line and paragraph separators.
        '\u{2028}' | '\u{2029}' => true,
        // Of no width: soft hyphen, joiners of graphemes and words, invisible operators, byte order
        // mark, annotations, controls of shorthand and music, and vowels that Khmer does not write.
        '\u{ad}'
        | '\u{34f}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180e}'
        | '\u{200b}'
        | '\u{2060}'..='\u{2065}'
        | '\u{feff}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' => true,
        // Letters that show nothing: the Hangul fillers.
        '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' => true,
        // Tags, and what else Unicode keeps for characters that are not shown.
        '\u{e0000}'..='\u{e00ff}' | '\u{e01f0}'..='\u{e0fff}' => true,
        _ => false,
    }
}

fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// Characters that choose a form of the one before them.
fn is_selector(c: char) -> bool {
    matches!(
        c,
        '\u{180b}'..='\u{180d}' | '\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}'
    )
}

/// Whether a name that is compared and typed may have this character: it shows, by itself.
pub(crate) fn is_plain(c: char) -> bool {
    !(is_hidden(c) || is_joiner(c) || is_selector(c))
}

/// What stands before a character.
#[derive(Debug, Default)]
pub(super) struct Context {
    /// The character before, if it is shown.
    before: Option<char>,
}

impl Context {
    /// Whether a character is shown as it is, before `next`.
    ///
    /// Joiners are where they stand between two characters of scripts or emoji, a selector behind one
    /// that it can be about; elsewhere they hide something.
    pub(super) fn shows(&self, c: char, next: Option<char>) -> bool {
        if is_joiner(c) {
            let joins = |c: char| !c.is_ascii() && is_plain(c);
            let ends = |c: char| !c.is_ascii() && !is_joiner(c);
            return self.before.is_some_and(ends) && next.is_some_and(joins);
        }
        if is_selector(c) {
            // Digits have an emoji form.
            let varies = |c: char| is_plain(c) && (!c.is_ascii() || "0123456789#*".contains(c));
            return self.before.is_some_and(varies);
        }
        !is_hidden(c)
    }

    /// Goes on behind a character.
    pub(super) fn follow(&mut self, c: char, is_shown: bool) {
        self.before = is_shown.then_some(c);
    }
}
