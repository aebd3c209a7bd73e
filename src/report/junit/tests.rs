use quick_xml::Reader;
use quick_xml::events::Event;

use super::super::sample::{Sample, trials};
use super::*;
use crate::journal::Speaker;

#[test]
fn shows_the_sample_run() {
    insta::assert_snapshot!(Sample::new().rendered(begin));
}

#[test]
fn keeps_to_the_schema_and_counts_each_kind_apart() {
    let document = Sample::new().rendered(begin);
    assert_eq!(schema::violations(&document), [""; 0]);
    // Of the sample: one file that is no case; on `tiny` three failures (one of them an unexpected
    // pass), an error, and two that are skipped (a known failure and an ignored case).
    for counts in [
        r#"<testsuites name="eyechart" tests="8" failures="3" errors="2" skipped="2" time="7.5">"#,
        r#"name="cases" package="testsuite/cases" tests="1" errors="1" failures="0""#,
        r#"name="tiny" package="testsuite/tiny" tests="7" errors="1" failures="3""#,
    ] {
        assert!(document.contains(counts), "{counts}: {document}");
    }
    for (element, count) in [("<failure ", 3), ("<error ", 2), ("<skipped ", 2)] {
        assert_eq!(document.matches(element).count(), count, "{element}");
    }
}

#[test]
fn an_empty_run_keeps_to_the_schema() {
    let document = Sample::of(Vec::new()).rendered(begin);
    assert_eq!(schema::violations(&document), [""; 0], "{document}");
}

/// Parses the document and joins the character data of every `system-out`.
fn system_outs(document: &str) -> Vec<String> {
    let mut reader = Reader::from_str(document);
    let (mut texts, mut inside) = (Vec::new(), false);
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => return texts,
            Event::Start(start) if start.name().as_ref() == b"system-out" => {
                inside = true;
                texts.push(String::new());
            }
            Event::End(end) if end.name().as_ref() == b"system-out" => inside = false,
            Event::CData(data) if inside => {
                texts.last_mut().unwrap().push_str(std::str::from_utf8(&data).unwrap());
            }
            _ => {}
        }
    }
}

#[test]
fn every_hostile_answer_gives_well_formed_xml_that_says_the_same() {
    let hostile = [
        "]]>",
        "a ]]]]>> b",
        "<b attr=\"1\">&amp;</b>",
        "<![CDATA[x",
        "\u{0}\u{1b}[31m\u{ffff}",
        "两辆车\r\n\"'",
    ];
    for text in hostile {
        let mut trials = trials();
        for trial in &mut trials {
            trial.message = Some(text.to_owned());
            trial.known_failure = trial.known_failure.as_ref().map(|_| text.to_owned());
            trial.file = text.into();
            trial.attachments.clear();
            trial.case = format!("{text}::{text}");
            trial.model = trial.model.as_ref().map(|_| text.to_owned());
            trial.speaker = Some(Speaker {
                family: text.into(),
                language_model: None,
                boxes: None,
                revision: Some(text.into()),
            });
            if let Some(answer) = &mut trial.answer {
                answer.text = text.to_owned();
            }
        }
        let document = Sample::of(trials).rendered(begin);
        assert_eq!(schema::violations(&document), [""; 0], "{text:?}");
        assert!(!document.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')));
        let expected: String = text
            .chars()
            .map(|c| if matches!(c, '\0' | '\u{1b}' | '\u{ffff}') { '\u{fffd}' } else { c })
            .collect();
        for said in system_outs(&document) {
            assert_eq!(said, expected);
        }
    }
}
