/*!
From the characters that a rule matched to the text of a token.

Knows the actions, not the rules that name them.
*/

use std::borrow::Cow;

use super::rules::Action;

const SOFT_HYPHEN: char = '\u{AD}';

/// The token for `matched`, before lower-casing.
pub(super) fn token(action: Action, matched: &str) -> Cow<'_, str> {
    match action {
        Action::Say(text) => text.into(),
        Action::DropSoftHyphens => drop_soft_hyphens(matched),
        Action::JoinSpaces => join_spaces(matched),
        Action::Phone => escape_parentheses(&join_spaces(matched)).into(),
        Action::EscapeParentheses => escape_parentheses(matched).into(),
        Action::Quotes => quotes(matched),
        Action::OpeningDoubleQuote => double_quote(matched, "``").into(),
        Action::ClosingDoubleQuote => double_quote(matched, "''").into(),
        Action::Ampersands => ampersands(matched).into(),
        Action::Fraction => fraction(matched).into(),
        Action::Dash if matched.len() == 3 || matched.len() == 4 => "--".into(),
        _ => matched.into(),
    }
}

fn drop_soft_hyphens(matched: &str) -> Cow<'_, str> {
    if !matched.contains(SOFT_HYPHEN) {
        return matched.into();
    }
    let rest = matched.replace(SOFT_HYPHEN, "");
    if rest.is_empty() { "-".into() } else { rest.into() }
}

fn join_spaces(matched: &str) -> Cow<'_, str> {
    if matched.contains(' ') { matched.replace(' ', "\u{A0}").into() } else { matched.into() }
}

fn escape_parentheses(matched: &str) -> String {
    matched.replace('(', "-LRB-").replace(')', "-RRB-")
}

fn quotes(matched: &str) -> Cow<'_, str> {
    if matched.is_ascii() && !matched.contains('&') {
        return matched.into();
    }
    let mut out = String::new();
    for mark in matched.replace("&apos;", "'").chars() {
        match mark {
            '\u{91}' | '\u{2018}' | '\u{201B}' | '\u{2039}' => out.push('`'),
            '\u{92}' | '\u{2019}' | '\u{203A}' => out.push('\''),
            '\u{93}' | '\u{201C}' | '\u{AB}' => out.push_str("``"),
            '\u{94}' | '\u{201D}' | '\u{BB}' => out.push_str("''"),
            other => out.push(other),
        }
    }
    out.into()
}

/// `+`-joined and `&`-joined capitals hold no other letters, so lower-casing the entity is safe here:
/// the token is lower-cased anyway.
fn ampersands(matched: &str) -> String {
    matched.to_ascii_lowercase().replace("&amp;", "&")
}

fn double_quote<'m>(matched: &'m str, mark: &'m str) -> &'m str {
    if matched == "\"" || matched == "&quot;" { mark } else { matched }
}

fn fraction(matched: &str) -> &str {
    match matched {
        "\u{BC}" => "1/4",
        "\u{BD}" => "1/2",
        "\u{BE}" => "3/4",
        "\u{2153}" => "1/3",
        "\u{2154}" => "2/3",
        other => other,
    }
}
