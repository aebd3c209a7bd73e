//! Pictures that show why boxes are wrong: the true ones in green, the answer's in red.

use std::fs::OpenOptions;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Cursor, Write};
use std::path::{Path, PathBuf};

use ::image::{ImageFormat, Rgb, RgbImage};

use crate::case::{Case, Expectation};
use crate::extract::{self, BoxNotation, BoxReading};
use crate::geometry::{PictureSize, PixelBox};
use crate::image;

/// Folder of these pictures, under that of the reports.
pub(super) const OVERLAYS: &str = "overlays";

const TRUTH: Rgb<u8> = Rgb([0, 200, 0]);
const FOUND: Rgb<u8> = Rgb([230, 0, 0]);

/// Draws the boxes of a case and of an answer to it on the first picture, and returns the file; none
/// if the case expects no boxes. What cannot be drawn is not worth failing for: the boxes are in the
/// message too.
pub(super) fn draw(
    case: &Case,
    model: &str,
    text: &str,
    notation: Option<BoxNotation>,
    sizes: &[PictureSize],
    out: &Path,
) -> Option<PathBuf> {
    let truth = true_boxes(case.expectation.as_ref()?)?;
    let mut picture = image::open(case.images.first()?, case.orientation).ok()?.pixels;
    truth.iter().for_each(|bounds| outline(&mut picture, bounds, TRUTH));
    found_boxes(text, notation, sizes).iter().for_each(|one| outline(&mut picture, one, FOUND));
    let path = out.join(OVERLAYS).join(format!("{}@{model}.png", case.name.snapshot_stem()));
    let mut png = Cursor::new(Vec::new());
    picture.write_to(&mut png, ImageFormat::Png).ok()?;
    write(&path, png.get_ref()).ok()?;
    Some(path)
}

/// Writes a file whole or not at all: under a name that nobody can guess, then in place of what stands there,
/// a link included. A folder that is a link, and would lead elsewhere, is refused.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new(""));
    match std::fs::symlink_metadata(folder) {
        Ok(found) if !found.is_dir() => return Err(io::ErrorKind::NotADirectory.into()),
        Ok(_) => {}
        Err(_) => std::fs::create_dir_all(folder)?,
    }
    // The keys of the standard library's hasher are random.
    let random = RandomState::new().build_hasher().finish();
    let part = folder.join(format!(".{random:016x}.part"));
    let written = OpenOptions::new().write(true).create_new(true).open(&part);
    let written =
        written.and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_data()));
    let moved = written.and_then(|()| std::fs::rename(&part, path));
    if moved.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    moved
}

fn true_boxes(expectation: &Expectation) -> Option<Vec<PixelBox>> {
    match expectation {
        Expectation::Boxes { truth, .. } => Some(truth.iter().map(|one| one.bounds).collect()),
        Expectation::All(parts) | Expectation::Any(parts) => parts.iter().find_map(true_boxes),
        Expectation::Not(inner) => true_boxes(inner),
        _ => None,
    }
}

fn found_boxes(text: &str, notation: Option<BoxNotation>, sizes: &[PictureSize]) -> Vec<PixelBox> {
    let (Some(notation), Some(size)) = (notation, sizes.first()) else { return Vec::new() };
    match extract::boxes(text, notation, *size) {
        BoxReading::Found(found) => found.into_iter().filter_map(|one| one.bounds.ok()).collect(),
        BoxReading::Absent => Vec::new(),
    }
}

/// Colours the pixels on the inner side of a box's edges, two deep.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "cut to the picture")]
fn outline(picture: &mut RgbImage, bounds: &PixelBox, colour: Rgb<u8>) {
    const THICKNESS: u32 = 2;
    let (width, height) = picture.dimensions();
    let [left, right] = [bounds.x1(), bounds.x2()].map(|x| (x.round() as u32).min(width));
    let [top, bottom] = [bounds.y1(), bounds.y2()].map(|y| (y.round() as u32).min(height));
    for y in top..bottom {
        for x in left..right {
            let to_edge = (x - left).min(right - 1 - x).min(y - top).min(bottom - 1 - y);
            if to_edge < THICKNESS {
                picture.put_pixel(x, y, colour);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_link_is_replaced_and_never_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (out, other) = (folder.path().join("out"), folder.path().join("other"));
        std::fs::create_dir(&other).unwrap();
        std::fs::write(other.join("kept"), "kept").unwrap();
        let path = out.join("one.png");
        write(&path, b"first").unwrap();
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink(other.join("kept"), &path).unwrap();
        write(&path, b"second").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"second");
        assert_eq!(std::fs::read(other.join("kept")).unwrap(), b"kept");
        // No part is left over, and a folder that leads elsewhere gets nothing.
        assert_eq!(std::fs::read_dir(&out).unwrap().count(), 1);
        std::os::unix::fs::symlink(&other, folder.path().join("link")).unwrap();
        assert!(write(&folder.path().join("link").join("new.png"), b"x").is_err());
        assert_eq!(std::fs::read_dir(&other).unwrap().count(), 1);
    }

    #[test]
    fn edges_are_two_pixels_deep_and_cut_to_the_picture() {
        let mut picture = RgbImage::new(10, 8);
        outline(&mut picture, &PixelBox::new(1.0, 1.0, 8.0, 30.0).unwrap(), TRUTH);
        let row = |y| {
            (0..10)
                .map(|x| if *picture.get_pixel(x, y) == TRUTH { '#' } else { '.' })
                .collect::<String>()
        };
        let rows: Vec<String> = (0..8).map(row).collect();
        let (full, sides, none) = (".#######..", ".##...##..", "..........");
        assert_eq!(rows, [none, full, full, sides, sides, sides, full, full]);
    }
}
