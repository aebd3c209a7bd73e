/*!
Bringing a component to the picture's size: libjpeg's "fancy" upsampling of halved components (`jdsample.c`), a
triangle filter whose rounding alternates, and plain repetition for every other ratio.
*/

use super::planes::Plane;

/// How many times a component's samples are repeated or interpolated along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ratio {
    pub(super) across: usize,
    pub(super) down: usize,
}

/// One row of a component at the picture's size. `scratch` is overwritten.
pub(super) fn row<'r>(
    plane: &'r Plane,
    ratio: Ratio,
    y: usize,
    scratch: &'r mut Scratch,
) -> &'r [u8] {
    let narrow = plane.extent.width <= 2;
    match (ratio.across, ratio.down) {
        (1, 1) => return plane.row(y),
        (2, 1) if !narrow => widened(plane.row(y), &mut scratch.out),
        (1, 2) => between_rows(plane, y, &mut scratch.out),
        (2, 2) if !narrow => {
            column_sums(plane, y, &mut scratch.sums);
            widened_sums(&scratch.sums, &mut scratch.out);
        }
        (across, down) => repeated(plane.row(y / down), across, &mut scratch.out),
    }
    &scratch.out
}

/// Rows in work.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    out: Vec<u8>,
    sums: Vec<u16>,
}

fn repeated(row: &[u8], times: usize, out: &mut Vec<u8>) {
    out.clear();
    out.extend(row.iter().flat_map(|level| std::iter::repeat_n(*level, times)));
}

#[expect(clippy::cast_possible_truncation, reason = "a mean of levels is a level")]
fn mean4(sum: u16) -> u8 {
    (sum >> 2) as u8
}

#[expect(clippy::cast_possible_truncation, reason = "a mean of levels is a level")]
fn mean16(sum: u16) -> u8 {
    (sum >> 4) as u8
}

/// `h2v1_fancy_upsample`: three parts of the nearer sample and one of the further.
fn widened(row: &[u8], out: &mut Vec<u8>) {
    out.clear();
    out.resize(2 * row.len(), 0);
    let last = row.len() - 1;
    for (pair, three) in out[2..].chunks_exact_mut(2).zip(row.windows(3)) {
        let [before, here, after] = [three[0], three[1], three[2]].map(u16::from);
        pair[0] = mean4(3 * here + before + 1);
        pair[1] = mean4(3 * here + after + 2);
    }
    let [first, second] = [row[0], row[1]].map(u16::from);
    out[0] = row[0];
    out[1] = mean4(3 * first + second + 2);
    let [before, end] = [row[last - 1], row[last]].map(u16::from);
    out[2 * last] = mean4(3 * end + before + 1);
    out[2 * last + 1] = row[last];
}

/// The row nearer to an output row, and the further one; beyond the edge the nearer one again.
fn neighbours(plane: &Plane, y: usize) -> (&[u8], &[u8]) {
    let near = y / 2;
    let far = match y % 2 {
        0 => near.saturating_sub(1),
        _ => (near + 1).min(plane.extent.height - 1),
    };
    (plane.row(near), plane.row(far))
}

/// `h1v2_fancy_upsample`.
fn between_rows(plane: &Plane, y: usize, out: &mut Vec<u8>) {
    let (near, far) = neighbours(plane, y);
    let bias = if y.is_multiple_of(2) { 1 } else { 2 };
    let mean = |(near, far): (&u8, &u8)| mean4(3 * u16::from(*near) + u16::from(*far) + bias);
    out.clear();
    out.extend(near.iter().zip(far).map(mean));
}

fn column_sums(plane: &Plane, y: usize, sums: &mut Vec<u16>) {
    let (near, far) = neighbours(plane, y);
    sums.clear();
    sums.extend(near.iter().zip(far).map(|(near, far)| 3 * u16::from(*near) + u16::from(*far)));
}

/// `h2v2_fancy_upsample`, after its first step.
fn widened_sums(sums: &[u16], out: &mut Vec<u8>) {
    out.clear();
    out.resize(2 * sums.len(), 0);
    let last = sums.len() - 1;
    for (pair, three) in out[2..].chunks_exact_mut(2).zip(sums.windows(3)) {
        pair[0] = mean16(3 * three[1] + three[0] + 8);
        pair[1] = mean16(3 * three[1] + three[2] + 7);
    }
    out[0] = mean16(4 * sums[0] + 8);
    out[1] = mean16(3 * sums[0] + sums[1] + 7);
    out[2 * last] = mean16(3 * sums[last] + sums[last - 1] + 8);
    out[2 * last + 1] = mean16(4 * sums[last] + 7);
}
