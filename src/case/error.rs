//! What can be wrong with case files and the folder of them.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::foreign;
use crate::geometry::{GeometryError, PixelBox, PixelSize};

/// Most characters of a message on one line.
const LONGEST_HEADLINE: usize = 4_000;

/// A place in a text, both numbers from 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Character within the line.
    pub column: usize,
}

/// What is wrong with a case file, and where.
///
/// Displays as `path:line:column: message`, then the line with a mark under the place.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseError(Box<Inner>);

#[derive(Debug, Clone, PartialEq)]
struct Inner {
    path: PathBuf,
    spot: Option<Spot>,
    problem: Problem,
}

#[derive(Debug, Clone, PartialEq)]
struct Spot {
    position: Position,
    line: String,
}

impl CaseError {
    /// An error at a byte of the file's text.
    pub(super) fn at(path: &Path, text: &str, offset: usize, problem: Problem) -> Self {
        let offset = text.floor_char_boundary(offset);
        let start = text[..offset].rfind('\n').map_or(0, |newline| newline + 1);
        let line = text[start..].lines().next().unwrap_or_default().to_owned();
        let position = Position {
            line: text[..start].matches('\n').count() + 1,
            column: text[start..offset].chars().count() + 1,
        };
        let spot = Some(Spot { position, line });
        Self(Box::new(Inner { path: path.to_owned(), spot, problem }))
    }

    /// An error at a place of a data file, of whose line only what is around the place is given:
    /// `line` begins `skipped` characters before it.
    pub(crate) fn in_data(path: &Path, place: Option<(Position, String)>, problem: String) -> Self {
        let spot = place.map(|(position, line)| Spot { position, line });
        let problem = Problem::Data(problem);
        Self(Box::new(Inner { path: path.to_owned(), spot, problem }))
    }

    /// An error about a file whose text cannot be had.
    pub(super) fn of_file(path: &Path, problem: Problem) -> Self {
        Self(Box::new(Inner { path: path.to_owned(), spot: None, problem }))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// The place in it, unless the file could not be read at all.
    pub fn position(&self) -> Option<Position> {
        self.0.spot.as_ref().map(|spot| spot.position)
    }

    /// What is wrong.
    pub fn problem(&self) -> &Problem {
        &self.0.problem
    }

    /// `path:line:column: message` alone, on one line, not too long, and with hidden characters
    /// escaped.
    pub fn headline(&self) -> String {
        let Inner { path, spot, problem } = &*self.0;
        let headline = match spot {
            Some(Spot { position: Position { line, column }, .. }) => {
                format!("{}:{line}:{column}: {problem}", path.display())
            }
            None => format!("{}: {problem}", path.display()),
        };
        foreign::line(&foreign::cut(&headline, LONGEST_HEADLINE)).into_owned()
    }
}

impl std::error::Error for CaseError {}

impl fmt::Display for CaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.headline())?;
        match &self.0.spot {
            Some(spot) if !spot.line.trim().is_empty() => f.write_str(&excerpt(spot)),
            _ => Ok(()),
        }
    }
}

/// The line with its number, and a caret under the place; of a long line only what is around it.
fn excerpt(Spot { position, line }: &Spot) -> String {
    const LONGEST: usize = 140;
    let place = position.column - 1;
    let first = if place < LONGEST { 0 } else { place - LONGEST / 2 };
    let shown: String = line.chars().skip(first).take(LONGEST).map(printable).collect();
    let before: String = line.chars().skip(first).take(place - first).map(blank).collect();
    let number = position.line.to_string();
    let margin = " ".repeat(number.len());
    format!("\n{number} | {shown}\n{margin} | {before}^")
}

/// The character, unless it would act on the terminal.
fn printable(c: char) -> char {
    if foreign::is_hidden(c) { '\u{FFFD}' } else { c }
}

/// White space as wide as the character is shown.
fn blank(c: char) -> char {
    match u32::from(c) {
        0x09 => '\t',
        0x1100..=0x115F
        | 0x2E80..=0xA4CF
        | 0xAC00..=0xD7A3
        | 0xF900..=0xFAFF
        | 0xFE30..=0xFE6F
        | 0xFF00..=0xFF60
        | 0x1F300..=0x1FAFF
        | 0x20000..=0x3FFFD => '\u{3000}',
        _ => ' ',
    }
}

/// What can be wrong with a case file. Each message says what was found and what would be right.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Problem {
    /// The file cannot be opened or read.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// The file is no text in UTF-8.
    #[error("not UTF-8 from here on; save the file as UTF-8")]
    NotUtf8,
    /// The file holds nothing.
    #[error(
        "the file is empty; write a case such as (images: [\"a.png\"], prompt: \"What is this?\")"
    )]
    EmptyFile,
    /// The file is longer than any case is.
    #[error("longer than {limit} bytes; a case is a few lines, so this seems to be another file")]
    TooLarge {
        /// The largest size that is read.
        limit: u64,
    },
    /// What a data set says cannot be.
    #[error("{0}")]
    DataSet(String),
    /// A file of a data set is not as it should be.
    #[error("{0}")]
    Data(String),
    /// A metric compares with something else.
    #[error("{metric} compares with {expected}, found {found}")]
    MetricTruth {
        /// The metric.
        metric: super::Metric,
        /// With what.
        expected: &'static str,
        /// What was found.
        found: String,
    },
    /// The text is not RON, or not of the form of a case.
    #[error("{0}")]
    Syntax(String),
    /// The `defaults.ron` that applies is itself wrong.
    #[error("not checked, because {} applies to it and is wrong", .0.display())]
    BrokenDefaults(PathBuf),
    /// The name cannot stand in a test's name or in a file's.
    #[error(
        "{0:?} cannot be part of a case's name; use letters, digits, `_`, `-` and inner dots; \
         rename the file or \
         folder, or set `id` in place of the file's name"
    )]
    Name(String),
    /// The name would make names of files that no system takes.
    #[error(
        "the name takes {found} bytes of its snapshot's file name, expected {limit} at most; rename \
         the file or folder, or set a shorter `id`"
    )]
    NameLength {
        /// How many it takes.
        found: usize,
        /// The most.
        limit: usize,
    },
    /// Another case has the name too, or one whose snapshot would be the same file.
    #[error("the name {name:?} collides with {other_name:?} of {}; set another `id`", other.display())]
    NameCollision {
        /// The name.
        name: String,
        /// The other's name.
        other_name: String,
        /// The other's file.
        other: PathBuf,
    },
    /// The file was changed while it waited for its turn.
    #[error(
        "the case was called {before} when the run began, and is called {now} now; run it again"
    )]
    Renamed {
        /// The name it was found under.
        before: String,
        /// The name it has.
        now: String,
    },
    /// No picture is named.
    #[error("`images` is empty; name at least one picture, such as [\"a.png\"]")]
    NoImages,
    /// A picture is not there.
    #[error("no picture at {}{}", path.display(), did_you_mean(suggestion.as_deref()))]
    MissingImage {
        /// Where it was looked for.
        path: PathBuf,
        /// A file of a similar name.
        suggestion: Option<String>,
    },
    /// A picture cannot be read.
    #[error("{} is no picture that can be read: {reason}", path.display())]
    UnreadableImage {
        /// The file.
        path: PathBuf,
        /// What the decoder says.
        reason: String,
    },
    /// A picture is given by an address.
    #[error("{0:?} is an address; nothing is downloaded, so save the picture and name the file")]
    ImageAddress(String),
    /// Nothing is asked.
    #[error("nothing is asked; set `prompt`, or `turns` for a conversation")]
    NoPrompt,
    /// A preset for choices, and no options to choose from.
    #[error("`preset: Choice` lists the options of a `Choice` expectation, and there is none")]
    NoOptions,
    /// Both forms of a question are there.
    #[error("both `prompt` and `turns` are set; keep one")]
    PromptAndTurns,
    /// A text that must say something is empty.
    #[error("{what} is empty; {remedy}")]
    Empty {
        /// What is empty.
        what: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// A conversation out of order.
    #[error(
        "turn {number} is {found}, expected {expected}: user and assistant take turns, and the user opens and ends"
    )]
    TurnOrder {
        /// Which turn, from 1.
        number: usize,
        /// Whose it is.
        found: &'static str,
        /// Whose it should be.
        expected: &'static str,
    },
    /// The conversation ends with the model's turn.
    #[error("the last turn is the assistant's; end with the user's, which the model answers")]
    LastTurn,
    /// A turn of the assistant has an image marker.
    #[error("an <image> marker in an assistant's turn; only the user shows pictures")]
    MarkerInAnswer,
    /// The markers do not fit the pictures.
    #[error(
        "{markers} <image> in the text but {images} in `images`; write one marker for each, or none"
    )]
    MarkerCount {
        /// Markers in the text.
        markers: usize,
        /// Pictures of the case.
        images: usize,
    },
    /// Nothing could ever fail.
    #[error(
        "neither `expect` nor a snapshot judges the answer; set `expect`, or drop `snapshot: Off`"
    )]
    NothingJudged,
    /// A text that is empty once it is normalised.
    #[error("nothing is left of {0:?} after normalisation; use Regex to match punctuation")]
    NothingLeft(String),
    /// A pattern that does not compile.
    #[error("not a regular expression: {0}")]
    Regex(String),
    /// A pattern that is longer than one by hand is.
    #[error("the regular expression is {found} bytes long, expected {limit} at most")]
    RegexLength {
        /// Its length.
        found: usize,
        /// The longest.
        limit: usize,
    },
    /// A pattern that every answer matches.
    #[error("/{0}/ matches every text, so no answer could fail")]
    RegexMatchesAll(String),
    /// A number out of its range.
    #[error("{what} is {}, expected {expected}", readable(*found))]
    NumberRange {
        /// What it is.
        what: &'static str,
        /// What was found.
        found: f64,
        /// Its range, in words.
        expected: &'static str,
    },
    /// Beam search and drawing exclude each other.
    #[error(
        "num_beams is {beams} and temperature is {temperature}; beam search draws nothing: drop \
         num_beams, or set temperature to 0"
    )]
    BeamsAndDraws {
        /// The number of beams.
        beams: usize,
        /// The temperature.
        temperature: f64,
    },
    /// Several runs that can only be the same.
    #[error(
        "{times} runs of a greedy case give one answer {times} times; set generation.temperature \
         above 0, or drop `runs`"
    )]
    RunsWithoutDraws {
        /// How many.
        times: usize,
    },
    /// Several runs of which none can be right.
    #[error("`runs` counts right answers, and nothing is expected; set `expect`, or drop `runs`")]
    RunsWithoutExpectation,
    /// Fewest tokens above most.
    #[error("min_new_tokens is {min}, but max_new_tokens is {max}; expected at most as many")]
    TokenLimits {
        /// Fewest tokens.
        min: usize,
        /// Most tokens.
        max: usize,
    },
    /// An answer that is no option's letter.
    #[error("answer {found:?} names no option; expected a letter from \"A\" to \"{last}\"")]
    ChoiceAnswer {
        /// What was found.
        found: String,
        /// The last option's letter.
        last: char,
    },
    /// Too few or too many options.
    #[error("expected 2 to 26 options, found {0}")]
    ChoiceCount(usize),
    /// Two entries that mean the same.
    #[error("{0:?} is there twice; entries are compared after normalisation")]
    Repeated(String),
    /// A glob that is the key of two entries.
    #[error("{0:?} is there twice, and only the first would count")]
    RepeatedGlob(String),
    /// Four numbers that are no box.
    #[error("no box: {0}; expected (x1, y1, x2, y2) with x1 < x2 and y1 < y2, in pixels")]
    Box(GeometryError),
    /// A box that reaches beyond the picture.
    #[error("the box {bounds} reaches beyond the picture, which is {size} pixels")]
    BoxBeyondPicture {
        /// The box.
        bounds: PixelBox,
        /// The picture's size.
        size: PixelSize,
    },
    /// A glob that does not compile.
    #[error("not a glob over model names: {0}; `*` stands for any text, `?` for a character")]
    Glob(String),
    /// A glob that no model matches.
    #[error("no model matches {glob:?}; known are {}", known.join(", "))]
    NoSuchModel {
        /// The glob.
        glob: String,
        /// The models there are.
        known: Vec<String>,
    },
    /// A name that the registry does not have.
    #[error("eyechart.ron has no {field} {name:?}{}; known are {}", did_you_mean(suggestion.as_deref()), known.join(", "))]
    NoSuchName {
        /// `model` or `scorer`.
        field: &'static str,
        /// The name.
        name: String,
        /// A similar one.
        suggestion: Option<String>,
        /// The names there are.
        known: Vec<String>,
    },
    /// A figure without the least that passes.
    #[error(
        "`min` is missing: what is a good figure depends on the checkpoint; write the least that passes"
    )]
    NoLeast,
}

/// The number, without zeros that nobody counts.
fn readable(number: f64) -> String {
    let size = number.abs();
    match size == 0.0 || !size.is_finite() || (1e-6..1e16).contains(&size) {
        true => number.to_string(),
        false => format!("{number:e}"),
    }
}

fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |name| format!("; did you mean {name:?}?"))
}

/// Why there are no cases at all.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// The folder is not there.
    #[error("there is no folder {}; cases are RON files in it", .0.display())]
    NoFolder(PathBuf),
    /// A folder cannot be listed.
    #[error("the folder {} cannot be read: {source}", path.display())]
    Unreadable {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Folders lie in each other without end.
    #[error("folders nest more than {limit} deep at {}; move what is no case elsewhere", path.display())]
    TooDeep {
        /// The folder.
        path: PathBuf,
        /// The deepest.
        limit: usize,
    },
    /// There are more folders than any suite has: links show some again and again, perhaps.
    #[error(
        "more than {limit} folders of cases, the last at {}; do links show some of them again?",
        path.display()
    )]
    TooManyFolders {
        /// The folder.
        path: PathBuf,
        /// The most.
        limit: usize,
    },
    /// There is not one case in the folder.
    #[error("no case found: {} has no file that matches {pattern}", root.display())]
    NoCases {
        /// Where it was looked.
        root: PathBuf,
        /// For what.
        pattern: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_under_the_place() {
        let text = "(\n\tprompt: \"红色\", imags: 1)";
        let offset = text.find("imags").unwrap_or_default();
        let error = CaseError::at(Path::new("a.ron"), text, offset, Problem::NoPrompt);
        assert_eq!(
            error.to_string(),
            "a.ron:2:16: nothing is asked; set `prompt`, or `turns` for a conversation\n\
             2 | \tprompt: \"红色\", imags: 1)\n  | \t         \u{3000}\u{3000}   ^"
        );
    }

    #[test]
    fn long_and_hostile_lines_are_tamed() {
        let text = format!("{}\u{1b}[2J!", "x".repeat(5000));
        let error = CaseError::at(Path::new("a.ron"), &text, 5000, Problem::NoPrompt);
        let shown = error.to_string();
        assert!(shown.len() < 400 && !shown.contains('\u{1b}'), "{shown}");
        assert!(shown.contains(":1:5001:"));
    }
}
