//! Puts a document together from what junit-report writes of one test case at a time, and adds what
//! it cannot express: the line and properties of a test case, the count of skipped tests of a suite,
//! and totals over all suites.

use std::io::Write;

use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, Event};
use quick_xml::{Reader, Writer};

use super::text;

/// What a test case gets.
pub(super) struct Enrichment {
    /// Its line in its file.
    pub(super) line: Option<usize>,
    /// Names and values of its properties.
    pub(super) properties: Vec<(&'static str, String)>,
}

/// What a suite comes to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Suite {
    /// Its place in the document.
    pub(super) id: usize,
    pub(super) counts: Counts,
    /// Time of all its tests.
    pub(super) seconds: f64,
}

/// How many tests ended in a way that JUnit tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counts {
    pub(super) tests: usize,
    pub(super) failures: usize,
    pub(super) errors: usize,
    pub(super) skipped: usize,
}

/// A document that is being written.
pub(super) struct Document<W: Write> {
    writer: Writer<W>,
    /// Suites that were not begun.
    suites: std::vec::IntoIter<Suite>,
    /// How many test cases the current suite lacks.
    lacking: usize,
}

impl<W: Write> Document<W> {
    /// `suites` are those whose test cases will be added, in order.
    pub(super) fn begin(suites: Vec<Suite>, out: W) -> Result<Self, quick_xml::Error> {
        let mut writer = Writer::new_with_indent(out, b' ', 2);
        writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("utf-8"), None)))?;
        writer.write_event(Event::Start(totals(&suites)))?;
        Ok(Self { writer, suites: suites.into_iter(), lacking: 0 })
    }

    /// Adds the one test case of a document that junit-report wrote.
    pub(super) fn add(
        &mut self,
        plain: &[u8],
        enrichment: &Enrichment,
    ) -> Result<(), quick_xml::Error> {
        let mut reader = Reader::from_reader(plain);
        loop {
            match reader.read_event()? {
                Event::Eof => break,
                Event::Start(start) if is(&start, "testsuite") => self.enter_suite(&start)?,
                Event::Start(start) if is(&start, "testcase") => {
                    self.start_case(start, enrichment)?;
                    self.copy_case(&mut reader)?;
                }
                Event::Empty(start) if is(&start, "testcase") => {
                    let end = start.to_end().into_owned();
                    self.start_case(start.borrow(), enrichment)?;
                    self.writer.write_event(Event::End(end))?;
                }
                _ => {}
            }
        }
        self.lacking = self.lacking.saturating_sub(1);
        match self.lacking {
            0 => {
                self.writer.write_event(Event::End(BytesEnd::new("testsuite"))).map_err(Into::into)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn end(&mut self) -> Result<(), quick_xml::Error> {
        self.writer.write_event(Event::End(BytesEnd::new("testsuites")))?;
        Ok(self.writer.get_mut().flush()?)
    }

    /// Begins the next suite, if this is the first of its test cases.
    fn enter_suite(&mut self, plain: &BytesStart<'_>) -> Result<(), quick_xml::Error> {
        if self.lacking > 0 {
            return Ok(());
        }
        let Some(suite) = self.suites.next() else { return Ok(()) };
        self.lacking = suite.counts.tests;
        Ok(self.writer.write_event(Event::Start(suite.start(plain)?))?)
    }

    fn start_case(
        &mut self,
        mut start: BytesStart<'_>,
        enrichment: &Enrichment,
    ) -> Result<(), quick_xml::Error> {
        if let Some(line) = enrichment.line {
            start.push_attribute(("line", line.to_string().as_str()));
        }
        self.writer.write_event(Event::Start(start))?;
        write_properties(&mut self.writer, &enrichment.properties)
    }

    /// Copies what is in a test case, and its end.
    fn copy_case(&mut self, reader: &mut Reader<&[u8]>) -> Result<(), quick_xml::Error> {
        loop {
            let event = reader.read_event()?;
            let is_end = match &event {
                Event::End(end) => end.name().as_ref() == b"testcase",
                event => matches!(event, Event::Eof),
            };
            self.writer.write_event(event)?;
            if is_end {
                return Ok(());
            }
        }
    }
}

impl Suite {
    /// The start of a suite that junit-report wrote of one test case, with the figures of all.
    fn start(&self, plain: &BytesStart<'_>) -> Result<BytesStart<'static>, quick_xml::Error> {
        let Counts { tests, failures, errors, skipped } = self.counts;
        let mut start = BytesStart::new("testsuite");
        for attribute in plain.attributes() {
            let attribute = attribute?;
            let figure = match attribute.key.as_ref() {
                b"id" => self.id.to_string(),
                b"tests" => tests.to_string(),
                b"failures" => failures.to_string(),
                b"errors" => errors.to_string(),
                b"time" => self.seconds.to_string(),
                _ => {
                    start.push_attribute(attribute);
                    continue;
                }
            };
            start.push_attribute((attribute.key.as_ref(), figure.as_bytes()));
        }
        start.push_attribute(("skipped", skipped.to_string().as_str()));
        Ok(start)
    }
}

fn is(start: &BytesStart<'_>, name: &str) -> bool {
    start.name().as_ref() == name.as_bytes()
}

/// The start of the document, with what all suites come to.
fn totals(suites: &[Suite]) -> BytesStart<'static> {
    let mut start = BytesStart::new("testsuites");
    let total = |count: fn(&Counts) -> usize| {
        suites.iter().map(|suite| count(&suite.counts)).sum::<usize>().to_string()
    };
    start.push_attribute(("name", "eyechart"));
    start.push_attribute(("tests", total(|counts| counts.tests).as_str()));
    start.push_attribute(("failures", total(|counts| counts.failures).as_str()));
    start.push_attribute(("errors", total(|counts| counts.errors).as_str()));
    start.push_attribute(("skipped", total(|counts| counts.skipped).as_str()));
    let seconds = suites.iter().fold(0.0, |sum, suite| sum + suite.seconds);
    start.push_attribute(("time", seconds.to_string().as_str()));
    start
}

fn write_properties<W: Write>(
    writer: &mut Writer<W>,
    properties: &[(&'static str, String)],
) -> Result<(), quick_xml::Error> {
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
