//! Boxes as JSON: `[{"bbox_2d": [x1, y1, x2, y2], "label": ".."}]`, of Qwen2.5-VL and Qwen3-VL.
//!
//! Each `bbox_2d` that has a value is a box, in JSON or in what is left of it where an answer was cut off
//! or has broken quotes. The label is that of the braces around it, if they are JSON. One pass: the
//! text around a box is looked at up to its neighbours only.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::{Written, numbers};

pub(super) fn read(text: &str) -> Vec<Written> {
    static KEY: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"bbox_2d["'`\\]*\s*[:=]\s*"#).expect("this pattern is valid")
    });
    let keys: Vec<Range<usize>> = KEY.find_iter(text).map(|key| key.range()).collect();
    let mut found = Vec::with_capacity(keys.len());
    for (index, key) in keys.iter().enumerate() {
        let from = index.checked_sub(1).map_or(0, |before| keys[before].end);
        let to = keys.get(index + 1).map_or(text.len(), |next| next.start);
        let value = &text[key.end..to];
        let label = label(text, key, from..to);
        found.push(Written::read(label.as_deref(), four_numbers(value), first_value(value)));
    }
    found
}

/// The four numbers of a list that may not be closed, if it has no more and no fewer.
fn four_numbers(value: &str) -> Option<[f64; 4]> {
    static LIST: LazyLock<Regex> = LazyLock::new(|| {
        let number = r"\s*(-?\d+(?:\.\d+)?)\s*";
        Regex::new(&format!(r"^\[{number},{number},{number},{number}(?:\]|$|[^,\d.\s])"))
            .expect("this pattern is valid")
    });
    numbers(LIST.captures(value)?.extract::<4>().1)
}

/// What stands in the place of a list, for messages.
fn first_value(value: &str) -> &str {
    let end = value.find([']', '}', '\n']).map_or(value.len(), |end| end + 1);
    &value[..end]
}

/// The label of the braces around a key, within these neighbours.
fn label(text: &str, key: &Range<usize>, within: Range<usize>) -> Option<String> {
    let opening = within.start + text[within.start..key.start].rfind('{')?;
    let closing = key.end + text[key.end..within.end].find('}')? + 1;
    let fields: Value = serde_json::from_str(&text[opening..closing]).ok()?;
    fields.get("label")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use crate::extract::{BoxError, BoxNotation, BoxReading, FoundBox, boxes};
    use crate::geometry::{FrameError, GeometryError, PixelBox, PixelSize};

    const SIZE: PixelSize = PixelSize { width: 2000, height: 500 };

    fn read(text: &str) -> Vec<FoundBox> {
        match boxes(text, BoxNotation::Qwen3Vl, SIZE.into()) {
            BoxReading::Found(found) => found,
            BoxReading::Absent => Vec::new(),
        }
    }

    fn written(text: &str) -> Vec<[f64; 4]> {
        read(text).into_iter().filter_map(|found| found.written).collect()
    }

    const ONE: [f64; 4] = [100.0, 200.0, 300.0, 400.0];
    const TWO: [f64; 4] = [5.0, 6.0, 7.0, 8.0];

    #[test]
    fn json_with_and_without_a_fence() {
        let array = r#"[{"bbox_2d": [100, 200, 300, 400], "label": "car"}]"#;
        for text in
            [array.to_owned(), format!("```json\n{array}\n```"), format!("Here: {array} ok")]
        {
            let found = read(&text);
            assert_eq!(found.len(), 1, "{text}");
            assert_eq!(found[0].label.as_deref(), Some("car"));
            assert_eq!(found[0].bounds, Ok(PixelBox::new(200.0, 100.0, 600.0, 200.0).unwrap()));
        }
    }

    #[test]
    fn several_objects_keep_their_order() {
        for text in [
            r#"[{"bbox_2d":[100,200,300,400]},{"bbox_2d":[5,6,7,8]}]"#,
            r#"{"bbox_2d":[100,200,300,400]} and {"bbox_2d":[5,6,7,8]}"#,
            r#"{"objects": [{"bbox_2d":[100,200,300,400]}, {"bbox_2d":[5,6,7,8]}]}"#,
            r#"[see] [{"bbox_2d":[100,200,300,400]},{"bbox_2d":[5,6,7,8], "label": "cut of"#,
            "{'bbox_2d': [100, 200, 300, 400]}, {'bbox_2d': [5, 6, 7, 8]}",
            "bbox_2d: [100,200,300,400], bbox_2d: [5.0, 6, 7, 8",
        ] {
            assert_eq!(written(text), [ONE, TWO], "{text}");
        }
    }

    #[test]
    fn what_is_beyond_the_frame_is_told() {
        let found =
            read(r#"[{"bbox_2d":[0,0,1500,10]},{"bbox_2d":[9,0,5,10]},{"bbox_2d":[-1,0,5,10]}]"#);
        let beyond = |value| Err(FrameError::OutOfRange { value, limit: 1000.0 }.into());
        assert_eq!(found[0].bounds, beyond(1500.0));
        let inverted = GeometryError::NoWidth { x1: 18.0, x2: 10.0 };
        assert_eq!(found[1].bounds, Err(FrameError::NotABox(inverted).into()));
        assert_eq!(found[2].bounds, beyond(-1.0));
    }

    #[test]
    fn other_texts_hold_no_box() {
        for text in [
            "",
            "a red car",
            "[1, 2, 3, 4]",
            r#"{"bbox_2d": [1, 2, 3]}"#,
            r#"{"bbox_2d": "none"}"#,
            r#"{"point_2d": [1, 2]}"#,
            "[[[[[[[[",
        ] {
            assert_eq!(written(text), [[0.0; 4]; 0], "{text}");
        }
    }

    #[test]
    fn deep_nesting_ends() {
        assert_eq!(written(&"[".repeat(20_000)), [[0.0; 4]; 0]);
        assert_eq!(written(&r#"{"a":"#.repeat(5_000)), [[0.0; 4]; 0]);
    }

    #[test]
    fn an_unreadable_box_is_not_passed_over() {
        for first in ["[1, 2, 3]", "[1, 2, 3, 4, 5]", "\"none\"", "null", "[\"a\", 2, 3, 4]", "[]"]
        {
            let text = format!(r#"[{{"bbox_2d": {first}}}, {{"bbox_2d": [5, 6, 7, 8]}}]"#);
            let found = read(&text);
            assert_eq!(found.len(), 2, "{text}");
            assert!(matches!(found[0].bounds, Err(BoxError::Unreadable(_))), "{text}");
            assert_eq!(found[1].written, Some(TWO), "{text}");
        }
    }
}
