//! Boxes as JSON: `[{"bbox_2d": [x1, y1, x2, y2], "label": ".."}]`, of Qwen2.5-VL and Qwen3-VL.
//!
//! JSON comes first: any number of values, with or without a Markdown fence, with words between
//! them. What cannot be parsed, the rest of an answer that was cut off or has broken quotes, is
//! searched for the bare pattern.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::Written;

pub(super) fn read(text: &str) -> Vec<Written> {
    let mut found = Vec::new();
    let mut position = 0;
    let mut read_to = 0;
    while let Some(offset) = text[position..].find(['[', '{']) {
        position += offset;
        let Some((value, length)) = json_at(&text[position..]) else {
            position += 1;
            continue;
        };
        let parsed = boxes_in(&value);
        if !parsed.is_empty() {
            found.extend(bare_patterns(&text[read_to..position]));
            found.extend(parsed);
            read_to = position + length;
        }
        position += length;
    }
    found.extend(bare_patterns(&text[read_to..]));
    found
}

/// The JSON value at the start of the text and its length.
fn json_at(text: &str) -> Option<(Value, usize)> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let value = values.next()?.ok()?;
    Some((value, values.byte_offset()))
}

fn boxes_in(value: &Value) -> Vec<Written> {
    match value {
        Value::Array(items) => items.iter().flat_map(boxes_in).collect(),
        Value::Object(fields) => match fields.get("bbox_2d").and_then(four_numbers) {
            Some(written) => {
                vec![Written::of(fields.get("label").and_then(Value::as_str), written)]
            }
            None => fields.values().flat_map(boxes_in).collect(),
        },
        _ => Vec::new(),
    }
}

fn four_numbers(value: &Value) -> Option<[f64; 4]> {
    let numbers: Option<Vec<f64>> = value.as_array()?.iter().map(Value::as_f64).collect();
    numbers?.try_into().ok()
}

/// `bbox_2d` with four numbers, in text that is no JSON.
fn bare_patterns(text: &str) -> impl Iterator<Item = Written> {
    static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
        let number = r"\s*(-?\d+(?:\.\d+)?)\s*";
        Regex::new(&format!(r"bbox_2d['\x22]?\s*:\s*\[{number},{number},{number},{number}"))
            .expect("this pattern is valid")
    });
    PATTERN.captures_iter(text).filter_map(|found| {
        let (_, numbers) = found.extract::<4>();
        let numbers: Result<Vec<f64>, _> = numbers.iter().map(|digits| digits.parse()).collect();
        Some(Written::bare(numbers.ok()?.try_into().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use crate::extract::{BoxNotation, BoxReading, FoundBox, boxes};
    use crate::geometry::{FrameError, GeometryError, PixelBox, PixelSize};

    const SIZE: PixelSize = PixelSize { width: 2000, height: 500 };

    fn read(text: &str) -> Vec<FoundBox> {
        match boxes(text, BoxNotation::Qwen3Vl, SIZE.into()) {
            BoxReading::Found(found) => found,
            BoxReading::Absent => Vec::new(),
        }
    }

    fn written(text: &str) -> Vec<[f64; 4]> {
        read(text).into_iter().map(|found| found.written).collect()
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
        let beyond = |value| Err(FrameError::OutOfRange { value, limit: 1000.0 });
        assert_eq!(found[0].bounds, beyond(1500.0));
        let inverted = GeometryError::NoWidth { x1: 18.0, x2: 10.0 };
        assert_eq!(found[1].bounds, Err(FrameError::NotABox(inverted)));
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
}
