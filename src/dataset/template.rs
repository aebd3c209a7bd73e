//! Texts with placeholders: `{question}`, `{image_id:012}`.

/// A text with places for values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// The value of this name, filled with zeros from the left up to the width.
    Field {
        name: String,
        width: usize,
    },
}

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum TemplateError {
    #[error("a `{{` is not closed; write `{{{{` for a bracket that is meant as such")]
    Open,
    #[error("a `}}` closes nothing; write `}}}}` for a bracket that is meant as such")]
    Close,
    #[error("{0:?} is no placeholder; write {{name}} or {{name:012}}")]
    Field(String),
}

/// The widest that a number can be filled to.
const WIDEST: usize = 64;

impl Template {
    pub(super) fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            literal.push_str(&rest[..at]);
            let bracket = &rest[at..=at];
            let after = &rest[at + 1..];
            if let Some(doubled) = after.strip_prefix(bracket) {
                literal.push_str(bracket);
                rest = doubled;
                continue;
            }
            if bracket == "}" {
                return Err(TemplateError::Close);
            }
            let end = after.find('}').ok_or(TemplateError::Open)?;
            if !literal.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut literal)));
            }
            parts.push(field(&after[..end])?);
            rest = &after[end + 1..];
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Ok(Self { parts })
    }

    /// The names of its placeholders.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Field { name, .. } => Some(name.as_str()),
        })
    }

    /// The folders that it names itself, before its first placeholder.
    pub(super) fn folder(&self) -> &str {
        match self.parts.first() {
            Some(Part::Text(text)) => &text[..text.rfind('/').map_or(0, |end| end + 1)],
            _ => "",
        }
    }

    /// The text with these values; nothing stands for a value that is not there.
    pub(super) fn fill(&self, values: &[(String, String)]) -> String {
        let mut filled = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Field { name, width } => {
                    let found = values.iter().rev().find(|(known, _)| known == name);
                    let value = found.map_or("", |(_, value)| value.as_str());
                    let missing = width.saturating_sub(value.chars().count());
                    filled.extend(std::iter::repeat_n('0', missing));
                    filled.push_str(value);
                }
            }
        }
        filled
    }
}

fn field(text: &str) -> Result<Part, TemplateError> {
    let bad = || TemplateError::Field(text.to_owned());
    let (name, width) = match text.split_once(':') {
        None => (text, 0),
        Some((name, width)) => {
            let width = width.strip_prefix('0').and_then(|width| width.parse().ok());
            (name, width.filter(|width| *width <= WIDEST).ok_or_else(bad)?)
        }
    };
    if name.is_empty() || name.contains(['{', '"', '\n']) {
        return Err(bad());
    }
    Ok(Part::Field { name: name.to_owned(), width })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(template: &str) -> Result<String, TemplateError> {
        let values = [("id".to_owned(), "42".to_owned()), ("q".to_owned(), "{why}?".to_owned())];
        Ok(Template::parse(template)?.fill(&values))
    }

    #[test]
    fn placeholders_are_filled() {
        assert_eq!(fill("COCO_{id:012}.jpg").unwrap(), "COCO_000000000042.jpg");
        assert_eq!(fill("{q}\n{{{id}}} {gone}!").unwrap(), "{why}?\n{42} !");
        assert_eq!(fill("").unwrap(), "");
    }

    #[test]
    fn folders_before_the_first_placeholder() {
        for (template, folder) in [
            ("../val/COCO_{id}.jpg", "../val/"),
            ("{id}.jpg", ""),
            ("a/{id}/b/{q}.jpg", "a/"),
            ("/{id}", "/"),
            ("red.png", ""),
        ] {
            assert_eq!(Template::parse(template).unwrap().folder(), folder, "{template}");
        }
    }

    #[test]
    fn what_is_no_placeholder_is_refused() {
        assert_eq!(fill("{id"), Err(TemplateError::Open));
        assert_eq!(fill("id}"), Err(TemplateError::Close));
        for bad in ["{}", "{id:12}", "{id:0x}", "{id:09999}", "{:02}"] {
            assert!(matches!(fill(bad), Err(TemplateError::Field(_))), "{bad}");
        }
    }
}
