//! Qwen-VL-Chat: `<ref>label</ref><box>(x1,y1),(x2,y2)</box>`.
//!
//! The tags are special tokens that decoding may leave out, and the evaluation's prompt ends with
//! `<box>`: both points in parentheses suffice. As in the authors' tokenizer, a label is that of
//! the box right behind it. More than two points in a row are an outline and no box.

use std::sync::LazyLock;

use regex::Regex;

use super::{Written, numbers};

pub(super) fn read(text: &str) -> Vec<Written> {
    static POINTS: LazyLock<Regex> = LazyLock::new(|| {
        let number = r"\s*-?\d+(?:\.\d+)?\s*";
        let point = format!(r"\({number},{number}\)");
        let points = format!(r"({point}(?:\s*,\s*{point})+)");
        let tagged = r"<box>([^<]*)(?:</box>)?";
        Regex::new(&format!(r"(?:<ref>([^<]*)</ref>\s*)?(?:{tagged}|{points})"))
            .expect("this pattern is valid")
    });
    let boxes = POINTS.captures_iter(text).filter_map(|found| {
        let label = found.get(1).map(|label| label.as_str());
        match (found.get(2), found.get(3)) {
            // Tags without anything in them are what the evaluation's prompt ends with.
            (Some(tagged), _) if tagged.as_str().trim().is_empty() => None,
            (Some(tagged), _) => {
                let inside = tagged.as_str();
                Some(Written::read(label, two_points(inside), inside))
            }
            (None, points) => Some(Written::of(label, two_points(points?.as_str())?)),
        }
    });
    boxes.collect()
}

fn two_points(text: &str) -> Option<[f64; 4]> {
    static TWO: LazyLock<Regex> = LazyLock::new(|| {
        let number = r"\s*(-?\d+(?:\.\d+)?)\s*";
        Regex::new(&format!(r"^\s*\({number},{number}\)\s*,?\s*\({number},{number}\)\s*$"))
            .expect("this pattern is valid")
    });
    numbers(TWO.captures(text)?.extract::<4>().1)
}

#[cfg(test)]
mod tests {
    use super::super::written::readable;
    use super::*;

    fn read(text: &str) -> Vec<Written> {
        readable(super::read(text))
    }

    const BOX: [f64; 4] = [536.0, 509.0, 588.0, 602.0];

    #[test]
    fn reads_boxes_with_and_without_their_tags() {
        let labelled = Written::of(Some("击掌"), BOX);
        assert_eq!(read("<ref> 击掌</ref><box>(536,509),(588,602)</box>"), [labelled]);
        for text in ["(536,509),(588,602)</box>", "击掌 (536, 509), (588, 602)"] {
            assert_eq!(read(text), [Written::bare(BOX)], "{text}");
        }
    }

    #[test]
    fn a_label_is_that_of_the_box_behind_it() {
        let text = "<ref>dogs</ref><box>(536,509),(588,602)</box><box>(536,509),(588,602)</box>";
        assert_eq!(read(text), [Written::of(Some("dogs"), BOX), Written::bare(BOX)]);
    }

    #[test]
    fn outlines_and_single_points_are_no_boxes() {
        for text in ["(1,2)", "(1,2),(3,4),(5,6),(7,8)", "(1,2) and (3,4)", "(a,b),(c,d)"] {
            assert_eq!(read(text), [], "{text}");
        }
    }
}
