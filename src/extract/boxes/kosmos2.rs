//! Kosmos-2: `<phrase>label</phrase><object><patch_index_0044><patch_index_0863></object>`, several
//! pairs split by `</delimiter_of_multi_objects/>`.

use std::sync::LazyLock;

use regex::Regex;

use super::{Written, numbers};

/// Cells along each side of the grid.
const CELLS: f64 = 32.0;

pub(super) fn read(text: &str) -> Vec<Written> {
    static OBJECT: LazyLock<Regex> = LazyLock::new(|| {
        let cells = r"((?:<patch_index_[^<>]*>|</delimiter_of_multi_objects/>)*)";
        Regex::new(&format!(r"(?:<phrase>([^<]+)</phrase>)?<object>{cells}(?:</object>)?"))
            .expect("this pattern is valid")
    });
    let objects = OBJECT.captures_iter(text);
    let boxes = objects.flat_map(|object| {
        let label = object.get(1).map(|label| label.as_str());
        let pairs = object.get(2).map_or("", |pairs| pairs.as_str());
        let pairs = pairs.split("</delimiter_of_multi_objects/>");
        pairs.map(move |pair| Written::read(label, cells(pair), pair))
    });
    boxes.collect()
}

/// The shares of the picture that a pair of cells stands for.
fn cells(pair: &str) -> Option<[f64; 4]> {
    static PAIR: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^<patch_index_(\d+)><patch_index_(\d+)>$").expect("this pattern is valid")
    });
    let [first, last] = numbers(PAIR.captures(pair)?.extract::<2>().1)?;
    Some(shares(first, last))
}

/// The shares of width and height that two cells stand for: their centres, or their outer edges if
/// both lie in one row or column (transformers' `patch_index_to_coordinate`). An index beyond the
/// grid gives a share above 1.
fn shares(first: f64, last: f64) -> [f64; 4] {
    let cell_size = 1.0 / CELLS;
    let cell = |index: f64| (index % CELLS, (index / CELLS).floor());
    let ((left, top), (right, bottom)) = (cell(first), cell(last));
    let (before, after) = match left == right || top == bottom {
        true => (0.0, cell_size),
        false => (cell_size / 2.0, cell_size / 2.0),
    };
    [
        left * cell_size + before,
        top * cell_size + before,
        right * cell_size + after,
        bottom * cell_size + after,
    ]
}

#[cfg(test)]
mod tests {
    use crate::extract::{BoxNotation, BoxReading, boxes};
    use crate::geometry::{FrameError, PixelSize};

    #[test]
    fn an_index_beyond_the_grid_is_out_of_range() {
        let text = "<object><patch_index_0000><patch_index_1030></object>";
        let size = PixelSize { width: 64, height: 64 };
        let BoxReading::Found(found) = boxes(text, BoxNotation::Kosmos2, size.into()) else {
            panic!("a box is written")
        };
        let expected = FrameError::OutOfRange { value: 32.5 / 32.0, limit: 1.0 };
        assert_eq!(found[0].bounds, Err(expected.into()));
    }
}
