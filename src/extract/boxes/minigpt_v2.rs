//! MiniGPT-v2: `<p>label</p> {<x1><y1><x2><y2>}<delim>{<x1><y1><x2><y2>}`.
//!
//! As its evaluation does, `<unk>` is taken out first, and blanks inside a box do not count, not
//! even between digits.

use std::sync::LazyLock;

use regex::Regex;

use super::{Written, numbers};

pub(super) fn read(text: &str) -> Vec<Written> {
    static GROUP: LazyLock<Regex> = LazyLock::new(|| {
        let boxed = r"\{(?:\s*<[^<>{}]*>)+\s*\}";
        let boxes = format!(r"{boxed}(?:\s*<delim>\s*{boxed})*");
        Regex::new(&format!(r"(?:<p>([^<]*)</p>\s*)?({boxes})")).expect("this pattern is valid")
    });
    let text = text.replace("<unk>", "");
    let groups = GROUP.captures_iter(&text);
    let boxes = groups.flat_map(|group| {
        let label = group.get(1).map(|label| label.as_str().to_owned());
        let boxes = group.get(2).map_or("", |boxes| boxes.as_str());
        in_group(label.as_deref(), boxes)
    });
    boxes.collect()
}

/// The boxes that share a label.
fn in_group(label: Option<&str>, text: &str) -> Vec<Written> {
    static BOX: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\{[^{}]*\}").expect("this pattern is valid"));
    let text: String = text.chars().filter(|character| !character.is_whitespace()).collect();
    let boxes = BOX.find_iter(&text).map(|found| found.as_str());
    boxes.map(|one| Written::read(label, four_numbers(one), one)).collect()
}

fn four_numbers(text: &str) -> Option<[f64; 4]> {
    static BOX: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^\{<(\d+)><(\d+)><(\d+)><(\d+)>\}$").expect("this pattern is valid")
    });
    numbers(BOX.captures(text)?.extract::<4>().1)
}

#[cfg(test)]
mod tests {
    use super::super::written::readable;
    use super::*;

    fn read(text: &str) -> Vec<Written> {
        readable(super::read(text))
    }

    const ONE: [f64; 4] = [12.0, 30.0, 58.0, 100.0];
    const TWO: [f64; 4] = [0.0, 5.0, 6.0, 7.0];

    #[test]
    fn blanks_and_unknown_tokens_do_not_count() {
        for text in ["{<12><30><58><100>}", " { <1 2> <30><5 8><100> }", "{<12><30><unk><58><100>}"]
        {
            assert_eq!(read(text), [Written::bare(ONE)], "{text}");
        }
    }

    #[test]
    fn a_phrase_has_all_boxes_up_to_the_next_one() {
        let text = "<p>two cats</p> {<12><30><58><100>}<delim>{<0><5><6><7>} on {<0><5><6><7>} \
                    <p>a sofa</p>{<12><30><58><100>}";
        let cats = Some("two cats");
        let expected = [(cats, ONE), (cats, TWO), (None, TWO), (Some("a sofa"), ONE)];
        assert_eq!(read(text), expected.map(|(label, numbers)| Written::of(label, numbers)));
    }

    #[test]
    fn other_brackets_are_no_boxes() {
        for text in ["{<1><2><3>}", "<1><2><3><4>", "{1, 2, 3, 4}", "{<1><2><3><4><5>}"] {
            assert_eq!(read(text), [], "{text}");
        }
    }
}
