//! Cases beside those of reported failures: each has the value that a careful person reads, or none. A value may be left
//! unread where the list says so; another one may never be read.

use std::fmt::Debug;

use eyechart::case::YesOrNo::{self, No, Yes};
use eyechart::extract::{Extraction, Preference, choice, mark, number, preference, yes_no};

/// What must come of an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Must<T> {
    /// This value.
    Read(T),
    /// This value, or none.
    MayRead(T),
    /// None.
    Unread,
}

use Must::{MayRead, Read, Unread};

fn hold<T: PartialEq + Copy + Debug>(cases: &[(&str, Must<T>)], read: impl Fn(&str) -> Option<T>) {
    let differs = |(text, must): &&(&str, Must<T>)| {
        let found = read(text);
        !match must {
            Read(value) => found == Some(*value),
            MayRead(value) => found.is_none() || found == Some(*value),
            Unread => found.is_none(),
        }
    };
    let astray: Vec<String> = cases
        .iter()
        .filter(differs)
        .map(|(text, must)| format!("{text:?}: {:?}, must be {must:?}", read(text)))
        .collect();
    assert!(astray.is_empty(), "\n{}", astray.join("\n"));
}

fn found<T>(extraction: Extraction<T>) -> Option<T> {
    match extraction {
        Extraction::Found(value) => Some(value),
        _ => None,
    }
}

fn options(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn choices_explained() {
    let colours = options(&["red", "blue", "dark red", "green"]);
    hold(
        &[
            ("B. It is not A because the square isn't red.", Read(1)),
            ("The answer is (B). Options A, C and D can be eliminated.", Read(1)),
            ("Answer: B. A is incorrect; C is incorrect; D is incorrect.", Read(1)),
            (
                "Let's go through the options.\nA: red - no.\nB: blue - yes.\nC: dark red - no.\nAnswer: B",
                Read(1),
            ),
            ("I would choose B over A.", Read(1)),
            ("B is the correct answer, not A.", Read(1)),
            ("A isn't right, so B.", MayRead(1)),
            ("It can't be A or C, so it must be B.", Read(1)),
            ("The correct answer is not A but B.", MayRead(1)),
            ("The answer is not A.", Unread),
            ("I'd rule out A. I'd go with B.", Read(1)),
            ("A is tempting, but the answer is B.", Read(1)),
            (
                "Option A says red. Option B says blue. The square is blue, so B is correct.",
                Read(1),
            ),
            ("**B**\n\nReasoning: A (red) is wrong.", Read(1)),
            ("B) blue. The red one (A) is smaller.", Read(1)),
            ("A is wrong.", Unread),
            ("A and C are wrong.", Unread),
            ("Not B.", Unread),
            ("The answer is either A or B.", Unread),
            ("B/C", Unread),
            ("Both A and B", Unread),
            ("A, then B", Unread),
            ("I can't decide between A and B.", Unread),
            ("None of the above.", Unread),
            ("All of the above", Unread),
            ("I cannot answer this. Option A might be red.", MayRead(0)),
            ("The square is blue rather than red.", MayRead(1)),
            ("The square isn't red; it's blue.", MayRead(1)),
            ("There is no red in it, only blue.", MayRead(1)),
            ("If it were red, the answer would be A.", Unread),
            ("Why not A? Because the answer is B.", Read(1)),
            ("My first thought was A, but it is B.", MayRead(1)),
            ("正确答案是B，因为A和C都不对。", Read(1)),
            ("排除A，选B。", Read(1)),
            ("A错误，B正确。", Read(1)),
            ("不选A，选B", Read(1)),
            ("答案不是A。", Unread),
            ("答案是B而不是A。", Read(1)),
            ("A项错误；B项正确。", Read(1)),
            ("A或B", Unread),
            ("应该选择 B 选项。", Read(1)),
            ("B。A不符合图片。", Read(1)),
        ],
        |text| found(choice(text, &colours)),
    );
}

#[test]
fn letters_in_texts() {
    let cases: [(&[&str], &str, Must<usize>); 22] = [
        (&["Plan A", "Plan C", "Plan B"], "Plan B", Read(2)),
        (&["Plan A", "Plan C", "Plan B"], "The picture shows Plan C.", Read(1)),
        (&["Type B", "Type A", "Type AB", "Type O"], "Type A", Read(1)),
        (&["Type B", "Type A", "Type AB", "Type O"], "type ab", Read(2)),
        (&["Grade C", "Grade B", "Grade A"], "It is Grade A.", Read(2)),
        (&["point B", "point A", "point D", "point C"], "point C", Read(3)),
        (&["Figure C", "Figure A"], "Figure C", Read(0)),
        (&["D minor", "C major", "E flat", "A major"], "A major", Read(3)),
        (&["Group B", "Group A"], "Answer: Group A", Read(1)),
        (&["Group B", "Group A"], "A", Read(0)),
        (&["Exit B", "Exit C", "Exit A"], "A. Exit B", Read(0)),
        (&["Exit B", "Exit C", "Exit A"], "B. Exit B", Unread),
        (&["C", "C++", "C#", "D"], "C++", Read(1)),
        (&["x = -5", "x = 5"], "x = 5", Read(1)),
        (&["x = -5", "x = 5"], "x = -5", Read(0)),
        (&["维生素A", "维生素C", "维生素B"], "维生素C", Read(1)),
        (&["维生素A", "维生素C", "维生素B"], "图中是维生素B。", Read(2)),
        (&["B型", "A型", "O型"], "A型", Read(1)),
        (&["甲", "乙"], "乙", Read(1)),
        (&["iron", "zinc", "orange"], "It has vitamin C in it.", Unread),
        (&["A dog", "A cat"], "A cat", Read(1)),
        (&["10", "100", "1000"], "100", Read(1)),
    ];
    for (texts, answer, must) in cases {
        hold(&[(answer, must)], |text| found(choice(text, &options(texts))));
    }
}

#[test]
fn yes_and_no() {
    hold(
        &[
            ("The image does not contain a dog.", Read(No)),
            ("There's no dog.", Read(No)),
            ("I see no dog in this picture.", Read(No)),
            ("No dogs are visible.", Read(No)),
            ("A dog is not present.", Read(No)),
            ("The dog is nowhere to be seen.", Read(No)),
            ("There doesn't appear to be a dog.", Read(No)),
            ("The picture is free of dogs.", Read(No)),
            ("Dogs are absent from the scene.", Read(No)),
            ("Without any dog in sight.", MayRead(No)),
            ("I was unable to find a dog.", MayRead(No)),
            ("There is hardly a dog.", MayRead(No)),
            ("It isn't true that there is a dog.", MayRead(No)),
            ("I wouldn't say there is a dog.", MayRead(No)),
            ("You can see there is no dog.", Read(No)),
            ("Nope, just a cat.", Read(No)),
            ("Not at all.", Read(No)),
            ("No, but there is a cat.", Read(No)),
            ("Indeed, there is a dog.", Read(Yes)),
            ("Of course there is a dog.", Read(Yes)),
            ("There is certainly a dog.", Read(Yes)),
            ("It is not just a dog but two dogs.", MayRead(Yes)),
            ("There's nothing but dogs.", MayRead(Yes)),
            ("Can't deny there is a dog.", MayRead(Yes)),
            ("There is no way there isn't a dog.", MayRead(Yes)),
            ("It is impossible that there is no dog.", MayRead(Yes)),
            ("Whether there is a dog is unclear.", Unread),
            ("I don't know.", Unread),
            ("Yes or no? Hard to say.", Unread),
            ("I am unable to view the image.", Unread),
            ("It depends.", Unread),
            ("Neither yes nor no.", Unread),
            ("The sign says \"No parking\".", Unread),
            ("并没有狗。", Read(No)),
            ("图中未见狗。", Read(No)),
            ("没看到狗", Read(No)),
            ("图里一只狗都没有。", Read(No)),
            ("图片中不包含狗。", Read(No)),
            ("找不到狗。", Read(No)),
            ("没有发现任何狗。", Read(No)),
            ("图中缺少狗。", MayRead(No)),
            ("我觉得没有。", Read(No)),
            ("绝对没有。", MayRead(No)),
            ("毋庸置疑，图中有狗。", MayRead(Yes)),
            ("不得不说，图中有狗。", MayRead(Yes)),
            ("没问题，图中有狗。", MayRead(Yes)),
            ("不只一只狗。", MayRead(Yes)),
            ("确实有一只狗。", Read(Yes)),
            ("图中有一条狗，没错。", Read(Yes)),
            ("不好说", Unread),
            ("看不清楚", Unread),
            ("无法判断", Unread),
            ("有没有狗？", Unread),
            ("是不是狗不清楚。", Unread),
        ],
        |text| found::<YesOrNo>(yes_no(text)),
    );
}

#[test]
fn numbers() {
    hold(
        &[
            ("2.5 billion dollars", MayRead(2.5e9)),
            ("$3.2 million", MayRead(3.2e6)),
            ("around 40 thousand", MayRead(4e4)),
            ("five hundred", Read(500.0)),
            ("two thousand five hundred", MayRead(2500.0)),
            ("one million two hundred thousand", MayRead(1.2e6)),
            ("100K", MayRead(1e5)),
            ("1.5m people", Unread),
            ("3 lakh", MayRead(3e5)),
            ("a couple of dozen", Unread),
            ("dozens", Unread),
            ("3百万", MayRead(3e6)),
            ("五百万", MayRead(5e6)),
            ("两千", MayRead(2000.0)),
            ("三亿", MayRead(3e8)),
            ("5万多", Unread),
            ("约5万", MayRead(5e4)),
            ("负三度", MayRead(-3.0)),
            ("零下十度", MayRead(-10.0)),
            ("-3.5°C", Read(-3.5)),
            ("minus twenty", MayRead(-20.0)),
            ("5 below zero", MayRead(-5.0)),
            ("1.2e6", MayRead(1.2e6)),
            ("3 × 10⁻²", MayRead(0.03)),
            ("10^-3", MayRead(0.001)),
            ("2^10", MayRead(1024.0)),
            ("¾", MayRead(0.75)),
            ("2¾ cups", MayRead(2.75)),
            ("one and a half", MayRead(1.5)),
            ("a half", MayRead(0.5)),
            ("three quarters", MayRead(0.75)),
            ("50 percent", Read(50.0)),
            ("百分之五十", MayRead(50.0)),
            ("三分之一", MayRead(1.0 / 3.0)),
            ("1.234,56", MayRead(1234.56)),
            ("1 234 567", MayRead(1_234_567.0)),
            ("12'345", MayRead(12_345.0)),
            ("10,00,000", MayRead(1e6)),
            ("between 10 and 20", Unread),
            ("from 3 to 5", Unread),
            ("3 to 5", Unread),
            ("3–5", Unread),
            ("3 ~ 5", Unread),
            ("3或4个", Unread),
            ("三到五个", Unread),
            ("两三个", Unread),
            ("fewer than 10", Unread),
            ("no more than 10", Unread),
            ("up to 12", Unread),
            ("10+", Unread),
            (">5", Unread),
            ("≥ 5", Unread),
            ("不超过10个", Unread),
            ("超过5个", Unread),
            ("多于3个", Unread),
            ("not 3", Unread),
            ("there aren't 3 dogs", Unread),
            ("3 instead of 4", MayRead(3.0)),
            ("4 rather than 3", MayRead(4.0)),
            ("3, no, 4", MayRead(4.0)),
            ("3. Correction: 4", MayRead(4.0)),
            ("I am not sure", Unread),
            ("12:45", Unread),
            ("1920x1080", Unread),
            ("2:1", Unread),
            ("7/10", Unread),
            ("3.", Read(3.0)),
            ("**3**", Read(3.0)),
            ("3只猫和2只狗", Unread),
            ("一共有5只", Read(5.0)),
            ("There are 3 cats.", Read(3.0)),
            ("5 cm", Read(5.0)),
            ("5m", Read(5.0)),
            ("5 K", MayRead(5.0)),
            ("the one on the left", Unread),
            ("one", Read(1.0)),
            ("There is one dog.", Read(1.0)),
            ("the 21st century", Unread),
            ("Type 2", MayRead(2.0)),
            ("in the 1990s", Unread),
        ],
        |text| found(number(text)),
    );
}

#[test]
fn judges() {
    hold(
        &[
            ("Score: 4 or 5", Unread),
            ("Score: 3 / 4", Unread),
            ("Score: 4 to 5", Unread),
            ("Score: between 3 and 4", Unread),
            ("Score: 4 (maybe 3)", MayRead(4.0)),
            ("Score: 4, or rather 3", Unread),
            ("Score: 3.5", Read(3.5)),
            ("Score: ~4", MayRead(4.0)),
            ("Score: 4⅓", Unread),
            ("Score: 4th", Unread),
            ("Score: not 4", Unread),
            ("Score: at least 3", Unread),
            ("Score: 40%", Unread),
            ("Score: 4 out of 10", Unread),
            ("Score: 4/100", Unread),
            ("Score: 4 out of 5", Read(4.0)),
            ("评分：4分", Read(4.0)),
            ("得分：3或4", Unread),
            ("<think>Score: 2", Unread),
            ("Score: 4\nScore: 3", Unread),
        ],
        |text| mark(text).ok(),
    );
    hold(
        &[
            ("Better: A and B", Unread),
            ("Better: A, B", Unread),
            ("Better: A & B", Unread),
            ("Better: A | B", Unread),
            ("Better: not A", Unread),
            ("Better: A is not better", Unread),
            ("Better: A isn't, B is", Unread),
            ("Better: A or tie", Unread),
            ("Better: A.", Read(Preference::First)),
            ("Better: Answer B", Read(Preference::Second)),
            ("Better: B (it names the animal)", Read(Preference::Second)),
            ("Better: A than B", MayRead(Preference::First)),
            ("Better: tie", Read(Preference::Neither)),
            ("Better: A\n\nAnswer A names the animal.", Read(Preference::First)),
            ("Better: A? No, B.", Unread),
            ("Better: either A or B", Unread),
            ("Better: [A]", Read(Preference::First)),
        ],
        |text| preference(text).ok(),
    );
}
