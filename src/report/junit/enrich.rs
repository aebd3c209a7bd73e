//! Adds to junit-report's XML what it cannot express: the line and properties of a test case, the
//! count of skipped tests of a suite, and totals over all suites.

use std::io::Write;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, Writer};

use super::text;

/// What a test case gets.
pub(super) struct Enrichment {
    /// Its line in its file.
    pub(super) line: Option<usize>,
    /// Names and values of its properties.
    pub(super) properties: Vec<(&'static str, String)>,
}

/// How many tests ended in a way that JUnit tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counts {
    pub(super) tests: usize,
    pub(super) failures: usize,
    pub(super) errors: usize,
    pub(super) skipped: usize,
}

/// Copies the document, adding to the n-th test case the n-th enrichment, and to the n-th suite its
/// count of skipped tests.
pub(super) fn enrich(
    plain: &[u8],
    enrichments: &[Enrichment],
    suites: &[Counts],
    out: &mut dyn Write,
) -> Result<(), quick_xml::Error> {
    let mut reader = Reader::from_reader(plain);
    let mut writer = Writer::new_with_indent(out, b' ', 2);
    let (mut cases, mut counts) = (enrichments.iter(), suites.iter());
    loop {
        match reader.read_event()? {
            Event::Eof => break,
            Event::Start(start) if is(&start, "testcase") => {
                let case = cases.next();
                writer.write_event(Event::Start(with_line(start, case)))?;
                write_properties(&mut writer, case)?;
            }
            Event::Empty(start) if is(&start, "testcase") => {
                let end = start.to_end().into_owned();
                let case = cases.next();
                writer.write_event(Event::Start(with_line(start.borrow(), case)))?;
                write_properties(&mut writer, case)?;
                writer.write_event(Event::End(end))?;
            }
            Event::Start(mut start) if is(&start, "testsuite") => {
                let Counts { skipped, .. } = counts.next().copied().unwrap_or_default();
                start.push_attribute(("skipped", skipped.to_string().as_str()));
                writer.write_event(Event::Start(start))?;
            }
            Event::Start(mut start) if is(&start, "testsuites") => {
                add_totals(&mut start, suites);
                writer.write_event(Event::Start(start))?;
            }
            event => writer.write_event(event)?,
        }
    }
    writer.into_inner().flush()?;
    Ok(())
}

fn is(start: &BytesStart<'_>, name: &str) -> bool {
    start.name().as_ref() == name.as_bytes()
}

fn add_totals(start: &mut BytesStart<'_>, suites: &[Counts]) {
    let total = |count: fn(&Counts) -> usize| suites.iter().map(count).sum::<usize>().to_string();
    start.push_attribute(("name", "eyechart"));
    start.push_attribute(("tests", total(|suite| suite.tests).as_str()));
    start.push_attribute(("failures", total(|suite| suite.failures).as_str()));
    start.push_attribute(("errors", total(|suite| suite.errors).as_str()));
}

fn with_line<'s>(mut start: BytesStart<'s>, case: Option<&Enrichment>) -> BytesStart<'s> {
    if let Some(line) = case.and_then(|case| case.line) {
        start.push_attribute(("line", line.to_string().as_str()));
    }
    start
}

fn write_properties<W: Write>(
    writer: &mut Writer<W>,
    enrichment: Option<&Enrichment>,
) -> Result<(), quick_xml::Error> {
    let properties = enrichment.map(|case| case.properties.as_slice()).unwrap_or_default();
    if properties.is_empty() {
        return Ok(());
    }
    writer.create_element("properties").write_inner_content(|writer| {
        for (name, value) in properties {
            let value = text::attribute(value);
            writer
                .create_element("property")
                .with_attributes([("name", *name), ("value", value.as_str())])
                .write_empty()?;
        }
        Ok(())
    })?;
    Ok(())
}
