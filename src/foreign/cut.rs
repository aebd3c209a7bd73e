//! Texts that are too long to be shown whole.

use std::borrow::Cow;

/// The text, of which at most this many characters are shown; what is left out is counted.
pub fn cut(text: &str, most_characters: usize) -> Cow<'_, str> {
    // No text has more characters than bytes.
    if text.len() <= most_characters {
        return Cow::Borrowed(text);
    }
    let Some((end, _)) = text.char_indices().nth(most_characters) else {
        return Cow::Borrowed(text);
    };
    let (shown, rest) = text.split_at(end);
    Cow::Owned(format!("{shown}.. (and {} more characters)", rest.chars().count()))
}
