//! Colours of results.

use super::Ending;

/// Whether results are coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    Plain,
    Ansi,
}

impl Paint {
    /// The word in the colour of how a test ended.
    pub(super) fn paint(self, word: &str, ending: Ending) -> String {
        let color = match ending {
            Ending::Passed => 32,
            Ending::Failed => 31,
            Ending::Ignored => 33,
        };
        match self {
            Self::Plain => word.to_owned(),
            Self::Ansi => format!("\u{1b}[{color}m{word}\u{1b}[0m"),
        }
    }
}
