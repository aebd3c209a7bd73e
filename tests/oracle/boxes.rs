use eyechart::extract::{BoxError, BoxNotation, BoxReading, FoundBox, boxes};
use eyechart::geometry::{FrameError, PictureSize, PixelBox, PixelSize};
use serde::Deserialize;

use super::read_json;

#[derive(Deserialize)]
struct Entry {
    notation: BoxNotation,
    size: (u32, u32),
    resized: Option<(u32, u32)>,
    text: String,
    boxes: Vec<Expected>,
}

#[derive(Deserialize)]
struct Expected {
    label: Option<String>,
    pixels: [f64; 4],
}

fn pixel_size((width, height): (u32, u32)) -> PixelSize {
    PixelSize { width, height }
}

impl Entry {
    fn picture(&self) -> PictureSize {
        PictureSize { original: pixel_size(self.size), resized: self.resized.map(pixel_size) }
    }

    fn read(&self) -> Vec<FoundBox> {
        match boxes(&self.text, self.notation, self.picture()) {
            BoxReading::Found(found) => found,
            BoxReading::Absent => Vec::new(),
        }
    }
}

/// The references order edges but do not ask whether a box has an area: ours is an error then.
fn bounds(pixels: [f64; 4]) -> Result<PixelBox, BoxError> {
    Ok(PixelBox::try_from(pixels).map_err(FrameError::from)?)
}

#[test]
fn every_notation_is_read_as_its_reference_reads_it() {
    for entry in read_json::<Vec<Entry>>("boxes.json") {
        let found = entry.read();
        assert_eq!(found.len(), entry.boxes.len(), "{}", entry.text);
        for (found, expected) in found.iter().zip(&entry.boxes) {
            assert_eq!(found.label, expected.label, "{}", entry.text);
            assert_eq!(found.bounds, bounds(expected.pixels), "{}", entry.text);
        }
    }
}

#[test]
fn the_data_covers_every_notation() {
    let entries: Vec<Entry> = read_json("boxes.json");
    for notation in BoxNotation::ALL {
        let of_it = entries.iter().filter(|entry| entry.notation == notation);
        let boxes = of_it.flat_map(|entry| &entry.boxes);
        assert!(boxes.filter(|one| bounds(one.pixels).is_ok()).count() >= 10, "{notation:?}");
    }
}
