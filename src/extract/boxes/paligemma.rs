//! PaliGemma: `<loc0123><loc0456><loc0789><loc0999> label`, several split by `;`.
//!
//! The first number is the top edge. A segmentation's `<seg012>` codes between box and label are
//! passed over.

use std::sync::LazyLock;

use regex::Regex;

use super::{Written, numbers};

pub(super) fn read(text: &str) -> Vec<Written> {
    static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
        let edges = r"((?:<loc[^<>]*>)+)";
        Regex::new(&format!(r"{edges}(?:<seg\d{{3}}>)*([^;<]*)")).expect("this pattern is valid")
    });
    let runs = PATTERN.captures_iter(text);
    runs.flat_map(|found| {
        let [edges, label] = found.extract().1;
        in_fours(edges, label)
    })
    .collect()
}

/// The boxes of a run of edges; the label behind it is the last one's. What is left over of the
/// edges is none.
fn in_fours(edges: &str, label: &str) -> Vec<Written> {
    static EDGE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"<loc([^<>]*)>").expect("this pattern is valid"));
    let all: Vec<&str> = EDGE.captures_iter(edges).map(|edge| edge.extract::<1>().1[0]).collect();
    let count = all.len().div_ceil(4);
    let label_of = |index: usize| (index + 1 == count).then_some(label);
    let boxes = all.chunks(4).enumerate();
    boxes.map(|(index, four)| Written::read(label_of(index), four_numbers(four), edges)).collect()
}

fn four_numbers(edges: &[&str]) -> Option<[f64; 4]> {
    let are_bins = |edge: &&str| edge.len() == 4 && edge.bytes().all(|byte| byte.is_ascii_digit());
    let [top, left, bottom, right] =
        edges.iter().all(are_bins).then(|| edges.try_into().ok())??;
    numbers([left, top, right, bottom])
}

#[cfg(test)]
mod tests {
    use super::super::written::readable;
    use super::*;

    fn read(text: &str) -> Vec<Written> {
        readable(super::read(text))
    }

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
