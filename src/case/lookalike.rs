//! Characters that look like a space, or like a character that RON knows, and are not: from web pages,
//! from word processors, from keyboards set to Chinese.

use crate::foreign;

/// White space between the parts of a RON text (Unicode's `Pattern_White_Space`).
pub(super) fn is_white_space(c: char) -> bool {
    matches!(c, '\t'..='\r' | ' ' | '\u{85}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}')
}

/// What to say of a character that only looks like one of RON's.
pub(super) fn words(c: char) -> Option<String> {
    let code = u32::from(c);
    if let Some(meant) = meant(c) {
        return Some(format!("`{c}` (U+{code:04X}); write `{meant}`"));
    }
    let shows_nothing = !is_white_space(c) && (c.is_whitespace() || !foreign::is_plain(c));
    let name = invisible_name(c).map_or_else(String::new, |name| format!(" ({name})"));
    shows_nothing
        .then(|| format!("the invisible character U+{code:04X}{name}; delete it, or write a space"))
}

/// The character of RON that one looks like.
fn meant(c: char) -> Option<char> {
    Some(match c {
        '，' | '、' | '﹐' | '､' | '‚' => ',',
        '：' | '﹕' | '︰' | '∶' | 'ː' => ':',
        '（' | '﹙' | '⁽' => '(',
        '）' | '﹚' | '⁾' => ')',
        '［' | '【' | '〔' | '「' | '『' => '[',
        '］' | '】' | '〕' | '」' | '』' => ']',
        '｛' | '﹛' => '{',
        '｝' | '﹜' => '}',
        '“' | '”' | '„' | '‟' | '＂' | '«' | '»' | '〝' | '〞' | '″' | '‘' | '’' | '＇' | '`' => {
            '"'
        }
        '－' | '−' | '–' | '—' | '‐' | '‑' => '-',
        '．' | '。' => '.',
        '＃' => '#',
        '／' => '/',
        '＼' => '\\',
        _ => return None,
    })
}

fn invisible_name(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{a0}' => "no-break space",
        '\u{ad}' => "soft hyphen",
        '\u{2000}'..='\u{200a}' => "typographic space",
        '\u{200b}' => "zero width space",
        '\u{200c}' | '\u{200d}' => "zero width joiner",
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}' => "direction mark",
        '\u{202f}' => "narrow no-break space",
        '\u{205f}' => "mathematical space",
        '\u{2060}' => "word joiner",
        '\u{3000}' => "ideographic space",
        '\u{feff}' => "byte order mark",
        _ => return None,
    })
}
