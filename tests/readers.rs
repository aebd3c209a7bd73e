//! The readers of answers against `fixtures/readers`: answers as models write them, each with the reading that a careful
//! person gives it.
//!
//! Answers go through [`eyechart::score::judge`], as in a run. Whatever a reader makes of an answer is one of four:
//! *right*, *unread* where that is right or allowed, *missed* (unread although it can be read), *wrong* (another value, or
//! any value where there is none). Run with `--no-capture` to see the figures and every answer that went astray.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::fs;
use std::path::Path;

use eyechart::answer::FinishReason;
use eyechart::case::{
    Expectation, Fact, FactSheet, JudgeExpectation, LabelledBox, PreferenceExpectation, YesOrNo,
};
use eyechart::extract::BoxNotation;
use eyechart::geometry::{PictureSize, PixelBox, PixelSize};
use eyechart::opinion::{JudgedPictures, Said};
use eyechart::score::advised::inquiries;
use eyechart::score::{Evidence, FULL_MARKS, Reading, Verdict, judge};
use serde::Deserialize;
use serde_json::Value;

/// Largest share of wrong readings, of each reader in each language (issue 12).
const MOST_WRONG: f64 = 0.003;

/// Smallest IoU with the expected box that counts as the same box: the corpus has whole numbers, and rounding may differ.
const SAME_BOX: f64 = 0.999;

/// The readers with the largest share that each may miss of the answers that must be read.
const READERS: [(Reader, f64); 7] = [
    (Reader::Choice, 0.05),
    (Reader::YesNo, 0.05),
    (Reader::Number, 0.05),
    (Reader::Facts, 0.05),
    (Reader::Boxes, 0.02),
    (Reader::Judge, 0.03),
    (Reader::Normalize, 0.05),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    Choice,
    YesNo,
    Number,
    Facts,
    Boxes,
    Judge,
    Normalize,
}

impl Reader {
    /// The name of its files.
    fn name(self) -> &'static str {
        match self {
            Self::Choice => "choice",
            Self::YesNo => "yes_no",
            Self::Number => "number",
            Self::Facts => "facts",
            Self::Boxes => "boxes",
            Self::Judge => "judge",
            Self::Normalize => "normalize",
        }
    }

    /// Fewest entries.
    fn least(self) -> usize {
        match self {
            Self::Choice | Self::YesNo | Self::Number => 250,
            Self::Facts | Self::Boxes => 150,
            Self::Judge => 120,
            Self::Normalize => 60,
        }
    }

    /// The reading that stands for no value: what is not stated and what differs says nothing.
    fn nothing(self) -> &'static str {
        match self {
            Self::Facts => "absent",
            Self::Normalize => "different",
            _ => "unread",
        }
    }

    fn entries(self) -> Vec<Entry> {
        let files = [format!("{}.jsonl", self.name()), format!("{}.hand.jsonl", self.name())];
        files.iter().flat_map(|file| entries(file)).collect()
    }
}

/// One line of a file; fixtures/readers/README.md says what its fields mean.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    #[serde(default)]
    question: String,
    #[serde(default)]
    options: Vec<String>,
    #[serde(default)]
    wordings: Vec<String>,
    #[serde(default)]
    kind: Option<JudgementKind>,
    #[serde(default)]
    expected: Option<String>,
    #[serde(default)]
    notation: Option<BoxNotation>,
    #[serde(default)]
    picture: Option<[u32; 2]>,
    #[serde(default)]
    resized: Option<[u32; 2]>,
    answer: String,
    #[serde(default = "stopped")]
    finish: FinishReason,
    reading: Value,
    #[serde(default)]
    why: Option<String>,
    #[serde(default)]
    also: Vec<Value>,
    language: String,
    style: String,
    source: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum JudgementKind {
    Score,
    Better,
}

fn stopped() -> FinishReason {
    FinishReason::Stop
}

fn entries(file: &str) -> Vec<Entry> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/readers").join(file);
    let Ok(text) = fs::read_to_string(&path) else {
        assert!(!file.contains("hand"), "{} is missing", path.display());
        return Vec::new();
    };
    let parsed = |(line, number): (&str, usize)| {
        serde_json::from_str(line)
            .unwrap_or_else(|error| panic!("{}:{number}: {error}", path.display()))
    };
    text.lines().zip(1..).map(parsed).collect()
}

/// What a reader made of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// The right value.
    Right,
    /// No value where there is none.
    RightlyUnread,
    /// No value where there is one that need not be read.
    AllowedUnread,
    /// No value where there is one.
    Missed,
    /// Another value.
    Wrong,
}

impl Entry {
    fn outcome(&self, reader: Reader) -> Outcome {
        let nothing = Value::from(reader.nothing());
        let mut values =
            std::iter::once(&self.reading).chain(&self.also).filter(|one| **one != nothing);
        if values.any(|value| self.is_read_as(reader, value)) {
            return Outcome::Right;
        }
        match self.is_read(reader) {
            true => Outcome::Wrong,
            false if self.reading == nothing => Outcome::RightlyUnread,
            false if self.also.contains(&nothing) => Outcome::AllowedUnread,
            false => Outcome::Missed,
        }
    }

    fn is_read_as(&self, reader: Reader, value: &Value) -> bool {
        let verdict = self.verdict(reader, value);
        match reader {
            Reader::Judge => verdict.reading == Reading::Parsed && self.is_worth(value, &verdict),
            _ => verdict.passed,
        }
    }

    /// Whether any value is read, by a value that the answer does not have.
    fn is_read(&self, reader: Reader) -> bool {
        let verdict = self.verdict(reader, &self.some_value(reader));
        match reader {
            Reader::Facts | Reader::Normalize => verdict.passed,
            _ => verdict.passed || verdict.reading == Reading::Parsed,
        }
    }

    fn some_value(&self, reader: Reader) -> Value {
        match reader {
            Reader::Choice => "A".into(),
            Reader::YesNo => "yes".into(),
            Reader::Number => (-987_654.25).into(),
            Reader::Facts => "stated".into(),
            Reader::Boxes => serde_json::json!([[0, 0, 1, 1]]),
            Reader::Judge => 0.into(),
            Reader::Normalize => "same".into(),
        }
    }

    fn verdict(&self, reader: Reader, value: &Value) -> Verdict {
        let expectation = self.expectation(reader, value);
        match reader {
            Reader::Judge => self.verdict_by_reply(&expectation),
            _ => self.verdict_of(&expectation),
        }
    }

    fn expectation(&self, reader: Reader, value: &Value) -> Expectation {
        let text = || value.as_str().unwrap_or_else(|| panic!("{}: {value} is no text", self.id));
        match reader {
            Reader::Choice => {
                let answer = ('A'..='Z').position(|letter| text() == letter.to_string());
                let answer = answer.filter(|index| *index < self.options.len());
                let answer = answer.unwrap_or_else(|| panic!("{}: {value} is no option", self.id));
                Expectation::Choice { options: self.options.clone(), answer }
            }
            Reader::YesNo => Expectation::YesNo(match text() {
                "yes" => YesOrNo::Yes,
                "no" => YesOrNo::No,
                other => panic!("{}: {other} is neither yes nor no", self.id),
            }),
            Reader::Number => {
                let value = value.as_f64().unwrap_or_else(|| panic!("{}: no number", self.id));
                Expectation::Number { value, tolerance: 1e-9 }
            }
            Reader::Facts => Expectation::Facts(self.fact_sheet()),
            Reader::Boxes => Expectation::Boxes { truth: self.truth(value), min_iou: SAME_BOX },
            Reader::Judge => self.judgement(),
            Reader::Normalize => Expectation::Exact(self.expected.clone().unwrap_or_default()),
        }
    }

    fn fact_sheet(&self) -> FactSheet {
        let fact = Fact { any: self.wordings.clone(), partial: Vec::new(), weight: 1.0 };
        FactSheet { facts: vec![fact], forbidden: Vec::new(), min_points: FULL_MARKS }
    }

    fn truth(&self, boxes: &Value) -> Vec<LabelledBox> {
        let boxes: Vec<[f64; 4]> = serde_json::from_value(boxes.clone())
            .unwrap_or_else(|error| panic!("{}: {error}", self.id));
        let labelled = |edges: [f64; 4]| LabelledBox {
            label: "box".to_owned(),
            bounds: PixelBox::try_from(edges)
                .unwrap_or_else(|error| panic!("{}: {error}", self.id)),
        };
        boxes.into_iter().map(labelled).collect()
    }

    fn judgement(&self) -> Expectation {
        let (judge, rubric) = ("judge".to_owned(), "Names the animal.".to_owned());
        let (min_points, pictures) = (FULL_MARKS, JudgedPictures::Hidden);
        match self.kind {
            Some(JudgementKind::Score) => {
                Expectation::Judge(JudgeExpectation { judge, rubric, min_points, pictures })
            }
            Some(JudgementKind::Better) => {
                let over = "A dog.".to_owned();
                let expected = PreferenceExpectation { judge, rubric, over, min_points, pictures };
                Expectation::Preferred(expected)
            }
            None => panic!("{}: a judge's reply needs a kind", self.id),
        }
    }

    /// The verdict on a fixed answer if the entry's is the judge's first reply. To the second question, in which the two
    /// answers have changed places, the judge replies that neither is better.
    fn verdict_by_reply(&self, expectation: &Expectation) -> Verdict {
        const QUESTION: &str = "Which animal is it?";
        const ANSWER: &str = "A cat sleeps.";
        let replies = [(self.answer.as_str(), self.finish), ("Better: tie", FinishReason::Stop)];
        let opinions: Vec<_> = inquiries(expectation, QUESTION, ANSWER)
            .iter()
            .zip(replies)
            .map(|(inquiry, (text, finish))| {
                let text = text.to_owned();
                inquiry.answered(Said::Reply { text, finish, position: None, unread: None })
            })
            .collect();
        let evidence = Evidence {
            text: ANSWER,
            finish: FinishReason::Stop,
            notation: None,
            image_sizes: &[],
            question: QUESTION,
            opinions: &opinions,
        };
        judge(expectation, evidence)
    }

    /// Whether the points are those of the mark, or of the preference in the first of two positions and a tie in the
    /// second: three quarters of all marks, a half, or a quarter.
    fn is_worth(&self, value: &Value, verdict: &Verdict) -> bool {
        let points = match value.as_str() {
            Some("A") => FULL_MARKS * 0.75,
            Some("tie") => FULL_MARKS * 0.5,
            Some("B") => FULL_MARKS * 0.25,
            _ => value.as_f64().unwrap_or_else(|| panic!("{}: {value} is no mark", self.id)),
        };
        (verdict.points - points).abs() < 1e-9
    }

    fn verdict_of(&self, expectation: &Expectation) -> Verdict {
        let size = |[width, height]: [u32; 2]| PixelSize { width, height };
        let resized = self.resized.map(size);
        let picture = self.picture.map(|picture| PictureSize { original: size(picture), resized });
        let evidence = Evidence {
            text: &self.answer,
            finish: self.finish,
            notation: self.notation,
            image_sizes: picture.as_slice(),
            question: &self.question,
            opinions: &[],
        };
        judge(expectation, evidence)
    }
}

/// How many answers came to each outcome.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    right: usize,
    rightly_unread: usize,
    allowed_unread: usize,
    missed: usize,
    wrong: usize,
    /// Of the wrong ones, those that have no value.
    wrong_of_nothing: usize,
}

impl Tally {
    fn add(&mut self, outcome: Outcome, has_value: bool) {
        match outcome {
            Outcome::Right => self.right += 1,
            Outcome::RightlyUnread => self.rightly_unread += 1,
            Outcome::AllowedUnread => self.allowed_unread += 1,
            Outcome::Missed => self.missed += 1,
            Outcome::Wrong => self.wrong += 1,
        }
        self.wrong_of_nothing += usize::from(outcome == Outcome::Wrong && !has_value);
    }

    fn cases(&self) -> usize {
        self.unread() + self.right + self.wrong
    }

    fn unread(&self) -> usize {
        self.rightly_unread + self.allowed_unread + self.missed
    }

    /// Of the readings, those that are right.
    fn precision(&self) -> f64 {
        share(self.right, self.right + self.wrong)
    }

    /// Of the answers that have a value, those read rightly.
    fn recall(&self) -> f64 {
        let wrong_of_value = self.wrong - self.wrong_of_nothing;
        share(self.right, self.right + self.allowed_unread + self.missed + wrong_of_value)
    }

    /// Of the answers that must be read, those that are not.
    fn share_missed(&self) -> f64 {
        share(self.missed, self.right + self.missed)
    }

    fn share_wrong(&self) -> f64 {
        share(self.wrong, self.cases())
    }
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: f64| format!("{:.1}%", 100.0 * share);
        write!(
            f,
            "{:>6}{:>6}{:>8}{:>8}{:>7}{:>11}{:>9}{:>9}",
            self.cases(),
            self.right,
            self.unread(),
            self.missed,
            self.wrong,
            percent(self.precision()),
            percent(self.recall()),
            percent(share(self.unread(), self.cases())),
        )
    }
}

/// What a reader made of all its answers.
struct Report {
    reader: Reader,
    by_language: BTreeMap<String, Tally>,
    /// The answers missed or wrong, for whoever mends the reader.
    astray: String,
}

fn report(reader: Reader) -> Report {
    let nothing = Value::from(reader.nothing());
    let mut report = Report { reader, by_language: BTreeMap::new(), astray: String::new() };
    for entry in reader.entries() {
        let outcome = entry.outcome(reader);
        for language in ["all", &entry.language] {
            let tally = report.by_language.entry(language.to_owned()).or_default();
            tally.add(outcome, entry.reading != nothing);
        }
        if matches!(outcome, Outcome::Missed | Outcome::Wrong) {
            let Entry { id, answer, reading, options, wordings, expected, .. } = &entry;
            let context = match reader {
                Reader::Choice => format!(" {options:?}"),
                Reader::Facts => format!(" {wordings:?}"),
                Reader::Normalize => format!(" {expected:?}"),
                _ => String::new(),
            };
            let line = format!("{outcome:?} {id}: {reading} is in {answer:?}{context}");
            writeln!(report.astray, "{line}").expect("a String takes all");
        }
    }
    report
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns =
            [" cases", " right", "  unread", "  missed", "  wrong", "  precision", "   recall"];
        writeln!(f, "{:<14}{}   unread", "reader", columns.concat())?;
        for (language, tally) in &self.by_language {
            writeln!(f, "{:<14}{tally}", format!("{} {language}", self.reader.name()))?;
        }
        write!(f, "{}", self.astray)
    }
}

/// Fails unless the reader keeps its bounds in each language.
fn hold(reader: Reader) {
    let report = report(reader);
    eprintln!("{report}");
    let (_, most_missed) = READERS.into_iter().find(|(one, _)| *one == reader).expect("listed");
    for (language, tally) in &report.by_language {
        let (wrong, missed) = (tally.share_wrong(), tally.share_missed());
        let place = format!("{} in {language}", reader.name());
        assert!(wrong <= MOST_WRONG, "{place}: {} of {} are wrong", tally.wrong, tally.cases());
        assert!(missed <= most_missed, "{place}: {} are missed of those to be read", tally.missed);
    }
}

#[test]
fn choices_are_read_as_a_person_reads_them() {
    hold(Reader::Choice);
}

#[test]
fn yes_and_no_are_read_as_a_person_reads_them() {
    hold(Reader::YesNo);
}

#[test]
fn numbers_are_read_as_a_person_reads_them() {
    hold(Reader::Number);
}

#[test]
fn facts_are_read_as_a_person_reads_them() {
    hold(Reader::Facts);
}

#[test]
fn boxes_are_read_as_a_person_reads_them() {
    hold(Reader::Boxes);
}

#[test]
fn replies_of_judges_are_read_as_a_person_reads_them() {
    hold(Reader::Judge);
}

#[test]
fn texts_are_equal_if_a_person_calls_them_so() {
    hold(Reader::Normalize);
}

#[test]
fn an_answer_that_never_came_is_called_so() {
    let mut astray = String::new();
    for reader in [Reader::Choice, Reader::YesNo, Reader::Number, Reader::Boxes] {
        let only_thought = |entry: &Entry| entry.style == "thinking" && entry.reading == "unread";
        for entry in reader.entries().into_iter().filter(only_thought) {
            let found = entry.verdict(reader, &entry.some_value(reader)).reading;
            let is_right = match entry.finish {
                FinishReason::Length => found == Reading::Truncated,
                FinishReason::Stop => matches!(found, Reading::Truncated | Reading::Empty),
            };
            if !is_right {
                writeln!(astray, "{}: {found:?}: {:?}", entry.id, entry.answer)
                    .expect("a String takes all");
            }
        }
    }
    assert!(astray.is_empty(), "these are thoughts without an answer:\n{astray}");
}

/// What models put around an answer without meaning anything by it.
fn frames(language: &str) -> [&'static str; 5] {
    match language {
        "zh" => [
            "感谢您的图片。{}",
            "以下是我的回答：\n\n{}",
            "{}\n\n希望对您有帮助！",
            "{}\n\n如有其他问题，请随时告诉我。",
            "<think>先看一下图片。</think>\n\n{}",
        ],
        _ => [
            "Thank you for the picture. {}",
            "Here is my answer:\n\n{}",
            "{}\n\nI hope this helps!",
            "{}\n\nLet me know if you need anything else.",
            "<think>Let me look at the picture first.</think>\n\n{}",
        ],
    }
}

#[test]
fn a_polite_frame_does_not_turn_an_answer_into_another() {
    let mut astray = String::new();
    for reader in [Reader::Choice, Reader::YesNo, Reader::Number] {
        let plain = |entry: &Entry| {
            entry.finish == FinishReason::Stop
                && entry.style != "thinking"
                && entry.style != "refusing"
                && !entry.answer.trim().is_empty()
                && entry.outcome(reader) != Outcome::Wrong
        };
        for mut entry in reader.entries().into_iter().filter(plain) {
            let bare = entry.answer.clone();
            for frame in frames(&entry.language) {
                entry.answer = frame.replace("{}", &bare);
                if entry.outcome(reader) == Outcome::Wrong {
                    writeln!(astray, "{}: {:?}", entry.id, entry.answer)
                        .expect("a String takes all");
                }
            }
        }
    }
    assert!(astray.is_empty(), "a frame made of these another answer:\n{astray}");
}

#[test]
fn the_corpus_is_as_large_and_mixed_as_issue_12_asks() {
    let (mut all, mut by_hand, mut chinese) = (0, 0, 0);
    let mut counts = String::new();
    for (reader, _) in READERS {
        let entries = reader.entries();
        let of = |holds: fn(&Entry) -> bool| entries.iter().filter(|entry| holds(entry)).count();
        let hand = of(|entry| !entry.source.starts_with("rule:"));
        let zh = of(|entry| entry.language == "zh");
        assert!(entries.len() >= reader.least(), "{}: {}", reader.name(), entries.len());
        let line =
            format!("{}: {} answers, {hand} by hand, {zh} Chinese", reader.name(), entries.len());
        writeln!(counts, "{line}").expect("a String takes all");
        (all, by_hand, chinese) = (all + entries.len(), by_hand + hand, chinese + zh);
    }
    assert!(all >= 1500 && by_hand >= 500 && 3 * chinese >= all, "{all}, {by_hand}, {chinese}");
    insta::assert_snapshot!(counts);
}

#[test]
fn every_entry_is_well_formed() {
    const STYLES: [&str; 28] = [
        "ambiguous",
        "chatty",
        "correction",
        "cut",
        "date",
        "decimal",
        "decimal-comma",
        "denied",
        "double-negation",
        "explained",
        "fraction",
        "hedged",
        "idiom",
        "json",
        "latex",
        "loop",
        "markdown",
        "ordinal",
        "range",
        "ratio",
        "refusing",
        "repeated",
        "scale",
        "separators",
        "superscript",
        "terse",
        "thinking",
        "units",
    ];
    for (reader, _) in READERS {
        let mut ids = std::collections::BTreeSet::new();
        for entry in reader.entries() {
            let id = &entry.id;
            assert!(ids.insert(id.clone()), "{id} stands twice");
            assert!(!entry.also.contains(&entry.reading), "{id}: also repeats the reading");
            assert!(["en", "zh"].contains(&entry.language.as_str()), "{id}: {}", entry.language);
            assert!(STYLES.contains(&entry.style.as_str()), "{id}: {}", entry.style);
            assert!(!entry.source.is_empty(), "{id} has no source");
            assert!(entry.why.is_none() || entry.reading == "unread", "{id}: why of a value");
        }
    }
}
