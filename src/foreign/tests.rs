use super::*;

/// One of each kind of character that no reader should get as it is.
const HIDDEN: &str = "\0\u{1b}\u{7}\r\u{7f}\u{85}\u{9b}\u{ad}\u{61c}\u{200b}\u{200e}\u{202e}\u{2028}\
                      \u{2066}\u{2069}\u{feff}\u{3164}\u{e0041}";

#[test]
fn hidden_characters_are_escaped_everywhere() {
    for shown in [line(HIDDEN), block(HIDDEN), reversible(HIDDEN), json(HIDDEN)] {
        assert!(shown.chars().all(|c| ('!'..='~').contains(&c)), "{shown:?}");
    }
    assert_eq!(line("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
    assert_eq!(json("\"\u{9b}2J\u{e0041}\""), "\"\\u009b2J\\udb40\\udc41\"");
}

#[test]
fn what_people_write_stays() {
    for text in [
        "红色的车,在左边。",
        "Überraschung, naïve, e\u{301}",
        "👩\u{200d}👩\u{200d}👧 ❤\u{fe0f} 🏳\u{fe0f}\u{200d}🌈 1\u{fe0f}\u{20e3} 👍🏽",
        "می\u{200c}خواهم",
        "क\u{94d}\u{200d}ष",
        "a\tb",
        "C:\\users",
        "## a heading",
    ] {
        assert_eq!(line(text), text);
        assert_eq!(block(text), text);
        assert_eq!(json(text), text);
    }
    assert_eq!(block("one\ntwo"), "one\ntwo");
    assert_eq!(line("one\ntwo"), "one\\ntwo");
}

#[test]
fn joiners_and_selectors_with_nothing_to_join_are_hidden() {
    assert_eq!(line("ad\u{200d}min"), "ad\\u{200d}min");
    assert_eq!(line("a\u{fe0f}"), "a\\u{fe0f}");
    assert_eq!(line("😀\u{fe0f}\u{e0101}\u{e0102}"), "😀\u{fe0f}\\u{e0101}\\u{e0102}");
    assert_eq!(line("红\u{200d}"), "红\\u{200d}");
}

#[test]
fn no_line_of_a_block_reads_as_a_result_or_a_command() {
    for forged in [
        "test a::b ... ok",
        "  test a::b ... FAILED",
        "test result: ok. 3 passed",
        "running 5 tests",
        "failures:",
        "---- a stdout ----",
        "a::b --- FAILED",
        "{ \"type\": \"test\", \"name\": \"a\", \"event\": \"ok\" }",
        " ::set-output name=a::b",
    ] {
        assert_eq!(block(&format!("x\n{forged}")), format!("x\n| {forged}"));
    }
    assert_eq!(line("[[ATTACHMENT|/a]]"), "[\\u{5b}ATTACHMENT|/a]]");
    assert_eq!(block("x\n[[ATTACHMENT|/a]]"), "x\n[\\u{5b}ATTACHMENT|/a]]");
    for forged in ["##[group]", "a ##vso[task.complete]", "##teamcity[message]"] {
        assert!(!block(forged).contains("##") && !line(forged).contains("##"), "{forged}");
        assert!(!json(forged).contains("##"), "{forged}");
    }
}

#[test]
fn cells_come_back_as_they_were() {
    for text in [HIDDEN, "\\u{1b}", "\\u{", "\\u{x}", "a\\b", "\\\\u{5c}", "红\u{200d}\\u{}", ""] {
        let shown = reversible(text);
        assert!(!shown.contains('\u{1b}'));
        assert_eq!(restored(&shown), text, "{shown}");
    }
}

#[test]
fn quotes_are_as_rust_writes_them() {
    for text in ["", "a \"b\" \\n", "a\nb\t\r", "\u{1b}[2J\u{202e}", "七 é"] {
        assert_eq!(quoted(text), format!("{text:?}"));
    }
    assert_eq!(quoted("👩\u{200d}👧"), "\"👩\u{200d}👧\"");
}

#[test]
fn long_texts_are_cut_and_counted() {
    assert_eq!(cut("红红红", 3), "红红红");
    assert_eq!(cut("红红红红红", 3), "红红红.. (and 2 more characters)");
}

#[test]
fn json_keeps_its_value() {
    let value = serde_json::json!({ "a\u{202e}": [HIDDEN, "##vso[x]", "👩\u{200d}👧"] });
    for text in [value.to_string(), format!("{value:#}")] {
        assert_eq!(serde_json::from_str::<serde_json::Value>(&json(&text)).unwrap(), value);
    }
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, JsonStrings);
    serde::Serialize::serialize(&value, &mut serializer).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    assert!(!text.chars().any(is_hidden), "{text:?}");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
}
