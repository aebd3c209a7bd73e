/*!
Java's `toLowerCase(ENGLISH)`: as Rust's, but for the rule when a capital sigma is a final one.

Knows nothing of tokens.
*/

/// Appends the lower-case form of a token.
pub(super) fn push_lower_case(out: &mut String, token: &str) {
    if token.is_ascii() {
        let start = out.len();
        out.push_str(token);
        out[start..].make_ascii_lowercase();
    } else if token.contains('Σ') {
        push_with_sigma(out, token);
    } else {
        out.push_str(&token.to_lowercase());
    }
}

fn push_with_sigma(out: &mut String, token: &str) {
    let characters: Vec<char> = token.chars().collect();
    for (position, character) in characters.iter().enumerate() {
        match character {
            'Σ' if is_final(&characters, position) => out.push('ς'),
            other => out.extend(other.to_lowercase()),
        }
    }
}

/// A sigma is final if its word has a letter with case before it and none after it.
fn is_final(characters: &[char], position: usize) -> bool {
    let before: Vec<char> = characters[..=position].iter().rev().copied().collect();
    word_has_case(&before) && !word_has_case(&characters[position..])
}

/// Whether a letter with case follows the first character before the word ends.
fn word_has_case(characters: &[char]) -> bool {
    for (position, character) in characters.iter().enumerate().skip(1) {
        let joins = matches!(character, '-' | '.' | '\'')
            && characters[position - 1].is_alphabetic()
            && characters.get(position + 1).is_some_and(|next| next.is_alphabetic());
        if !is_of_word(*character) && !joins {
            return false;
        }
        if is_cased(*character) {
            return true;
        }
    }
    false
}

fn is_of_word(character: char) -> bool {
    let is_ideograph = matches!(character, '\u{3400}'..='\u{9FFF}' | '\u{20000}'..='\u{3FFFF}');
    let is_mark = matches!(character, '\u{300}'..='\u{36F}');
    (character.is_alphanumeric() && !is_ideograph) || character == '_' || is_mark
}

/// The ordinal indicators have case in Unicode, but not in Java.
fn is_cased(character: char) -> bool {
    (character.is_lowercase() || character.is_uppercase()) && !matches!(character, 'ª' | 'º')
}
