//! LLaVA-1.5: `[x1, y1, x2, y2]`, without labels.

use std::sync::LazyLock;

use regex::Regex;

use super::{Written, numbers};

pub(super) fn read(text: &str) -> Vec<Written> {
    static PATTERN: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\[([^\[\]]*)\]").expect("this pattern is valid"));
    let lists = PATTERN.captures_iter(text).map(|found| found.extract::<1>().1[0]);
    let boxes =
        lists.filter(|list| list.contains(',') && list.contains(|c: char| c.is_ascii_digit()));
    boxes.map(|list| Written::read(None, four_numbers(list), list)).collect()
}

fn four_numbers(list: &str) -> Option<[f64; 4]> {
    let parts: Vec<&str> = list.split(',').map(str::trim).collect();
    let is_number = |part: &&str| {
        part.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-'))
            && part.contains(|c: char| c.is_ascii_digit())
    };
    match parts.iter().all(is_number) {
        true => numbers::<4>(parts.try_into().ok()?),
        false => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::written::readable;
    use super::*;

    fn read(text: &str) -> Vec<Written> {
        readable(super::read(text))
    }

    #[test]
    fn reads_floats_in_square_brackets() {
        let found = read("The cat: [0.12, .3, 0.5 ,1]. The dog: [0.0,0.25,1.0,0.75]");
        let expected = [[0.12, 0.3, 0.5, 1.0], [0.0, 0.25, 1.0, 0.75]].map(Written::bare);
        assert_eq!(found, expected);
    }

    #[test]
    fn numbers_of_another_frame_are_read_too() {
        assert_eq!(read("[12, 30, 580, 770]"), [Written::bare([12.0, 30.0, 580.0, 770.0])]);
    }

    #[test]
    fn other_lists_are_no_boxes() {
        for text in ["[0.1, 0.2, 0.3]", "[1, 2, 3, 4, 5]", "[a, b, c, d]", "0.1, 0.2, 0.3, 0.4"] {
            assert_eq!(read(text), [], "{text}");
        }
    }
}
