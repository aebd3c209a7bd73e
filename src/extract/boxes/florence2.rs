//! Florence-2: `label<loc_12><loc_30><loc_58><loc_77>`, further boxes of the same label behind it.
//!
//! What follows `<poly>` is an outline and no box.

use std::sync::LazyLock;

use regex::Regex;

use super::{Written, numbers};

pub(super) fn read(text: &str) -> Vec<Written> {
    static GROUP: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(<poly>)?([^<>]*)((?:<loc_\d+>){4,})").expect("this pattern is valid")
    });
    let text = text.replace("<s>", "").replace("</s>", "").replace("<pad>", "");
    let groups = GROUP.captures_iter(&text).filter(|group| group.get(1).is_none());
    let boxes = groups.flat_map(|group| {
        let label = group.get(2).map(|label| label.as_str().to_owned());
        let edges = group.get(3).map_or("", |edges| edges.as_str());
        in_fours(edges).into_iter().map(move |box_| Written::of(label.as_deref(), box_))
    });
    boxes.collect()
}

fn in_fours(edges: &str) -> Vec<[f64; 4]> {
    static FOUR: LazyLock<Regex> = LazyLock::new(|| {
        let edge = r"<loc_(\d+)>";
        Regex::new(&format!("{edge}{edge}{edge}{edge}")).expect("this pattern is valid")
    });
    FOUR.captures_iter(edges).filter_map(|found| numbers(found.extract::<4>().1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
