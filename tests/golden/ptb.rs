//! The tokenizer on the golden documents.

use eyechart::score::caption::ptb::{Context, LineBreaks, TokenizeError, raw_lines, tokenize};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    docs: Vec<Doc>,
}

#[derive(Deserialize)]
struct Doc {
    name: String,
    captions: Vec<String>,
    raw_stdout: String,
    tokenized: Vec<String>,
}

fn docs(json: &str) -> Vec<Doc> {
    serde_json::from_str::<Golden>(json).unwrap().docs
}

fn all_docs() -> Vec<Doc> {
    let mut all = docs(include_str!("../../fixtures/golden/ptb_tricky.json"));
    all.extend(docs(include_str!("../../fixtures/golden/ptb_fuzz_ascii.json")));
    all.extend(docs(include_str!("../../fixtures/golden/ptb_line_separators.json")));
    all
}

#[test]
fn raw_output_equals_the_java_tool() {
    let mut wrong = Vec::new();
    for doc in all_docs() {
        let lines: Vec<String> = doc.captions.iter().map(|c| c.replace('\n', " ")).collect();
        let raw = raw_lines(&lines.join("\n"));
        for (position, (found, expected)) in
            raw.iter().map(String::as_str).zip(doc.raw_stdout.split('\n')).enumerate()
        {
            if found != expected {
                let caption = lines.get(position);
                wrong.push(format!("{}: {caption:?}\n  {found:?}\n  {expected:?}", doc.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{} lines differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn tokens_equal_the_python_wrapper() {
    for doc in all_docs() {
        let tokens = tokenize(&doc.captions, Context::WholeCorpus, LineBreaks::Reproduce).unwrap();
        let tokens = &tokens[..doc.tokenized.len()];
        for ((caption, found), expected) in doc.captions.iter().zip(tokens).zip(&doc.tokenized) {
            assert_eq!(found, expected, "{}: {caption:?}", doc.name);
        }
    }
}

#[test]
fn line_breaks_are_refused_unless_asked_for() {
    let refused = tokenize(&["a", "b\u{2028}c"], Context::WholeCorpus, LineBreaks::Refuse);
    assert_eq!(refused, Err(TokenizeError::LineBreak { position: 1, character: '\u{2028}' }));
    let harmless = tokenize(&["a\r", "b"], Context::WholeCorpus, LineBreaks::Refuse);
    assert_eq!(harmless.unwrap(), ["a", "b"]);
}

#[test]
fn a_caption_by_itself_does_not_see_the_next() {
    let captions = ["Plan I.", "It is"];
    let together = tokenize(&captions, Context::WholeCorpus, LineBreaks::Refuse).unwrap();
    let alone = tokenize(&captions, Context::EachCaption, LineBreaks::Refuse).unwrap();
    assert_eq!(together, ["plan i", "it is"]);
    assert_eq!(alone, ["plan i.", "it is"]);
}

#[derive(Deserialize)]
struct Classes {
    line_patterns: Vec<String>,
    signatures: Vec<String>,
    ranges: Vec<(u32, u32, usize)>,
}

/// Every character of the BMP in eight places, as the Java tool treats it.
#[test]
fn every_character_is_treated_as_the_java_tool_does() {
    let json = include_str!("../../fixtures/golden/ptb_bmp_classes.json");
    let golden: Classes = serde_json::from_str(json).unwrap();
    for (first, last, signature) in golden.ranges.into_iter().filter(|range| range.0 >= 0x80) {
        let characters: Vec<char> = (first..=last).filter_map(char::from_u32).collect();
        let mut text = String::new();
        for character in &characters {
            for pattern in &golden.line_patterns {
                // The line between keeps a line's end from seeing the next.
                text.push_str(&pattern.replace("{}", &character.to_string()));
                text.push_str("\nzz\n");
            }
        }
        let lines = raw_lines(&text);
        let outputs: Vec<&str> = lines.iter().step_by(2).map(String::as_str).collect();
        for (character, outputs) in
            characters.iter().zip(outputs.chunks(golden.line_patterns.len()))
        {
            let lower: String = character.to_lowercase().collect();
            let expected = golden.signatures[signature].replace('X', &lower);
            assert_eq!(outputs.join("|"), expected, "U+{:04X}", u32::from(*character));
        }
    }
}
