//! Whether a row's box is in the frame of its picture. Must not know how pictures are found.

use super::error::DataProblem;
use super::layout::{Draft, Truth};
use super::picture::Found;
use crate::geometry::PixelSize;

/// How far a box may reach beyond its picture, in pixels, exclusive: COCO has boxes that do by a fraction.
const SLACK: f64 = 1.0;

/// That a row's box is in the frame of its picture: boxes that were made for other copies are common.
pub(super) fn check(draft: &Draft, found: &[Found]) -> Result<(), DataProblem> {
    let (Truth::Box([x1, y1, x2, y2]), [Found { path, size: Some(size) }]) = (&draft.truth, found)
    else {
        return Ok(());
    };
    let refuse = |message: String| Err(DataProblem::Picture(message));
    let path = path.display();
    if let Some(told) = draft.size.filter(|told| told != size) {
        return refuse(format!(
            "the picture {path} is {size} pixels, and the files of the data set say {told}: the box \
             is that of another copy of it"
        ));
    }
    let PixelSize { width, height } = *size;
    let (width, height) = (f64::from(width), f64::from(height));
    if *x1 <= -SLACK || *y1 <= -SLACK || *x2 >= width + SLACK || *y2 >= height + SLACK {
        return refuse(format!(
            "the box [{x1}, {y1}, {x2}, {y2}] reaches beyond the picture {path}, which is {size} \
             pixels; was it made for another copy of it?"
        ));
    }
    if *x2 <= 1.0 && *y2 <= 1.0 && width.min(height) > 1.0 {
        return refuse(format!(
            "the box [{x1}, {y1}, {x2}, {y2}] is within one pixel of the picture {path}, which is \
             {size} pixels; expected pixels, and these seem to be shares of its sides"
        ));
    }
    Ok(())
}
