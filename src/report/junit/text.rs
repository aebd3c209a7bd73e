//! Texts that are safe inside XML 1.0, and for those who look at the file in a terminal.

use crate::foreign;

/// A text for an attribute; quick-xml escapes what can be escaped.
pub(super) fn attribute(text: &str) -> String {
    foreign::without_attachments(&allowed(text)).into_owned()
}

/// A text for a CDATA section, which junit-report opens and closes around it.
pub(super) fn character_data(text: &str) -> String {
    // The one way to write the end mark inside a section: end it there and open another.
    allowed(text).replace("]]>", "]]]]><![CDATA[>")
}

/// Replaces characters that no XML 1.0 document may hold (production 2, `Char`) by U+FFFD, and escapes
/// those that are hidden.
fn allowed(text: &str) -> String {
    let allowed: String =
        text.chars().map(|c| if is_allowed(c) { c } else { '\u{fffd}' }).collect();
    // Of a carriage return parsers make a line feed.
    allowed.split('\r').map(foreign::visible).collect::<Vec<_>>().join("\r")
}

fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}
