//! The tags of a template, found without parsing it: how long they are, and where values are kept.

use std::borrow::Cow;

/// What stands between texts that are written as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag<'t> {
    /// `{{ .. }}` or `{% .. %}`.
    Code(&'t str),
    /// `{# .. #}`.
    Comment(&'t str),
}

/// The length of the longest text from `{{` or `{%` to its end. Texts in quotes may hold an end.
pub(super) fn longest(source: &str) -> usize {
    let mut longest = 0;
    each(source, |_, tag| {
        if let Tag::Code(tag) = tag {
            longest = longest.max(tag.len());
        }
    });
    longest
}

/// The template in which each value that a `{% set %}` keeps goes through a filter.
pub(super) fn with_filter_of_kept_values(source: &str, filter: &str) -> String {
    let mut shown = String::with_capacity(source.len());
    let (mut copied, mut is_raw) = (0, false);
    each(source, |start, tag| {
        let Tag::Code(tag) = tag else { return };
        let changed = match statement(tag) {
            Some("endraw") => {
                is_raw = false;
                Cow::Borrowed(tag)
            }
            _ if is_raw => Cow::Borrowed(tag),
            Some("raw") => {
                is_raw = true;
                Cow::Borrowed(tag)
            }
            Some("set") => with_filter(tag, filter),
            _ => Cow::Borrowed(tag),
        };
        shown.push_str(&source[copied..start]);
        shown.push_str(&changed);
        copied = start + tag.len();
    });
    shown + &source[copied..]
}

/// Tells of each tag, in order, with the byte at which it starts.
fn each<'t>(source: &'t str, mut tell: impl FnMut(usize, Tag<'t>)) {
    let bytes = source.as_bytes();
    let mut position = 0;
    while position + 1 < bytes.len() {
        let rest = &bytes[position..];
        let length = match &rest[..2] {
            b"{{" | b"{%" => code_length(rest),
            b"{#" => {
                rest.windows(2).position(|pair| pair == b"#}").map_or(rest.len(), |end| end + 2)
            }
            _ => 0,
        };
        // Tags begin and end with ASCII characters.
        let tag = &source[position..position + length];
        match rest[1] {
            _ if length == 0 => {}
            b'#' => tell(position, Tag::Comment(tag)),
            _ => tell(position, Tag::Code(tag)),
        }
        position += length.max(1);
        while !source.is_char_boundary(position) {
            position += 1;
        }
    }
}

fn code_length(tag: &[u8]) -> usize {
    let end = if tag.starts_with(b"{{") { b"}}" } else { b"%}" };
    let mut quote = None;
    let mut position = 2;
    while position < tag.len() {
        match (quote, tag[position]) {
            (Some(_), b'\\') => position += 1,
            (Some(open), byte) if byte == open => quote = None,
            (None, byte @ (b'"' | b'\'')) => quote = Some(byte),
            (None, _) if tag[position..].starts_with(end) => return position + 2,
            _ => {}
        }
        position += 1;
    }
    tag.len()
}

/// The first word of a `{% .. %}`.
fn statement(tag: &str) -> Option<&str> {
    let inside = tag.strip_prefix("{%")?.trim_start_matches(['-', '+']).trim_start();
    let end = inside.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(inside.len());
    Some(&inside[..end])
}

/// `{% set name = value %}` with the filter behind the value; a block has no value of its own.
fn with_filter<'t>(tag: &'t str, filter: &str) -> Cow<'t, str> {
    let Some(head) = tag.strip_suffix("%}") else { return Cow::Borrowed(tag) };
    let head = head.strip_suffix(['-', '+']).unwrap_or(head);
    let Some(place) = assignment(head) else { return Cow::Borrowed(tag) };
    let (name, value) = head.split_at(place + 1);
    Cow::Owned(format!("{name} ({value})|{filter} {}", &tag[head.len()..]))
}

/// The byte of the `=` that sets, which stands before every bracket and every text in quotes.
fn assignment(tag: &str) -> Option<usize> {
    let place = tag.find(['=', '(', '"', '\'', '|'])?;
    (tag[place..].starts_with('=') && !tag[place..].starts_with("==")).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_measured_from_end_to_end() {
        assert_eq!(longest("a {{ b }} {%- c -%}é{"), "{%- c -%}".len());
        assert_eq!(longest(r#"{{ "}} \" }}" }} x"#), r#"{{ "}} \" }}" }}"#.len());
        assert_eq!(longest("{# {{ aaaaaaaaaaaaaaaa }} #}{{ a }}"), "{{ a }}".len());
        assert_eq!(longest("{{ never"), "{{ never".len());
    }

    #[test]
    fn values_that_are_kept_are_filtered() {
        let filtered = |source| with_filter_of_kept_values(source, "f");
        assert_eq!(filtered("a{%- set x = [1, 'é'] -%}b"), "a{%- set x = ( [1, 'é'] )|f -%}b");
        assert_eq!(
            filtered("{% set n.x=1 if a==b else 2%}é"),
            "{% set n.x= (1 if a==b else 2)|f %}é"
        );
        for same in [
            "{% set x %}{% endset %}",
            "{% set x | replace(a='b') %}{% endset %}",
            "{% raw %}{% set x = 1 %}{% endraw %}",
            "{# {% set x = 1 %} #}",
            "{{ set }}{% if set == 1 %}{% settle = 1 %}",
            "{% set x = ",
        ] {
            assert_eq!(filtered(same), same);
        }
    }
}
