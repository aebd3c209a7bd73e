//! The rules of Jenkins' schema for JUnit reports, to test ours with.
//!
//! They are those of `junit-10.xsd` of jenkinsci/xunit-plugin (commit 031e285, MIT, Gregory
//! Boissinot), which pytest tests its reports with too, written as a table: there is no validator of
//! XML schemas in Rust. What the document has beyond them is in [`EXTENSIONS`].

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// What an element may hold and must have.
struct Element {
    name: &'static str,
    /// Elements in it, in any order and number, as `xs:choice maxOccurs="unbounded"` has it.
    children: &'static [&'static str],
    /// Whether there may be text in it.
    text: Text,
    required: &'static [&'static str],
    optional: &'static [&'static str],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Text {
    Allowed,
    Forbidden,
}

const RERUNS: [&str; 4] = ["rerunFailure", "rerunError", "flakyFailure", "flakyError"];

const SCHEMA: &[Element] = &[
    Element {
        name: "testsuites",
        children: &["testsuite"],
        text: Text::Forbidden,
        required: &[],
        optional: &["name", "time", "tests", "failures", "errors"],
    },
    Element {
        name: "testsuite",
        children: &["testsuite", "properties", "testcase", "system-out", "system-err"],
        text: Text::Forbidden,
        required: &["name", "tests", "failures", "errors"],
        optional: &[
            "group",
            "time",
            "skipped",
            "timestamp",
            "hostname",
            "id",
            "package",
            "file",
            "log",
            "url",
        ],
    },
    Element {
        name: "testcase",
        children: &["skipped", "error", "failure", "system-out", "system-err"],
        text: Text::Forbidden,
        required: &["name"],
        optional: &["time", "classname", "group"],
    },
    result("skipped"),
    result("error"),
    result("failure"),
    Element {
        name: "properties",
        children: &["property"],
        text: Text::Forbidden,
        required: &[],
        optional: &[],
    },
    Element {
        name: "property",
        children: &[],
        text: Text::Forbidden,
        required: &["name", "value"],
        optional: &[],
    },
    output("system-out"),
    output("system-err"),
];

const fn result(name: &'static str) -> Element {
    let optional = &["type", "message"];
    Element { name, children: &[], text: Text::Allowed, required: &[], optional }
}

const fn output(name: &'static str) -> Element {
    Element { name, children: &[], text: Text::Allowed, required: &[], optional: &[] }
}

/// Elements and attributes of ours that the schema lacks: an element, and what it has in addition.
const EXTENSIONS: [(&str, &str); 4] = [
    // Readers of totals count passed tests by it (test-results-parser on npm).
    ("testsuites", "skipped"),
    ("testcase", "properties"),
    ("testcase", "file"),
    ("testcase", "line"),
];

/// What is wrong with a document by the schema, one sentence each.
pub(super) fn violations(document: &str) -> Vec<String> {
    let mut reader = Reader::from_str(document);
    let (mut found, mut open) = (Vec::new(), Vec::<&'static Element>::new());
    loop {
        match reader.read_event() {
            Err(error) => {
                found.push(format!("not well-formed: {error}"));
                return found;
            }
            Ok(Event::Eof) => break,
            Ok(Event::Start(start)) => open.extend(enter(&start, open.last().copied(), &mut found)),
            Ok(Event::Empty(start)) => {
                enter(&start, open.last().copied(), &mut found);
            }
            Ok(Event::End(_)) => {
                open.pop();
            }
            Ok(Event::Text(text)) if text.iter().all(u8::is_ascii_whitespace) => {}
            Ok(Event::Text(_) | Event::CData(_) | Event::GeneralRef(_)) => {
                if open.last().is_none_or(|element| element.text == Text::Forbidden) {
                    found.push("text where none may be".to_owned());
                }
            }
            Ok(_) => {}
        }
    }
    if !open.is_empty() {
        found.push("an element is not closed".to_owned());
    }
    found
}

fn enter(
    start: &BytesStart<'_>,
    parent: Option<&'static Element>,
    found: &mut Vec<String>,
) -> Option<&'static Element> {
    let name = String::from_utf8_lossy(start.name().as_ref()).into_owned();
    let Some(element) = SCHEMA.iter().find(|element| element.name == name) else {
        let hint = if RERUNS.contains(&name.as_str()) { " (not in this table)" } else { "" };
        found.push(format!("unknown element {name}{hint}"));
        return None;
    };
    let allowed = match parent {
        Some(parent) => parent.children.contains(&element.name) || extends(parent, element.name),
        None => element.name == "testsuites",
    };
    if !allowed {
        found.push(format!("{name} in {}", parent.map_or("nothing", |parent| parent.name)));
    }
    check_attributes(start, element, found);
    Some(element)
}

fn extends(element: &Element, addition: &str) -> bool {
    EXTENSIONS.contains(&(element.name, addition))
}

fn check_attributes(start: &BytesStart<'_>, element: &Element, found: &mut Vec<String>) {
    let mut names = Vec::new();
    for attribute in start.attributes() {
        match attribute {
            Ok(attribute) => {
                let name = String::from_utf8_lossy(attribute.key.as_ref()).into_owned();
                if name == "time" && !is_surefire_time(&attribute.value) {
                    found.push(format!("{}: time is no SUREFIRE_TIME", element.name));
                }
                names.push(name);
            }
            Err(error) => found.push(format!("{}: {error}", element.name)),
        }
    }
    for name in &names {
        let known = element.required.contains(&name.as_str())
            || element.optional.contains(&name.as_str())
            || extends(element, name);
        if !known {
            found.push(format!("{} has {name}", element.name));
        }
    }
    let lacks = |required: &&&str| !names.iter().any(|name| name == **required);
    found.extend(
        element.required.iter().filter(lacks).map(|r| format!("{} lacks {r}", element.name)),
    );
}

/// `(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?`, in which the group before the point allows any
/// digits.
fn is_surefire_time(value: &[u8]) -> bool {
    let (whole, fraction) = match value.iter().position(|byte| *byte == b'.') {
        Some(point) => (&value[..point], &value[point + 1..]),
        None => (value, &[][..]),
    };
    [whole, fraction].concat().iter().all(u8::is_ascii_digit)
}

#[test]
fn the_table_refuses_what_the_schema_refuses() {
    for (document, violation) in [
        ("<testsuite name='a' tests='1' failures='0' errors='0'/>", "testsuite in nothing"),
        (
            "<testsuites><testsuite name='a' tests='1' failures='0'/></testsuites>",
            "testsuite lacks errors",
        ),
        ("<testsuites><testcase name='a'/></testsuites>", "testcase in testsuites"),
        ("<testsuites disabled='1'/>", "testsuites has disabled"),
        ("<testsuites>text</testsuites>", "text where none may be"),
        ("<testsuites time='1e-7'/>", "testsuites: time is no SUREFIRE_TIME"),
        ("<testsuites><system-out/></testsuites>", "system-out in testsuites"),
        ("<testsuites><b/></testsuites>", "unknown element b"),
    ] {
        assert_eq!(violations(document), [violation], "{document}");
    }
    assert!(violations("<testsuites>")[0].contains("not closed"));
    assert!(violations("<testsuites></b>")[0].starts_with("not well-formed"));
}
