//! Journals, the answer cache, and reports of them.

use std::path::Path;

use eyechart::answer::{DeviceClass, ModelInput};
use eyechart::answer_cache::{AnswerCache, Key, Parts};
use eyechart::journal::{Journal, Run, RunHeader, RunPlan, Status, TrialRecord};
use eyechart::report;
use eyechart::request::GenerationOptions;

use super::projects::said;
use super::{Target, files, write};

pub(super) const JOURNAL: Target = Target {
    name: "journal",
    seeds: || files("fixtures/failures/*/recorded.jsonl"),
    run: |folder, input| {
        let path = folder.join("journal.jsonl");
        write(&path, input);
        match Run::read_with_plan(&path) {
            Ok(run) => said(report::write_all(&run, folder)),
            Err(error) => drop(error.to_string()),
        }
    },
};

/// Texts of every kind in a record: what is written must be read by a reader of its format.
pub(super) const REPORTS: Target = Target {
    name: "reports",
    seeds: || {
        let texts = ["a|b`c|=1+1|]]>\u{1b}[2J|\u{202e}x", "x|y|z|\"q\", 'r'\r\n|<b>&amp;"];
        texts.iter().map(|text| text.as_bytes().to_vec()).collect()
    },
    run: |folder, input| {
        let text = String::from_utf8_lossy(input);
        let mut parts = text.split('|').map(str::to_owned).chain(std::iter::repeat(String::new()));
        let mut part = || parts.next().unwrap_or_default();
        let mut record =
            TrialRecord::unanswered(part(), Some(part()), part().into(), Status::Failed);
        record.question = part();
        record.message = Some(part());
        record.tags = vec![part(), part()];
        record.known_failure = Some(part());
        let journals = folder.join("run");
        std::fs::create_dir_all(&journals).expect("a folder");
        write_and_read(&journals, &record);
    },
};

fn write_and_read(folder: &Path, record: &TrialRecord) {
    let header = RunHeader::now(None, RunPlan::default());
    let journal = Journal::create(folder, &header).expect("the folder can be written");
    journal.append(record).expect("can be written");
    let path = journal.path().to_owned();
    drop(journal);
    let run = Run::read(&path).expect("what is written can be read");
    assert_eq!(run.trials[0].record().expect("can be read"), *record);
    report::write_all(&run, folder).expect("reports of a journal of ours are written");
    let xml = std::fs::read_to_string(folder.join("junit.xml")).expect("UTF-8");
    let mut reader = quick_xml::Reader::from_str(&xml);
    while !matches!(reader.read_event().expect("well-formed XML"), quick_xml::events::Event::Eof) {}
    let mut reader = csv::ReaderBuilder::new().from_path(folder.join("results.csv")).expect("CSV");
    assert!(reader.records().all(|row| row.is_ok()), "every row has all columns");
}

pub(super) const CACHE: Target = Target {
    name: "answer_cache",
    seeds: || {
        vec![b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n{}\n".to_vec()]
    },
    run: |folder, input| {
        let key = Key::of(&Parts {
            eyechart_version: "0",
            checkpoint: &[],
            device: DeviceClass::Cpu,
            precision: "f32",
            images_sha256: &[],
            input: &ModelInput::default(),
            generation: &GenerationOptions::default(),
        });
        let digits = key.digits();
        let place = folder.join("answers").join(&digits[..2]);
        std::fs::create_dir_all(&place).expect("a folder");
        write(&place.join(format!("{digits}.json")), input);
        let _ = AnswerCache::new(folder.to_owned()).find(&key);
    },
};
