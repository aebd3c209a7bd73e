//! Florence-2: `label<loc_12><loc_30><loc_58><loc_77>`, further boxes of the same label behind it.
//!
//! What follows `<poly>` is an outline and no box.

use std::sync::LazyLock;

use regex::Regex;

use super::{Written, numbers};

pub(super) fn read(text: &str) -> Vec<Written> {
    static GROUP: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(<poly>)?([^<>]*)((?:<loc_[^<>]*>)+)").expect("this pattern is valid")
    });
    let text = text.replace("<s>", "").replace("</s>", "").replace("<pad>", "");
    let groups = GROUP.captures_iter(&text).filter(|group| group.get(1).is_none());
    let boxes = groups.flat_map(|group| {
        let label = group.get(2).map(|label| label.as_str().to_owned());
        let edges = group.get(3).map_or("", |edges| edges.as_str());
        in_fours(label.as_deref(), edges)
    });
    boxes.collect()
}

/// The boxes of a run of edges; what is left over of the edges is none.
fn in_fours(label: Option<&str>, edges: &str) -> Vec<Written> {
    static EDGE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"<loc_([^<>]*)>").expect("this pattern is valid"));
    let all: Vec<&str> = EDGE.captures_iter(edges).map(|edge| edge.extract::<1>().1[0]).collect();
    let four_numbers = |four: &[&str]| numbers::<4>(four.try_into().ok()?);
    all.chunks(4).map(|four| Written::read(label, four_numbers(four), edges)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::written::readable;
    use super::*;

    fn read(text: &str) -> Vec<Written> {
        readable(super::read(text))
    }

    #[test]
    fn outlines_are_no_boxes() {
        assert_eq!(read("cat<poly><loc_1><loc_2><loc_3><loc_4></poly>"), []);
    }

    #[test]
    fn fewer_edges_are_no_box() {
        for text in ["cat<loc_1><loc_2><loc_3>", "cat<loc0001><loc0002><loc0003><loc0004>", "loc_1"]
        {
            assert_eq!(read(text), [], "{text}");
        }
    }
}
