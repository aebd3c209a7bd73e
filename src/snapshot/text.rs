//! Texts that survive insta's comparison.
//!
//! insta trims trailing white space, drops leading newlines and a leading `---`, and takes CRLF
//! for LF. A text that this would change is written as a JSON string instead, so that every
//! difference counts while ordinary answers stay readable. So is one with hidden characters, which
//! insta and `cargo insta review` would print as they are.

use crate::foreign;

/// The text to snapshot; equal only for equal answers.
pub(super) fn faithful(answer: &str) -> String {
    if survives(answer) { answer.to_owned() } else { quoted(answer) }
}

/// The answer that was snapshotted as `text`.
pub(super) fn restore(text: &str) -> String {
    let quoted = text.starts_with('"').then(|| serde_json::from_str(text).ok()).flatten();
    quoted.unwrap_or_else(|| text.to_owned())
}

fn survives(answer: &str) -> bool {
    !answer.is_empty()
        && answer.trim() == answer
        && !answer.contains('\r')
        && !answer.starts_with("---")
        && !answer.starts_with('"')
        && foreign::reversible(answer) == answer
}

fn quoted(answer: &str) -> String {
    foreign::json(&serde_json::Value::from(answer).to_string()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_answers_stay_readable() {
        for text in ["a red car", "两辆车\n一辆红色", "{\"a\": 1}", "a \"quoted\" word"] {
            assert_eq!(faithful(text), text);
            assert_eq!(restore(&faithful(text)), text);
        }
    }

    #[test]
    fn answers_that_insta_would_change_are_quoted_and_come_back() {
        for text in
            ["", " a", "a ", "\na", "a\r\nb", "---\na", "\"a\"", "a\u{1b}[0m", "\"", "a\u{202e}b"]
        {
            assert_ne!(faithful(text), text);
            assert_eq!(restore(&faithful(text)), text);
        }
    }
}
