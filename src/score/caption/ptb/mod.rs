/*!
The Penn Treebank tokenizer that caption scores are defined on, as
`salaniz/pycocoevalcap tokenizer/ptbtokenizer.py` runs it: Stanford CoreNLP 3.4.1's `PTBTokenizer`
with `-preserveLines -lowerCase`, then punctuation dropped.

Written from the tool's observed behaviour. Owns tokens; must not know what is counted with them.

The Java tool reads all captions as one text, so that what follows a caption can change its last
token ("in the U.S." before "The man" ends with a period of its own). [`Context::WholeCorpus`] keeps
that, [`Context::EachCaption`] does not.
*/

mod class_table;
mod classes;
mod lexer;
mod lowercase;
mod pattern;
mod rewrite;
mod rules;

use thiserror::Error;

use crate::score::python_text::is_whitespace;
use classes::ClassifiedText;
use lexer::{Lexer, Match};
use rules::{Action, RULES};

/// Tokens that the reference drops. The brackets are spelt in capitals there while the tokens are
/// in lower case, so no bracket is ever dropped.
const DROPPED: [&str; 13] = ["''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";"];

/// Characters other than `\n` that end a line for the Java tool and so shift every later caption.
const LINE_BREAKS: [char; 5] = ['\r', '\u{0B}', '\u{0C}', '\u{2028}', '\u{2029}'];

/// What a caption is read together with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Context {
    /// All captions as one text, as the reference does: official scores.
    WholeCorpus,
    /// Each caption by itself, so that its tokens never depend on its neighbours. Not the official
    /// reading: it differs where a caption ends with an abbreviation.
    EachCaption,
}

/// What to do with a line break inside a caption other than `\n`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LineBreaks {
    /// Refuse: the reference would hand every later caption the tokens of the one before it.
    Refuse,
    /// Do exactly what the reference does, shifted captions included.
    Reproduce,
}

/// Why captions were not tokenized.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TokenizeError {
    /// A caption holds a character that ends a line for the Java tool.
    #[error(
        "caption {position} holds the line break {character:?}, which makes the reference tokenizer \
         give every later caption the tokens of its predecessor; remove it, or ask for the \
         reference's own behaviour"
    )]
    LineBreak {
        /// Position of the caption, from 0.
        position: usize,
        /// The character.
        character: char,
    },
}

/// Tokenizes captions; each result is the kept tokens, joined by single spaces.
pub fn tokenize<S: AsRef<str>>(
    captions: &[S],
    context: Context,
    line_breaks: LineBreaks,
) -> Result<Vec<String>, TokenizeError> {
    if line_breaks == LineBreaks::Refuse {
        refuse_line_breaks(captions)?;
    }
    Ok(match context {
        Context::WholeCorpus => tokenize_together(captions),
        Context::EachCaption => {
            let mut lexer = Lexer::new();
            captions.iter().map(|caption| tokenize_alone(&mut lexer, caption.as_ref())).collect()
        }
    })
}

/// The tokenizer's own output for a text, one line per line, before punctuation is dropped.
pub fn raw_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    lex(&mut Lexer::new(), text, |line| lines.push(line.to_owned()));
    lines
}

fn refuse_line_breaks<S: AsRef<str>>(captions: &[S]) -> Result<(), TokenizeError> {
    for (position, caption) in captions.iter().enumerate() {
        if let Some(character) = find_line_break(caption.as_ref()) {
            return Err(TokenizeError::LineBreak { position, character });
        }
    }
    Ok(())
}

fn find_line_break(caption: &str) -> Option<char> {
    // At the very end it makes one line break with the "\n" that joins captions.
    let caption = caption.strip_suffix('\r').unwrap_or(caption);
    let may_break = |byte: &u8| matches!(byte, b'\r' | 0x0B | 0x0C) || !byte.is_ascii();
    // Nearly every caption ends here, without being decoded.
    if !caption.as_bytes().iter().any(may_break) {
        return None;
    }
    caption.chars().find(|character| LINE_BREAKS.contains(character))
}

fn tokenize_together<S: AsRef<str>>(captions: &[S]) -> Vec<String> {
    let length = captions.iter().map(|caption| caption.as_ref().len() + 1).sum();
    let mut text = String::with_capacity(length);
    for (position, caption) in captions.iter().enumerate() {
        if position > 0 {
            text.push('\n');
        }
        push_as_line(&mut text, caption.as_ref());
    }
    let mut tokenized = Vec::with_capacity(captions.len());
    lex(&mut Lexer::new(), &text, |line| tokenized.push(keep_words(line)));
    // The reference pairs captions with lines and ignores whatever is left over.
    tokenized.resize(captions.len(), String::new());
    tokenized
}

fn tokenize_alone(lexer: &mut Lexer, caption: &str) -> String {
    let mut line = String::with_capacity(caption.len());
    push_as_line(&mut line, caption);
    let mut first = None;
    lex(lexer, &line, |tokens| {
        first.get_or_insert_with(|| keep_words(tokens));
    });
    first.unwrap_or_default()
}

fn push_as_line(text: &mut String, caption: &str) {
    if caption.contains('\n') {
        text.push_str(&caption.replace('\n', " "));
    } else {
        text.push_str(caption);
    }
}

/// Drops punctuation from a line of output.
fn keep_words(line: &str) -> String {
    let mut kept = String::with_capacity(line.len());
    let mut is_first = true;
    for token in line.trim_end_matches(is_whitespace).split(' ') {
        if DROPPED.contains(&token) {
            continue;
        }
        if !std::mem::take(&mut is_first) {
            kept.push(' ');
        }
        kept.push_str(token);
    }
    kept.shrink_to_fit();
    kept
}

/// Reads a text and hands over its lines of lower-cased tokens.
fn lex(lexer: &mut Lexer, text: &str, mut line_done: impl FnMut(&str)) {
    let text = ClassifiedText::new(text);
    let mut lines = LineWriter { line: String::new(), line_done: &mut line_done };
    let mut position = 0;
    while position < text.classes().len() {
        let found = lexer.next(text.classes(), position);
        position = lines.take(&text, position, found);
    }
    lines.flush();
}

struct LineWriter<'f> {
    line: String,
    line_done: &'f mut dyn FnMut(&str),
}

impl LineWriter<'_> {
    /// Writes the token of a match and returns where to read on.
    fn take(&mut self, text: &ClassifiedText<'_>, from: usize, found: Match) -> usize {
        let action = RULES[found.rule].action;
        let (token_end, next) = match action {
            Action::Skip => return found.end,
            Action::NewLine => {
                self.flush();
                return found.end;
            }
            Action::Split(length) => (from + length, from + length),
            Action::AcronymAtSentenceEnd if found.end - from == 2 => (found.end - 1, found.end - 1),
            Action::AcronymAtSentenceEnd | Action::RepeatLast => (found.end, found.end - 1),
            _ => (found.end, found.end),
        };
        self.write(&rewrite::token(action, text.slice(from, token_end)));
        next
    }

    fn write(&mut self, token: &str) {
        if !self.line.is_empty() {
            self.line.push(' ');
        }
        lowercase::push_lower_case(&mut self.line, token);
    }

    /// A token may hold a line break of its own (a quoted attribute of a tag).
    fn flush(&mut self) {
        let line = std::mem::take(&mut self.line);
        for part in line.split('\n') {
            (self.line_done)(part);
        }
        self.line = line;
        self.line.clear();
    }
}
