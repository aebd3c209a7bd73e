//! Adds to junit-report's XML what it cannot express: properties of a test case, and counts.

use std::io::Write;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, Writer};

use super::text;

/// What a test case gets.
pub(super) struct Enrichment {
    /// Names and values of its properties.
    pub(super) properties: Vec<(&'static str, String)>,
}

/// Copies the document, adding to the n-th test case the n-th enrichment.
pub(super) fn enrich(
    plain: &[u8],
    enrichments: &[Enrichment],
    out: &mut dyn Write,
) -> Result<(), quick_xml::Error> {
    let mut reader = Reader::from_reader(plain);
    let mut writer = Writer::new_with_indent(out, b' ', 2);
    let mut remaining = enrichments.iter();
    let mut skipped = skipped_per_suite(plain)?.into_iter();
    loop {
        match reader.read_event()? {
            Event::Eof => break,
            Event::Start(start) if is(&start, "testcase") => {
                writer.write_event(Event::Start(start))?;
                write_properties(&mut writer, remaining.next())?;
            }
            Event::Empty(start) if is(&start, "testcase") => {
                let end = start.to_end().into_owned();
                writer.write_event(Event::Start(start.borrow()))?;
                write_properties(&mut writer, remaining.next())?;
                writer.write_event(Event::End(end))?;
            }
            Event::Start(mut start) if is(&start, "testsuite") => {
                let count = skipped.next().unwrap_or_default();
                start.push_attribute(("skipped", count.to_string().as_str()));
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

/// junit-report writes `tests`, `errors` and `failures` of a suite, but not `skipped`.
fn skipped_per_suite(plain: &[u8]) -> Result<Vec<usize>, quick_xml::Error> {
    let mut reader = Reader::from_reader(plain);
    let mut counts = Vec::new();
    loop {
        match reader.read_event()? {
            Event::Eof => return Ok(counts),
            Event::Start(start) if is(&start, "testsuite") => counts.push(0),
            Event::Start(start) | Event::Empty(start) if is(&start, "skipped") => {
                if let Some(count) = counts.last_mut() {
                    *count += 1;
                }
            }
            _ => {}
        }
    }
}

fn write_properties<W: Write>(
    writer: &mut Writer<W>,
    enrichment: Option<&Enrichment>,
) -> Result<(), quick_xml::Error> {
    let Some(Enrichment { properties }) = enrichment else { return Ok(()) };
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
