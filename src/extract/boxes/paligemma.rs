//! PaliGemma: `<loc0123><loc0456><loc0789><loc0999> label`, several split by `;`.
//!
//! The first number is the top edge. A segmentation's `<seg012>` codes between box and label are
//! passed over.

use std::sync::LazyLock;

use regex::Regex;

use super::{Written, numbers};

pub(super) fn read(text: &str) -> Vec<Written> {
    static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
        let edge = r"<loc(\d{4})>";
        Regex::new(&format!(r"{edge}{edge}{edge}{edge}(?:<seg\d{{3}}>)*([^;<]*)"))
            .expect("this pattern is valid")
    });
    let boxes = PATTERN.captures_iter(text).filter_map(|found| {
        let [top, left, bottom, right, label] = found.extract().1;
        Some(Written::of(Some(label), numbers([left, top, right, bottom])?))
    });
    boxes.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_top_edge_comes_first() {
        let found = read(
            "<loc0123><loc0456><loc0789><loc0999> a cat ; <loc0000><loc0001>\
                          <loc0002><loc0003><seg001><seg127> sofa",
        );
        let cat = Written::of(Some("a cat"), [456.0, 123.0, 999.0, 789.0]);
        let sofa = Written::of(Some("sofa"), [1.0, 0.0, 3.0, 2.0]);
        assert_eq!(found, [cat, sofa]);
    }

    #[test]
    fn a_label_may_be_missing() {
        let bare = Written::bare([1.0, 0.0, 3.0, 2.0]);
        assert_eq!(read("<loc0000><loc0001><loc0002><loc0003>"), [bare]);
    }

    #[test]
    fn fewer_edges_are_no_box() {
        for text in ["<loc0000><loc0001><loc0002> cat", "<loc_0><loc_1><loc_2><loc_3>", "loc0000"] {
            assert_eq!(read(text), [], "{text}");
        }
    }
}
