/*!
From a rule's pattern to a regular expression over class bytes.

Knows the notation of `rules`, not the rules.
*/

use super::classes::Class;
use super::rules::NAMED;

/// The regular expression of a pattern: names replaced, letters outside brackets in both cases.
pub(super) fn expand(pattern: &str) -> String {
    let mut named = pattern.to_owned();
    for (name, meaning) in NAMED.iter().rev() {
        named = named.replace(&format!("{{{name}}}"), &format!("(?:{meaning})"));
    }
    ignore_case(&replace_classes(&named))
}

fn replace_classes(pattern: &str) -> String {
    Class::ALL.iter().fold(pattern.to_owned(), |text, class| {
        text.replace(&format!("<{class:?}>"), &format!(r"[\x{:02X}]", *class as u8))
    })
}

/// Brackets are copied; elsewhere a letter stands for its two cases.
fn ignore_case(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() * 3);
    let mut depth = 0_usize;
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                out.push(character);
                out.extend(characters.next());
                continue;
            }
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            letter if depth == 0 && letter.is_ascii_alphabetic() => {
                push_both_cases(&mut out, letter);
                continue;
            }
            _ => {}
        }
        out.push(character);
    }
    out
}

fn push_both_cases(out: &mut String, letter: char) {
    let (lower, upper) = (letter.to_ascii_lowercase(), letter.to_ascii_uppercase());
    let long_s =
        if lower == 's' { format!(r"\x{:02X}", Class::LongS as u8) } else { String::new() };
    out.push_str(&format!("[{lower}{upper}{long_s}]"));
}
