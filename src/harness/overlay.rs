//! Pictures that show why boxes are wrong: the true ones in green, the answer's in red.

use std::fs;
use std::io::{self, Cursor};
use std::path::{Path, PathBuf};

use ::image::{ImageFormat, Rgb, RgbImage};

use crate::case::{Case, Expectation};
use crate::checksum;
use crate::extract::{self, BoxNotation, BoxReading};
use crate::geometry::{PictureSize, PixelBox};
use crate::image;
use crate::whole_file::{self, Durability};

/// Folder of these pictures, under that of the reports.
pub(super) const OVERLAYS: &str = "overlays";

const EXTENSION: &str = ".png";
/// Most bytes of a file's name, on Linux, macOS and (in UTF-16 units, which are no more) Windows.
const MOST_NAME_BYTES: usize = 255;

/// Digits of a sum that tell names apart.
const SUM_DIGITS: usize = 16;

const TRUTH: Rgb<u8> = Rgb([0, 200, 0]);
const FOUND: Rgb<u8> = Rgb([230, 0, 0]);

/// A picture of boxes cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("{}: cannot be written: {source}; the boxes are in the trial's message too", path.display())]
pub(super) struct Undrawn {
    path: PathBuf,
    source: io::Error,
}

/// Draws the boxes of a case and of an answer to it on the first picture, and returns the file; none
/// if the case expects no boxes, or its picture is gone.
pub(super) fn draw(
    case: &Case,
    model: &str,
    text: &str,
    notation: Option<BoxNotation>,
    sizes: &[PictureSize],
    out: &Path,
) -> Result<Option<PathBuf>, Undrawn> {
    let Some(truth) = case.expectation.as_ref().and_then(true_boxes) else { return Ok(None) };
    let Some(decoded) =
        case.images.first().and_then(|path| image::open(path, case.orientation).ok())
    else {
        return Ok(None);
    };
    let mut picture = decoded.pixels;
    truth.iter().for_each(|bounds| outline(&mut picture, bounds, TRUTH));
    found_boxes(text, notation, sizes).iter().for_each(|one| outline(&mut picture, one, FOUND));
    let folder = out.join(OVERLAYS);
    let path = folder.join(file_name(&format!("{}@{model}", case.name.snapshot_stem())));
    match write(&picture, &folder, &path) {
        Ok(()) => Ok(Some(path)),
        Err(source) => Err(Undrawn { path, source }),
    }
}

/// Takes the pictures of an earlier run out of the folder of the reports; other files stay.
///
/// # Errors
/// One of them cannot be removed.
pub(super) fn remove_all(out: &Path) -> io::Result<()> {
    let folder = out.join(OVERLAYS);
    if !is_own(&folder)? {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.contains('@') && name.ends_with(EXTENSION) && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn write(picture: &RgbImage, folder: &Path, path: &Path) -> io::Result<()> {
    if !is_own(folder)? {
        fs::create_dir_all(folder)?;
    }
    let mut png = Cursor::new(Vec::new());
    picture.write_to(&mut png, ImageFormat::Png).map_err(io::Error::other)?;
    whole_file::write(path, png.get_ref(), Durability::Kill)
}

/// Whether the folder is there. A link in its place is not followed.
fn is_own(folder: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(folder) {
        Ok(found) if found.is_dir() => Ok(true),
        Ok(_) => Err(io::Error::other("there is a link or file where the folder should be")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// A file's name, cut and told apart by its sum if no file can be called that.
fn file_name(stem: &str) -> String {
    let most = MOST_NAME_BYTES - EXTENSION.len();
    if stem.len() <= most {
        return format!("{stem}{EXTENSION}");
    }
    let sum = checksum::of_bytes(stem.as_bytes());
    let kept = stem.floor_char_boundary(most - SUM_DIGITS - 1);
    format!("{}@{}{EXTENSION}", &stem[..kept], &sum[..SUM_DIGITS])
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

    #[test]
    fn a_name_that_no_file_can_have_is_cut_and_stays_its_own() {
        assert_eq!(file_name("a@m"), "a@m.png");
        let [long, other] =
            ["é@m", "é@n"].map(|end| file_name(&format!("{}{end}", "红".repeat(99))));
        assert!(long != other && long.len() <= 255 && long.starts_with("红"), "{long}");
        assert_eq!(file_name(&"x".repeat(251)).len(), 255);
    }

    #[test]
    fn only_pictures_of_runs_are_removed_and_no_link_is_followed() {
        let out = tempfile::tempdir().unwrap();
        let folder = out.path().join(OVERLAYS);
        remove_all(out.path()).unwrap();
        let picture = RgbImage::new(1, 1);
        write(&picture, &folder, &folder.join("a@m.png")).unwrap();
        fs::write(folder.join("mine.png"), "").unwrap();
        remove_all(out.path()).unwrap();
        let left: Vec<_> =
            fs::read_dir(&folder).unwrap().map(|one| one.unwrap().file_name()).collect();
        assert_eq!(left, ["mine.png"]);
        #[cfg(unix)]
        {
            let other = tempfile::tempdir().unwrap();
            std::os::unix::fs::symlink(&folder, other.path().join(OVERLAYS)).unwrap();
            assert!(remove_all(other.path()).is_err());
            let linked = other.path().join(OVERLAYS);
            assert!(write(&picture, &linked, &linked.join("b@m.png")).is_err());
        }
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
