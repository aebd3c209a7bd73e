//! A value of a RON text, for errors: a cursor that follows the checks through the outline.

use super::error::{CaseError, Problem};
use super::outline::NodeId;
use super::source::Source;

/// The place of a value in its file.
///
/// The checks walk the parsed data and a place side by side: `place.field("expect").item(0)`. Where
/// the outline lacks a step, the place stays at the nearest value around it, so that an error is
/// never without a position.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    source: &'a Source,
    node: NodeId,
}

impl<'a> Place<'a> {
    pub(super) fn root(source: &'a Source) -> Self {
        Self { source, node: source.outline().root() }
    }

    /// The value of a field.
    pub(crate) fn field(self, name: &str) -> Self {
        let text = self.source.text();
        self.step(self.source.outline().field(text, self.node, name))
    }

    /// The nth value of a list or map, or the content of a variant (the 0th).
    pub(crate) fn item(self, index: usize) -> Self {
        self.step(self.source.outline().item(self.node, index))
    }

    fn step(self, node: Option<NodeId>) -> Self {
        let unwrapped = |node| self.source.outline().unwrap_some(self.source.text(), node);
        Self { node: node.map_or(self.node, unwrapped), ..self }
    }

    /// An error at the value.
    pub(crate) fn error(self, problem: Problem) -> CaseError {
        self.source.error_at(self.source.outline().span(self.node).start, problem)
    }

    /// The line on which the value begins, from 1.
    pub(super) fn line(self) -> usize {
        let start = self.source.outline().span(self.node).start;
        self.source.text()[..start].matches('\n').count() + 1
    }

    /// An error at the key before the value.
    pub(super) fn key_error(self, problem: Problem) -> CaseError {
        let outline = self.source.outline();
        let span = outline.key(self.node).unwrap_or_else(|| outline.span(self.node));
        self.source.error_at(span.start, problem)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// `line:column` of a place that a function finds.
    #[track_caller]
    fn at(text: &str, find: impl Fn(Place<'_>) -> Place<'_>) -> String {
        let source = Source::new(Path::new("a.ron"), text.to_owned());
        let error = find(source.root()).error(Problem::EmptyFile);
        let position = error.position().unwrap();
        format!("{}:{}", position.line, position.column)
    }

    #[test]
    fn fields_and_items() {
        let text = "Case(\n  images: [\"a\", \"b\"],\n  expect: All([\n    Exact(\"x\"),\n    Number(value: 3),\n  ]),\n)";
        assert_eq!(at(text, |place| place), "1:1");
        assert_eq!(at(text, |place| place.field("images")), "2:11");
        assert_eq!(at(text, |place| place.field("images").item(1)), "2:17");
        assert_eq!(at(text, |place| place.field("expect").item(0).item(1).field("value")), "5:19");
        assert_eq!(at(text, |place| place.field("expect").item(0).item(0).item(0)), "4:11");
    }

    #[test]
    fn comments_strings_and_attributes_do_not_confuse() {
        let text = "#![enable(implicit_some)]\n/* ( /* [ */ \" */ // )\n(\n prompt: \"a ) , \\\" :\", // ,\n \
                    system: r#\"raw \" ) \"#, x: 'a', y: '\\'',\n z: [1, /* , */ 2],\n)";
        assert_eq!(at(text, |place| place.field("prompt")), "4:10");
        assert_eq!(at(text, |place| place.field("system")), "5:10");
        assert_eq!(at(text, |place| place.field("y")), "5:36");
        assert_eq!(at(text, |place| place.field("z").item(1)), "6:17");
    }

    #[test]
    fn maps_and_explicit_options() {
        let text = "(xfail: {\"a-*\": \"x\", \"b-*\": \"y\"}, expect: Some(Exact(\"z\")))";
        assert_eq!(at(text, |place| place.field("xfail").item(1)), "1:29");
        assert_eq!(at(text, |place| place.field("expect").item(0)), "1:54");
        let source = Source::new(Path::new("a.ron"), text.to_owned());
        let error = source.root().field("xfail").item(1).key_error(Problem::EmptyFile);
        assert_eq!(error.position().map(|position| position.column), Some(22));
    }

    #[test]
    fn a_missing_step_stays_at_the_value_around_it() {
        assert_eq!(at("(\n a: [1],\n)", |place| place.field("b")), "1:1");
        assert_eq!(at("(\n a: [1],\n)", |place| place.field("a").item(7)), "2:5");
        assert_eq!(at("", |place| place.field("a").item(7)), "1:1");
    }

    #[test]
    fn columns_count_characters() {
        assert_eq!(at("(a: \"红色\", b: 1)", |place| place.field("b")), "1:14");
    }

    #[test]
    fn broken_and_endless_texts_end() {
        for text in
            ["(((((", ")))))", "(a:", "r####\"", "/*", "'", "b\"", "\"\\", ": , :", "(a: [)"]
        {
            at(text, |place| place.field("a").item(0));
        }
        at(&"[".repeat(100_000), |place| place.item(0));
        at(&"/*".repeat(100_000), |place| place.item(0));
    }
}
