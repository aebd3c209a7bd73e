//! The number that an answer gives.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::Extraction;
use super::clause::{Clause, clauses, fold, words_with_places};
use super::figures::{Figure, Value, figures, with_digits};
use super::final_answer::boxed;
use super::polarity::{Polarity, Stance};
use super::thought::answer_of;
use super::yes_no::takes_back;

/// The one number that the answer gives, in digits or words, English or Chinese.
///
/// Signs, scales and powers belong to it: "minus 5", 负5, "2 million", "12k", 1.2万, "2 × 10^6", "4½" are
/// read whole. A unit may follow ("5kg", 3个, "50%" is 50). An announced number ("The answer is 5", "a
/// total of 5", "3 + 2 = 5", 共5个), one that is a line or sentence by itself at either end, or one in a
/// box decides; otherwise all that are stated must be equal, however the text weighs them. What is
/// denied ("not 5 but 6"), asked about or taken back by a correction does not count.
///
/// No value, and so unread: bounds ("more than 5", 至少5个), ranges ("3-4", "between 3 and 5"), times and
/// sizes ("5:30", "3x4"), letters that may be a scale or a unit ("5M"), "1.500". No numbers at all:
/// ordinals ("2nd"), digits inside a word ("B2", "1e3"), the pronoun "one", numbers of a list's items.
pub fn number(text: &str) -> Extraction<f64> {
    let folded = fold(answer_of(text));
    let text = with_digits(boxed(&folded).unwrap_or(&folded));
    let claims = claims(&text);
    if claims.is_empty() {
        return if says_none(&text) { Extraction::Found(0.0) } else { Extraction::Absent };
    }
    let asserted: Vec<&Claim> = claims.iter().filter(|one| one.stance == Stance::Stated).collect();
    let Some(strongest) = asserted.iter().map(|one| one.is_declared).max() else {
        let denied = claims.iter().filter(|one| one.stance == Stance::Denied);
        return Extraction::all_denied(denied.filter_map(|one| exact(one.value)));
    };
    let strong = || asserted.iter().filter(|one| one.is_declared == strongest);
    match strong().any(|one| one.value == Value::Vague) {
        true => Extraction::Absent,
        false => Extraction::from_candidates(strong().filter_map(|one| exact(one.value))),
    }
}

fn exact(value: Value) -> Option<f64> {
    match value {
        Value::Exactly(value) => Some(value),
        Value::Vague => None,
    }
}

/// A figure with what its clause does to it.
struct Claim {
    value: Value,
    place: Range<usize>,
    /// Where its clause begins.
    clause: usize,
    is_declared: bool,
    stance: Stance,
}

/// The figures of an answer that are said, from its last correction on.
fn claims(text: &str) -> Vec<Claim> {
    let clauses = clauses(text);
    let corrected_at = clauses
        .iter()
        .skip(1)
        .rev()
        .find(|clause| takes_back(clause))
        .map_or(0, |clause| clause.start);
    let mut found = Vec::new();
    let mut all = figures(text).into_iter().peekable();
    for clause in &clauses {
        let end = clause.start + clause.raw.len();
        let inside = std::iter::from_fn(|| all.next_if(|figure| figure.place.start < end));
        let inside: Vec<Figure> = inside.collect();
        if !inside.is_empty() && !clause.is_asked && end > corrected_at {
            found.extend(claims_of(text, clause, inside));
        }
    }
    for at in 1..found.len() {
        let (before, one) = (&found[at - 1], &found[at]);
        let between = text.get(before.place.end..one.place.start).unwrap_or_default();
        let is_joined = before.clause == one.clause || are_linked(between, &text[one.place.end..]);
        found[at].is_declared |= before.is_declared && is_joined;
    }
    found
}

/// Whether what stands between two figures joins them as equals: "3 or 4", "[3, 4]".
fn are_linked(between: &str, after: &str) -> bool {
    if between.len() > 24 {
        return false;
    }
    let link = between.trim_matches([' ', '*', '_', '"', '\'', '$', '[', ']']);
    let goes_on = || {
        let rest = after.trim_start_matches([' ', '"', '\'']);
        rest.is_empty() || [",", "]", "and", "or", "、"].iter().any(|mark| rest.starts_with(mark))
    };
    match link {
        "or" | "and" | "to" | "-" | "–" | "/" | "~" | "或" | "和" | "到" | "至" | "或者"
        | "or maybe" | "or perhaps" | "maybe" | ", maybe" | ", perhaps" | ", possibly" | ", or"
        | ",可能" | "or possibly" => true,
        "," | "、" => goes_on(),
        _ => false,
    }
}

fn claims_of(text: &str, clause: &Clause<'_>, figures: Vec<Figure>) -> Vec<Claim> {
    let (words, places) = words_with_places(clause.raw);
    let polarity = Polarity::of(&words);
    let is_reduced = [" except ", " excluding "].iter().any(|word| words.contains(word));
    let claim = |figure: Figure| {
        let offset = figure.place.start.saturating_sub(clause.start);
        let at = places.get(offset).copied().unwrap_or(0);
        Claim {
            value: if is_reduced { Value::Vague } else { figure.value },
            is_declared: is_alone(text, &figure) || is_announced(text, &figure),
            stance: match figure.value == Value::Exactly(1.0)
                && is_denied_behind(&text[figure.place.end..])
            {
                true => Stance::Denied,
                false => polarity.stance_at(&words, at),
            },
            place: figure.place,
            clause: clause.start,
        }
    };
    figures.into_iter().map(claim).collect()
}

/// Whether what stands behind says that there is not even this one: 一个也没有.
fn is_denied_behind(after: &str) -> bool {
    static DENIED: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^\p{Han}{0,3}[也都](?:没|不)").ok());
    DENIED.as_ref().is_some_and(|pattern| pattern.is_match(after))
}

/// Whether a figure is a line or a sentence by itself, at the start or the end of the answer.
fn is_alone(text: &str, figure: &Figure) -> bool {
    const MARKS: [char; 13] = [' ', '*', '_', '#', '>', '"', '\'', '`', '(', ')', '$', '%', '\t'];
    let before = text[..figure.place.start].trim_end_matches(MARKS);
    let after = text[figure.place.end..].trim_start_matches(MARKS);
    let opens = before.is_empty() || before.ends_with(['\n', '.', '。', ':']);
    let ends_sentence = || {
        after.strip_prefix('.').is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\n']))
    };
    let closes = after.is_empty() || after.starts_with(['\n', '。', '!']) || ends_sentence();
    let is_first = before.trim().is_empty();
    let is_last = after.trim_matches(|c: char| !c.is_alphanumeric()).is_empty();
    opens && closes && (is_first || is_last)
}

/// Whether words in front say that this is the answer, or the sum of others.
fn is_announced(text: &str, figure: &Figure) -> bool {
    static ANNOUNCED: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r#"(?ix)(?:\b(?:answer|result|total|sum|count|number)s?(?:\ (?:to|of|here|for)\b[^.!?\d]{0,40})?,?\ (?:is|are|would\ be|should\ be|must\ be|comes\ to|equals)(?:\ (?:therefore|thus|likely|probably|approximately|about|around|exactly|just|only))?
            |\b(?:final\ answer|answer|total|result|count)["'*`_\ ]*[:=]|\ba\ total\ of|\btotalling|\bin\ total,?(?:\ there\ (?:is|are))?|\baltogether,?(?:\ there\ (?:is|are))?
            |=|≈|\bequals|答案(?:应该)?(?:是|为|:)|一共(?:有|是)?|总共(?:有|是)?|共(?:有|计)?|合计|总计|总数(?:是|为)?)[\ \t*"'`$_({\[]*$"#,
        )
        .ok()
    });
    let mut from = figure.place.start.saturating_sub(96);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    ANNOUNCED.as_ref().is_some_and(|pattern| pattern.is_match(&text[from..figure.place.start]))
}

/// Whether a text without a figure says that there is none of what was counted.
fn says_none(text: &str) -> bool {
    static NONE: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let english = r"(?:there (?:is|are) (?:no|not any)|there (?:isn't|aren't) any|i (?:can )?see no|the (?:image|picture|photo) (?:contains|shows|has) no)";
        let tail = r"(?: in (?:the|this) (?:image|picture|photo|scene))?";
        Regex::new(&format!(r"(?i)^{english} ([a-z]+(?: [a-z]+)?){tail}[.!]?$|^(?:no ([a-z]+))[.!]?$|^(?:图中|图片中|画面中|图里)?没有(\p{{Han}}{{0,3}})[。.]?$")).ok()
    });
    const NO_COUNT: [&str; 24] = [
        "idea",
        "way",
        "image",
        "picture",
        "photo",
        "number",
        "numbers",
        "information",
        "indication",
        "answer",
        "data",
        "doubt",
        "text",
        "one",
        "need",
        "sign",
        "evidence",
        "figure",
        "数字",
        "数值",
        "数据",
        "办法",
        "答案",
        "文字",
    ];
    let Some(found) = NONE.as_ref().and_then(|pattern| pattern.captures(text.trim())) else {
        return false;
    };
    let noun = (1..=3).find_map(|group| found.get(group)).map(|noun| noun.as_str().to_lowercase());
    noun.is_some_and(|noun| {
        !NO_COUNT.iter().any(|one| {
            noun.split(' ').any(|word| word == *one) || (!one.is_ascii() && noun.contains(one))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Extraction::{Absent, Ambiguous, Found};

    #[test]
    fn one_number_is_found_however_it_is_written() {
        for (text, value) in [
            ("3", 3.0),
            ("There are three cats.", 3.0),
            ("图中有三只猫。", 3.0),
            ("两个", 2.0),
            ("十二", 12.0),
            ("-2 degrees", -2.0),
            ("about 3.5", 3.5),
            ("1,000", 1000.0),
            ("5kg", 5.0),
            ("No. 5", 5.0),
            ("3 cats; yes, 3", 3.0),
            ("none", 0.0),
            ("50%", 50.0),
            ("2-", 2.0),
        ] {
            assert_eq!(number(text), Found(value), "of {text:?}");
        }
    }

    #[test]
    fn two_different_numbers_are_ambiguous() {
        assert_eq!(number("2 or 3"), Ambiguous(vec![2.0, 3.0]));
        assert_eq!(number("1/2"), Ambiguous(vec![1.0, 2.0]));
    }

    #[test]
    fn what_is_no_number_is_absent() {
        for text in ["", "cats", "the 2nd", "B2", "1e3", "一些"] {
            assert_eq!(number(text), Absent, "of {text:?}");
        }
    }

    #[test]
    fn scales_signs_and_powers_belong_to_the_number() {
        for (text, value) in [
            ("2 million", 2e6),
            ("About 2 million people.", 2e6),
            ("1.5 million", 1.5e6),
            ("three million", 3e6),
            ("half a million", 5e5),
            ("a dozen", 12.0),
            ("two dozen eggs", 24.0),
            ("half a dozen", 6.0),
            ("a hundred", 100.0),
            ("two hundred thousand", 2e5),
            ("12k", 12e3),
            ("$5M", 5e6),
            ("3.8 bn", 3.8e9),
            ("1.2万", 12e3),
            ("3万元", 3e4),
            ("2亿", 2e8),
            ("5千", 5e3),
            ("3千米", 3.0),
            ("minus 5 degrees", -5.0),
            ("negative five", -5.0),
            ("−5", -5.0),
            ("负5", -5.0),
            ("零下5度", -5.0),
            ("10^6", 1e6),
            ("10²", 100.0),
            ("2 × 10^6", 2e6),
            ("2×10⁶", 2e6),
            ("$2 \\times 10^{6}$", 2e6),
            ("½", 0.5),
            ("4½", 4.5),
            ("12 km", 12.0),
            ("3 m", 3.0),
            ("2,000,000", 2e6),
            ("12,34,567", 1_234_567.0),
            ("1.234.567", 1_234_567.0),
            ("1'000", 1000.0),
            ("12\u{202F}000", 12_000.0),
            ("5 m²", 5.0),
            ("30%", 30.0),
        ] {
            assert_eq!(number(text), Found(value), "of {text:?}");
        }
    }

    #[test]
    fn what_is_announced_or_stands_alone_decides() {
        for (text, value) in [
            ("There are 3 on the left and 2 on the right, so the answer is 5.", 5.0),
            ("3 + 2 = 5", 5.0),
            ("A total of 5: 3 red, 2 blue.", 5.0),
            ("左边2个，右边3个，一共5个。", 5.0),
            ("5\n\nThere are 3 on the left and 2 on the right.", 5.0),
            ("not 5 but 6", 6.0),
            ("There are 5, not 6.", 5.0),
            ("不是3个，是4个。", 4.0),
            ("There are 2... actually, there are 3.", 3.0),
            ("1. a dog\n2. a cat\nAnswer: 2", 2.0),
            ("\\boxed{7}", 7.0),
            ("{\"answer\": 4, \"unit\": \"cm\"}", 4.0),
            ("<think>3 or 4?</think>\n4", 4.0),
            ("There are no cats in the image.", 0.0),
            ("The red one is next to 3 others.", 3.0),
        ] {
            assert_eq!(number(text), Found(value), "of {text:?}");
        }
    }

    #[test]
    fn what_is_not_certain_is_unread() {
        for text in [
            "more than 5",
            "at least 5",
            "5 or more",
            "5+",
            "over 100 people",
            "<5",
            "至少5个",
            "5个以上",
            "30多个",
            "三十多个",
            "十几个",
            "几十个",
            "三、四个",
            "三四个",
            "三到四个",
            "3-4",
            "3 to 4",
            "between 3 and 5",
            "3 or 4",
            "3~4",
            "5:30",
            "3x4",
            "5M",
            "5±1",
            "1.500",
            "1,5",
            "three and a half",
            "two thirds",
            "3点5",
            "三点五个",
            "3个半",
            "hundreds of people",
            "a few",
            "the red one",
            "no one",
            "one of the dogs",
            "2024-05-06",
            "COVID-19",
            "iPhone15",
            "1980s",
            "3D",
            "4K",
            "in the 3rd row",
            "第三个",
            "not 5",
            "not sure, 3 perhaps?",
            "Is it 3?",
            "<think>3",
            "5³",
            "tens of thousands",
            "2 1/2",
            "3万5千",
        ] {
            assert!(!matches!(number(text), Found(_)), "of {text:?}: {:?}", number(text));
        }
    }
}
