use std::fmt::Write;

use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::model::{blip2, llava, minigpt_v2, qwen3_vl};

/// The tables of docs/checkpoints.md, in its order.
const TABLES: [(&str, &[Section]); 7] = [
    ("Qwen3-VL", qwen3_vl::SECTIONS),
    ("LLaVA-1.5 in the hub's layout", llava::HUB_SECTIONS),
    ("LLaVA-1.5 in the original layout", llava::ORIGINAL_SECTIONS),
    ("The tower of the original layout", llava::TOWER_SECTIONS),
    ("BLIP-2 and InstructBLIP", blip2::SECTIONS),
    ("MiniGPT-v2", minigpt_v2::SECTIONS),
    ("The Llama of MiniGPT-v2", minigpt_v2::LLAMA_SECTIONS),
];

const BEGIN: &str = "<!-- written by src/model/field_table/tests.rs -->\n";

fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Bookkeeping => "bookkeeping",
        Reason::Training => "training alone",
        Reason::Output => "what calls return, and how fast",
        Reason::Video => "video",
        Reason::Repeated => "said elsewhere",
        Reason::Batching => "padding and batches",
    }
}

fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" ")
}

/// One section as a table of fates.
fn table(section: &Section) -> String {
    let mut text = format!("`{}`", section.file);
    for part in section.path {
        write!(text, " / `{part}`").unwrap();
    }
    if !section.model_types.is_empty() {
        write!(text, " of {}", section.model_types.join(", ")).unwrap();
    }
    text.push_str("\n\n| fate | fields |\n|---|---|\n");
    let read: Vec<&str> = section.read.iter().flat_map(|names| names().iter().copied()).collect();
    if !read.is_empty() {
        writeln!(text, "| read | {} |", quoted(read)).unwrap();
    }
    for group in section.groups() {
        match group {
            Group::Inert(why, fields) => {
                writeln!(text, "| inert: {} | {} |", reason(*why), quoted(fields.iter().copied()))
            }
            Group::Only(fields) => {
                let fields = fields.iter().map(|only| {
                    format!("`{}`: {}", only.field, only.values.join(" or ").replace('|', "\\|"))
                });
                writeln!(text, "| refused unless | {} |", fields.collect::<Vec<_>>().join("; "))
            }
            Group::Told(what, fields) => {
                let fields = fields.iter().map(|(field, default)| format!("`{field}` ({default})"));
                writeln!(text, "| told: {what} | {} |", fields.collect::<Vec<_>>().join(" "))
            }
        }
        .unwrap();
    }
    text + "\n"
}

/// The page is the tables. Where they differ, what it should have is put beside the test's other
/// temporary files.
#[test]
fn the_page_has_the_tables() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/checkpoints.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (prose, _) = page.split_once(BEGIN).expect("the page has a place for the tables");
    let mut wanted = format!("{prose}{BEGIN}");
    for (name, sections) in TABLES {
        write!(wanted, "\n### {name}\n\n").unwrap();
        sections.iter().for_each(|section| wanted.push_str(&table(section)));
    }
    if page != wanted {
        let place = std::env::temp_dir().join("checkpoints.md");
        std::fs::write(&place, wanted).unwrap();
        panic!("docs/checkpoints.md is not what the tables say; see {}", place.display());
    }
}

/// Each field has one fate, whichever group is looked at first.
#[test]
fn no_field_has_two_fates() {
    let mut doubled = Vec::new();
    for section in TABLES.iter().flat_map(|(_, sections)| *sections) {
        let mut seen = Vec::new();
        for field in section.groups().flat_map(names) {
            if seen.contains(&field) {
                doubled.push(format!("{} {:?}: {field}", section.file, section.path));
            }
            seen.push(field);
        }
    }
    assert!(doubled.is_empty(), "{doubled:#?}");
}

fn names(group: &'static Group) -> Vec<&'static str> {
    match group {
        Group::Inert(_, fields) => fields.to_vec(),
        Group::Only(fields) => fields.iter().map(|only| only.field).collect(),
        Group::Told(_, fields) => fields.iter().map(|(field, _)| *field).collect(),
    }
}

#[test]
fn each_value_of_a_table_is_json() {
    for section in TABLES.iter().flat_map(|(_, sections)| *sections) {
        for group in section.groups() {
            let values: Vec<&str> = match group {
                Group::Inert(..) => Vec::new(),
                Group::Only(fields) => {
                    fields.iter().flat_map(|only| only.values).copied().collect()
                }
                Group::Told(_, fields) => fields.iter().map(|(_, default)| *default).collect(),
            };
            for value in values {
                assert!(serde_json::from_str::<Value>(value).is_ok(), "{value}");
            }
        }
    }
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "read by its names alone")]
struct Sample {
    first: u32,
    #[serde(alias = "other", rename = "second")]
    renamed: Option<String>,
}

#[test]
fn a_structure_tells_the_names_it_reads() {
    let mut names = names_of::<Sample>().to_vec();
    names.sort_unstable();
    assert_eq!(names, ["first", "other", "second"]);
}

#[test]
fn numbers_are_equal_however_they_are_written() {
    assert!(is_value(&json!(1), "1.0"));
    assert!(is_value(&json!({"a": 1, "b": [2.0]}), r#"{"b": [2], "a": 1.0}"#));
    assert!(!is_value(&json!({"a": 1}), r#"{"a": 1, "b": 2}"#));
    assert!(!is_value(&json!("1"), "1"));
}
