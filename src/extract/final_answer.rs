//! LaTeX that marks a final answer: `\boxed{B}`, `\text{B}`.

use std::sync::LazyLock;

use regex::Regex;

/// The inside of the text's `\boxed{..}`, without `\text{..}` around it; nothing if there is none, or
/// if there are several with different insides.
pub(super) fn boxed(text: &str) -> Option<&str> {
    static BOXED: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let inner = r"(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*";
        Regex::new(&format!(r"\\boxed\s*\{{({inner})\}}")).ok()
    });
    let mut found: Option<&str> = None;
    for capture in BOXED.iter().flat_map(|pattern| pattern.captures_iter(text)) {
        let inside = bare(capture.get(1).map_or("", |inside| inside.as_str()));
        if found.is_some_and(|earlier| earlier != inside) {
            return None;
        }
        found = Some(inside);
    }
    found
}

/// A text without a `\text{..}` or the like that is around all of it.
fn bare(text: &str) -> &str {
    let text = text.trim();
    ["\\text{", "\\textbf{", "\\mathrm{", "\\mathbf{"]
        .iter()
        .find_map(|opening| text.strip_prefix(opening)?.strip_suffix('}'))
        .filter(|inside| !inside.contains(['{', '}']))
        .unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_holds_the_answer() {
        assert_eq!(boxed(r"so $\boxed{B}$."), Some("B"));
        assert_eq!(boxed(r"\boxed{\text{No}}"), Some("No"));
        assert_eq!(boxed(r"\boxed{B} that is \boxed{B}"), Some("B"));
        assert_eq!(boxed(r"\boxed{A} or \boxed{B}"), None);
        assert_eq!(boxed("B"), None);
    }
}
