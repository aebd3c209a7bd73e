use eyechart::geometry::PixelSize;
use eyechart::image::{decode_file, resize};
use image::RgbImage;
use serde::Deserialize;

use crate::{oracle, read_json};

#[derive(Deserialize)]
struct Resize {
    picture: String,
    width: u32,
    height: u32,
    result: String,
}

fn decoded(path: &str) -> RgbImage {
    decode_file(&oracle(path)).unwrap().pixels
}

/// Largest difference of a level, and the mean difference.
fn differences(left: &RgbImage, right: &RgbImage) -> (u8, f64) {
    assert_eq!(left.dimensions(), right.dimensions());
    let each = left.as_raw().iter().zip(right.as_raw()).map(|(left, right)| left.abs_diff(*right));
    let sum: f64 = each.clone().map(f64::from).sum();
    (each.max().unwrap_or(0), sum / left.as_raw().len() as f64)
}

#[test]
fn decoding_equals_pillow() {
    let pictures = std::fs::read_dir(oracle("pictures")).unwrap();
    let mut pictures_seen = 0;
    for picture in pictures {
        let name = picture.unwrap().file_name().into_string().unwrap();
        let ours = decoded(&format!("pictures/{name}"));
        let (largest, mean) = differences(&ours, &decoded(&format!("decoded/{name}.png")));
        assert_eq!(largest, 0, "{name}: {mean} on average");
        pictures_seen += 1;
    }
    assert!(pictures_seen >= 17);
}

#[test]
fn bicubic_equals_pillow() {
    let resizes: Vec<Resize> = read_json("resized/index.json");
    assert!(resizes.len() >= 15);
    for Resize { picture, width, height, result } in resizes {
        let ours =
            resize::bicubic(&decoded(&format!("pictures/{picture}")), PixelSize { width, height });
        assert!(ours == decoded(&format!("resized/{result}")), "{result}");
    }
}
