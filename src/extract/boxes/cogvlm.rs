//! CogVLM and CogAgent: `[[x1,y1,x2,y2]]`, several split by `;`.
//!
//! The authors take the noun phrase before a box for its label, by a parser of English; here there
//! is none.

use std::sync::LazyLock;

use regex::Regex;

use super::{Written, numbers};

pub(super) fn read(text: &str) -> Vec<Written> {
    static GROUP: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\[\[([^\[\]]*)\]\]").expect("this pattern is valid"));
    let groups = GROUP.captures_iter(text);
    let boxes = groups.flat_map(|group| {
        let [boxes] = group.extract().1;
        boxes.split(';').map(|one| Written::read(None, four_numbers(one), one))
    });
    boxes.collect()
}

fn four_numbers(text: &str) -> Option<[f64; 4]> {
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    let are_digits = |part: &&str| part.chars().all(|character| character.is_ascii_digit());
    match parts.iter().all(are_digits) {
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
    fn reads_all_boxes_of_all_groups() {
        let text = "A cat [[012,300,580,770;000,001,002,003]] on a sofa[[0, 400, 999, 999]].";
        let expected =
            [[12.0, 300.0, 580.0, 770.0], [0.0, 1.0, 2.0, 3.0], [0.0, 400.0, 999.0, 999.0]];
        assert_eq!(read(text), expected.map(Written::bare));
    }

    #[test]
    fn other_lists_are_no_boxes() {
        for text in ["[012,300,580,770]", "[[1,2,3]]", "[[a,b,c,d]]", "[[0.1,0.2,0.3,0.4]]", "[[]]"]
        {
            assert_eq!(read(text), [], "{text}");
        }
    }
}
